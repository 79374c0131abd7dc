"""Tasks from numbers to a number: a sum of two, the greatest one, one column."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from regard._validate import check_count, check_number, check_same_length
from regard.errors import ArgumentError
from regard.tasks.pairs import ArrayPairs
from regard.tasks.task_score import TaskScore, mean_attention_at
from regard.types import FloatArray, IntArray


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


@dataclass(frozen=True)
class AddTwoNumbers(ArrayTask):
    """Add the two numbers that each follow a delimiter.

    The series holds numbers drawn evenly from 0 to 1. Two of them, drawn so that the
    pairs (delimiter, number) never overlap, are preceded by the delimiter, which is
    exactly 0: ``0.7 0 0.2 0.5 0 0.9`` gives ``0.2 + 0.9 = 1.1``. Inputs are ``(pairs,
    length, 1)``, the gold positions those of the two numbers.

    Args:
        length: The number of time steps, at least 4.
        tolerance: The greatest error of a right answer.

    Raises:
        ArgumentError: A setting is out of range.

    References:
        - [philipperemy/keras-attention](https://github.com/philipperemy/keras-attention),
          ``examples/add_two_numbers.py``, whose target is half the sum and whose
          second delimiter can fall on the first number.

    Example:
        >>> pairs = AddTwoNumbers(length=20).sample(100, seed=0)
        >>> pairs.inputs.shape, pairs.targets.shape, pairs.gold.shape
        ((100, 20, 1), (100,), (100, 2))
    """

    name: ClassVar[str] = "add-two-numbers"

    length: int = 20
    tolerance: float = 0.05

    def __post_init__(self) -> None:
        check_count("length", self.length, least=4, of=f"the task '{self.name}'")
        check_number("tolerance", self.tolerance, least=0, of=f"the task '{self.name}'")

    def _is_right(self, errors: FloatArray) -> npt.NDArray[np.bool_]:
        return errors <= self.tolerance

    def _draw(self, count: int, generator: np.random.Generator) -> ArrayPairs:
        inputs = generator.random((count, self.length), np.float32)
        gold = self._places(count, generator)
        numbers = np.take_along_axis(inputs, gold, axis=1)
        np.put_along_axis(inputs, gold - 1, 0.0, axis=1)
        return ArrayPairs(inputs[..., None], numbers.sum(axis=1), gold)

    def _places(self, count: int, generator: np.random.Generator) -> IntArray:
        """Two places from 1 up, at least 2 apart, every such choice equally likely."""
        # Two of length - 2 places in order; moving the second by one keeps them apart.
        ranks = generator.random((count, self.length - 2)).argsort(axis=1)[:, :2]
        return np.sort(ranks, axis=1) + np.array([1, 2])


@dataclass(frozen=True)
class FindMax(ArrayTask):
    """Find the greatest of the numbers, which are drawn evenly from 0 to 1.

    Inputs are ``(pairs, length, 1)``, the gold position is that of the maximum.

    Args:
        length: The number of time steps.
        tolerance: The greatest error of a right answer.

    Raises:
        ArgumentError: A setting is out of range.

    References:
        - [philipperemy/keras-attention](https://github.com/philipperemy/keras-attention),
          ``examples/find_max.py``

    Example:
        >>> pairs = FindMax(length=10).sample(100, seed=0)
        >>> pairs.inputs.shape, pairs.targets.shape, pairs.gold.shape
        ((100, 10, 1), (100,), (100, 1))
    """

    name: ClassVar[str] = "find-max"

    length: int = 10
    tolerance: float = 0.02

    def __post_init__(self) -> None:
        check_count("length", self.length, of=f"the task '{self.name}'")
        check_number("tolerance", self.tolerance, least=0, of=f"the task '{self.name}'")

    def _is_right(self, errors: FloatArray) -> npt.NDArray[np.bool_]:
        return errors <= self.tolerance

    def _draw(self, count: int, generator: np.random.Generator) -> ArrayPairs:
        inputs = generator.random((count, self.length), np.float32)
        gold = inputs.argmax(axis=1)[:, None]
        return ArrayPairs(inputs[..., None], inputs.max(axis=1), gold)


@dataclass(frozen=True)
class Column(ArrayTask):
    """Find the column that is the label; the others are noise.

    The label is 0 or 1, evenly drawn. The noise is standard normal. Inputs are
    ``(pairs, columns)``, the gold position is the column of the label. A prediction is
    the probability of 1, right where it is nearer to the label than 0.5 is.

    Args:
        columns: The number of columns.
        label: Which of them is the label, counted from 0.

    Raises:
        ArgumentError: There is no such column.

    References:
        - [philipperemy/keras-attention](https://github.com/philipperemy/keras-attention),
          the dense example, with 32 columns.

    Example:
        >>> pairs = Column(columns=4, label=1).sample(100, seed=0)
        >>> bool((pairs.inputs[:, 1] == pairs.targets).all())
        True
    """

    name: ClassVar[str] = "column"

    columns: int = 4
    label: int = 1

    def __post_init__(self) -> None:
        check_count("columns", self.columns, of=f"the task '{self.name}'")
        check_count("label", self.label, least=0, of=f"the task '{self.name}'")
        if self.label >= self.columns:
            raise ArgumentError(
                "There is no such column.",
                expected=f"a label below columns={self.columns}",
                received=f"label={self.label}",
            )

    def _is_right(self, errors: FloatArray) -> npt.NDArray[np.bool_]:
        return errors < 0.5

    def _draw(self, count: int, generator: np.random.Generator) -> ArrayPairs:
        inputs = generator.standard_normal((count, self.columns), np.float32)
        inputs[:, self.label] = generator.integers(2, size=count)
        gold = np.full((count, 1), self.label)
        return ArrayPairs(inputs, inputs[:, self.label].copy(), gold)


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
