"""The sum of two marked numbers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from regard.tasks.array_pairs import ArrayPairs
from regard.tasks.array_task import ArrayTask, check_tolerance
from regard.tasks.checks import check_at_least
from regard.types import FloatArray, IntArray


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
        check_at_least("length", self.length, 4)
        check_tolerance(self.tolerance)

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
