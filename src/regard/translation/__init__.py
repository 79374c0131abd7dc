"""Sequence to sequence from raw text: train, translate, and see where it looked."""

from regard.translation.evaluation import TranslationEvaluation
from regard.translation.trained import TrainedTranslator
from regard.translation.translator import Translator

__all__ = ["TrainedTranslator", "TranslationEvaluation", "Translator"]
