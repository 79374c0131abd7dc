"""Curves of several models, averaged over their runs, with their spread."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from regard.errors import ArgumentError
from regard.plot.averages import Average, average
from regard.plot.axes_plot import AxesPlot
from regard.plot.canvas import (
    look_of_text,
)
from regard.plot.characters import for_terminal
from regard.plot.curves_article import COLORS, DASHES, STYLE, curves_article
from regard.plot.document import document, embedded
from regard.plot.style import fragment_style, page_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READING = "A line is the mean over the runs of a model, the shade one deviation."
_INCHES = 7.5, 4.0


class CurvesPlot(AxesPlot):
    """Curves with their spread; made by ``regard.plot.curves``.

    Args:
        averages: The mean and spread of each model, by its name.
        title: What is above the curves.
        x_label: What is along the axis.
        y_label: What is up the axis.
    """

    def __init__(
        self, averages: Mapping[str, Average], title: str, x_label: str, y_label: str
    ) -> None:
        self.averages, self.title = dict(averages), title
        self.x_label, self.y_label = x_label, y_label

    def to_html(self) -> str:
        """The whole page: no network, no script, every text in it escaped."""
        return document(
            title=self.title,
            heading=self.title,
            lead=_READING,
            body=self._article(),
            style=page_style() + STYLE,
        )

    def _inches(self) -> tuple[float, float]:
        return _INCHES

    def _draw(self, ax: "Axes") -> None:
        for number, (name, one) in enumerate(self.averages.items()):
            color = COLORS[number % len(COLORS)]
            dashes = tuple(map(int, DASHES[number % len(DASHES)].split())) or None
            style = "-" if dashes is None else (0, dashes)
            ax.fill_between(one.x, one.low, one.high, color=color, alpha=0.2, lw=0)
            ax.plot(one.x, one.mean, color=color, linestyle=style, lw=1.8, label=name)
        ax.set_xlabel(self.x_label, **look_of_text())
        ax.set_ylabel(self.y_label, **look_of_text())
        ax.set_ylim(bottom=min(0.0, *(min(one.low) for one in self.averages.values())))
        ax.set_title(self.title, loc="left", **look_of_text())
        ax.legend(frameon=False)

    def _article(self) -> str:
        return curves_article(self.averages, self.x_label, self.y_label)

    def _repr_html_(self) -> str:
        return embedded(self._article(), _READING, fragment_style() + STYLE)

    def __str__(self) -> str:
        lines = [for_terminal(self.title), f"{self.y_label} by {self.x_label}"]
        for name, one in self.averages.items():
            lines.append(for_terminal(name))
            rows = zip(one.x, one.mean, one.deviation, strict=True)
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
        title: What is above the curves.
        x_label: What is along the axis.
        y_label: What is up the axis.

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
        name: average(name, np.asarray(runs, dtype=float), steps, points)
        for name, runs in values.items()
    }
    return CurvesPlot(averages, title, x_label, y_label)
