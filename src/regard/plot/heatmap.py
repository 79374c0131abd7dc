"""An alignment on the axes of matplotlib."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from regard.plot.alignment_rows import (
    is_of_characters,
    is_upright,
    labels,
    log_probability,
    notes,
    rows,
)
from regard.plot.canvas import SOFT, color_map, look_of_text
from regard.plot.characters import for_page
from regard.plot.scale import LEVELS, ink, level, shades
from regard.types import Translation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# All lengths in points, 72 to the inch.
_CELL, _SMALL_CELL = 18.0, 15.0
_LARGEST, _SMALLEST = 9.5, 3.5
_LINE = "#d8dee4"


def grid_inches(translation: Translation) -> tuple[float, float]:
    """Width and height of a grid whose labels can be read."""
    small = is_of_characters(translation.source_tokens)
    cell = (_SMALL_CELL if small else _CELL) / 72
    height, width = (max(size, 1) * cell for size in translation.alignment.shape)
    return width, height


def draw_heatmap(axes: "Axes", translation: Translation) -> None:
    """Draw an alignment: a row for each written token, a column for each source."""
    size = _label_size(axes, translation)
    look = look_of_text()
    _draw_title(axes, translation, look)
    if not translation.alignment.size:
        axes.set_axis_off()
        return
    _draw_cells(axes, translation, size)
    _draw_labels(axes, translation, look | {"fontsize": size})
    _draw_legend(axes, look | {"fontsize": min(size, 8.5), "color": SOFT})


def _label_size(axes: "Axes", translation: Translation) -> float:
    """A size at which the labels of neighbouring cells do not touch."""
    box = axes.get_window_extent()
    height, width = (max(count, 1) for count in translation.alignment.shape)
    cell = min(box.width / width, box.height / height) * 72 / axes.figure.dpi
    return float(np.clip(0.62 * cell, _SMALLEST, _LARGEST))


def _draw_title(axes: "Axes", translation: Translation, look: dict[str, Any]) -> None:
    points = axes.get_window_extent().width * 72 / axes.figure.dpi
    width = max(32, int(points / 6))
    lines = textwrap.wrap(for_page(translation.text), width) or ["∅"]
    lines += [log_probability(translation), *notes(translation)]
    axes.set_title("\n".join(lines), loc="left", fontsize=10, **look)


def _draw_cells(axes: "Axes", translation: Translation, size: float) -> None:
    axes.imshow(
        translation.alignment,
        cmap=color_map(),
        vmin=0,
        vmax=1,
        aspect="equal",
        interpolation="nearest",
    )
    for place, row in enumerate(rows(translation)):
        if row.strongest is not None:
            shade = shades("light")[level(max(row.weights), 1.0)]
            axes.plot(row.strongest, place, ".", color=ink(shade), markersize=size / 2)


def _draw_labels(axes: "Axes", translation: Translation, look: dict[str, Any]) -> None:
    height, width = translation.alignment.shape
    sources = labels(translation.source_tokens)
    axes.xaxis.tick_top()
    # All one way: matplotlib 3.11 turns single upright labels among turned ones.
    turn = 0 if all(map(is_upright, sources)) else 90
    axes.set_xticks(range(width), sources, rotation=turn, **look)
    axes.set_yticks(range(height), labels(translation.target_tokens), **look)
    axes.set_xticks(np.arange(width + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(height + 1) - 0.5, minor=True)
    axes.grid(visible=True, which="minor", color=_LINE, linewidth=0.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_color(_LINE)


def _draw_legend(axes: "Axes", look: dict[str, Any]) -> None:
    """The colour scale under the map, in the map's own cells as units."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - an extra

    y, step = axes.get_ylim()[0] + 0.9, 0.16
    _write(axes, -0.5, y, "0", look)
    for index, shade in enumerate(shades("light")):
        corner = (0.1 + index * step, y - 0.25)
        axes.add_patch(Rectangle(corner, step, 0.5, color=shade, lw=0, clip_on=False))
    note = "1   weight: where the model looked, not why"
    _write(axes, 0.3 + LEVELS * step, y, note, look)


def _write(axes: "Axes", x: float, y: float, text: str, look: dict[str, Any]) -> None:
    axes.text(x, y, text, va="center_baseline", **look)


def own_axes(translation: Translation) -> "Axes":
    """New axes of pyplot, with room for the map and its labels."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 - an extra

    width, height = grid_inches(translation)
    _, axes = plt.subplots(figsize=(width + 2.5, height + 2.5), layout="constrained")
    return axes
