"""Alignments as heatmaps, as HTML, in the terminal, or as a picture."""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from regard.errors import ArgumentError
from regard.plot._alignment_picture import alignment_picture, draw_heatmap, own_figure
from regard.plot._alignment_rows import (
    AlignmentRow,
    alignment_rows,
    token_labels,
)
from regard.plot._color_scale import Hue, level
from regard.plot._data import (
    MOST,
    check_most,
    check_shares,
    checked_results,
)
from regard.plot._plot import Plot
from regard.plot._terminal import (
    left_out_line,
    rendered,
    shaded,
    terminal,
    trust_lines,
)
from regard.plot._weight_grid import WeightGrid, weight_grids
from regard.plot.alignment_page import alignment_fragment, alignment_page
from regard.plot.canvas import check_axes, check_index
from regard.plot.characters import for_terminal_line
from regard.types import AttentionMap, Translation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# So many sources of a token are named, and only those that matter.
_SHOWN, _MATTERS = 3, 0.1
#: A map of so many rows and columns has at most about a megabyte on a page.
MOST_TOKENS = 256


class AlignmentPlot(Plot):
    """Alignments drawn as heatmaps; made by ``regard.plot.alignment``.

    In a notebook the object shows itself. A row is a written token, a column a token
    of the source, in the order of the text from left to right in any script. The
    shade goes from weight 0 to weight 1, the same in every map.

    Args:
        alignments: What is drawn, in this order.
        left_out: How many more there were; a note says so.
    """

    def __init__(
        self, alignments: Sequence[Translation | WeightGrid], left_out: int = 0
    ) -> None:
        self.grids = tuple(
            WeightGrid.of(each) if isinstance(each, Translation) else each
            for each in alignments
        )
        self.left_out = left_out

    def to_html(self) -> str:
        """The whole page: no network, no script, everything of the texts escaped."""
        return alignment_page(self.grids, self.left_out)

    def to_terminal(
        self, color: bool | None = None, width: int | None = None, *, note: bool = True
    ) -> str:
        """The alignments for a terminal, a line for each written token.

        Args:
            color: Whether to shade tokens with ANSI colours; by default where standard
                output is a terminal and ``NO_COLOR`` is not set.
            width: The width in columns; the terminal's own by default.
            note: Whether what was found of the weights stands under the maps.
        """
        blocks = [*map(_block, self.grids), *left_out_line(self.left_out)]
        blocks += trust_lines(grid.trust for grid in self.grids if note)
        return rendered(blocks, terminal(color, width))

    def plot(self, ax: "Axes | None" = None, index: int = 0) -> "Axes":
        """Draw one of the alignments with matplotlib.

        Args:
            ax: The axes to draw on; new ones, as large as the map needs, by default.
            index: Which of the alignments.

        Returns:
            The axes.

        Raises:
            ArgumentError: There is no alignment of this index, or ``ax`` are no axes.
            MissingExtraError: matplotlib is not installed.
        """
        check_axes(ax)
        index = check_index(index, len(self.grids), "alignment")
        grid = self.grids[index]
        if ax is None:
            return own_figure(grid)
        draw_heatmap(ax, grid)
        return ax

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

    def _table(self) -> dict[str, Any]:
        columns: dict[str, list[Any]] = {
            name: [] for name in ("map", "row", "column", "weight")
        }
        for number, grid in enumerate(self.grids):
            count, width = grid.weights.shape
            columns["map"] += [number] * grid.weights.size
            columns["row"] += [name for name in grid.rows for _ in range(width)]
            columns["column"] += list(grid.columns) * count
            columns["weight"] += grid.weights.ravel().tolist()
        return columns

    def _picture(self, kind: str) -> bytes:
        return alignment_picture(self.grids, kind, self.left_out)

    def _repr_html_(self) -> str:
        return alignment_fragment(self.grids, self.left_out)

    def __str__(self) -> str:
        return self.to_terminal(color=False, width=88)

    def __repr__(self) -> str:
        return f"AlignmentPlot({len(self.grids)} alignments)"


