"""The pictures of a page on trust, each with its table."""

from collections.abc import Sequence
from math import isfinite, nan
from typing import Any

from regard.plot import _charts as charts
from regard.plot._trust_tables import (
    ATTENTION,
    RANDOM,
    as_number,
    folded_table,
    interval_text,
    named,
    series,
    table_head,
    table_row,
)
from regard.plot.document import safe


def curves_article(report: Any, most: int | None = None) -> str:
    """The curves of erasing and of keeping, of each eraser.

    Args:
        report: The report.
        most: The most erasers that are shown, the first; None: all.
    """
    return "".join(
        _curves_of(report, eraser, curves)
        for eraser, curves in [*report.curves.items()][:most]
        if curves
    )


def _curves_of(report: Any, eraser: str, curves: Any) -> str:
    names = [*(each for each in curves if each != RANDOM)]
    panels = "".join(
        f"<figure><figcaption>{caption}</figcaption>"
        f"{_panel(report.best, curves, names, side)}</figure>\n"
        for side, caption in (
            ("without", "first words erased: the answer moves by"),
            ("alone", "first words kept alone: the answer moves by"),
        )
    )
    entries: list[tuple[str, int | None, bool]] = [
        (_in_key(report, name), place, _stands_out(report.best, name))
        for name, place in series(names).items()
    ]
    if RANDOM in curves:
        entries.append((_in_key(report, RANDOM), None, False))
    lead = (
        "Words are taken in an order, and the highest 5, 10, 20 and 50 % of them are "
        "erased, or kept alone. An order that finds what the answer rests on is high "
        "on the left and low on the right. The grey band is what the runs of random "
        "orders span."
    )
    is_first = eraser == next(iter(report.curves))
    said = f'<p class="soft">{lead}</p>\n' if is_first else ""
    return (
        f"{said}<h3>Erased by {safe(eraser)}</h3>\n"
        f'<div class="panels">\n{panels}</div>\n{charts.key(entries)}'
        f"{_curves_table(curves)}"
    )


def _panel(best: str, curves: Any, names: Sequence[str], side: str) -> str:
    first = next(iter(curves.values()))
    shares = [100 * share for share in first.fractions]
    lines = (side, f"{side}_low", f"{side}_high")
    heights = [
        each
        for curve in curves.values()
        for line in lines
        for each in getattr(curve, line)
    ]
    frame = charts.Frame.around([0.0, *shares], [0.0, *heights])
    # What nothing was erased from is where it was.
    start = [(0.0, 0.0)] if side == "without" else []
    drawn = ""
    if RANDOM in curves:
        chance = curves[RANDOM]
        ends = (getattr(chance, f"{side}_{end}") for end in ("low", "high"))
        drawn += charts.band(frame, shares, *ends)
        points = [*start, *zip(shares, getattr(chance, side), strict=True)]
        drawn += charts.line(frame, points, None)
    # Those that stand out are drawn last, over the others.
    for name in sorted(names, key=lambda each: _stands_out(best, each)):
        points = [*start, *zip(shares, getattr(curves[name], side), strict=True)]
        thick = _stands_out(best, name)
        drawn += charts.line(frame, points, series(names)[name], thick=thick)
    ticks = [(share, f"{share:g}") for share in (0.0, *shares)]
    if len(ticks) > 2 and shares[0] < 0.15 * shares[-1]:
        ticks.pop(1)
    ticks[-1] = (ticks[-1][0], f"{ticks[-1][1]} %")
    return charts.chart(frame, drawn, ticks)


def _stands_out(best: str, name: str) -> bool:
    return name in {best, ATTENTION}


def _in_key(report: Any, name: str) -> str:
    return f"{named(name)} (the best)" if name == report.best else named(name)


def _curves_table(curves: Any) -> str:
    shares = next(iter(curves.values())).fractions
    head = table_head("order", "words", *(f"{share:.0%}" for share in shares))
    rows = ""
    for name, curve in curves.items():
        for side, what in (("without", "erased"), ("alone", "kept alone")):
            values = getattr(curve, side)
            lows, highs = getattr(curve, f"{side}_low"), getattr(curve, f"{side}_high")
            cells = [as_number(each) for each in values]
            if lows and highs:
                ends = zip(lows, highs, strict=True)
                cells = [
                    f"{cell} [{as_number(low)}, {as_number(high)}]"
                    for cell, (low, high) in zip(cells, ends, strict=False)
                ]
            rows += table_row(named(name), what, *cells)
    return folded_table("The curves as a table", head, rows)


