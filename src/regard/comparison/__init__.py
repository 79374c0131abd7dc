"""With and without attention on one task: who learns it, how fast, looking where."""

from regard.comparison.budget import Budget
from regard.comparison.comparing import compare, model_names
from regard.comparison.result import Comparison, Run

__all__ = ["Budget", "Comparison", "Run", "compare", "model_names"]
