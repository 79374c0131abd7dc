"""The result of an attribution: a score for each position of each input."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regard.errors import ArgumentError
from regard.types import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each position of each input is said to have done for one output.

    Args:
        scores: ``(batch, positions)``, 0 where there is no position. A positive score
            speaks for the target where ``signed``, a negative one against it.
        axes: A name for each axis of ``scores``.
        method: The name of the method.
        mask: As ``scores``, True where there is a position.
        target: ``(batch,)``, the output that is explained, by its index; None where
            none was asked.
        of: ``"logit"``, ``"probability"``, or ``"output"`` where the model gives
            something that no softmax and no sigmoid made; ``"weights"`` where only
            attention was read.
        values: ``(batch,)``, that output for each input; None where none was asked.
        error: ``(batch,)``, how far the scores are from adding up to what they should,
            in the unit of ``values``; None where they need not.
        rest: ``(batch,)``, what no position added: with it the scores add up to
            ``values``; None where they need not.
        exact: Whether the scores are what each position added, not a measure of it.
        signed: Whether the sign of a score means anything.
        tokens: The tokens of each text, where texts were explained.
    """

    scores: FloatArray
    axes: tuple[str, ...]
    method: str
    mask: BoolArray
    target: IntArray | None
    of: str
    values: FloatArray | None = None
    error: FloatArray | None = None
    rest: FloatArray | None = None
    exact: bool = False
    signed: bool = True
    tokens: tuple[tuple[str, ...], ...] | None = None

    def __post_init__(self) -> None:
        if len(self.axes) != self.scores.ndim or self.mask.shape != self.scores.shape:
            raise ArgumentError(
                "The parts of an attribution do not fit each other.",
                expected=f"scores with the axes {self.axes} and a mask like them",
                received=f"scores {self.scores.shape}, mask {self.mask.shape}",
            )

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, row: int) -> FloatArray:
        """The scores of one input, without the positions that it does not have."""
        return np.asarray(self.scores[row][self.mask[row]])

    def __repr__(self) -> str:
        sizes = ", ".join(
            f"{axis}={size}"
            for axis, size in zip(self.axes, self.scores.shape, strict=True)
        )
        return f"Attribution({self.method!r}, {sizes}, of={self.of!r})"
