"""Explanations for a terminal: shaded where there is colour, marked where not."""

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from regard.plot.characters import for_terminal
from regard.plot.console import rendered, screen, shaded
from regard.plot.scale import level
from regard.plot.segments import Segment, percent, scale_top, segments, strongest
from regard.types import Explanation

_MARKED = 5


def terminal(
    explanations: Sequence[Explanation],
    color: bool | None = None,
    width: int | None = None,
) -> str:
    """The explanations as lines for a terminal, with ANSI colours or without."""
    on = screen(color, width)
    draw = _shaded if on.color else _marked
    return rendered((draw(explanation) for explanation in explanations), on)


def _shaded(explanation: Explanation) -> Text:
    pieces = segments(explanation)
    top = scale_top(pieces)
    text = _heading(explanation)
    for piece in pieces:
        text.append(for_terminal(piece.text), _style(piece, top))
    numbers = (_number(piece) for piece in strongest(pieces, _MARKED))
    text.append("\n" + " · ".join(numbers), Style(dim=True))
    return _with_note(text, explanation)


def _style(piece: Segment, top: float) -> Style:
    if not piece.seen:
        return Style(dim=True, italic=True)
    return shaded(0 if piece.weight is None else level(piece.weight, top))


def _marked(explanation: Explanation) -> Text:
    pieces = segments(explanation)
    floor = scale_top(pieces) / 4
    chosen = {id(p) for p in strongest(pieces, _MARKED) if (p.weight or 0.0) > floor}
    text = _heading(explanation)
    for piece in pieces:
        marked = f"[{_number(piece)}]" if id(piece) in chosen else None
        text.append(marked or for_terminal(piece.text))
    return _with_note(text, explanation)


def _heading(explanation: Explanation) -> Text:
    label = _one_line(explanation.label)
    return Text.assemble(
        (label, Style(bold=True)), f"  {percent(explanation.probability)}\n"
    )


def _number(piece: Segment) -> str:
    return f"{_one_line(piece.text)} {piece.weight:.3f}"


def _one_line(text: str) -> str:
    return for_terminal(text).replace("\n", "\\n").replace("\t", "\\t")


def _with_note(text: Text, explanation: Explanation) -> Text:
    if explanation.truncated:
        text.append("\n(The text is longer than the model reads.)", Style(dim=True))
    return text
