"""The score of a model on a task, and its attention on the gold positions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regard.errors import ArgumentError
from regard.metrics.gold_attention import mass_on_links
from regard.tasks.pairs import ArrayPairs, SequencePairs
from regard.types import FloatArray


@dataclass(frozen=True)
class TaskScore:
    """The score of a model on a task; ``float(score)`` is the accuracy.

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


def mean_attention(
    weights: Sequence[FloatArray] | FloatArray, pairs: SequencePairs
) -> float:
    """The mean weight at the gold positions over the target tokens that have one.

    Raises:
        ArgumentError: There is no gold position, or the weights do not cover the pairs.
    """
    if pairs.alignment is None or not any(pairs.alignment):
        raise ArgumentError(
            "These pairs have no gold alignment, so no position is the right one."
        )
    total, tokens = 0.0, 0
    for number, (matrix, links) in enumerate(
        zip(weights, pairs.alignment, strict=True)
    ):
        size = (len(pairs.targets[number]), len(pairs.sources[number]))
        _check_covers(number, matrix, size)
        mass, linked = mass_on_links(matrix, links, f" of pair {number}")
        total += mass
        tokens += linked
    return total / tokens


def mean_attention_at(weights: FloatArray, pairs: ArrayPairs) -> float:
    """The mean over pairs of the weight at the gold positions together.

    Raises:
        ArgumentError: The weights do not fit the inputs.
    """
    expected = pairs.inputs.shape[:2]
    if weights.shape != expected:
        raise ArgumentError(
            "The weights do not fit the inputs.",
            expected=f"{expected}: a weight for each position",
            received=str(weights.shape),
            fix="Average over heads first.",
        )
    return float(np.take_along_axis(weights, pairs.gold, axis=1).sum(axis=1).mean())


def _check_covers(number: int, weights: FloatArray, size: tuple[int, int]) -> None:
    shape = np.shape(weights)
    if len(shape) != 2 or shape[0] < size[0] or shape[1] < size[1]:
        raise ArgumentError(
            f"The weights of pair {number} do not cover it.",
            expected=f"(target, source), at least {size}",
            received=str(shape),
            fix="Average over heads first, and keep every target token.",
        )
