"""What the tasks from an array to a number have in common."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from regard.errors import ArgumentError
from regard.tasks.array_pairs import ArrayPairs
from regard.tasks.checks import check_at_least, check_same_count
from regard.tasks.gold import mean_attention_at
from regard.tasks.score import TaskScore
from regard.types import FloatArray


class ArrayTask(ABC):
    """A task from an array to a number that some of its positions decide.

    Inputs are drawn from a continuum, so that samples of different seeds share none.
    """

    name: ClassVar[str]

    @abstractmethod
    def _draw(self, count: int, generator: np.random.Generator) -> ArrayPairs:
        """Make ``count`` pairs."""

    @abstractmethod
    def _is_right(self, errors: FloatArray) -> npt.NDArray[np.bool_]:
        """Which absolute errors are those of right answers."""

    def sample(self, count: int, seed: int = 0) -> ArrayPairs:
        """Make ``count`` pairs; the same seed makes the same pairs."""
        check_at_least("count", count, 1)
        return self._draw(count, np.random.default_rng(seed))

    def score(self, predictions: npt.ArrayLike, pairs: ArrayPairs) -> TaskScore:
        """The share of right predictions, and their errors.

        Args:
            predictions: ``(pairs,)`` or ``(pairs, 1)``.
            pairs: The pairs that were to be solved.

        Raises:
            ArgumentError: There is not one number for each pair.
        """
        given = _one_each(predictions, pairs)
        gold = pairs.targets.astype(np.float64)
        errors = np.abs(given - gold)
        return TaskScore(
            accuracy=float(self._is_right(errors).mean()),
            count=len(pairs),
            mean_absolute_error=float(errors.mean()),
            r_squared=_explained(errors, gold),
        )

    def attention_on_gold(self, weights: FloatArray, pairs: ArrayPairs) -> float:
        """The mean attention on the gold positions together, 0 to 1.

        Args:
            weights: ``(pairs, positions)``. Average over heads before.
            pairs: The pairs that were to be solved.

        Raises:
            ArgumentError: The weights do not fit the inputs.
        """
        return mean_attention_at(np.asarray(weights), pairs)


def check_tolerance(tolerance: float) -> None:
    """Refuse a tolerance that is negative or no number.

    Raises:
        ArgumentError: It is.
    """
    if not tolerance >= 0:
        raise ArgumentError(
            "The setting 'tolerance' is out of range.",
            expected="0 or more",
            received=repr(tolerance),
        )


def _one_each(predictions: npt.ArrayLike, pairs: ArrayPairs) -> npt.NDArray[np.float64]:
    given = np.asarray(predictions, np.float64)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim != 1:
        raise ArgumentError(
            "Predictions of numbers are one for each pair.",
            expected=f"({len(pairs)},) or ({len(pairs)}, 1)",
            received=str(given.shape),
        )
    check_same_count("predictions", given, pairs)
    return given


def _explained(errors: FloatArray, gold: FloatArray) -> float | None:
    """R squared; None where all targets are the same."""
    spread = float(((gold - gold.mean()) ** 2).sum())
    return 1.0 - float((errors**2).sum()) / spread if spread else None
