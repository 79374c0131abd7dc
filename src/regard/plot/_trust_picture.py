"""A report on trust as one picture, drawn by matplotlib."""

import textwrap
from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from regard.plot._curves_plot import COLORS
from regard.plot._trust_tables import ATTENTION, RANDOM, about, named, series
from regard.plot.canvas import (
    SOFT,
    blank_figure,
    cut,
    drawing_settings,
    encoded_figure,
    require_matplotlib,
    text_properties,
)
from regard.plot.characters import for_page

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = 10.0, 8.6
_LINE_INCHES, _CHARACTERS = 0.19, 118
# As on the page: attention is blue.
_COLORS = (COLORS[1], COLORS[0], *COLORS[2:])
_DASHES: tuple[Any, ...] = (
    "-", (0, (7, 3)), (0, (2, 3)), (0, (9, 3, 2, 3)), (0, (12, 4)), (0, (4, 2)),
    (0, (1, 4)),
)  # fmt: skip


def trust_picture(report: Any, kind: str) -> bytes:
    """The verdict and the curves, as the bytes of a ``png`` or ``svg`` file.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib()
    with drawing_settings():
        figure = blank_figure()
        lines = _lines(report)
        head = _LINE_INCHES * (len(lines) + 3)
        figure.set_size_inches(_INCHES[0], _INCHES[1] + head)
        figure.set_layout_engine(
            "constrained",
            rect=(0.01, 0.01, 0.98, 0.99 - head / (_INCHES[1] + head)),
            h_pad=0.12,
            w_pad=0.1,
        )
        top = 1 - 0.1 / (_INCHES[1] + head)
        look = text_properties()
        title = for_page(str(report.verdict).upper())
        figure.text(0.02, top, title, va="top", fontsize=15, weight="bold", **look)
        body = "\n".join(lines)
        below = top - 2 * _LINE_INCHES / (_INCHES[1] + head)
        figure.text(0.02, below, body, va="top", fontsize=9.5, linespacing=1.35, **look)
        (erased, kept), (shuffled, reliable) = figure.subplots(2, 2)
        curves: Any = next(iter(report.curves.values()), {})
        _draw_curves(erased, report, curves, "without")
        _draw_curves(kept, report, curves, "alone")
        _draw_placement(shuffled, report)
        _draw_reliability(reliable, report)
        return encoded_figure(figure, kind)


def draw_erasure(axes: "Axes", report: Any) -> None:
    """The curves of a report without the first words, on axes of the user's."""
    curves: Any = next(iter(report.curves.values()), {})
    _draw_curves(axes, report, curves, "without")


def _lines(report: Any) -> list[str]:
    lines = []
    for each in (report.sentence, *report.reasons):
        lines += textwrap.wrap(for_page(each), _CHARACTERS)
    return [*lines, *textwrap.wrap(for_page(about(report)), _CHARACTERS)]


def _titled(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, **text_properties())
    axes.spines[["top", "right"]].set_visible(False)


def _draw_curves(axes: "Axes", report: Any, curves: Any, side: str) -> None:
    what = "erased" if side == "without" else "kept alone"
    _titled(axes, f"First words {what}: how far the answer moves")
    axes.set_xlabel("share of the words, %")
    if not curves:
        return
    names = [name for name in curves if name != RANDOM]
    start = [0.0] if side == "without" else []
    for name, place in series(names).items():
        thick = name in {ATTENTION, report.best}
        x = [*start, *(100 * each for each in curves[name].fractions)]
        label = named(name) + (" (the best)" if name == report.best else "")
        axes.plot(
            x,
            [*start, *getattr(curves[name], side)],
            color=_COLORS[place % len(_COLORS)],
            linestyle=_DASHES[place % len(_DASHES)],
            lw=2.6 if thick else 1.3,
            marker="o",
            markersize=4 if thick else 3,
            zorder=3 if thick else 2,
            label=_label(label),
        )
    if RANDOM in curves:
        _draw_chance(axes, curves[RANDOM], side, start)
    axes.set_ylim(bottom=0)
    if side == "without":
        legend = axes.legend(frameon=False, fontsize=8)
        legend.set_in_layout(False)
        for entry in legend.get_texts():
            entry.set(**text_properties())


def _draw_chance(axes: "Axes", curve: Any, side: str, start: Sequence[float]) -> None:
    shares = [100 * each for each in curve.fractions]
    low, high = getattr(curve, f"{side}_low"), getattr(curve, f"{side}_high")
    if low and high:
        axes.fill_between(shares, low, high, color=SOFT, alpha=0.25, lw=0)
    values = [*start, *getattr(curve, side)]
    axes.plot([*start, *shares], values, ":", color=SOFT, lw=1.6, label=named(RANDOM))


def _draw_placement(axes: "Axes", report: Any) -> None:
    _titled(axes, "Uncertainty under shuffled weights and own ones, nats")
    axes.set_yticks([])
    placement = report.placement
    if placement is None:
        _say(axes, "not measured")
        return
    heights = [0.3 + 0.1 * (place % 5) for place in range(len(placement.shuffled))]
    axes.plot(
        sorted(placement.shuffled),
        heights,
        "o",
        color=SOFT,
        alpha=0.7,
        label="shuffled",
    )
    axes.axvline(placement.own, color=_COLORS[0], ls="--", lw=1.6)
    axes.plot([placement.own], [0.5], "o", ms=9, color=_COLORS[0], label="own")
    axes.set_ylim(0, 1)
    axes.legend(frameon=False, fontsize=8)


def _draw_reliability(axes: "Axes", report: Any) -> None:
    _titled(axes, "Without a word: how far the answer moves, by its weight")
    reliability = report.reliability
    if reliability is None:
        _say(axes, "not kept in this report")
        return
    rows = [
        (place, each.value, each.low, each.high)
        for place, each in enumerate(reliability.effect, 1)
        if isfinite(each.value)
    ]
    for place, _, low, high in rows:
        if isfinite(low + high):
            axes.plot([place, place], [low, high], color=_COLORS[0], lw=1.6)
    places, values = [row[0] for row in rows], [row[1] for row in rows]
    axes.plot(places, values, "o-", color=_COLORS[0], lw=1.2, markersize=4)
    axes.set_xticks(range(1, len(reliability.effect) + 1))
    axes.set_xlabel("tenth of the words of a text, by weight; 1 the lightest")
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))


def _say(axes: "Axes", text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", color=SOFT, transform=axes.transAxes)


def _label(name: str) -> str:
    # matplotlib leaves out names that begin with an underscore.
    shown = cut(for_page(name))
    return f"\u200b{shown}" if shown.startswith("_") else shown
