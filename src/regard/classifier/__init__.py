"""Text classification from raw text."""

from regard.classifier.text_classifier import TextClassifier
from regard.classifier.trained import TrainedTextClassifier

__all__ = ["TextClassifier", "TrainedTextClassifier"]
