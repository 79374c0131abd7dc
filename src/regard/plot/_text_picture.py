"""Shaded texts as a picture, drawn by matplotlib, their lines broken here."""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regard.plot._color_scale import FAINT, Hue, ink, level, shades
from regard.plot._text_segments import (
    Drawn,
    ExplanationToward,
    Shade,
    TextSegment,
    hue_of,
    scale_end,
    shown_shares,
    shown_weight,
    text_segments,
)
from regard.plot.canvas import (
    SOFT,
    blank_figure,
    check_height,
    drawing_settings,
    encoded_figure,
    installed_fonts,
    require_matplotlib,
)
from regard.plot.characters import for_page
from regard.plot.document import found_of, left_out_note
from regard.types import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# All lengths in points, 72 to the inch.
_WIDTH, _MARGIN, _LEADING = 540.0, 24.0, 23.0
_TEXT_SIZE, _SMALL = 12.0, 8.5
_NOTE_CHARACTERS = 100
TextMeasure = Callable[[str], float]
# A line end, a run of other space, or a run of anything else.
_PARTS = re.compile(r"\r\n|[\r\n]|[^\S\r\n]+|\S+")


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A text at its place in a line.

    Args:
        text: The text: a segment, or a part of it where it had to be broken.
        segment: The segment it belongs to.
        x: Where it begins.
        width: How wide it is.
    """

    text: str
    segment: TextSegment
    x: float
    width: float


def text_picture(
    explanations: Sequence[Drawn],
    kind: str,
    left_out: int = 0,
    shade: Shade = "attention",
    verdicts: Sequence[str] = (),
) -> bytes:
    """The explanations under each other, as the bytes of a ``png`` or ``svg`` file.

    ``verdicts`` stand beside their labels, one each or none.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib()
    with drawing_settings():
        return _drawn(explanations, kind, left_out, shade, verdicts)


def draw_text(
    axes: "Axes | None", explanation: Drawn, shade: Shade, verdict: str = ""
) -> "Axes":
    """One text on these axes, or on new ones of pyplot as high as it is."""
    with drawing_settings():
        if axes is None:
            import matplotlib.pyplot as plt  # noqa: PLC0415 - an extra

            lines = _lines(explanation, shade, _measure(blank_figure()))
            size = _WIDTH / 72, (_MARGIN + _height(lines)) / 72
            axes = plt.figure(figsize=size).add_axes((0, 0, 1, 1))
        box = axes.get_window_extent()
        width, height = (
            side * 72 / axes.figure.dpi for side in (box.width, box.height)
        )
        lines = _lines(explanation, shade, _measure(blank_figure()), width)
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        _draw(axes, explanation, shade, lines, _MARGIN, verdict=verdict)
        # The fonts are those of now, whatever the settings are when it is drawn.
        for text in axes.texts:
            text.set_fontfamily(installed_fonts())
    return axes


def _drawn(
    explanations: Sequence[Drawn],
    kind: str,
    left_out: int,
    shade: Shade,
    verdicts: Sequence[str],
) -> bytes:
    figure = blank_figure()
    measure = _measure(figure)
    blocks = [
        (explanation, _lines(explanation, shade, measure))
        for explanation in explanations
    ]
    notes = [left_out_note(left_out)] if left_out else []
    found = (found_of(each.trust) for each in explanations if each.trust is not None)
    for sentence in dict.fromkeys(found):
        notes += textwrap.wrap(sentence, _NOTE_CHARACTERS)
    height = _MARGIN + sum(_height(lines) for _, lines in blocks)
    height += 0.6 * _LEADING * len(notes) + 0.4 * _LEADING * bool(notes)
    check_height(
        height / 72,
        "The texts are too long for one picture.",
        fix="Save them as .html, or a few at a time.",
    )
    figure.set_size_inches(_WIDTH / 72, height / 72)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, _WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    y = _MARGIN
    said = verdicts or [""] * len(blocks)
    for (explanation, lines), verdict in zip(blocks, said, strict=True):
        _draw(axes, explanation, shade, lines, y, verdict=verdict)
        y += _height(lines)
    for note in notes:
        _write(axes, _MARGIN, y, note, size=_SMALL, color=SOFT)
        y += 0.6 * _LEADING
    return encoded_figure(figure, kind)


