"""Weights of features as bars."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from regard._validate import check_flag, check_same_length
from regard.errors import ArgumentError
from regard.plot._color_scale import shades
from regard.plot._data import (
    MOST,
    check_label,
    check_most,
    described,
    nonnegative_row,
)
from regard.plot._plot import ArticlePlot
from regard.plot.canvas import cut, draw_title, text_properties, title_lines
from regard.plot.characters import for_terminal
from regard.plot.document import (
    bar,
    left_out_note,
    remainder,
    safe,
)
from regard.types import AttentionMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READING = "The longer the bar, the more attention."
_DISCLAIMER = "A bar shows where the model looked, not why it decided."
_STYLE = """
.regard .bars li:first-child{font-weight:400}
.regard .bars .bar rect{fill:var(--link)}
""".lstrip()


class BarsPlot(ArticlePlot):
    """A horizontal bar for each feature; made by ``regard.plot.bars``.

    Args:
        values: The weight of each feature.
        labels: Its name.
        title: The title above the bars.
        left_out: How many more there were; a note says so.
    """

    _lead = f"{_READING} {_DISCLAIMER}"
    _note = _DISCLAIMER
    _style = _STYLE

    def __init__(
        self,
        values: Sequence[float],
        labels: Sequence[str],
        title: str,
        left_out: int = 0,
    ) -> None:
        self.values, self.labels, self.title = tuple(values), tuple(labels), title
        self.left_out = left_out

    def _draw(self, ax: "Axes") -> None:
        look = text_properties()
        places = range(len(self.values))
        ax.barh(places, self.values, color=shades("light")[-4], height=0.7)
        ax.set_yticks(places, [cut(label) for label in self.labels], **look)
        ax.set_ylim(len(self.values) - 0.4, -0.6)
        ax.set_xlim(left=0)
        note = f"\n{left_out_note(self.left_out)}" if self.left_out else ""
        ax.set_xlabel(f"weight{note}")
        draw_title(ax, self.title)
        ax.spines[["top", "right"]].set_visible(False)

    def _inches(self) -> tuple[float, float]:
        title = 0.2 * len(title_lines(self.title))
        return 6.4, 0.8 + title + 0.26 * len(self.values)

    def _article(self) -> str:
        pairs = zip(self.labels, self.values, strict=True)
        bars = "".join(self._bar(label, value) for label, value in pairs)
        return (
            f'<article>\n<h2 dir="auto" lang="">{safe(self.title)}</h2>\n'
            f'<ul class="chances bars">\n{bars}</ul>\n'
            f"{remainder(self.left_out)}</article>\n"
        )

    def _bar(self, label: str, value: float) -> str:
        share = value / (max(self.values) or 1.0)
        return (
            f"<li><bdi>{safe(label)}</bdi>{bar(share)}"
            f'<span class="number">{value:z.3f}</span></li>\n'
        )

    def _table(self) -> dict[str, Any]:
        return {"label": list(self.labels), "weight": list(self.values)}

    def __str__(self) -> str:
        pairs = zip(self.labels, self.values, strict=True)
        note = f"({left_out_note(self.left_out)})\n" if self.left_out else ""
        return "".join(f"{label}  {value:z.3f}\n" for label, value in pairs) + note

    def __repr__(self) -> str:
        return f"BarsPlot({len(self.values)} bars)"


def bars(
    values: AttentionMap | npt.ArrayLike,
    labels: Sequence[str] | None = None,
    *,
    sort: bool = False,
    title: str = "Attention on each feature",
    most: int | None = MOST,
) -> BarsPlot:
    """Draw the attention on features as horizontal bars.

    Args:
        values: ``(features,)``, the weight of each feature, not negative; or an
            ``AttentionMap`` with one row of keys, averaged over its heads.
        labels: The names of the features; their places by default.
        sort: Whether the largest comes first; otherwise the order stays.
        title: The title above the bars.
        most: How many bars are drawn, those of the largest values; a note says how many
            more there were. None draws all.

    Returns:
        A plot that shows itself in a notebook and saves itself with ``save``.

    Raises:
        ArgumentError: The values are no row of numbers from 0 up, or there are more or
            fewer names than values.

    Example:
    >>> regard.plot.bars([0.7, 0.1, 0.2], ["age", "height", "weight"], sort=True)
    """
    row = nonnegative_row(values, "values of the bars")
    names = [_name(label) for label in _checked(labels, len(row))]
    check_same_length({"values": row, "labels": names}, of="the bars")
    check_label("title", title)
    order = sorted(range(len(row)), key=lambda index: -row[index])[: check_most(most)]
    if not check_flag("sort", sort):
        order.sort()
    return BarsPlot(
        [row[index] for index in order],
        [names[index] for index in order],
        title,
        len(row) - len(order),
    )


def _checked(labels: object, count: int) -> Iterable[object]:
    if labels is None:
        return range(count)
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        raise ArgumentError(
            "The labels of the bars cannot be drawn.",
            expected="a list of names, one a value",
            received=described(labels),
        )
    return labels


def _name(label: object) -> str:
    """A name on one line, in which nothing acts on a page or a terminal."""
    return " ".join(for_terminal(str(label)).split()) or "∅"
