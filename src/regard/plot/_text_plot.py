"""Texts shaded by attention, as HTML, in the terminal, or as a picture."""

from collections.abc import Sequence
from os import PathLike

from rich.style import Style
from rich.text import Text

from regard.plot._color_scale import level
from regard.plot._plot import Plot, checked_results
from regard.plot._terminal import rendered, shaded, terminal
from regard.plot._text_picture import text_picture
from regard.plot._text_segments import (
    TextSegment,
    percent,
    scale_end,
    strongest,
    text_segments,
)
from regard.plot.characters import for_terminal, for_terminal_line
from regard.plot.text_page import text_fragment, text_page
from regard.types import Explanation

_MARKED = 5


class TextPlot(Plot):
    """Explanations drawn as shaded text; made by ``regard.plot.text``.

    In a notebook the object shows itself. The shade of a word is its weight on a scale
    from 0 to the largest weight of the text, but not less than four times an even
    share, so that evenly spread attention stays pale. The scale is printed under the
    text.

    Args:
        explanations: The explanations, in the order in which they are drawn.
    """

    def __init__(self, explanations: Sequence[Explanation]) -> None:
        self.explanations = tuple(explanations)

    def to_html(self) -> str:
        """The whole page: no network, no script, everything of the text escaped."""
        return text_page(self.explanations)

    def to_terminal(self, color: bool | None = None, width: int | None = None) -> str:
        """The text for a terminal.

        Args:
            color: Whether to shade words with ANSI colours; by default where standard
                output is a terminal and ``NO_COLOR`` is not set. Without, the
                strongest words are marked, as in ``[feet 0.421]``.
            width: The width in columns; the terminal's own by default.
        """
        return text_terminal(self.explanations, color=color, width=width)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the plot to a file; the suffix says what it becomes.

        ``.html`` is the page, ``.txt`` plain text. ``.png`` and ``.svg`` need
        matplotlib, draw words from left to right and take the glyphs from the fonts
        that matplotlib finds: for Arabic, Hebrew and emoji the page is right.

        Raises:
            ArgumentError: The suffix is unknown, or the folder does not exist.
            MissingExtraError: A picture without matplotlib.
        """
        super().save(path)

    def _picture(self, kind: str) -> bytes:
        return text_picture(self.explanations, kind)

    def _repr_html_(self) -> str:
        return text_fragment(self.explanations)

    def __str__(self) -> str:
        return self.to_terminal(color=False, width=88)

    def __repr__(self) -> str:
        return f"TextPlot({len(self.explanations)} explanations)"


def text(explanations: Explanation | Sequence[Explanation]) -> TextPlot:
    """Draw one explanation or several as text shaded by attention.

    Args:
        explanations: One explanation or several, as ``explain`` gives them.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: There is nothing to draw, or something else than explanations.

    Example:
    >>> regard.plot.text(classifier.explain("A film that finds its feet.")).save(
    ...     "why.html"
    ... )
    """
    checked = checked_results(
        explanations,
        Explanation,
        plural="explanations",
        expected="an Explanation or a list of them, as explain gives",
    )
    return TextPlot(checked)


def text_terminal(
    explanations: Sequence[Explanation],
    color: bool | None = None,
    width: int | None = None,
) -> str:
    """The explanations as lines for a terminal, with ANSI colours or without."""
    screen = terminal(color, width)
    draw = _shaded if screen.color else _marked
    return rendered((draw(explanation) for explanation in explanations), screen)


def _shaded(explanation: Explanation) -> Text:
    segments = text_segments(explanation)
    top = scale_end(segments)
    text = _heading(explanation)
    for segment in segments:
        text.append(for_terminal(segment.text), _style(segment, top))
    numbers = (_number(segment) for segment in strongest(segments, _MARKED))
    text.append("\n" + " · ".join(numbers), Style(dim=True))
    return _with_note(text, explanation)


def _style(segment: TextSegment, top: float) -> Style:
    if not segment.seen:
        return Style(dim=True, italic=True)
    return shaded(0 if segment.weight is None else level(segment.weight, top))


def _marked(explanation: Explanation) -> Text:
    segments = text_segments(explanation)
    floor = scale_end(segments) / 4
    chosen = {
        id(segment)
        for segment in strongest(segments, _MARKED)
        if (segment.weight or 0.0) > floor
    }
    text = _heading(explanation)
    for segment in segments:
        marked = f"[{_number(segment)}]" if id(segment) in chosen else None
        text.append(marked or for_terminal(segment.text))
    return _with_note(text, explanation)


def _heading(explanation: Explanation) -> Text:
    label = for_terminal_line(explanation.label)
    return Text.assemble(
        (label, Style(bold=True)), f"  {percent(explanation.probability)}\n"
    )


def _number(segment: TextSegment) -> str:
    return f"{for_terminal_line(segment.text)} {segment.weight:.3f}"


def _with_note(text: Text, explanation: Explanation) -> Text:
    if explanation.truncated:
        text.append("\n(The text is longer than the model reads.)", Style(dim=True))
    return text
