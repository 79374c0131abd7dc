"""Laying a text out in lines."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from regard.plot.segments import Segment

Measure = Callable[[str], float]

# A line end, a run of other space, or a run of anything else.
_PARTS = re.compile(r"\r\n|[\r\n]|[^\S\r\n]+|\S+")


@dataclass(frozen=True, slots=True)
class Word:
    """A text at its place in a line.

    Args:
        text: The text: a segment, or a part of it where it had to be broken.
        segment: The segment it belongs to.
        x: Where it begins.
        width: How wide it is.
    """

    text: str
    segment: Segment
    x: float
    width: float


def wrapped(
    pieces: Iterable[Segment], measure: Measure, width: float
) -> list[list[Word]]:
    """Break segments into lines of at most ``width``, spaces and line ends kept."""
    lines: list[list[Word]] = [[]]
    x = 0.0
    for text, segment in _parts(pieces, measure, width):
        if text in {"\n", "\r", "\r\n"}:
            lines.append([])
            x = 0.0
            continue
        size = measure(text)
        if lines[-1] and x + size > width:
            lines.append([])
            x = 0.0
            if text.isspace():  # It has done its work by breaking the line.
                continue
        lines[-1].append(Word(text, segment, x, size))
        x += size
    return lines


def _parts(
    pieces: Iterable[Segment], measure: Measure, width: float
) -> Iterator[tuple[str, Segment]]:
    for piece in pieces:
        for part in _PARTS.findall(piece.text.expandtabs(4)):
            yield from ((bit, piece) for bit in _fitting(part, measure, width))


def _fitting(part: str, measure: Measure, width: float) -> Iterable[str]:
    """The part itself, or its characters where it is wider than a line."""
    return part if len(part) > 1 and measure(part) > width else [part]
