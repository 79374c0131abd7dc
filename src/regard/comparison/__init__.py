"""With and without attention on one task: who learns it, how fast, looking where."""

from regard.comparison.experiment import compare, model_names
from regard.comparison.results import Budget, Comparison, TrainingRun

__all__ = ["Budget", "Comparison", "TrainingRun", "compare", "model_names"]
