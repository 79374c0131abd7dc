"""Text classification from raw text."""

from regard.classification.artifact import TrainedTextClassifier
from regard.classification.class_metrics import ClassificationEvaluation, ClassMetrics
from regard.classification.config import TextClassifierConfig, recipe
from regard.classification.evidence_pooling import (
    Evidence,
    EvidencePooling,
    LabelEvidencePooling,
)
from regard.classification.label_sets import LabelSetEvaluation
from regard.classification.mistakes import Mistakes
from regard.classification.network import FeatureEmbedding
from regard.classification.text_classifier import TextClassifier
from regard.classification.trainer import ClassificationProgress

__all__ = [
    "ClassMetrics",
    "ClassificationEvaluation",
    "ClassificationProgress",
    "Evidence",
    "EvidencePooling",
    "FeatureEmbedding",
    "LabelEvidencePooling",
    "LabelSetEvaluation",
    "Mistakes",
    "TextClassifier",
    "TextClassifierConfig",
    "TrainedTextClassifier",
    "recipe",
]
