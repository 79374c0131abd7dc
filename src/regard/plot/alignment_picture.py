"""Alignments as a picture, drawn by matplotlib, each cell of one size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regard.errors import ArgumentError
from regard.plot.canvas import (
    MAXIMUM_INCHES,
    blank,
    encoded,
    require_matplotlib,
    settings,
)
from regard.plot.heatmap import draw_heatmap, grid_inches
from regard.types import Translation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GAP, _MARGIN = 0.4, 0.25
# 2,000 square inches are 320 MB of pixels.
_MAXIMUM_AREA = 2_000


def alignment_picture(translations: Sequence[Translation], kind: str) -> bytes:
    """The maps under each other, as the bytes of a ``png`` or ``svg`` file.

    Raises:
        ArgumentError: The picture would be larger than matplotlib can draw.
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib()
    _check_size(translations)
    with settings():
        figure = blank()
        # On a figure of one inch, places are inches; what lies outside is kept by
        # the tight box, so that the labels take the room that they need.
        figure.set_size_inches(1, 1)
        _stack(figure, translations)
        return encoded(figure, kind, bbox_inches="tight", pad_inches=_MARGIN)


def _stack(figure: "Figure", translations: Sequence[Translation]) -> None:
    to_inches = figure.dpi_scale_trans.inverted()
    top = 0.0
    for translation in translations:
        width, height = grid_inches(translation)
        axes = figure.add_axes((0, 0, width, height))
        draw_heatmap(axes, translation)
        # None is for axes that nothing was drawn on; these have a title at least.
        box = (axes.get_tightbbox() or axes.bbox).transformed(to_inches)
        axes.set_position((-box.x0, top - box.y1, width, height))
        top -= box.height + _GAP


def _check_size(translations: Sequence[Translation]) -> None:
    sizes = [grid_inches(translation) for translation in translations]
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