def placement_article(report: Any) -> str:
    """What shuffling the weights does to the answers."""
    placement = report.placement
    if placement is None:
        return (
            "<p>Not measured: the weights of this layer cannot be replaced by others."
            "</p>\n"
        )
    lead = (
        "The same weights are dealt out anew among the words, twenty times. Where the "
        "place of a weight matters, the answer moves, and the shuffled ones are less "
        "certain, or closer to each other than to it."
    )
    counts = placement.moved
    edges = [each / len(counts) for each in range(len(counts) + 1)]
    last = max((n for n, count in enumerate(counts, 1) if count), default=1)
    shown = max(last, min(4, len(counts)))
    frame = charts.Frame(0.0, edges[shown], 0.0, 1.08 * max(*counts, 5))
    gate = report.gates.get("moved")
    bound = nan if gate is None else gate.bound
    moved = charts.bars(frame, edges[: shown + 1], counts[:shown])
    moved += charts.upright(frame, bound, f"bound {bound:g}", None)
    panels = (
        f"<figure><figcaption>{safe(report.unit)}, by how far shuffling moves the "
        f"answer</figcaption>{charts.chart(frame, moved)}</figure>\n"
        "<figure><figcaption>mean uncertainty of the answer, in nats: each shuffle, "
        f"and the model's own</figcaption>{_shuffles(placement)}</figure>\n"
    )
    rows = table_row("own weights", as_number(placement.own, 4))
    rows += "".join(
        table_row(f"shuffle {place}", as_number(each, 4))
        for place, each in enumerate(placement.shuffled, 1)
    )
    texts = "".join(
        table_row(f"{low:g} to {high:g}", f"{count:,}")
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
        if count
    )
    return (
        f'<p class="soft">{lead}</p>\n<div class="panels">\n{panels}</div>\n'
        + folded_table(
            "How far it moves, as a table", table_head("moved by", report.unit), texts
        )
        + folded_table("Uncertainty as a table", table_head("weights", "nats"), rows)
    )


def _shuffles(placement: Any) -> str:
    values = [placement.own, *placement.shuffled]
    known = [each for each in values if isfinite(each)] or [0.0]
    pad = 0.12 * ((max(known) - min(known)) or abs(max(known)) or 1.0)
    frame = charts.Frame(min(known) - pad, max(known) + pad, 0.0, 1.0)
    # One over the other in a zigzag, so that dots of like values can be told apart.
    heights = (0.25 + 0.1 * (place % 5) for place in range(len(placement.shuffled)))
    points = zip(sorted(placement.shuffled), heights, strict=True)
    drawn = charts.dots(frame, points, None, 4)
    drawn += charts.upright(frame, placement.own, "own", 0)
    drawn += charts.dots(frame, [(placement.own, 0.45)], 0, 6)
    return charts.chart(frame._replace(top=1.0), drawn, y_ticks=False)


def reliability_article(report: Any) -> str:
    """The effect of words by their weight."""
    reliability = report.reliability
    if reliability is None:
        return ""
    lead = (
        "The words of each text in ten parts by their weight: how far the answer moves "
        "without a word of the part. Where weights can be read as sizes, the effect "
        "rises with them."
    )
    effects = reliability.effect
    rows = [
        (place, each.value, each.low, each.high)
        for place, each in enumerate(effects, 1)
    ]
    heights = [each for row in rows for each in row[1:]]
    sides = [0.5, len(rows) + 0.5]
    frame = charts.Frame.around(sides, [0.0, *heights])
    drawn = charts.whiskers(frame, ((x, low, high) for x, _, low, high in rows), 0)
    drawn += charts.line(frame, ((x, value) for x, value, *_ in rows), 0)
    ticks = [(float(x), str(x)) for x in range(1, len(rows) + 1)]
    weights = charts.Frame.around(sides, [0.0, *reliability.weight])
    edges = [place + 0.5 for place in range(len(rows) + 1)]
    weighed = charts.bars(weights, edges, reliability.weight)
    table = "".join(
        table_row(
            str(place),
            as_number(weight, 4),
            interval_text(each.value, each.low, each.high, 4),
        )
        for place, (weight, each) in enumerate(
            zip(reliability.weight, effects, strict=False), 1
        )
    )
    head = table_head("part", "mean weight", "the answer moves by")
    return (
        f'<p class="soft">{lead}</p>\n<div class="panels">\n'
        "<figure><figcaption>mean weight of a word of the part; 1 the lightest, "
        f"{len(rows)} the heaviest</figcaption>{charts.chart(weights, weighed, ticks)}"
        "</figure>\n<figure><figcaption>without it the answer moves by</figcaption>"
        f"{charts.chart(frame, drawn, ticks)}</figure></div>\n"
        f"{folded_table('Weight and effect as a table', head, table)}"
    )
