"""Texts shaded by attention, as HTML, in the terminal, or as a picture."""

from collections.abc import Sequence
from os import PathLike

import numpy as np
import numpy.typing as npt
from rich.style import Style
from rich.text import Text

from regard.errors import ArgumentError
from regard.plot._color_scale import level
from regard.plot._data import (
    MOST,
    check_fits,
    check_most,
    checked_results,
    checked_tokens,
    described,
    nonnegative_row,
    numbers,
)
from regard.plot._plot import Plot
from regard.plot._terminal import left_out_line, rendered, shaded, terminal
from regard.plot._text_picture import text_picture
from regard.plot._text_segments import (
    Drawn,
    TextSegment,
    WeightedText,
    percent,
    scale_end,
    strongest,
    text_segments,
)
from regard.plot.characters import for_terminal, for_terminal_line
from regard.plot.text_page import text_fragment, text_page
from regard.types import AttentionMap, Explanation, Translation

_MARKED = 5


class TextPlot(Plot):
    """Explanations drawn as shaded text; made by ``regard.plot.text``.

    In a notebook the object shows itself. The shade of a word is its weight on a scale
    from 0 to the largest weight of the text, but not less than four times an even
    share, so that evenly spread attention stays pale. The scale is printed under the
    text.

    Args:
        explanations: The explanations, in the order in which they are drawn.
        left_out: How many more there were; a note says so.

    Raises:
        ArgumentError: A weight or a probability is no finite number from 0 up.
    """

    def __init__(self, explanations: Sequence[Drawn], left_out: int = 0) -> None:
        self.explanations, self.left_out = tuple(explanations), left_out
        for explanation in explanations:
            _check_numbers(explanation)

    def to_html(self) -> str:
        """The whole page: no network, no script, everything of the text escaped."""
        return text_page(self.explanations, self.left_out)

    def to_terminal(self, color: bool | None = None, width: int | None = None) -> str:
        """The text for a terminal.

        Args:
            color: Whether to shade words with ANSI colours; by default where standard
                output is a terminal and ``NO_COLOR`` is not set. Without, the
                strongest words are marked, as in ``[feet 0.421]``.
            width: The width in columns; the terminal's own by default.
        """
        screen = terminal(color, width)
        draw = _shaded if screen.color else _marked
        blocks = [draw(explanation) for explanation in self.explanations]
        return rendered([*blocks, *left_out_line(self.left_out)], screen)

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
        return text_picture(self.explanations, kind, self.left_out)

    def _repr_html_(self) -> str:
        return text_fragment(self.explanations, self.left_out)

    def __str__(self) -> str:
        return self.to_terminal(color=False, width=88)

    def __repr__(self) -> str:
        return f"TextPlot({len(self.explanations)} explanations)"


def text(
    explanations: Explanation | Sequence[Explanation] | Sequence[str],
    weights: AttentionMap | npt.ArrayLike | None = None,
    *,
    most: int | None = MOST,
) -> TextPlot:
    """Draw explanations, or tokens and their weights, as text shaded by attention.

    Args:
        explanations: One explanation or several, as ``explain`` gives them; or, with
            ``weights``, the tokens of a text.
        weights: ``(tokens,)``, a weight from 0 up for each token; or the
            ``AttentionMap`` of one text with one row of keys, averaged over its heads.
            Tokens are joined by spaces, unless some of them bring their own.
        most: How many explanations are drawn, from the first on; a note says how many
            more there were. None draws all; a token takes about 70 bytes of a page.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: There is nothing to draw, or something else than explanations;
            the weights are no row of numbers from 0 up, or more or fewer than tokens.

    Example:
    >>> regard.plot.text(classifier.explain("A film that finds its feet.")).save(
    ...     "why.html"
    ... )
    >>> regard.plot.text(["a", "good", "film"], [0.1, 0.7, 0.2])
    """
    if weights is not None:
        return TextPlot([_weighted_text(explanations, weights)])
    checked = checked_results(
        explanations,
        Explanation,
        plural="explanations",
        expected="an Explanation or a list of them, as explain gives",
        instead="regard.plot.text(tokens, weights) draws tokens with their weights.",
    )
    shown = checked[: check_most(most)]
    return TextPlot(shown, len(checked) - len(shown))


def _weighted_text(tokens: object, weights: object) -> WeightedText:
    if isinstance(tokens, Explanation | Translation | AttentionMap):
        raise ArgumentError(
            "Weights are drawn with tokens.",
            expected="a list of tokens",
            received=described(tokens),
            fix="An explanation has weights of its own: give it alone.",
        )
    names = checked_tokens(tokens, "tokens")
    row = np.array(nonnegative_row(weights, "weights of the tokens"))
    check_fits(names, row, "tokens", "keys")
    return WeightedText.of([name or "∅" for name in names], row)


def _check_numbers(explanation: Drawn) -> None:
    expected = "finite numbers"
    row = numbers(explanation.weights, "weights of an explanation", expected)
    if isinstance(explanation, Explanation):
        numbers(explanation.probabilities, "probabilities of an explanation", expected)
    if row.size and row.min() < 0:
        raise ArgumentError(
            "The weights of an explanation cannot be drawn.",
            expected="numbers that are not negative",
            received=f"{row.min()}",
        )


def _shaded(explanation: Drawn) -> Text:
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


def _marked(explanation: Drawn) -> Text:
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


def _heading(explanation: Drawn) -> Text:
    if not isinstance(explanation, Explanation):
        return Text()
    label = for_terminal_line(explanation.label)
    return Text.assemble(
        (label, Style(bold=True)), f"  {percent(explanation.probability)}\n"
    )


def _number(segment: TextSegment) -> str:
    return f"{for_terminal_line(segment.text)} {segment.weight:.3f}"


def _with_note(text: Text, explanation: Drawn) -> Text:
    if explanation.truncated:
        text.append("\n(The text is longer than the model reads.)", Style(dim=True))
    return text
