"""Text classification from raw text."""

from regard.classification.config import TextClassifierConfig
from regard.classification.feature_embedding import FeatureEmbedding
from regard.classification.recipe import recipe
from regard.classification.text_classifier import TextClassifier
from regard.classification.trained import TrainedTextClassifier

__all__ = [
    "FeatureEmbedding",
    "TextClassifier",
    "TextClassifierConfig",
    "TrainedTextClassifier",
    "recipe",
]
