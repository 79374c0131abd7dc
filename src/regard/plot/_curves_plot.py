"""Curves of several models: the mean over the runs of each, and their spread."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from regard._validate import check_count
from regard.errors import ArgumentError
from regard.plot._data import (
    DRAWN_BY,
    check_label,
    described,
    finite_row,
    numbers,
)
from regard.plot._plot import ArticlePlot
from regard.plot.canvas import cut, draw_title, text_properties
from regard.plot.characters import for_page, for_terminal
from regard.plot.document import safe
from regard.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READING = "A line is the mean over the runs of a model, the shade one deviation."
_INCHES = 7.5, 4.0
# Told apart in all common kinds of colour blindness, and by their dashes in print.
COLORS = ("#c2410c", "#0b5fb5", "#15803d", "#7e22ce", "#a16207", "#0f766e", "#be185d")
_DASHES = ("", "6 3", "2 2", "8 2 2 2", "10 4", "4 1", "1 3")
_WIDE, _HIGH = 640, 320
_STYLE = """
.regard .curves{display:grid;grid-template-columns:auto 1fr;gap:.25rem .5rem;
margin:1rem 0 .75rem;font-variant-numeric:tabular-nums}
.regard .curves>.soft{display:flex;flex-direction:column;text-align:end;
justify-content:space-between}
.regard .curves>.along{flex-direction:row;grid-column:2}
.regard .curves svg{display:block;width:100%;height:20rem;overflow:visible;
border:1px solid var(--line)}
.regard .curves polyline{fill:none;stroke-width:2;stroke-linejoin:round;
stroke-linecap:round;vector-effect:non-scaling-stroke}
.regard .curves .dot{stroke-width:8}
.regard .curves polygon{fill-opacity:.18;stroke:none}
.regard .key{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;
padding:0;margin:.5rem 0}
.regard .key svg{width:2rem;height:.5rem;margin-inline-end:.4rem}
.regard .ends{border-collapse:collapse;font-variant-numeric:tabular-nums}
.regard .ends th,.regard .ends td{text-align:end;padding:.15rem .8rem .15rem 0;
font-weight:400}
.regard .ends th:first-child{text-align:start}
""".lstrip()


@dataclass(frozen=True, eq=False)
class AverageCurve:
    """The mean over runs and their standard deviation.

    Args:
        x: ``(points,)``, where each point stands.
        mean: ``(points,)``.
        deviation: ``(points,)``.
    """

    x: FloatArray
    mean: FloatArray
    deviation: FloatArray

    @property
    def low(self) -> FloatArray:
        """One deviation below the mean."""
        return self.mean - self.deviation

    @property
    def high(self) -> FloatArray:
        """One deviation above the mean."""
        return self.mean + self.deviation


class CurvesPlot(ArticlePlot):
    """Curves with their spread; made by ``regard.plot.curves``.

    Args:
        averages: The mean and spread of each model, by its name.
        title: The title above the curves.
        x_label: The label along the axis.
        y_label: The label up the axis.
    """

    _lead = _READING
    _note = _READING
    _style = _STYLE

    def __init__(
        self,
        averages: Mapping[str, AverageCurve],
        title: str,
        x_label: str,
        y_label: str,
    ) -> None:
        self.averages, self.title = dict(averages), title
        self.x_label, self.y_label = x_label, y_label

    def _inches(self) -> tuple[float, float]:
        return _INCHES

    def _draw(self, ax: "Axes") -> None:
        for number, (name, curve) in enumerate(self.averages.items()):
            color = COLORS[number % len(COLORS)]
            dashes = tuple(map(int, _DASHES[number % len(_DASHES)].split())) or None
            style = "-" if dashes is None else (0, dashes)
            x, low, high = curve.x, curve.low, curve.high
            ax.fill_between(x, low, high, color=color, alpha=0.2, lw=0)
            (line,) = ax.plot(x, curve.mean, color=color, linestyle=style, lw=1.8)
            # matplotlib leaves out names that begin with an underscore.
            shown = cut(for_page(name))
            line.set_label(f"\u200b{shown}" if shown.startswith("_") else shown)
            if not (np.ptp(x) or np.ptp(curve.mean)):
                # A line of one point has no length.
                line.set_marker("o")
        ax.set_xlabel(cut(self.x_label), **text_properties())
        ax.set_ylabel(cut(self.y_label), **text_properties())
        # Axes of the user's may have no zero.
        if ax.get_yscale() == "linear":
            frame = _Frame.around(self.averages)
            ax.set_ylim(bottom=frame.bottom)
            if frame.is_flat:
                # A line on the edge is hard to see.
                ax.set_ylim(frame.bottom - 0.1 * frame.height, frame.top)
        draw_title(ax, self.title)
        legend = ax.legend(frameon=False)
        # It may be higher than the axes, which would shrink to nothing for it.
        legend.set_in_layout(False)
        for entry in legend.get_texts():
            entry.set(**text_properties())

    def _heading(self) -> str:
        return safe(self.title)

    def _article(self) -> str:
        return _article(self.averages, self.x_label, self.y_label)

    def _table(self) -> dict[str, Any]:
        rows = [
            (name, *numbers)
            for name, curve in self.averages.items()
            for numbers in zip(curve.x, curve.mean, curve.deviation, strict=True)
        ]
        names = ("name", "x", "mean", "deviation")
        return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))

    def __str__(self) -> str:
        lines = [
            for_terminal(self.title),
            f"{for_terminal(self.y_label)} by {for_terminal(self.x_label)}",
        ]
        for name, curve in self.averages.items():
            lines.append(for_terminal(name))
            rows = zip(curve.x, curve.mean, curve.deviation, strict=True)
            lines.extend(f"  {x:>10.6g}  {y:z.4g} +-{d:.2g}" for x, y, d in rows)
        return "\n".join((*lines, ""))

    def __repr__(self) -> str:
        return f"CurvesPlot({', '.join(self.averages)})"


def curves(
    values: Mapping[str, npt.ArrayLike],
    x: npt.ArrayLike,
    *,
    points: int = 100,
    title: str = "Loss while training",
    x_label: str = "samples seen",
    y_label: str = "loss",
) -> CurvesPlot:
    """Draw the mean of several runs of each model, and their spread.

    Args:
        values: ``(runs, steps)`` for each model.
        x: ``(steps,)``, where each step stands.
        points: How many points a curve has at most; each is the mean over the steps
            around it, as single steps jump.
        title: The title above the curves.
        x_label: The label along the axis.
        y_label: The label up the axis.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: There is no model, one's values are no finite ``(runs, steps)``,
            or ``x`` is no row of finite numbers.

    Example:
        >>> regard.plot.curves(comparison.losses, comparison.samples_seen)
    """
    if not isinstance(values, Mapping) or not values:
        raise ArgumentError(
            "There are no curves to draw.",
            expected="a mapping from the name of each model to its (runs, steps)",
            received=described(values) if values is not None else "None",
            fix=DRAWN_BY.get(type(values).__name__),
        )
    labels = {"title": title, "x_label": x_label, "y_label": y_label}
    for name, label in labels.items():
        check_label(name, label)
    steps = np.array(finite_row(x, "places of the steps"))
    check_count("points", points)
    averages = {
        str(name): average_curve(str(name), runs, steps, points)
        for name, runs in values.items()
    }
    return CurvesPlot(averages, title, x_label, y_label)


class _Frame(NamedTuple):
    """The values at the edges of the curves, opposite ones never alike."""

    left: float
    right: float
    bottom: float
    top: float
    is_flat: bool

    @property
    def height(self) -> float:
        """How far apart bottom and top are."""
        return self.top - self.bottom

    @classmethod
    def around(cls, averages: Mapping[str, AverageCurve]) -> "_Frame":
        """A frame that holds all curves, and the zeros unless all is below them."""
        curves = averages.values()
        left = min(0.0, *(float(curve.x.min()) for curve in curves))
        right = max(float(curve.x.max()) for curve in curves)
        bottom = min(0.0, *(float(curve.low.min()) for curve in curves))
        top = max(float(curve.high.max()) for curve in curves)
        right = right if right > left else left + max(1.0, -left)
        is_flat = top <= bottom
        top = bottom + max(1.0, -bottom) if is_flat else top
        numbers(
            [right - left, top - bottom], "curves", "values that are less far apart"
        )
        return cls(left, right, bottom, top, is_flat)

    def point(self, x: float, y: float) -> str:
        """The place of a point in the picture."""
        across = (x - self.left) / (self.right - self.left)
        down = (self.top - y) / self.height
        return f"{_WIDE * across:.1f},{_HIGH * down:.1f}"


def _article(averages: Mapping[str, AverageCurve], x_label: str, y_label: str) -> str:
    """The curves, what each is, and where they end as a table."""
    frame = _Frame.around(averages)
    drawn = "".join(
        _curve(curve, number, frame) for number, curve in enumerate(averages.values())
    )
    return (
        f'<article>\n<p class="soft">{safe(y_label)}</p>\n'
        f'<div class="curves"><div class="soft"><span>{frame.top:z.3g}</span>'
        f"<span>{frame.bottom:z.3g}</span></div>"
        f'<svg viewBox="0 0 {_WIDE} {_HIGH}" preserveAspectRatio="none" '
        f'aria-hidden="true">{drawn}</svg>\n'
        f'<div class="soft along"><span>{frame.left:,.6g}</span>'
        f"<span>{safe(x_label)}</span><span>{frame.right:,.6g}</span></div></div>\n"
        f"{_key(averages)}{_ends(averages, y_label)}</article>\n"
    )


def _curve(curve: AverageCurve, number: int, frame: _Frame) -> str:
    color = COLORS[number % len(COLORS)]
    dashes = _DASHES[number % len(_DASHES)]
    there = zip(curve.x, curve.high, strict=True)
    back = reversed(list(zip(curve.x, curve.low, strict=True)))
    band = " ".join(frame.point(x, y) for x, y in chain(there, back))
    points = [frame.point(x, y) for x, y in zip(curve.x, curve.mean, strict=True)]
    look = f'stroke-dasharray="{dashes}"'
    if len(set(points)) == 1:
        # A line of no length is drawn where it has two ends.
        points, look = points[:1] * 2, 'class="dot"'
    return (
        f'<polygon fill="{color}" points="{band}"/>'
        f'<polyline stroke="{color}" {look} points="{" ".join(points)}"/>'
    )


def _key(averages: Mapping[str, AverageCurve]) -> str:
    entries = "".join(
        f'<li><svg viewBox="0 0 32 8" aria-hidden="true"><polyline fill="none" '
        f'stroke-width="2" stroke="{COLORS[number % len(COLORS)]}" '
        f'stroke-dasharray="{_DASHES[number % len(_DASHES)]}" points="0,4 32,4"/></svg>'
        f"{safe(name)}</li>"
        for number, name in enumerate(averages)
    )
    return f'<ul class="key">{entries}</ul>\n'


def _ends(averages: Mapping[str, AverageCurve], y_label: str) -> str:
    rows = "".join(
        f'<tr><th scope="row">{safe(name)}</th><td>{curve.mean[0]:z.4g}</td>'
        f"<td>{curve.mean[-1]:z.4g}</td><td>{curve.deviation[-1]:.2g}</td></tr>"
        for name, curve in averages.items()
    )
    return (
        f'<table class="ends"><thead><tr><th scope="col">{safe(y_label)}</th>'
        '<th scope="col">first</th><th scope="col">last</th>'
        f'<th scope="col">deviation</th></tr></thead><tbody>{rows}</tbody></table>\n'
    )


def average_curve(
    name: str, runs: npt.ArrayLike, steps: FloatArray, points: int
) -> AverageCurve:
    """Average each run over pieces of its steps, then the runs.

    Raises:
        ArgumentError: The values are no finite ``(runs, steps)``.
    """
    what = f"curves of '{name}'"
    expected = f"(runs, {len(steps)}), a value for each step"
    values = numbers(runs, what, expected)
    if values.ndim != 2 or not values.size or values.shape[1:] != steps.shape:
        raise ArgumentError(
            f"The {what} cannot be drawn.",
            expected=expected,
            received=str(values.shape),
        )
    pieces = np.array_split(np.arange(len(steps)), min(points, len(steps)))
    x = np.array([steps[piece].mean() for piece in pieces])
    with np.errstate(over="ignore", invalid="ignore"):
        means = np.stack([values[:, piece].mean(axis=1) for piece in pieces], axis=1)
        curve = AverageCurve(x, means.mean(axis=0), means.std(axis=0))
        # Sums and squares of the largest numbers there are would be infinite.
        numbers([curve.low, curve.high], f"spread of the {what}", "smaller numbers")
    return curve
