"""A text cut into the pieces that carry a weight and the pieces between them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from regard.errors import ArgumentError
from regard.plot.scale import end_of_scale
from regard.types import Explanation


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text.

    Args:
        text: The piece; all pieces joined are the text, character for character.
        weight: The attention on it, ``None`` between tokens.
        seen: Whether the model read it; ``False`` after the end of a truncated text.
    """

    text: str
    weight: float | None = None
    seen: bool = True


def segments(explanation: Explanation) -> list[Segment]:
    """Cut the text of an explanation at its tokens.

    Tokens on the same characters (one character can be several tokens to a
    tokenizer of bytes) become one segment with the sum of their weights.

    Raises:
        ArgumentError: An offset lies outside the text.
    """
    pieces: list[Segment] = []
    position = 0
    for start, end, weight in _spans(explanation):
        if start > position:
            pieces.append(Segment(explanation.text[position:start]))
        if end > position:
            piece = explanation.text[max(start, position) : end]
            pieces.append(Segment(piece, weight))
            position = end
        else:
            _add_to_last_token(pieces, weight)
    if position < len(explanation.text):
        rest = explanation.text[position:]
        pieces.append(Segment(rest, seen=not explanation.truncated))
    return pieces


def strongest(pieces: list[Segment], count: int) -> list[Segment]:
    """The segments with the largest weights, at most ``count``, largest first."""
    weighted = [piece for piece in pieces if piece.weight]
    return sorted(weighted, key=lambda piece: -(piece.weight or 0.0))[:count]


def scale_top(pieces: list[Segment]) -> float:
    """The weight at the end of the colour scale of a text."""
    return end_of_scale([piece.weight for piece in pieces if piece.weight is not None])


def percent(probability: float) -> str:
    """A probability in per cent; never 100 % or 0 % where it is not."""
    if 0.9995 <= probability < 1:
        return "> 99.9 %"
    if 0 < probability < 0.0005:
        return "< 0.1 %"
    return f"{100 * probability:.1f} %"


def _spans(explanation: Explanation) -> Iterator[tuple[int, int, float]]:
    """Start, end and weight of each token with characters, in reading order."""
    weights = explanation.weights.tolist()
    for (start, end), weight in sorted(
        zip(explanation.offsets.tolist(), weights, strict=True)
    ):
        if not 0 <= start <= end <= len(explanation.text):
            raise ArgumentError(
                "A token lies outside its text.",
                expected=f"offsets between 0 and {len(explanation.text)}",
                received=f"{start} to {end}",
            )
        if end > start:
            yield start, end, weight


def _add_to_last_token(pieces: list[Segment], weight: float) -> None:
    last = pieces[-1]
    pieces[-1] = replace(last, weight=(last.weight or 0.0) + weight)
