"""Pairs of an array and a number, with the positions that decide it."""

from dataclasses import dataclass

from regard.errors import ArgumentError
from regard.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class ArrayPairs:
    """Arrays, the number that is the right answer to each, and where it stands.

    Args:
        inputs: ``(pairs, time, features)`` or ``(pairs, columns)``, float32.
        targets: ``(pairs,)``, float32.
        gold: ``(pairs, k)``, the ``k`` positions along axis 1 of ``inputs`` that the
            target is made of.

    Raises:
        ArgumentError: The shapes do not fit each other.
    """

    inputs: FloatArray
    targets: FloatArray
    gold: IntArray

    def __post_init__(self) -> None:
        count = len(self.inputs)
        if self.targets.shape != (count,) or self.gold.shape[:-1] != (count,):
            raise ArgumentError(
                "The parts of the pairs do not fit each other.",
                expected=f"targets ({count},) and gold positions ({count}, k)",
                received=f"targets {self.targets.shape}, gold {self.gold.shape}",
            )

    def __len__(self) -> int:
        return len(self.inputs)
