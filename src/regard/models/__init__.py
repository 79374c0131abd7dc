"""What is trained: models, their recipes and their measures."""

from regard.models.config import TextClassifierConfig
from regard.models.dataset import Examples
from regard.models.evaluation import ClassMetrics, Evaluation, evaluate
from regard.models.feature_embedding import FeatureEmbedding
from regard.models.progress import ProgressCallback, TrainingProgress
from regard.models.recipe import recipe
from regard.models.text_classifier import ATTENTION, build_text_classifier
from regard.models.training import Trained, train_text_classifier

__all__ = [
    "ATTENTION",
    "ClassMetrics",
    "Evaluation",
    "Examples",
    "FeatureEmbedding",
    "ProgressCallback",
    "TextClassifierConfig",
    "Trained",
    "TrainingProgress",
    "build_text_classifier",
    "evaluate",
    "recipe",
    "train_text_classifier",
]
