"""The maximum of a sequence."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from regard.tasks.array_pairs import ArrayPairs
from regard.tasks.array_task import ArrayTask, check_tolerance
from regard.tasks.checks import check_at_least
from regard.types import FloatArray


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
        check_at_least("length", self.length, 1)
        check_tolerance(self.tolerance)

    def _is_right(self, errors: FloatArray) -> npt.NDArray[np.bool_]:
        return errors <= self.tolerance

    def _draw(self, count: int, generator: np.random.Generator) -> ArrayPairs:
        inputs = generator.random((count, self.length), np.float32)
        gold = inputs.argmax(axis=1)[:, None]
        return ArrayPairs(inputs[..., None], inputs.max(axis=1), gold)
