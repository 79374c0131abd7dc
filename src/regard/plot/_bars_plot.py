"""Weights of features as bars."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy.typing as npt

from regard._validate import check_same_length
from regard.plot._color_scale import shades
from regard.plot._plot import AxesPlot, nonnegative_row
from regard.plot.canvas import text_properties
from regard.plot.characters import for_terminal
from regard.plot.document import (
    bar,
    safe,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READING = "The longer the bar, the more attention."
_DISCLAIMER = "A bar shows where the model looked, not why it decided."
# Longer names are cut in a picture, where they would leave no room for bars.
_LONGEST = 32
_STYLE = """
.regard .bars li:first-child{font-weight:400}
.regard .bars .bar rect{fill:var(--link)}
""".lstrip()


class BarsPlot(AxesPlot):
    """A horizontal bar for each feature; made by ``regard.plot.bars``.

    Args:
        values: The weight of each feature.
        labels: Its name.
        title: The title above the bars.
    """

    _lead = f"{_READING} {_DISCLAIMER}"
    _note = _DISCLAIMER
    _style = _STYLE

    def __init__(
        self, values: Sequence[float], labels: Sequence[str], title: str
    ) -> None:
        self.values, self.labels, self.title = tuple(values), tuple(labels), title

    def _draw(self, ax: "Axes") -> None:
        look = text_properties()
        places = range(len(self.values))
        ax.barh(places, self.values, color=shades("light")[-4], height=0.7)
        ax.set_yticks(places, [_shortened(label) for label in self.labels], **look)
        ax.set_ylim(len(self.values) - 0.4, -0.6)
        ax.set_xlim(left=0)
        ax.set_xlabel("weight")
        ax.set_title(self.title, loc="left", **look)
        ax.spines[["top", "right"]].set_visible(False)

    def _inches(self) -> tuple[float, float]:
        return 6.4, 1.0 + 0.26 * len(self.values)

    def _article(self) -> str:
        pairs = zip(self.labels, self.values, strict=True)
        bars = "".join(self._bar(label, value) for label, value in pairs)
        return (
            f'<article>\n<h2 dir="auto" lang="">{safe(self.title)}</h2>\n'
            f'<ul class="chances bars">\n{bars}</ul>\n</article>\n'
        )

    def _bar(self, label: str, value: float) -> str:
        share = value / (max(self.values) or 1.0)
        return (
            f"<li><bdi>{safe(label)}</bdi>{bar(share)}"
            f'<span class="number">{value:.3f}</span></li>\n'
        )

    def __str__(self) -> str:
        pairs = zip(self.labels, self.values, strict=True)
        return "".join(f"{label}  {value:.3f}\n" for label, value in pairs)

    def __repr__(self) -> str:
        return f"BarsPlot({len(self.values)} bars)"


def bars(
    values: npt.ArrayLike,
    labels: Sequence[str],
    *,
    sort: bool = False,
    title: str = "Attention on each feature",
) -> BarsPlot:
    """Draw the attention on features as horizontal bars.

    Args:
        values: ``(features,)``, the weight of each feature, not negative.
        labels: The names of the features.
        sort: Whether the largest comes first; otherwise the order stays.
        title: The title above the bars.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: The values are no row of numbers from 0 up, or there are more or
            fewer names than values.

    Example:
    >>> regard.plot.bars([0.7, 0.1, 0.2], ["age", "height", "weight"], sort=True)
    """
    row, names = (
        nonnegative_row(values, "values of the bars"),
        [_name(label) for label in labels],
    )
    check_same_length({"values": row, "labels": names}, of="the bars")
    pairs = list(zip(row, names, strict=True))
    if sort:
        pairs.sort(key=lambda pair: -pair[0])
    return BarsPlot([value for value, _ in pairs], [name for _, name in pairs], title)


def _name(label: object) -> str:
    """A name on one line, in which nothing acts on a page or a terminal."""
    return " ".join(for_terminal(str(label)).split()) or "∅"


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
