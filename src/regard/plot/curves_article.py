"""The HTML of curves with their spread."""

from collections.abc import Mapping
from itertools import chain

from regard.plot.averages import Average
from regard.plot.document import safe

# Told apart in all common kinds of colour blindness, and by their dashes in print.
COLORS = ("#c2410c", "#0b5fb5", "#15803d", "#7e22ce", "#a16207", "#0f766e", "#be185d")
DASHES = ("", "6 3", "2 2", "8 2 2 2", "10 4", "4 1", "1 3")
_WIDE, _HIGH = 640, 320

STYLE = """
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


def curves_article(averages: Mapping[str, Average], x_label: str, y_label: str) -> str:
    """The curves, what each is, and where they end as a table."""
    top = max(float(max(one.high)) for one in averages.values())
    bottom = min(0.0, *(float(min(one.low)) for one in averages.values()))
    last = max(float(one.x[-1]) for one in averages.values())
    drawn = "".join(
        _curve(one, number, (last, bottom, top))
        for number, one in enumerate(averages.values())
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


def _curve(one: Average, number: int, frame: tuple[float, float, float]) -> str:
    last, bottom, top = frame
    span = (top - bottom) or 1.0

    def point(x: float, y: float) -> str:
        return f"{_WIDE * x / last:.1f},{_HIGH * (top - y) / span:.1f}"

    color = COLORS[number % len(COLORS)]
    dashes = DASHES[number % len(DASHES)]
    there = zip(one.x, one.high, strict=True)
    back = reversed(list(zip(one.x, one.low, strict=True)))
    band = " ".join(point(x, y) for x, y in chain(there, back))
    line = " ".join(point(x, y) for x, y in zip(one.x, one.mean, strict=True))
    return (
        f'<polygon fill="{color}" points="{band}"/>'
        f'<polyline stroke="{color}" stroke-dasharray="{dashes}" points="{line}"/>'
    )


def _key(averages: Mapping[str, Average]) -> str:
    entries = "".join(
        f'<li><svg viewBox="0 0 32 8" aria-hidden="true"><polyline fill="none" '
        f'stroke-width="2" stroke="{COLORS[number % len(COLORS)]}" '
        f'stroke-dasharray="{DASHES[number % len(DASHES)]}" points="0,4 32,4"/></svg>'
        f"{safe(name)}</li>"
        for number, name in enumerate(averages)
    )
    return f'<ul class="key">{entries}</ul>\n'


def _ends(averages: Mapping[str, Average], y_label: str) -> str:
    rows = "".join(
        f'<tr><th scope="row">{safe(name)}</th><td>{one.mean[0]:.4g}</td>'
        f"<td>{one.mean[-1]:.4g}</td><td>{one.deviation[-1]:.2g}</td></tr>"
        for name, one in averages.items()
    )
    return (
        f'<table class="ends"><thead><tr><th scope="col">{safe(y_label)}</th>'
        '<th scope="col">first</th><th scope="col">last</th>'
        f'<th scope="col">deviation</th></tr></thead><tbody>{rows}</tbody></table>\n'
    )
