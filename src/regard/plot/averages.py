"""The mean and spread of several runs."""

from dataclasses import dataclass

import numpy as np

from regard.errors import ArgumentError
from regard.types import FloatArray


@dataclass(frozen=True, eq=False)
class Average:
    """The mean over runs and their standard deviation.

    Args:
        x: ``(points,)``, where each point stands.
        mean: ``(points,)``.
        deviation: ``(points,)``.
    """

    x: FloatArray
    mean: FloatArray
    deviation: FloatArray

    @property
    def low(self) -> FloatArray:
        """One deviation below the mean."""
        return self.mean - self.deviation

    @property
    def high(self) -> FloatArray:
        """One deviation above the mean."""
        return self.mean + self.deviation


def average(name: str, runs: FloatArray, steps: FloatArray, points: int) -> Average:
    """Average each run over pieces of its steps, then the runs.

    Raises:
        ArgumentError: The values are no finite ``(runs, steps)``.
    """
    if runs.ndim != 2 or not runs.size or runs.shape[1:] != steps.shape:
        raise ArgumentError(
            f"The curves of '{name}' cannot be drawn.",
            expected=f"(runs, {len(steps)}), a value for each step",
            received=str(runs.shape),
        )
    if not np.isfinite(runs).all():
        raise ArgumentError(
            f"The curves of '{name}' cannot be drawn.",
            expected="finite numbers",
            received="NaN or infinity",
        )
    pieces = np.array_split(np.arange(len(steps)), min(points, len(steps)))
    x = np.array([steps[piece].mean() for piece in pieces])
    each = np.stack([runs[:, piece].mean(axis=1) for piece in pieces], axis=1)
    return Average(x, each.mean(axis=0), each.std(axis=0))
