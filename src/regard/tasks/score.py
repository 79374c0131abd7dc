"""How well a model solved a task."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskScore:
    """How well a model solved a task; ``float(score)`` is the accuracy.

    Args:
        accuracy: The share of pairs answered right, 0 to 1: the whole sequence equal
            to the target, the number within the tolerance of the task, or the right
            class.
        count: The number of pairs.
        mean_absolute_error: Of numbers only, in the unit of the targets.
        r_squared: Of numbers only: the share of the variance of the targets that is
            explained. 1 is perfect, 0 as good as their mean, below 0 worse than it.
    """

    accuracy: float
    count: int
    mean_absolute_error: float | None = None
    r_squared: float | None = None

    def __float__(self) -> float:
        return self.accuracy
