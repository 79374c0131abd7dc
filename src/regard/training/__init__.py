"""What all trainings share."""

from regard.training.evaluation import ClassMetrics, Evaluation
from regard.training.progress import ProgressCallback, TrainingProgress

__all__ = ["ClassMetrics", "Evaluation", "ProgressCallback", "TrainingProgress"]