def _measure(figure: Any) -> TextMeasure:
    """The width of a text in points."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415 - an extra

    renderer = figure.canvas.get_renderer()
    font = FontProperties(size=_TEXT_SIZE)

    def width(text: str) -> float:
        pixels, _, _ = renderer.get_text_width_height_descent(
            for_page(text), font, ismath=False
        )
        return float(pixels) * 72 / figure.dpi

    return width


def _lines(
    explanation: Drawn, shade: Shade, measure: TextMeasure, width: float = _WIDTH
) -> list[list[PlacedWord]]:
    segments = text_segments(explanation, shade)
    return wrapped_lines(segments, measure, width - 2 * _MARGIN)


def _height(lines: Sequence[object]) -> float:
    return 3 * _LEADING + len(lines) * _LEADING + _MARGIN / 2


def _draw(
    axes: "Axes",
    explanation: Drawn,
    shade: Shade,
    lines: Iterable[Iterable[PlacedWord]],
    y: float,
    *,
    verdict: str,
) -> None:
    top = scale_end(text_segments(explanation, shade), shade)
    hue = hue_of(explanation, shade)
    if isinstance(explanation, Explanation):
        heading = f"{explanation.said}   {shown_shares(explanation)}"
        if isinstance(explanation, ExplanationToward):
            heading += f"   (shaded for {explanation.shown_label})"
        if verdict:
            heading += f"   ({verdict})"
        _write(axes, _MARGIN, y, heading, size=_TEXT_SIZE + 1, weight="bold")
    y += 0.25 * _LEADING
    for line in lines:
        y += _LEADING
        for word in line:
            _draw_word(axes, word, y, top, hue)
    _draw_legend(axes, y + 1.4 * _LEADING, top, shade, hue)


def _draw_word(axes: "Axes", word: PlacedWord, y: float, top: float, hue: Hue) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - an extra

    weight = word.segment.weight or 0.0
    step = level(weight, top)
    shade = shades("light", "orange" if weight < 0 else hue)[step]
    color = ink(shade) if word.segment.seen else SOFT
    if step:
        corner = (_MARGIN + word.x, y - 0.68 * _LEADING)
        axes.add_patch(
            Rectangle(corner, word.width, 0.84 * _LEADING, color=shade, lw=0)
        )
    if step >= FAINT and weight < 0:
        corner = (_MARGIN + word.x, y + 0.09 * _LEADING)
        axes.add_patch(Rectangle(corner, word.width, 0.9, color=color, lw=0))
    _write(axes, _MARGIN + word.x, y, word.text, size=_TEXT_SIZE, color=color)


def _draw_legend(axes: "Axes", y: float, top: float, shade: Shade, hue: Hue) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - an extra

    start, colors, step = "0", shades("light", hue), 3.2
    note = "weight: where the model looked, not why it decided"
    if shade == "contributions":
        start, step = shown_weight(-top, shade), 1.6
        colors = shades("light", "orange")[::-1] + colors
        note = "what a word adds to the score, underlined where it takes from it"
    x = _MARGIN + 8 + 6 * len(start)
    _write(axes, _MARGIN, y, start, size=_SMALL, color=SOFT)
    for index, color in enumerate(colors):
        corner = (x + index * step, y - 7.5)
        axes.add_patch(Rectangle(corner, step, 9, color=color, lw=0))
    end = x + len(colors) * step + 6
    if axes.get_xlim()[1] < _WIDTH:
        note = note.partition(":")[0].partition(",")[0]
    said = f"{shown_weight(top, shade)}   {note}"
    _write(axes, end, y, said, size=_SMALL, color=SOFT)


def _write(axes: "Axes", x: float, y: float, text: str, **look: Any) -> None:
    # A dollar sign is a dollar sign, not the start of a formula.
    axes.text(x, y, for_page(text), va="baseline", parse_math=False, **look)


def wrapped_lines(
    segments: Iterable[TextSegment], measure: TextMeasure, width: float
) -> list[list[PlacedWord]]:
    """Break segments into lines of at most ``width``, spaces and line ends kept."""
    lines: list[list[PlacedWord]] = [[]]
    x = 0.0
    for text, segment in _parts(segments, measure, width):
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
        lines[-1].append(PlacedWord(text, segment, x, size))
        x += size
    return lines


def _parts(
    segments: Iterable[TextSegment], measure: TextMeasure, width: float
) -> Iterator[tuple[str, TextSegment]]:
    for segment in segments:
        for part in _PARTS.findall(segment.text.expandtabs(4)):
            yield from ((bit, segment) for bit in _fitting(part, measure, width))


def _fitting(part: str, measure: TextMeasure, width: float) -> Iterable[str]:
    """The part itself, or its characters where it is wider than a line."""
    return part if len(part) > 1 and measure(part) > width else [part]
