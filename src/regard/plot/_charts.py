"""Small charts as SVG that is part of a page: its colours, no script, no style inside.

A chart is a picture of numbers that stand in a table beside it, and is hidden from
screen readers for that.
"""

from collections.abc import Iterable, Sequence
from math import ceil, floor, isfinite, log10
from typing import NamedTuple

from regard.plot.document import safe

# The picture and the room for the numbers along its sides, in its own units.
_WIDE, _HIGH = 360, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 350, 8, 204
_TICKS = 5

CHART_STYLE = """
.regard .chart{display:block;width:100%;height:auto;overflow:visible;
font-variant-numeric:tabular-nums}
.regard .chart text{fill:var(--soft);font-size:11px}
.regard .chart .grid{stroke:var(--line);stroke-width:1}
.regard .chart .line{fill:none;stroke:currentColor;stroke-width:1.6;
stroke-linejoin:round;stroke-linecap:round}
.regard .chart .thick{stroke-width:3.2}
.regard .chart .dashed{stroke-dasharray:4 3}
.regard .chart .mark{fill:currentColor}
.regard .chart .band{fill:currentColor;fill-opacity:.25}
.regard .chart .bars{fill:currentColor;fill-opacity:.65}
.regard .chart *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
.regard .s0{color:#0b5fb5}.regard .s1{color:#c2410c}.regard .s2{color:#15803d}
.regard .s3{color:#7e22ce}.regard .s4{color:#a16207}.regard .s5{color:#0f766e}
.regard .s6{color:#be185d}.regard .sx{color:var(--soft)}
@media (prefers-color-scheme:dark){
.regard .s0{color:#86b7ff}.regard .s1{color:#fb9a5b}.regard .s2{color:#5fd38a}
.regard .s3{color:#c9a2ff}.regard .s4{color:#e5b94a}.regard .s5{color:#4fd1c5}
.regard .s6{color:#f490c0}}
.regard .panels{display:grid;grid-template-columns:1fr 1fr;gap:1.25rem;
margin:1rem 0 .25rem}
.regard .panels figure{margin:0;min-width:0;display:flex;flex-direction:column;
justify-content:flex-end}
.regard .panels figcaption{font-size:.875rem;margin-bottom:.4rem}
.regard .keys{list-style:none;display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;
padding:0;margin:.5rem 0 0;font-size:.875rem}
.regard .keys svg{display:inline-block;width:2rem;height:.6rem;margin-inline-end:.4rem;
vertical-align:middle}
.regard .keys span{color:var(--ink)}
@media (max-width:34rem){.regard .panels{grid-template-columns:1fr}}
@media print{.regard .panels{break-inside:avoid}}
""".lstrip()
#: The classes of the colours of series, and their dashes: told apart in print as well.
SERIES = ("s0", "s1", "s2", "s3", "s4", "s5", "s6")
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 2", "1 4")


class Frame(NamedTuple):
    """The numbers at the edges of a chart.

    Args:
        left: At its left edge.
        right: At its right edge.
        bottom: At its lower edge.
        top: At its upper edge.
    """

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def around(
        cls, x: Iterable[float], y: Iterable[float], *, zero: bool = True
    ) -> "Frame":
        """A frame that holds all points that are numbers, opposite edges never alike.

        Args:
            x: Where they stand across.
            y: How high they stand.
            zero: Whether it begins at a height of 0, where none is below.
        """
        left, right = _ends(x, pad=0.0)
        bottom, top = _ends(y, pad=0.05)
        return cls(left, right, min(0.0, bottom) if zero else bottom, top)

    def across(self, x: float) -> float:
        """The place of a number from left to right."""
        share = (x - self.left) / (self.right - self.left)
        return _LEFT + (_RIGHT - _LEFT) * share

    def down(self, y: float) -> float:
        """The place of a number from top to bottom."""
        share = (self.top - y) / (self.top - self.bottom)
        return _TOP + (_BOTTOM - _TOP) * share


def chart(
    frame: Frame,
    body: str,
    x_ticks: Sequence[tuple[float, str]] | None = None,
    *,
    y_ticks: bool = True,
) -> str:
    """A chart with its ticks.

    Args:
        frame: Its edges.
        body: What is drawn in it, as SVG.
        x_ticks: Where ticks are along it and what they say; round numbers by default.
        y_ticks: Whether its height has numbers.
    """
    if x_ticks is None:
        x_ticks = [(x, f"{x:g}") for x in round_numbers(frame.left, frame.right)]
    lines = "" if y_ticks else f'<path class="grid" d="M{_LEFT} {_BOTTOM}H{_RIGHT}"/>'
    for y in round_numbers(frame.bottom, frame.top) if y_ticks else []:
        down = frame.down(y)
        lines += (
            f'<path class="grid" d="M{_LEFT} {down:.1f}H{_RIGHT}"/>'
            f'<text x="{_LEFT - 6}" y="{down + 4:.1f}" text-anchor="end">{y:g}</text>'
        )
    for x, name in x_ticks:
        lines += (
            f'<text x="{frame.across(x):.1f}" y="{_BOTTOM + 17}" '
            f'text-anchor="middle">{safe(name)}</text>'
        )
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDE} {_HIGH}" aria-hidden="true">'
        f"{lines}{body}</svg>\n"
    )


