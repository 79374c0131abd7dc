"""The base class of the tasks from an array to a number."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from regard._validate import check_count, check_same_length
from regard.errors import ArgumentError
from regard.tasks.pairs import ArrayPairs
from regard.tasks.task_score import TaskScore, mean_attention_at
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
        """Whether each absolute error is that of a right answer."""

    def sample(self, count: int, seed: int = 0) -> ArrayPairs:
        """Make ``count`` pairs; the same seed makes the same pairs."""
        check_count("count", count)
        return self._draw(count, np.random.default_rng(seed))

    def score(self, predictions: npt.ArrayLike, pairs: ArrayPairs) -> TaskScore:
        """The share of right predictions, and their errors.

        Args:
            predictions: ``(pairs,)`` or ``(pairs, 1)``.
            pairs: The pairs that were to be solved.

        Raises:
            ArgumentError: There is not one number for each pair.
        """
        answers = _one_answer_each(predictions, pairs)
        gold = pairs.targets.astype(np.float64)
        errors = np.abs(answers - gold)
        return TaskScore(
            accuracy=float(self._is_right(errors).mean()),
            count=len(pairs),
            mean_absolute_error=float(errors.mean()),
            r_squared=_explained_variance(errors, gold),
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


def _one_answer_each(
    predictions: npt.ArrayLike, pairs: ArrayPairs
) -> npt.NDArray[np.float64]:
    answers = np.asarray(predictions, np.float64)
    if answers.ndim == 2 and answers.shape[1] == 1:
        answers = answers[:, 0]
    if answers.ndim != 1:
        raise ArgumentError(
            "Predictions of numbers are one for each pair.",
            expected=f"({len(pairs)},) or ({len(pairs)}, 1)",
            received=str(answers.shape),
        )
    check_same_length({"predictions": answers, "pairs": pairs})
    return answers


def _explained_variance(errors: FloatArray, gold: FloatArray) -> float | None:
    """R squared; None where all targets are the same."""
    spread = float(((gold - gold.mean()) ** 2).sum())
    return 1.0 - float((errors**2).sum()) / spread if spread else None
