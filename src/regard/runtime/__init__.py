"""The one way to run a trained model."""

from regard.runtime.compilation_cache import (
    default_directory,
    enable_compilation_cache,
)
from regard.runtime.predictor import BATCH_SIZES, Predictions, Predictor

__all__ = [
    "BATCH_SIZES",
    "Predictions",
    "Predictor",
    "default_directory",
    "enable_compilation_cache",
]
