"""Alignments as heatmaps, as HTML, in the terminal, or as a picture."""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from regard.errors import ArgumentError
from regard.plot._alignment_picture import alignment_picture, draw_heatmap, own_axes
from regard.plot._alignment_rows import (
    AlignmentRow,
    alignment_rows,
    log_probability,
    notes,
    token_labels,
)
from regard.plot._color_scale import level
from regard.plot._plot import Plot, checked_results
from regard.plot._terminal import rendered, shaded, terminal
from regard.plot.alignment_page import alignment_fragment, alignment_page
from regard.plot.canvas import require_matplotlib
from regard.plot.characters import for_terminal_line
from regard.types import Translation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# So many sources of a token are named, and only those that matter.
_SHOWN, _MATTERS = 3, 0.1


class AlignmentPlot(Plot):
    """Alignments drawn as heatmaps; made by ``regard.plot.alignment``.

    In a notebook the object shows itself. A row is a written token, a column a token
    of the source, in the order of the text from left to right in any script. The
    shade goes from weight 0 to weight 1, the same in every map.

    Args:
        translations: The translations, in the order in which they are drawn.
    """

    def __init__(self, translations: Sequence[Translation]) -> None:
        self.translations = tuple(translations)

    def to_html(self) -> str:
        """The whole page: no network, no script, everything of the texts escaped."""
        return alignment_page(self.translations)

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
        return alignment_fragment(self.translations)

    def __str__(self) -> str:
        return self.to_terminal(color=False, width=88)

    def __repr__(self) -> str:
        return f"AlignmentPlot({len(self.translations)} translations)"


def alignment(translations: Translation | Sequence[Translation]) -> AlignmentPlot:
    """Draw the alignment of one translation or of several as heatmaps.

    Args:
        translations: A translation, or the hypotheses of one source, as ``translate``
            gives them.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: There is nothing to draw, something else than translations, or
            weights that are not numbers from 0 to 1.

    Example:
    >>> best = translator.translate(["ein hund rennt"], beam=5, n_best=3)
    >>> regard.plot.alignment(best[0][0]).save("alignment.svg")
    """
    checked = checked_results(
        translations,
        Translation,
        plural="translations",
        expected="a Translation or a flat list of them, as translate gives",
    )
    for translation in checked:
        _check_weights(translation)
    return AlignmentPlot(checked)


def _check_weights(translation: Translation) -> None:
    weights = translation.alignment
    # Averages of rounded weights may end a little above 1.
    if not np.all((weights >= 0) & (weights <= 1.001)):
        raise ArgumentError(
            "An alignment holds weights of attention.",
            expected="numbers from 0 to 1",
            received=f"{weights.min()} to {weights.max()}",
        )


def alignment_terminal(
    translations: Sequence[Translation],
    color: bool | None = None,
    width: int | None = None,
) -> str:
    """The translations as lines for a terminal, with ANSI colours or without."""
    screen = terminal(color, width)
    return rendered((_block(translation) for translation in translations), screen)


def _block(translation: Translation) -> Text:
    text = Text.assemble(
        (for_terminal_line(translation.text), Style(bold=True)),
        f"  {log_probability(translation)}",
    )
    names = token_labels(translation.target_tokens)
    sources = token_labels(translation.source_tokens)
    room = max(map(cell_len, names), default=0)
    for row, name in zip(alignment_rows(translation), names, strict=True):
        text.append("\n" + " " * (room - cell_len(name)) + name + " ")
        _add_sources(text, row, sources)
    for note in notes(translation):
        text.append(f"\n({note})", Style(dim=True))
    return text


def _add_sources(text: Text, row: AlignmentRow, sources: Sequence[str]) -> None:
    if not any(row.weights):
        text.append("  nothing", Style(dim=True))
        return
    for index in _strongest_sources(row):
        weight = row.weights[index]
        text.append("  ")
        text.append(sources[index], shaded(level(weight, 1.0)))
        text.append(f" {weight:.2f}")


def _strongest_sources(row: AlignmentRow) -> list[int]:
    """The places of the strongest sources, the strongest of all even where weak."""
    order = sorted(range(len(row.weights)), key=lambda index: -row.weights[index])
    shown = [index for index in order[:_SHOWN] if row.weights[index] >= _MATTERS]
    return shown or order[:1]