def alignment(
    translations: Translation | Sequence[Translation] | AttentionMap | npt.ArrayLike,
    source_tokens: Sequence[str] | None = None,
    target_tokens: Sequence[str] | None = None,
    *,
    most: int | None = MOST,
    most_tokens: int | None = MOST_TOKENS,
) -> AlignmentPlot:
    """Draw translations, or the attention of any model, as heatmaps.

    Args:
        translations: A translation, or the hypotheses of one source, as ``translate``
            gives them; the ``AttentionMap`` of a layer, of which each sequence and each
            head is a map; or an array of shape ``(queries, keys)``. The mean over heads
            is ``map.mean()``, one sequence ``map.select(batch=0)``. A map without
            queries has its heads, or its sequences, as rows.
        source_tokens: The tokens that the keys of a map are; their places by default.
        target_tokens: The tokens that the queries of a map are.
        most: How many maps are drawn, from the first on; a note says how many more
            there were. None draws all.
        most_tokens: How many rows and how many columns a map has at most: more are
            drawn in groups of neighbours. None draws each.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: There is nothing to draw, or something else; weights that are not
            numbers from 0 to 1; more or fewer tokens than weights.

    Example:
    >>> best = translator.translate(["ein hund rennt"], beam=5, n_best=3)
    >>> regard.plot.alignment(best[0][0]).save("alignment.svg")
    >>> seen = regard.observe(model).predict(ids)
    >>> regard.plot.alignment(seen.attention["attention"].select(batch=0), words, words)
    """
    check_most(most_tokens, "most_tokens")
    if _is_weights(translations):
        grids, left_out = weight_grids(
            translations, source_tokens, target_tokens, check_most(most)
        )
        return AlignmentPlot([grid.grouped(most_tokens) for grid in grids], left_out)
    checked = checked_results(
        translations,
        Translation,
        plural="translations",
        expected="a Translation or a flat list of them, as translate gives; or an "
        "AttentionMap or an array of shape (queries, keys)",
    )
    if source_tokens is not None or target_tokens is not None:
        raise ArgumentError(
            "A translation has tokens of its own.",
            expected="source_tokens and target_tokens left out",
            fix="They name the keys and queries of an AttentionMap or of an array.",
        )
    shown = checked[: check_most(most)]
    for translation in shown:
        check_shares(translation.alignment)
    grids = [WeightGrid.of(translation).grouped(most_tokens) for translation in shown]
    return AlignmentPlot(grids, len(checked) - len(shown))


def _is_weights(given: object) -> bool:
    """Whether these are the weights of a map: an array, or rows of numbers."""
    if isinstance(given, AttentionMap) or hasattr(given, "__array__"):
        return True
    first = given[0] if isinstance(given, list | tuple) and given else None
    while isinstance(first, list | tuple) and first:
        first = first[0]
    return isinstance(first, int | float) or hasattr(first, "__array__")


def _block(grid: WeightGrid) -> Text:
    remark = f"  {grid.remark}" if grid.remark else ""
    text = Text.assemble((for_terminal_line(grid.title), Style(bold=True)), remark)
    names = token_labels(grid.rows)
    sources = token_labels(grid.columns)
    room = max(map(cell_len, names), default=0)
    for row, name in zip(alignment_rows(grid), names, strict=True):
        text.append("\n" * bool(text) + " " * (room - cell_len(name)) + name + " ")
        _add_sources(text, row, sources, grid.hue)
    for note in grid.notes:
        text.append("\n" * bool(text) + f"({note})", Style(dim=True))
    return text


def _add_sources(
    text: Text, row: AlignmentRow, sources: Sequence[str], hue: Hue
) -> None:
    if not any(row.weights):
        text.append("  nothing", Style(dim=True))
        return
    for index in _strongest_sources(row):
        weight = row.weights[index]
        text.append("  ")
        text.append(sources[index], shaded(level(weight, 1.0), hue))
        text.append(f" {weight:.2f}")


def _strongest_sources(row: AlignmentRow) -> list[int]:
    """The places of the strongest sources, the strongest of all even where weak."""
    order = sorted(range(len(row.weights)), key=lambda index: -row.weights[index])
    shown = [index for index in order[:_SHOWN] if row.weights[index] >= _MATTERS]
    return shown or order[:1]
