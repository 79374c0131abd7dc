"""Sequence to sequence from raw text: train, translate, and see where it looked."""

from regard.translation.artifact import TrainedTranslator
from regard.translation.config import TranslatorConfig
from regard.translation.evaluation import TranslationEvaluation
from regard.translation.loss import SequenceLoss
from regard.translation.seq2seq import Seq2Seq
from regard.translation.trainer import TranslationProgress
from regard.translation.translator import Translator

__all__ = [
    "Seq2Seq",
    "SequenceLoss",
    "TrainedTranslator",
    "TranslationEvaluation",
    "TranslationProgress",
    "Translator",
    "TranslatorConfig",
]
