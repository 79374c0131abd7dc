"""What all trainings share."""

from regard.training.progress import ProgressCallback, TrainingProgress

__all__ = [
    "ProgressCallback",
    "TrainingProgress",
]
