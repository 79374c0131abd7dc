"""The loop, the checkpoints and the choice of the best epoch, for all trainings."""

from regard.training.callbacks import TrainingProgress
from regard.training.mlflow import MLflow
from regard.training.model_selection import EpochMetrics, History
from regard.training.tensorboard import TensorBoard
from regard.training.training_run import TrainingCallback, TrainingRun

__all__ = [
    "EpochMetrics",
    "History",
    "MLflow",
    "TensorBoard",
    "TrainingCallback",
    "TrainingProgress",
    "TrainingRun",
]
