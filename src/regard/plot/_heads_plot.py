"""Every head of a layer, or of all layers of a model, side by side."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.cells import cell_len

from regard._validate import check_count
from regard.errors import ArgumentError
from regard.plot._alignment_plot import AlignmentPlot
from regard.plot._data import check_label, check_most
from regard.plot._head_weights import (
    FIGURES,
    HeadFigures,
    LayerHeads,
    grouped,
    layer_heads,
)
from regard.plot._plot import AxesPlot
from regard.plot._weight_grid import WeightGrid
from regard.plot.canvas import colormap, cut, draw_title, text_properties
from regard.plot.characters import for_terminal, for_terminal_line, visible
from regard.plot.document import left_out_note
from regard.plot.heads_page import heads_fragment, heads_page, number, short_names
from regard.types import AttentionMap, Observation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# 12 layers of 12 heads are half of it; their page has at most 1.8 megabytes.
_MOST_HEADS, _MOST_TOKENS = 288, 96
_GAP, _TILE_INCHES = 0.08, 0.72


class HeadsPlot(AxesPlot):
    """Heads side by side; made by ``regard.plot.heads``.

    In a notebook the object shows itself. The shade of each head goes from 0 to its
    own largest weight, but not less than four times an even share, so that evenly
    spread attention stays pale. A page has all heads as small pictures, one of them
    large, and their figures as a table.

    Args:
        layers: The heads, by layer.
        title: The title above them.
        left_out: How many more there were; a note says so.
    """

    def __init__(
        self, layers: Sequence[LayerHeads], title: str, left_out: int = 0
    ) -> None:
        self.layers, self.title, self.left_out = tuple(layers), title, left_out

    @property
    def figures(self) -> dict[tuple[str, int], HeadFigures]:
        """The figures of each head, by its layer and number."""
        return {
            (each.layer, place): figures
            for each in self.layers
            for place, figures in enumerate(each.figures)
        }

    def head(self, layer: int | str, head: int) -> AlignmentPlot:
        """One head as a heatmap.

        Args:
            layer: The path of the layer, or its place among those drawn.
            head: The number of the head.

        Raises:
            ArgumentError: There is no such head.
        """
        named = [each.layer for each in self.layers]
        if isinstance(layer, str) and layer not in named:
            raise ArgumentError(
                "There is no such layer in this plot.",
                expected="one of " + ", ".join(f"'{name}'" for name in named),
                received=f"'{layer}'",
            )
        place = named.index(layer) if isinstance(layer, str) else layer
        check_count("layer", place, least=0, most=len(named) - 1)
        grids = self.layers[place].grids
        check_count("head", head, least=0, most=len(grids) - 1)
        return AlignmentPlot([grids[head]])

    def to_html(self) -> str:
        """The whole page: no network, every text in it escaped, one script of ours."""
        return heads_page(self.layers, self.title, self.left_out)

    def _repr_html_(self) -> str:
        return heads_fragment(self.layers, self.title, self.left_out)

    def _inches(self) -> tuple[float, float]:
        widest = max(len(each.grids) for each in self.layers)
        title = 0.5
        return (
            2.2 + _TILE_INCHES * max(widest, 4),
            0.9 + title + _TILE_INCHES * len(self.layers),
        )

    def _draw(self, ax: "Axes") -> None:
        look = text_properties()
        widest = max(len(each.grids) for each in self.layers)
        for row, each in enumerate(self.layers):
            for column, grid in enumerate(each.grids):
                ax.imshow(
                    grid.weights,
                    cmap=colormap(),
                    vmin=0,
                    vmax=end_of_head(grid),
                    extent=(column, column + 1 - _GAP, row + 1 - _GAP, row),
                    interpolation="nearest",
                )
        places = np.arange(widest) + (1 - _GAP) / 2
        names = short_names([each.layer for each in self.layers])
        shown = [cut(visible(name)) for name in names]
        ax.set_xticks(places, [str(place) for place in range(widest)], **look)
        ax.set_yticks(np.arange(len(names)) + (1 - _GAP) / 2, shown, **look)
        ax.set_xlim(-_GAP, widest)
        ax.set_ylim(len(names), -_GAP)
        ax.set_aspect("equal")
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        note = f"\n{left_out_note(self.left_out)}" if self.left_out else ""
        ax.set_xlabel(f"head, shaded up to its largest weight{note}", **look)
        draw_title(ax, self.title)

    def _table(self) -> dict[str, Any]:
        figures = self.figures
        columns = {name: [row[n] for row in figures.values()] for n, name in _NUMBERED}
        return {
            "layer": [layer for layer, _ in figures],
            "head": [head for _, head in figures],
            **columns,
        }

    def __str__(self) -> str:
        head = ["layer", "head", *FIGURES]
        rows = [
            [for_terminal_line(layer), str(place), *map(number, figures)]
            for (layer, place), figures in self.figures.items()
        ]
        widths = [
            max(map(cell_len, column)) for column in zip(head, *rows, strict=True)
        ]
        lines = [for_terminal(self.title)]
        for name, *cells in (head, *rows):
            padded = name + " " * (widths[0] - cell_len(name))
            pairs = zip(cells, widths[1:], strict=True)
            lines.append("  ".join([padded, *(c.rjust(width) for c, width in pairs)]))
        if self.left_out:
            lines.append(f"({left_out_note(self.left_out)})")
        return "\n".join((*lines, ""))

    def __repr__(self) -> str:
        count = sum(len(each.grids) for each in self.layers)
        return f"HeadsPlot({count} heads in {len(self.layers)} layers)"


_NUMBERED = tuple(enumerate(FIGURES))


def end_of_head(grid: WeightGrid) -> float:
    """The weight at the end of the scale of a head."""
    even = 1 / max(grid.weights.shape[-1], 1)
    return max(float(grid.weights.max(initial=0)), min(1.0, 4 * even))


def heads(
    attention: AttentionMap
    | Observation
    | Mapping[str, AttentionMap]
    | Sequence[AttentionMap],
    tokens: Sequence[str] | None = None,
    query_tokens: Sequence[str] | None = None,
    *,
    batch: int | None = None,
    title: str = "What each head looked at",
    most: int | None = _MOST_HEADS,
    most_tokens: int | None = _MOST_TOKENS,
) -> HeadsPlot:
    """Draw each head of a layer, or of all layers of a model, side by side.

    The page has a small picture of each head, one of them large, as lines from queries
    to keys or as cells, and a table of the entropy and distance of each.

    Args:
        attention: The ``AttentionMap`` of a layer; or the ``Observation`` of a model,
            or several maps of one, for a row of heads for each layer.
        tokens: The tokens that the keys are, and of self-attention the queries too;
            their places by default. Padding behind them, which has no weight, is cut
            off.
        query_tokens: The tokens that queries are, where they are others: what a decoder
            writes. In an observation the tokens of a layer are told by their number.
        batch: Which sequence, where there are several.
        title: The title above the heads.
        most: How many heads are drawn, by whole layers from the first on; a note says
            how many more there were. None draws all.
        most_tokens: How many queries and keys a head has at most: more are drawn in
            groups of neighbours. None draws each.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: There is nothing to draw, or something else; several sequences
            and none chosen; weights that are not numbers from 0 to 1; more or fewer
            tokens than weights, or tokens that cannot be told apart.

    References:
        - J. Vig (2019), "A multiscale visualization of attention in the Transformer
          model", https://aclanthology.org/P19-3007.
        - K. Clark et al. (2019), "What does BERT look at?",
          https://aclanthology.org/W19-4828: entropy and the first token as a rest.

    Example:
        >>> seen = regard.observe(model).predict(ids)
        >>> regard.plot.heads(seen, words, batch=0).save("heads.html")
        >>> regard.plot.heads(seen.attention["decoder/cross"], source, target, batch=0)
    """
    check_label("title", title)
    check_most(most)
    check_most(most_tokens, "most_tokens")
    layers = layer_heads(attention, tokens, query_tokens, batch)
    shown: list[LayerHeads] = []
    count = 0
    for each in layers:
        if most is not None and shown and count + len(each.grids) > most:
            break
        shown.append(each)
        count += len(each.grids)
    left_out = sum(len(each.grids) for each in layers[len(shown) :])
    return HeadsPlot(grouped(shown, most_tokens), title, left_out)
