"""A text shaded by attention, as HTML, in the terminal, or as a picture."""

from collections.abc import Sequence
from os import PathLike

from regard.errors import ArgumentError
from regard.plot.base import Plot
from regard.plot.page import fragment, page
from regard.plot.picture import picture
from regard.plot.terminal import terminal
from regard.types import Explanation


class TextPlot(Plot):
    """Explanations drawn as shaded text; made by ``regard.plot.text``.

    In a notebook the object shows itself. The shade of a word is its weight on a scale
    from 0 to the largest weight of the text, but not less than four times an even
    share, so that evenly spread attention stays pale. The scale is printed under the
    text.

    Args:
        explanations: What to draw, in this order.
    """

    def __init__(self, explanations: Sequence[Explanation]) -> None:
        self.explanations = tuple(explanations)

    def to_html(self) -> str:
        """The whole page: no network, no script, everything of the text escaped."""
        return page(self.explanations)

    def to_terminal(self, color: bool | None = None, width: int | None = None) -> str:
        """The text for a terminal.

        Args:
            color: Whether to shade words with ANSI colours; by default where standard
                output is a terminal and ``NO_COLOR`` is not set. Without, the
                strongest words are marked, as in ``[feet 0.421]``.
            width: The width in columns; the terminal's own by default.
        """
        return terminal(self.explanations, color=color, width=width)

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
        return picture(self.explanations, kind)

    def _repr_html_(self) -> str:
        return fragment(self.explanations)

    def __str__(self) -> str:
        return self.to_terminal(color=False, width=88)

    def __repr__(self) -> str:
        return f"TextPlot({len(self.explanations)} explanations)"


def text(explanations: Explanation | Sequence[Explanation]) -> TextPlot:
    """Draw one explanation or several as text shaded by attention.

    Args:
        explanations: What ``explain`` gave.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: There is nothing to draw, or something else than explanations.

    Example:
    >>> regard.plot.text(classifier.explain("A film that finds its feet.")).save(
    ...     "why.html"
    ... )
    """
    if isinstance(explanations, Explanation):
        explanations = [explanations]
    wrong = [one for one in explanations if not isinstance(one, Explanation)]
    if wrong or not explanations:
        raise ArgumentError(
            "This plot draws explanations.",
            expected="an Explanation or a list of them, as explain gives",
            received=f"a {type(wrong[0]).__name__}" if wrong else "an empty list",
        )
    return TextPlot(explanations)
