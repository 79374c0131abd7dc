"""Answers as columns of Arrow: what is asked of a kind of model by the million."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from regard._validate import wrong_value

if TYPE_CHECKING:
    import pyarrow as pa

_NONE, _FULL, _TOP = "none", "full", "top:"


@dataclass(frozen=True)
class KeptAttention:
    """How much of the attention on each text is kept.

    Args:
        most: The most weights, the strongest in the order of the text; 0: none; None:
            all of them.
    """

    most: int | None = None

    @classmethod
    def parse(cls, value: str) -> "KeptAttention":
        """Read ``"none"``, ``"full"`` or ``"top:5"``.

        Raises:
            ArgumentError: It is none of these.
        """
        if value == _FULL:
            return cls()
        if value == _NONE:
            return cls(0)
        count = value.removeprefix(_TOP) if isinstance(value, str) else ""
        # Unlike isdigit, of ASCII alone.
        if count != value and count.isascii() and count.isdigit() and int(count):
            return cls(int(count))
        raise wrong_value("attention", value, "none, full, or top: and a number: top:5")


class AnswerColumns(Protocol):
    """The answers of a model as columns, in three steps that may overlap.

    Each step may run in a thread of its own, one call at a time. What comes out depends
    on the texts of the call alone.

    Attributes:
        fields: The columns.
        most: How many texts are best answered at a time.
        about: What a file of answers says of the model, by its name; plain values.
    """

    fields: "Sequence[pa.Field]"
    most: int
    about: Mapping[str, Any]

    def read(self, texts: Sequence[str]) -> Any:
        """Cut texts, of which there is at least one, into tokens."""
        ...

    def compute(self, read: Any) -> Any:
        """Run the model."""
        ...

    def to_arrow(self, computed: Any) -> "list[pa.Array]":
        """The columns, a row for each text."""
        ...


def list_offsets(counts: Any) -> "pa.Array":
    """Where each of some lists begins and the last one ends, from their lengths."""
    import numpy as np  # noqa: PLC0415 - with pyarrow
    import pyarrow as pa  # noqa: PLC0415 - an extra

    ends = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=ends[1:])
    return pa.array(ends)
