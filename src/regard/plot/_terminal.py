"""The terminal: whether it has colours, which, and how wide it is."""

import io
import os
import shutil
import sys
from collections.abc import Iterable
from typing import NamedTuple

from rich.color import Color, ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

from regard.plot._color_scale import FAINT, Hue, Theme, ink, shades
from regard.plot.characters import for_terminal_line
from regard.plot.document import found_of, left_out_note
from regard.types import TrustLine

_MAXIMUM_WIDTH = 100


class Terminal(NamedTuple):
    """A terminal to write for.

    Args:
        color: Whether it shows ANSI colours.
        width: Its width in columns.
    """

    color: bool
    width: int


def terminal(color: bool | None = None, width: int | None = None) -> Terminal:
    """The terminal as it was described, and as it is where nothing was said."""
    has_color = _wants_color() if color is None else color
    own_width = min(shutil.get_terminal_size().columns, _MAXIMUM_WIDTH)
    return Terminal(has_color, width or own_width)


def rendered(blocks: Iterable[Text], screen: Terminal) -> str:
    """Texts as lines, an empty line between them."""
    console = _console(screen)
    for number, block in enumerate(blocks):
        if number:
            console.print()
        console.print(block)
    file = console.file
    return file.getvalue() if isinstance(file, io.StringIO) else ""


def left_out_line(left_out: int) -> list[Text]:
    """A line on the results that are not shown; none where all are."""
    style = Style(dim=True)
    return [Text(f"({left_out_note(left_out)})", style)] if left_out else []


def trust_lines(lines: Iterable[TrustLine | None]) -> list[Text]:
    """What is known of weights that are shown, each sentence once."""
    said = dict.fromkeys(found_of(line) for line in lines if line is not None)
    return [Text(f"({for_terminal_line(each)})", Style(dim=True)) for each in said]


def shaded(step: int, hue: Hue = "blue") -> Style:
    """The style of one step of the colour scale."""
    # The faintest steps would only patch the terminal's own background.
    if step < FAINT:
        return Style.null()
    shade = shades(_theme(), hue)[step]
    return Style(color=_color(ink(shade)), bgcolor=_color(shade))


def _console(screen: Terminal) -> Console:
    # Said outright, because rich would ask the environment, and the caller has decided:
    # in a notebook it would show the text there and leave the string empty, and where
    # TERM is dumb it has 80 columns unless the height is given as well.
    return Console(
        file=io.StringIO(),
        force_jupyter=False,
        force_terminal=screen.color,
        color_system="truecolor" if screen.color else None,
        no_color=not screen.color,
        legacy_windows=False,
        highlight=False,
        emoji=False,
        width=screen.width,
        height=25,
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