def line(
    frame: Frame,
    points: Iterable[tuple[float, float]],
    series: int | None,
    *,
    thick: bool = False,
) -> str:
    """A line with a mark at each point; points that are no numbers are left out.

    Args:
        frame: The edges of the chart.
        points: Where it goes.
        series: The number of its colour and dashes; None is grey.
        thick: Whether it stands out.
    """
    places = [(frame.across(x), frame.down(y)) for x, y in points if isfinite(x + y)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    size = 3.4 if thick else 2.6
    marks = "".join(
        f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="{size}"/>'
        for x, y in places
    )
    look = "line thick" if thick else "line"
    return (
        f'<g class="{_color(series)}"><polyline class="{look}"{_dashed(series)} '
        f'points="{path}"/>{marks}</g>'
    )


def band(
    frame: Frame, x: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> str:
    """The room between two lines, in grey; nothing where there are none."""
    rows = [row for row in zip(x, low, high, strict=False) if isfinite(sum(row))]
    there = [f"{frame.across(a):.1f},{frame.down(c):.1f}" for a, _, c in rows]
    back = [f"{frame.across(a):.1f},{frame.down(b):.1f}" for a, b, _ in reversed(rows)]
    path = " ".join([*there, *back])
    return f'<g class="sx"><polygon class="band" points="{path}"/></g>' if rows else ""


def bars(frame: Frame, edges: Sequence[float], heights: Sequence[float]) -> str:
    """Bars that stand side by side, from one edge to the next."""
    floor_at = frame.down(0)
    drawn = ""
    for left, right, height in zip(edges, edges[1:], heights, strict=False):
        if not isfinite(height):
            continue
        start, end = frame.across(left), frame.across(right)
        top = frame.down(height)
        drawn += (
            f'<rect x="{start + 0.5:.1f}" y="{top:.1f}" '
            f'width="{max(end - start - 1, 0.5):.1f}" height="{floor_at - top:.1f}"/>'
        )
    return f'<g class="s0"><g class="bars">{drawn}</g></g>'


def upright(frame: Frame, x: float, name: str, series: int | None) -> str:
    """A dashed line from bottom to top with its name; nothing where it is outside."""
    if not frame.left <= x <= frame.right:
        return ""
    place = frame.across(x)
    is_right = place > (_LEFT + _RIGHT) / 2
    side, anchor = (-5, "end") if is_right else (5, "start")
    return (
        f'<g class="{_color(series)}">'
        f'<path class="line dashed" d="M{place:.1f} {_TOP}V{_BOTTOM}"/></g>'
        f'<text x="{place + side:.1f}" y="{_TOP + 10}" text-anchor="{anchor}">'
        f"{safe(name)}</text>"
    )


def whiskers(
    frame: Frame, rows: Iterable[tuple[float, float, float]], series: int
) -> str:
    """Intervals, each a line from its low to its high end: ``(x, low, high)``."""
    drawn = "".join(
        f'<path class="line" d="M{frame.across(x):.1f} {frame.down(low):.1f}'
        f'V{frame.down(high):.1f}"/>'
        for x, low, high in rows
        if isfinite(low + high)
    )
    return f'<g class="{_color(series)}">{drawn}</g>'


def dots(
    frame: Frame, points: Iterable[tuple[float, float]], series: int | None, size: float
) -> str:
    """Dots of one size."""
    drawn = "".join(
        f'<circle class="mark" cx="{frame.across(x):.1f}" cy="{frame.down(y):.1f}" '
        f'r="{size}"/>'
        for x, y in points
        if isfinite(x + y)
    )
    return f'<g class="{_color(series)}">{drawn}</g>'


def key(entries: Iterable[tuple[str, int | None, bool]]) -> str:
    """What each line is: its name, the number of its colour, whether it is thick."""
    drawn = "".join(
        f'<li class="{_color(series)}"><svg class="chart" viewBox="0 0 32 10" '
        f'aria-hidden="true"><path class="{"line thick" if thick else "line"}"'
        f'{_dashed(series)} d="M1 5H31"/></svg><span>{safe(name)}</span></li>'
        for name, series, thick in entries
    )
    return f'<ul class="keys">{drawn}</ul>\n'


def interval_mark(value: float, low: float, high: float, bound: float) -> str:
    """A value with its interval beside the bound that it is held to, on one line."""
    given = [each for each in (value, low, high, bound, 0.0) if isfinite(each)]
    start, end = min(given), max(given)
    room = (end - start) or 1.0

    def at(number: float) -> float:
        return 4 + 112 * (number - start) / room

    drawn = '<path class="grid" d="M4 8H116"/>'
    drawn += f'<path class="tick" d="M{at(bound):.1f} 1V15"/>'
    if isfinite(low + high):
        drawn += f'<path class="span" d="M{at(low):.1f} 8H{at(high):.1f}"/>'
    if isfinite(value):
        drawn += f'<circle class="mark" cx="{at(value):.1f}" cy="8" r="3.2"/>'
    return (
        f'<svg class="chart mark-of s0" viewBox="0 0 120 16" aria-hidden="true">{drawn}'
        "</svg>"
    )


def round_numbers(low: float, high: float) -> list[float]:
    """Some round numbers between two others."""
    raw = (high - low) / _TICKS
    if not isfinite(raw) or raw <= 0:
        return []
    power = 10.0 ** floor(log10(raw))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= raw)
    first = ceil(low / step - 1e-9)
    last = floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _ends(values: Iterable[float], pad: float) -> tuple[float, float]:
    known = [value for value in values if isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    if low == high:
        return low, high + (abs(high) or 1.0)
    return low - pad * (high - low), high + pad * (high - low)


def _color(series: int | None) -> str:
    return "sx" if series is None else SERIES[series % len(SERIES)]


def _dashed(series: int | None) -> str:
    dashes = "1 4" if series is None else _DASHES[series % len(_DASHES)]
    return f' stroke-dasharray="{dashes}"' if dashes else ""
