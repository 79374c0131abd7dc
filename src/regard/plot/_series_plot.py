"""Attention over the steps of a series, behind its curve."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from regard._validate import check_count, check_same_length
from regard.plot._color_scale import end_of_scale, level
from regard.plot._data import check_label, finite_row, nonnegative_row
from regard.plot._plot import ArticlePlot
from regard.plot.canvas import colormap, draw_title
from regard.plot.characters import for_terminal
from regard.plot.document import (
    color_legend,
    column_heads,
    safe,
)
from regard.types import AttentionMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READING = "The stronger the shade behind the curve, the more attention the step had."
_DISCLAIMER = "The shade shows where the model looked, not why it decided."
_INCHES = 7.5, 2.8
_TABLE = 20
_STYLE = """
.regard .series{display:grid;grid-template-columns:auto 1fr;gap:.25rem .5rem;
margin:1rem 0 .75rem;font-variant-numeric:tabular-nums}
.regard .series>.soft{display:flex;flex-direction:column;text-align:end;
justify-content:space-between}
.regard .series>.steps{flex-direction:row;grid-column:2}
.regard .strip{position:relative;height:12rem;border:1px solid var(--line)}
.regard .strip div{display:flex;height:100%}
.regard .strip i{flex:1;position:relative;-webkit-print-color-adjust:exact;
print-color-adjust:exact}
.regard .strip i:hover{outline:1px solid var(--ink)}
.regard .strip i:hover::after{content:attr(data-w);position:absolute;top:.2rem;
left:calc(100% + .3rem);z-index:2;padding:.1rem .4rem;border-radius:.3rem;
background:var(--ink);color:var(--paper);font:600 .75rem/1.4 system-ui,sans-serif;
white-space:nowrap;pointer-events:none}
.regard .strip i.late:hover::after{left:auto;right:calc(100% + .3rem)}
.regard .strip svg{position:absolute;inset:0;width:100%;height:100%;
pointer-events:none}
.regard .strip polyline{fill:none;stroke:var(--ink);stroke-width:1.75;
stroke-linejoin:round;vector-effect:non-scaling-stroke}
.regard .strip .halo{stroke:var(--paper);stroke-width:5}
""".lstrip()


class SeriesPlot(ArticlePlot):
    """A curve over its shaded steps; made by ``regard.plot.over_time``.

    Args:
        weights: The attention on each step.
        series: The value at each step.
        title: The title above the curve.
        width: How many steps of the series each of these is.
    """

    _lead = f"{_READING} {_DISCLAIMER}"
    _note = _DISCLAIMER
    _style = _STYLE

    def __init__(
        self,
        weights: Sequence[float],
        series: Sequence[float],
        title: str,
        width: int = 1,
    ) -> None:
        self.weights, self.series, self.title = tuple(weights), tuple(series), title
        self.width = width

    def _inches(self) -> tuple[float, float]:
        return _INCHES

    def _draw(self, ax: "Axes") -> None:
        self._shade(ax)
        ax.plot(self.series, color="white", linewidth=4, zorder=2)
        ax.plot(self.series, color="black", linewidth=1.5, zorder=3)
        ax.set_xlim(-0.5, len(self.series) - 0.5)
        ax.set_xlabel("step" if self.width == 1 else f"{self.width} steps each")
        draw_title(ax, self.title)

    def _shade(self, ax: "Axes") -> None:
        edges = np.arange(len(self.weights) + 1) - 0.5
        shades = ax.pcolormesh(
            edges,
            [0, 1],
            [self.weights],
            cmap=colormap(),
            vmin=0,
            vmax=end_of_scale(self.weights),
            transform=ax.get_xaxis_transform(),
            zorder=0,
        )
        ax.figure.colorbar(shades, ax=ax, label="weight")

    def _article(self) -> str:
        return _article(self.weights, self.series, self.title, self.width)

    def _table(self) -> dict[str, Any]:
        steps = [self.width * place for place in range(len(self.series))]
        return {"step": steps, "value": self.series, "weight": self.weights}

    def __str__(self) -> str:
        rows = zip(self.series, self.weights, strict=True)
        lines = (
            f"{self.width * place}  {value:z.4g}  {weight:.3f}"
            for place, (value, weight) in enumerate(rows)
        )
        return "\n".join((for_terminal(self.title), "step  value  weight", *lines, ""))

    def __repr__(self) -> str:
        return f"SeriesPlot({len(self.series)} steps)"


def over_time(
    weights: AttentionMap | npt.ArrayLike,
    series: npt.ArrayLike,
    *,
    title: str = "Attention over time",
    points: int = 1_000,
) -> SeriesPlot:
    """Draw the attention on the steps of a series behind its curve.

    The shade goes from 0 to the largest weight, but not less than four times an even
    share, so that evenly spread attention stays pale.

    Args:
        weights: ``(steps,)``, the attention on each step, not negative; or an
            ``AttentionMap`` with one row of keys, averaged over its heads.
        series: ``(steps,)``, the value at each step.
        title: The title above the curve.
        points: How many steps are drawn at most. Where there are more, neighbours are
            drawn as one, with the mean of their values and the sum of their weights.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: One is no row of numbers, a weight is negative, or the lengths
            differ.

    Example:
    >>> regard.plot.over_time(result.attention["pooling"].weights[0, 0], x[0, :, 0])
    """
    shade = nonnegative_row(weights, "weights of the steps")
    curve = finite_row(series, "values of the series")
    check_same_length({"weights": shade, "values": curve}, of="the series")
    check_label("title", title)
    step = -(-len(curve) // check_count("points", points))
    starts = range(0, len(curve), step)
    if step > 1:
        shade = [sum(shade[start : start + step]) for start in starts]
        curve = [float(np.mean(curve[start : start + step])) for start in starts]
    return SeriesPlot(shade, curve, title, step)


def _article(
    weights: Sequence[float], series: Sequence[float], title: str, width: int
) -> str:
    """The steps, each shaded by its weight, and the curve over them."""
    return (
        f'<article>\n<h2 dir="auto" lang="">{safe(title)}</h2>\n'
        f'<div class="series"><div class="soft"><span>{max(series):z.4g}</span>'
        f'<span>{min(series):z.4g}</span></div><div class="strip">'
        f"<div>{_steps(weights, series, width)}</div>{_curve(series)}</div>\n"
        f'<div class="soft steps"><span>step 0</span>'
        f"<span>step {width * (len(series) - 1)}</span></div></div>\n"
        f"{_legend(weights, width)}{_strongest(weights, series, width)}</article>\n"
    )


def _strongest(weights: Sequence[float], series: Sequence[float], width: int) -> str:
    """The steps with the largest weights as a table: for readers without a pointer."""
    order = sorted(range(len(weights)), key=lambda place: -weights[place])[:_TABLE]
    rows = "".join(
        f"<tr><td>{width * place}<td>{series[place]:z.4g}<td>{weights[place]:.4f}\n"
        for place in order
    )
    heads = column_heads("Step", "Value", "Weight")
    return (
        "<details><summary>The strongest steps as a table</summary>\n"
        f'<table class="weights"><thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table></details>\n"
    )


def _steps(weights: Sequence[float], series: Sequence[float], width: int) -> str:
    top = end_of_scale(weights)
    half = len(weights) / 2
    return "".join(
        f'<i class="w{level(weight, top)}{" late" * (place > half)}" '
        f'data-w="step {width * place}: {value:z.4g}, weight {weight:.3f}"></i>'
        for place, (weight, value) in enumerate(zip(weights, series, strict=True))
    )


def _curve(series: Sequence[float]) -> str:
    low, span = min(series), (max(series) - min(series)) or 1.0
    # Each point stands in the middle of its step; 4 % of the height stay free.
    points = " ".join(
        f"{step + 0.5:g},{96 - 92 * (value - low) / span:.2f}"
        for step, value in enumerate(series)
    )
    return (
        f'<svg viewBox="0 0 {len(series)} 100" preserveAspectRatio="none" '
        f'aria-hidden="true"><polyline class="halo" points="{points}"/>'
        f'<polyline points="{points}"/></svg>'
    )


def _legend(weights: Sequence[float], width: int) -> str:
    one = "a step" if width == 1 else f"{width} steps, drawn as one"
    note = f"weight of {one}; spread evenly, each would have {1 / len(weights):.3f}"
    return color_legend(f"{end_of_scale(weights):.3f}", note)
