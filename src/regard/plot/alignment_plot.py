"""An alignment as a heatmap, as HTML, in the terminal, or as a picture."""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from regard.errors import ArgumentError
from regard.plot.alignment_page import fragment, page
from regard.plot.alignment_picture import alignment_picture
from regard.plot.alignment_terminal import alignment_terminal
from regard.plot.base import Plot
from regard.plot.canvas import require_matplotlib
from regard.plot.heatmap import draw_heatmap, own_axes
from regard.types import Translation

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class AlignmentPlot(Plot):
    """Alignments drawn as heatmaps; made by ``regard.plot.alignment``.

    In a notebook the object shows itself. A row is a written token, a column a token
    of the source, in the order of the text from left to right in any script. The
    shade goes from weight 0 to weight 1, the same in every map.

    Args:
        translations: What to draw, in this order.
    """

    def __init__(self, translations: Sequence[Translation]) -> None:
        self.translations = tuple(translations)

    def to_html(self) -> str:
        """The whole page: no network, no script, everything of the texts escaped."""
        return page(self.translations)

    def to_terminal(self, color: bool | None = None, width: int | None = None) -> str:
        """The alignments for a terminal, a line for each written token.

        Args:
            color: Whether to shade tokens with ANSI colours; by default where standard
                output is a terminal and ``NO_COLOR`` is not set.
            width: The width in columns; the terminal's own by default.
        """
        return alignment_terminal(self.translations, color=color, width=width)

    def plot(self, ax: "Axes | None" = None, index: int = 0) -> "Axes":
        """Draw one of the translations with matplotlib.

        Args:
            ax: The axes to draw on; new ones, as large as the map needs, by default.
            index: Which of the translations.

        Returns:
            The axes.

        Raises:
            ArgumentError: There is no translation of this index.
            MissingExtraError: matplotlib is not installed.
        """
        require_matplotlib()
        if not -len(self.translations) <= index < len(self.translations):
            raise ArgumentError(
                "There is no such translation in this plot.",
                expected=f"an index below {len(self.translations)}",
                received=str(index),
            )
        translation = self.translations[index]
        axes = own_axes(translation) if ax is None else ax
        draw_heatmap(axes, translation)
        return axes

    def save(self, path: str | PathLike[str]) -> None:
        """Write the plot to a file; the suffix says what it becomes.

        ``.html`` is the page, ``.txt`` plain text. ``.png`` and ``.svg`` need
        matplotlib and take the glyphs from the fonts that it finds: for any script,
        the page is right.

        Raises:
            ArgumentError: The suffix is unknown, the folder does not exist, or the
                maps are too large for a picture.
            MissingExtraError: A picture without matplotlib.
        """
        super().save(path)

    def _picture(self, kind: str) -> bytes:
        return alignment_picture(self.translations, kind)

    def _repr_html_(self) -> str:
        return fragment(self.translations)

    def __str__(self) -> str:
        return self.to_terminal(color=False, width=88)

    def __repr__(self) -> str:
        return f"AlignmentPlot({len(self.translations)} translations)"


def alignment(translations: Translation | Sequence[Translation]) -> AlignmentPlot:
    """Draw the alignment of one translation or of several as heatmaps.

    Args:
        translations: What ``translate`` gave: a translation, or the hypotheses of one
            source.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: There is nothing to draw, something else than translations, or
            weights that are not numbers from 0 to 1.

    Example:
    >>> best = translator.translate(["ein hund rennt"], beam=5, n_best=3)
    >>> regard.plot.alignment(best[0][0]).save("alignment.svg")
    """
    if isinstance(translations, Translation):
        translations = [translations]
    wrong = [one for one in translations if not isinstance(one, Translation)]
    if wrong or not translations:
        raise ArgumentError(
            "This plot draws translations.",
            expected="a Translation or a flat list of them, as translate gives",
            received=f"a {type(wrong[0]).__name__}" if wrong else "an empty list",
        )
    for translation in translations:
        _check_weights(translation)
    return AlignmentPlot(translations)


def _check_weights(translation: Translation) -> None:
    weights = translation.alignment
    # Averages of rounded weights may end a little above 1.
    if not np.all((weights >= 0) & (weights <= 1.001)):
        raise ArgumentError(
            "An alignment holds weights of attention.",
            expected="numbers from 0 to 1",
            received=f"{weights.min()} to {weights.max()}",
        )
