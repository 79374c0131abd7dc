"""Explanations for a terminal: shaded where there is colour, marked where not."""

import io
import os
import shutil
import sys
from collections.abc import Sequence

from rich.color import Color, ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

from regard.plot.article import percent
from regard.plot.characters import for_terminal
from regard.plot.scale import Theme, ink, level, shades
from regard.plot.segments import Segment, scale_top, segments, strongest
from regard.types import Explanation

_MARKED = 5
_MAXIMUM_WIDTH = 100


def terminal(
    explanations: Sequence[Explanation],
    color: bool | None = None,
    width: int | None = None,
) -> str:
    """The explanations as lines for a terminal, with ANSI colours or without."""
    colored = _wants_color() if color is None else color
    width = width or min(shutil.get_terminal_size().columns, _MAXIMUM_WIDTH)
    console = _console(colored, width)
    draw = _shaded if colored else _marked
    for number, explanation in enumerate(explanations):
        if number:
            console.print()
        console.print(draw(explanation))
    file = console.file
    return file.getvalue() if isinstance(file, io.StringIO) else ""


def _console(colored: bool, width: int) -> Console:
    # Said outright, because rich would ask the environment, and the caller has decided.
    return Console(
        file=io.StringIO(),
        force_terminal=colored,
        color_system="truecolor" if colored else None,
        no_color=not colored,
        legacy_windows=False,
        highlight=False,
        emoji=False,
        width=width,
    )


def _wants_color() -> bool:
    dumb = os.environ.get("TERM", "") in {"dumb", "unknown"}
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and not dumb


def _color(shade: str) -> Color:
    """The nearest colour that the terminal has; rich would remember an earlier one."""
    is_exact = os.environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}
    color = Color.parse(shade)
    return color if is_exact else color.downgrade(ColorSystem.EIGHT_BIT)


def _theme() -> Theme:
    """The scale that starts at the background, which some terminals tell."""
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return "light" if background in {"7", "15"} else "dark"


def _shaded(explanation: Explanation) -> Text:
    pieces = segments(explanation)
    top, scale = scale_top(pieces), shades(_theme())
    text = _heading(explanation)
    for piece in pieces:
        text.append(for_terminal(piece.text), _style(piece, top, scale))
    numbers = (_number(piece) for piece in strongest(pieces, _MARKED))
    text.append("\n" + " · ".join(numbers), Style(dim=True))
    return _with_note(text, explanation)


def _style(piece: Segment, top: float, scale: Sequence[str]) -> Style:
    if not piece.seen:
        return Style(dim=True, italic=True)
    step = 0 if piece.weight is None else level(piece.weight, top)
    # The faintest steps would only patch the terminal's own background.
    if step < 3:
        return Style.null()
    return Style(color=_color(ink(scale[step])), bgcolor=_color(scale[step]))


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
