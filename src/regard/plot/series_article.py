"""The HTML of attention over time: shaded steps behind a curve."""

from collections.abc import Sequence

from regard.plot.document import safe
from regard.plot.scale import LEVELS, end_of_scale, level

STYLE = """
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


def series_article(
    weights: Sequence[float], series: Sequence[float], title: str
) -> str:
    """The steps, each shaded by its weight, and the curve over them."""
    return (
        f'<article>\n<h2 dir="auto" lang="">{safe(title)}</h2>\n'
        f'<div class="series"><div class="soft"><span>{max(series):.4g}</span>'
        f'<span>{min(series):.4g}</span></div><div class="strip">'
        f"<div>{_steps(weights, series)}</div>{_curve(series)}</div>\n"
        f'<div class="soft steps"><span>step 0</span>'
        f"<span>step {len(series) - 1}</span></div></div>\n"
        f"{_legend(weights)}</article>\n"
    )


def _steps(weights: Sequence[float], series: Sequence[float]) -> str:
    top = end_of_scale(weights)
    half = len(weights) / 2
    return "".join(
        f'<i class="w{level(weight, top)}{" late" * (step > half)}" '
        f'data-w="step {step}: {value:.4g}, weight {weight:.3f}"></i>'
        for step, (weight, value) in enumerate(zip(weights, series, strict=True))
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


def _legend(weights: Sequence[float]) -> str:
    steps = "".join(f'<i class="w{step}"></i>' for step in range(LEVELS))
    top = end_of_scale(weights)
    return (
        f'<p class="legend soft"><span>0</span><span class="scale" aria-hidden="true">'
        f"{steps}</span><span>{top:.3f}</span><span>weight of a step; "
        f"spread evenly, each would have {1 / len(weights):.3f}</span></p>\n"
    )
