"""Curves of several models: the mean over the runs of each, and their spread."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from regard.errors import ArgumentError
from regard.plot._plot import AxesPlot
from regard.plot.canvas import text_properties
from regard.plot.characters import for_terminal
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
.regard .curves svg{display:block;width:100%;height:20rem;
border:1px solid var(--line)}
.regard .curves polyline{fill:none;stroke-width:2;stroke-linejoin:round;
vector-effect:non-scaling-stroke}
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


class CurvesPlot(AxesPlot):
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
            ax.plot(x, curve.mean, color=color, linestyle=style, lw=1.8, label=name)
        ax.set_xlabel(self.x_label, **text_properties())
        ax.set_ylabel(self.y_label, **text_properties())
        lowest = (min(curve.low) for curve in self.averages.values())
        ax.set_ylim(bottom=min(0.0, *lowest))
        ax.set_title(self.title, loc="left", **text_properties())
        ax.legend(frameon=False)

    def _heading(self) -> str:
        return safe(self.title)

    def _article(self) -> str:
        return _article(self.averages, self.x_label, self.y_label)

    def __str__(self) -> str:
        lines = [for_terminal(self.title), f"{self.y_label} by {self.x_label}"]
        for name, curve in self.averages.items():
            lines.append(for_terminal(name))
            rows = zip(curve.x, curve.mean, curve.deviation, strict=True)
            lines.extend(f"  {x:>10.6g}  {y:.4g} +-{d:.2g}" for x, y, d in rows)
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
        ArgumentError: There is no model, or one's values are no ``(runs, steps)``.

    Example:
        >>> regard.plot.curves(comparison.losses, comparison.samples_seen)
    """
    if not values:
        raise ArgumentError("There are no curves to draw.", expected="one or more")
    steps = np.asarray(x, dtype=float)
    averages = {
        name: average_curve(name, np.asarray(runs, dtype=float), steps, points)
        for name, runs in values.items()
    }
    return CurvesPlot(averages, title, x_label, y_label)


def _article(averages: Mapping[str, AverageCurve], x_label: str, y_label: str) -> str:
    """The curves, what each is, and where they end as a table."""
    top = max(float(max(curve.high)) for curve in averages.values())
    bottom = min(0.0, *(float(min(curve.low)) for curve in averages.values()))
    last = max(float(curve.x[-1]) for curve in averages.values())
    drawn = "".join(
        _curve(curve, number, (last, bottom, top))
        for number, curve in enumerate(averages.values())
    )
    return (
        f'<article>\n<p class="soft">{safe(y_label)}</p>\n'
        f'<div class="curves"><div class="soft"><span>{top:.3g}</span>'
        f"<span>{bottom:.3g}</span></div>"
        f'<svg viewBox="0 0 {_WIDE} {_HIGH}" preserveAspectRatio="none" '
        f'aria-hidden="true">{drawn}</svg>\n'
        f'<div class="soft along"><span>0</span><span>{safe(x_label)}</span>'
        f"<span>{last:,.0f}</span></div></div>\n"
        f"{_key(averages)}{_ends(averages, y_label)}</article>\n"
    )


def _curve(curve: AverageCurve, number: int, frame: tuple[float, float, float]) -> str:
    last, bottom, top = frame
    span = (top - bottom) or 1.0

    def point(x: float, y: float) -> str:
        return f"{_WIDE * x / last:.1f},{_HIGH * (top - y) / span:.1f}"

    color = COLORS[number % len(COLORS)]
    dashes = _DASHES[number % len(_DASHES)]
    there = zip(curve.x, curve.high, strict=True)
    back = reversed(list(zip(curve.x, curve.low, strict=True)))
    band = " ".join(point(x, y) for x, y in chain(there, back))
    line = " ".join(point(x, y) for x, y in zip(curve.x, curve.mean, strict=True))
    return (
        f'<polygon fill="{color}" points="{band}"/>'
        f'<polyline stroke="{color}" stroke-dasharray="{dashes}" points="{line}"/>'
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
        f'<tr><th scope="row">{safe(name)}</th><td>{curve.mean[0]:.4g}</td>'
        f"<td>{curve.mean[-1]:.4g}</td><td>{curve.deviation[-1]:.2g}</td></tr>"
        for name, curve in averages.items()
    )
    return (
        f'<table class="ends"><thead><tr><th scope="col">{safe(y_label)}</th>'
        '<th scope="col">first</th><th scope="col">last</th>'
        f'<th scope="col">deviation</th></tr></thead><tbody>{rows}</tbody></table>\n'
    )


def average_curve(
    name: str, runs: FloatArray, steps: FloatArray, points: int
) -> AverageCurve:
    """Average each run over pieces of its steps, then the runs.

    Raises:
        ArgumentError: The values are no finite ``(runs, steps)``.
    """
    if runs.ndim != 2 or not runs.size or runs.shape[1:] != steps.shape:
        raise ArgumentError(
            f"The curves of '{name}' cannot be drawn.",
            expected=f"(runs, {len(steps)}), a value for each step",
            received=str(runs.shape),
        )
    if not np.isfinite(runs).all():
        raise ArgumentError(
            f"The curves of '{name}' cannot be drawn.",
            expected="finite numbers",
            received="NaN or infinity",
        )
    pieces = np.array_split(np.arange(len(steps)), min(points, len(steps)))
    x = np.array([steps[piece].mean() for piece in pieces])
    run_means = np.stack([runs[:, piece].mean(axis=1) for piece in pieces], axis=1)
    return AverageCurve(x, run_means.mean(axis=0), run_means.std(axis=0))
