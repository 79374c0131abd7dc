"""Attention over the steps of a series, behind its curve."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from regard.plot.arrays import check_lengths, numbers
from regard.plot.arrays import weights as checked_weights
from regard.plot.axes_plot import AxesPlot
from regard.plot.canvas import (
    color_map,
    look_of_text,
)
from regard.plot.characters import for_terminal
from regard.plot.document import document, embedded
from regard.plot.scale import end_of_scale
from regard.plot.series_article import STYLE, series_article
from regard.plot.style import fragment_style, page_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READING = "The stronger the shade behind the curve, the more attention the step had."
_HONEST = "The shade shows where the model looked, not why it decided."
_INCHES = 7.5, 2.8


class SeriesPlot(AxesPlot):
    """A curve over its shaded steps; made by ``regard.plot.over_time``.

    Args:
        weights: The attention on each step.
        series: The value at each step.
        title: What is above the curve.
    """

    def __init__(
        self, weights: Sequence[float], series: Sequence[float], title: str
    ) -> None:
        self.weights, self.series, self.title = tuple(weights), tuple(series), title

    def to_html(self) -> str:
        """The whole page: no network, no script, the title escaped."""
        return document(
            title=self.title,
            heading="What the model looked at",
            lead=f"{_READING} {_HONEST}",
            body=series_article(self.weights, self.series, self.title),
            style=page_style() + STYLE,
        )

    def _inches(self) -> tuple[float, float]:
        return _INCHES

    def _draw(self, ax: "Axes") -> None:
        self._shade(ax)
        ax.plot(self.series, color="white", linewidth=4, zorder=2)
        ax.plot(self.series, color="black", linewidth=1.5, zorder=3)
        ax.set_xlim(-0.5, len(self.series) - 0.5)
        ax.set_xlabel("step")
        ax.set_title(self.title, loc="left", **look_of_text())

    def _shade(self, ax: "Axes") -> None:
        edges = np.arange(len(self.weights) + 1) - 0.5
        shades = ax.pcolormesh(
            edges,
            [0, 1],
            [self.weights],
            cmap=color_map(),
            vmin=0,
            vmax=end_of_scale(self.weights),
            transform=ax.get_xaxis_transform(),
            zorder=0,
        )
        ax.figure.colorbar(shades, ax=ax, label="weight")

    def _repr_html_(self) -> str:
        article = series_article(self.weights, self.series, self.title)
        return embedded(article, _HONEST, fragment_style() + STYLE)

    def __str__(self) -> str:
        pairs = enumerate(zip(self.series, self.weights, strict=True))
        lines = (
            f"{step}  {value:.4g}  {weight:.3f}" for step, (value, weight) in pairs
        )
        return "\n".join((for_terminal(self.title), "step  value  weight", *lines, ""))

    def __repr__(self) -> str:
        return f"SeriesPlot({len(self.series)} steps)"


def over_time(
    weights: npt.ArrayLike,
    series: npt.ArrayLike,
    *,
    title: str = "Attention over time",
) -> SeriesPlot:
    """Draw the attention on the steps of a series behind its curve.

    The shade goes from 0 to the largest weight, but not less than four times an even
    share, so that evenly spread attention stays pale.

    Args:
        weights: ``(steps,)``, the attention on each step, not negative.
        series: ``(steps,)``, the value at each step.
        title: What is above the curve.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: One is no row of numbers, a weight is negative, or the lengths
            differ.

    Example:
    >>> regard.plot.over_time(result.attention["pooling"].weights[0, 0], x[0, :, 0])
    """
    shade = checked_weights(weights, "weights of the steps")
    curve = numbers(series, "values of the series")
    check_lengths(len(shade), len(curve), "weights and values of the series")
    return SeriesPlot(shade, curve, title)
