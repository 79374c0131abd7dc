"""The loop, the checkpoints and the choice of the best epoch, for all trainings."""

from regard.training.callbacks import TrainingProgress
from regard.training.model_selection import EpochMetrics, History
from regard.training.training_run import TrainingCallback, TrainingRun

__all__ = [
    "EpochMetrics",
    "History",
    "TrainingCallback",
    "TrainingProgress",
    "TrainingRun",
]
