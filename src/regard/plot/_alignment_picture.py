"""Alignments as a picture, drawn by matplotlib, each cell of one size."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from regard.errors import ArgumentError
from regard.plot._alignment_rows import (
    alignment_rows,
    is_of_characters,
    is_upright,
    token_labels,
)
from regard.plot._color_scale import LEVELS, Hue, ink, level, shades
from regard.plot._weight_grid import WeightGrid
from regard.plot.canvas import (
    MAXIMUM_INCHES,
    SOFT,
    blank_figure,
    colormap,
    drawing_settings,
    encoded_figure,
    require_matplotlib,
    text_properties,
)
from regard.plot.characters import for_page
from regard.plot.document import found_of, left_out_note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GAP, _MARGIN = 0.4, 0.25
# 2,000 square inches are 320 MB of pixels.
_MAXIMUM_AREA = 2_000
# All lengths in points, 72 to the inch.
_CELL, _SMALL_CELL = 18.0, 15.0
_LARGEST, _SMALLEST = 9.5, 3.5
_LINE = "#d8dee4"


def alignment_picture(
    grids: Sequence[WeightGrid], kind: str, left_out: int = 0
) -> bytes:
    """The maps under each other, as the bytes of a ``png`` or ``svg`` file.

    Raises:
        ArgumentError: The picture would be larger than matplotlib can draw.
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib()
    _check_size(grids)
    with drawing_settings():
        figure = blank_figure()
        # On a figure of one inch, places are inches; what lies outside is kept by
        # the tight box, so that the labels take the room that they need.
        figure.set_size_inches(1, 1)
        bottom = _stack(figure, grids)
        if left_out:
            look = text_properties() | {"fontsize": 8.5, "color": SOFT}
            figure.text(0, bottom, left_out_note(left_out), va="top", **look)
        return encoded_figure(figure, kind, bbox_inches="tight", pad_inches=_MARGIN)


def _stack(figure: "Figure", grids: Sequence[WeightGrid]) -> float:
    """Draw the maps, and return where they end."""
    to_inches = figure.dpi_scale_trans.inverted()
    top = 0.0
    for grid in grids:
        width, height = grid_inches(grid)
        axes = figure.add_axes((0, 0, width, height))
        draw_heatmap(axes, grid)
        # None is for axes that nothing was drawn on; these have a title at least.
        box = (axes.get_tightbbox() or axes.bbox).transformed(to_inches)
        axes.set_position((-box.x0, top - box.y1, width, height))
        top -= box.height + _GAP
    return top


def _check_size(grids: Sequence[WeightGrid]) -> None:
    sizes = [grid_inches(grid) for grid in grids]
    width = max(width for width, _ in sizes)
    height = sum(height + 1 for _, height in sizes)
    if max(width, height) > MAXIMUM_INCHES or width * height > _MAXIMUM_AREA:
        raise ArgumentError(
            "The alignments are too large for one picture.",
            expected=f"at most {_MAXIMUM_AREA:,} square inches and "
            f"{MAXIMUM_INCHES:.0f} inches a side",
            received=f"{width:.0f} x {height:.0f} inches",
            fix="Save them as .html, or a few at a time.",
        )


def draw_heatmap(axes: "Axes", grid: WeightGrid) -> None:
    """Draw an alignment: a row for each written token, a column for each source."""
    size = _label_size(axes, grid)
    look = text_properties()
    _draw_title(axes, grid, look)
    if not grid.weights.size:
        axes.set_axis_off()
        return
    _draw_cells(axes, grid, size)
    _draw_labels(axes, grid, look | {"fontsize": size})
    _draw_legend(axes, grid.hue, look | {"fontsize": min(size, 8.5), "color": SOFT})


