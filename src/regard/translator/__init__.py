"""Sequence to sequence from raw text: train, translate, and see where it looked."""

from regard.translator.evaluation import TranslationEvaluation
from regard.translator.trained import TrainedTranslator
from regard.translator.translator import Translator

__all__ = ["TrainedTranslator", "TranslationEvaluation", "Translator"]
