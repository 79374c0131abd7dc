"""One column among others is the label."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from regard.errors import ArgumentError
from regard.tasks.array_pairs import ArrayPairs
from regard.tasks.array_task import ArrayTask
from regard.tasks.checks import check_at_least
from regard.types import FloatArray


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
        check_at_least("columns", self.columns, 1)
        check_at_least("label", self.label, 0)
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