def own_figure(grid: WeightGrid) -> "Axes":
    """Draw on new axes of pyplot, in a figure as large as the map and its labels."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 - an extra

    # On a figure of one inch, places are inches.
    figure = plt.figure(figsize=(1, 1))
    axes = figure.add_axes((0, 0, *grid_inches(grid)))
    draw_heatmap(axes, grid)
    to_inches = figure.dpi_scale_trans.inverted()
    own = axes.bbox.transformed(to_inches)
    box = (axes.get_tightbbox() or axes.bbox).transformed(to_inches).padded(_MARGIN)
    figure.set_size_inches(box.width, box.height)
    left, bottom = (own.x0 - box.x0) / box.width, (own.y0 - box.y0) / box.height
    axes.set_position((left, bottom, own.width / box.width, own.height / box.height))
    return axes


def grid_inches(grid: WeightGrid) -> tuple[float, float]:
    """Width and height of a grid whose labels can be read."""
    small = is_of_characters(grid.columns)
    cell = (_SMALL_CELL if small else _CELL) / 72
    height, width = (max(size, 1) * cell for size in grid.weights.shape)
    return width, height


def _label_size(axes: "Axes", grid: WeightGrid) -> float:
    """A size at which the labels of neighbouring cells do not touch."""
    box = axes.get_window_extent()
    height, width = (max(count, 1) for count in grid.weights.shape)
    cell = min(box.width / width, box.height / height) * 72 / axes.figure.dpi
    return float(np.clip(0.62 * cell, _SMALLEST, _LARGEST))


def _draw_title(axes: "Axes", grid: WeightGrid, look: dict[str, Any]) -> None:
    points = axes.get_window_extent().width * 72 / axes.figure.dpi
    width = max(32, int(points / 6))
    lines = textwrap.wrap(for_page(grid.title), width)
    if grid.remark:
        lines = [*(lines or ["∅"]), grid.remark]
    found = [] if grid.trust is None else [for_page(found_of(grid.trust))]
    notes = (*grid.notes, *found)
    lines += [line for note in notes for line in textwrap.wrap(note, width)]
    axes.set_title("\n".join(lines), loc="left", fontsize=10, **look)


def _draw_cells(axes: "Axes", grid: WeightGrid, size: float) -> None:
    axes.imshow(
        grid.weights,
        cmap=colormap(grid.hue),
        vmin=0,
        vmax=1,
        aspect="equal",
        interpolation="nearest",
    )
    for place, row in enumerate(alignment_rows(grid)):
        if row.strongest is not None:
            shade = shades("light", grid.hue)[level(max(row.weights), 1.0)]
            axes.plot(row.strongest, place, ".", color=ink(shade), markersize=size / 2)


def _draw_labels(axes: "Axes", grid: WeightGrid, look: dict[str, Any]) -> None:
    height, width = grid.weights.shape
    sources = token_labels(grid.columns)
    axes.xaxis.tick_top()
    # All one way: matplotlib 3.11 turns single upright labels among turned ones.
    turn = 0 if all(map(is_upright, sources)) else 90
    axes.set_xticks(range(width), sources, rotation=turn, **look)
    axes.set_yticks(range(height), token_labels(grid.rows), **look)
    axes.set_xticks(np.arange(width + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(height + 1) - 0.5, minor=True)
    axes.grid(visible=True, which="minor", color=_LINE, linewidth=0.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_color(_LINE)


def _draw_legend(axes: "Axes", hue: Hue, look: dict[str, Any]) -> None:
    """The colour scale under the map, in the map's own cells as units."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - an extra

    y, step = axes.get_ylim()[0] + 0.9, 0.16
    _write(axes, -0.5, y, "0", look)
    for index, shade in enumerate(shades("light", hue)):
        corner = (0.1 + index * step, y - 0.25)
        axes.add_patch(Rectangle(corner, step, 0.5, color=shade, lw=0, clip_on=False))
    note = "1   weight: where the model looked, not why"
    _write(axes, 0.3 + LEVELS * step, y, note, look)


def _write(axes: "Axes", x: float, y: float, text: str, look: dict[str, Any]) -> None:
    axes.text(x, y, text, va="center_baseline", **look)
