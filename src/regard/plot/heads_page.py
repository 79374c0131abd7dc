"""The page of the heads of a model: thumbnails, one of them large, a table.

The weights travel as bytes and are drawn on canvases by the one script of the page, as
a model of 144 heads over 60 tokens has half a million of them. Without the script the
table remains.
"""

import base64
import json
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from regard.plot._color_scale import ink, shades
from regard.plot._head_weights import FIGURES, HeadFigures, LayerHeads
from regard.plot._weight_grid import LABEL
from regard.plot.characters import visible
from regard.plot.document import (
    color_legend,
    document,
    fragment_style,
    page_style,
    remainder,
    safe,
)
from regard.types import FloatArray

DISCLAIMER = "Weights show where a head looked, not why the model decided."
_READING = (
    "Each small picture is a head, its rows the queries, its columns the keys: the "
    "stronger the shade, the more attention, up to the largest weight of that head. "
    "Open one to see its tokens."
)
_ROUNDED = (
    "The weights on this page are rounded to 256 steps, by at most 0.4 % of the "
    "largest weight of their head; the figures in the table are exact."
)
_HOW = (
    "Point at a token, or move with the arrow keys: up and down through the queries, "
    "left and right through the keys; Escape chooses none."
)
_STEPS = 255
_WIDEST = 16
_MOST_LINES = 6
_STYLE = """
main.regard{max-width:90rem}
main.regard>header{max-width:60rem}
.regard:not(.drawn) .needs-script{display:none}
.regard.drawn .no-script{display:none}
.regard button{font:inherit;color:inherit;background:none;border:0;padding:0;
cursor:pointer}
.regard :is(button,select,input,.view,.wide):focus-visible{
outline:2px solid var(--link);outline-offset:2px}
.regard .heads{display:grid;gap:1.25rem;grid-template-columns:minmax(0,1fr);
margin-top:1.25rem}
.regard .heads>article{margin:0;min-width:0}
.regard .layers{display:grid;grid-template-columns:max-content minmax(0,1fr);
gap:.35rem .6rem;align-items:center;margin:1rem 0 0}
.regard .layers.long{grid-template-columns:minmax(0,1fr);gap:.15rem}
.regard .layers h3{font-size:.8125rem;font-weight:400;color:var(--soft);margin:0;
text-align:end;font-variant-numeric:tabular-nums}
.regard .layers.long h3{text-align:start}
.regard .layers.long h3:not(:first-child){margin-top:.5rem}
.regard .thumbs{display:grid;gap:3px;
grid-template-columns:repeat(var(--heads),minmax(1.5rem,6rem))}
@media (max-width:40rem){.regard .layers{grid-template-columns:minmax(0,1fr);gap:.15rem}
.regard .layers h3{text-align:start}
.regard .thumbs{grid-template-columns:repeat(auto-fill,minmax(1.5rem,1fr))}}
.regard .thumb{display:block;width:100%;aspect-ratio:1;min-height:1.5rem;
border:1px solid var(--line);border-radius:2px;overflow:hidden}
.regard .thumb.flat{aspect-ratio:auto}
.regard .thumb canvas{display:block;width:100%;height:100%;image-rendering:pixelated}
.regard .thumb.fine canvas{image-rendering:auto}
.regard .thumb[aria-pressed=true]{outline:3px solid var(--ink);outline-offset:1px;
position:relative;z-index:1}
.regard .asks{display:flex;flex-wrap:wrap;gap:.6rem 1.25rem;align-items:center;
margin:.75rem 0;font-size:.875rem}
.regard .asks fieldset{border:0;margin:0;padding:0;display:flex;gap:.9rem}
.regard .asks legend{float:left;margin-inline-end:.6rem}
.regard .asks select{font:inherit;color:inherit;background:var(--paper);max-width:14rem;
border:1px solid var(--soft);border-radius:.4rem;padding:.3rem .5rem;min-height:1.9rem}
.regard .asks label{min-height:1.5rem}
.regard .view{overflow:auto;max-height:85vh;border:1px solid var(--line);
border-radius:.3rem}
.regard .view+.legend{margin-top:.5rem}
.regard .heads~p{margin-top:1rem}
.regard .view canvas{display:block;cursor:crosshair}
.regard .said{min-height:3em;margin:.5rem 0;font-variant-numeric:tabular-nums}
.regard .wide{overflow-x:auto;max-height:32rem}
.regard .wide table{overflow-wrap:normal;white-space:nowrap}
.regard .wide td,.regard .wide th{text-align:end;font-variant-numeric:tabular-nums;
padding-inline:.1rem .9rem}
.regard .wide :is(td,th):first-child{text-align:start}
.regard .wide thead th{position:sticky;top:0;background:var(--paper)}
.regard .wide th button{font-weight:600;min-height:1.6rem}
.regard .wide .opens{color:var(--link);text-decoration:underline;min-width:1.6rem;
min-height:1.6rem}
.regard th[aria-sort] button::after{content:" \\25b2";font-size:.7em}
.regard th[aria-sort=descending] button::after{content:" \\25bc"}
.regard tr.open :is(td,th){font-weight:700}
@media (min-width:64rem){
.regard .heads{grid-template-columns:minmax(0,5fr) minmax(0,6fr);align-items:start;
grid-template-rows:auto 1fr}
.regard #heads-opened{grid-row:span 2;position:sticky;top:.5rem}}
@media print{.regard .view,.regard .wide{max-height:none;overflow:visible}
.regard .heads{display:block}.regard .heads>article{margin-top:1rem}}
""".lstrip()


def heads_page(layers: Sequence[LayerHeads], title: str, left_out: int = 0) -> str:
    """The heads as one page that needs no network."""
    notes = dict.fromkeys(
        note for each in layers for grid in each.grids for note in grid.notes
    )
    said = "".join(f'<p class="soft">{safe(note)}</p>\n' for note in notes)
    return document(
        title=f"{title}: heads",
        heading=safe(title),
        lead=f"{_READING} {DISCLAIMER}",
        body=f'<div class="heads">\n{_overview(layers)}{_opened()}{_table(layers)}'
        f"</div>\n{said}{remainder(left_out)}"
        f'<p class="soft needs-script">{_ROUNDED}</p>\n{_data(layers)}',
        style=page_style() + _STYLE,
        script=_script(),
    )


def heads_fragment(layers: Sequence[LayerHeads], title: str, left_out: int = 0) -> str:
    """The page in a frame of its own, inside another page."""
    page = heads_page(layers, title, left_out)
    count = sum(len(each.grids) for each in layers)
    return (
        f'<style>{fragment_style()}</style>\n<div class="regard">\n'
        f'<iframe title="{safe(title)}: {count} heads" sandbox="allow-scripts" '
        'width="100%" height="760" style="border:0;width:100%;min-height:760px" '
        f'srcdoc="{escape(page)}"></iframe>\n<p class="soft">{DISCLAIMER}</p>\n</div>\n'
    )


def short_names(layers: Sequence[str]) -> list[str]:
    """What tells layers apart: their paths without what all of them share."""
    if len(layers) < 2:
        return list(layers)
    # A number or word is never cut in two.
    start = re.sub(r"[^/_ ]*$", "", _common_start(layers))
    rests = [name[len(start) :] for name in layers]
    end = _common_start([rest[::-1] for rest in rests])[::-1]
    end = re.sub(r"^[^/_ ]*", "", end)
    short = [rest.removesuffix(end) for rest in rests]
    return short if all(short) else list(layers)


def _common_start(texts: Sequence[str]) -> str:
    """The characters that all of these begin with."""
    first, last = min(texts), max(texts)
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((at for at, (a, b) in pairs if a != b), len(first))]


def figures_line(figures: HeadFigures) -> str:
    """The figures of a head on one line."""
    return ", ".join(
        f"{name} {number(value)}{f' {FIGURES[name]}' if FIGURES[name] else ''}"
        for name, value in figures._asdict().items()
        if not isnan(value)
    )


def number(value: float) -> str:
    """A figure of a head; a dash where it means nothing."""
    return "-" if isnan(value) else f"{value:z.3f}"


def _overview(layers: Sequence[LayerHeads]) -> str:
    names = short_names([each.layer for each in layers])
    # So many fit beside each other; more go on in the next line.
    widest = min(max(len(each.grids) for each in layers), _WIDEST)
    rows, count = "", 0
    for each, name in zip(layers, names, strict=True):
        rows += (
            f'<h3 lang=""><bdi>{safe(visible(name, 40))}</bdi></h3>'
            f'<div class="thumbs" role="group" style="--heads:{widest}" '
            f'aria-label="{safe(each.layer)}">'
        )
        for place, figures in enumerate(each.figures):
            shape = each.grids[place].weights.shape
            look = " flat" * (shape[0] * 4 < shape[1]) + " fine" * (max(shape) > 40)
            label = f"{each.layer}, head {place}: {figures_line(figures)}"
            rows += (
                f'<button type="button" class="thumb{look}" '
                f'tabindex="{-1 if count else 0}" aria-pressed="false" '
                f'title="{safe(label)}" aria-label="{safe(label)}">'
                '<canvas aria-hidden="true"></canvas></button>'
            )
            count += 1
        rows += "</div>\n"
    is_long = max(map(len, names)) > 6
    return (
        f"<article>\n<h2>{count} {'head' if count == 1 else 'heads'}</h2>\n"
        '<p class="soft no-script">The pictures need JavaScript; the table below does '
        "not.</p>\n"
        f'<div class="layers needs-script{" long" * is_long}">\n{rows}</div>\n'
        "</article>\n"
    )


def _opened() -> str:
    note = "weight; the scale ends at the largest of this head"
    legend = color_legend('<span id="heads-end"></span>', note)
    return (
        '<article id="heads-opened" class="needs-script">\n'
        '<h2 id="heads-title" lang=""></h2>\n<p class="soft" id="heads-figures"></p>\n'
        '<div class="asks"><fieldset><legend>Draw</legend>'
        '<label><input type="radio" name="heads-look" value="lines" checked> lines'
        '</label><label><input type="radio" name="heads-look" value="cells"> cells'
        "</label></fieldset>"
        '<label>Query <select id="heads-query" lang=""></select></label></div>\n'
        f'<p class="soft" id="heads-how">{_HOW}</p>\n'
        '<p class="said" id="heads-said" aria-live="polite" dir="auto" lang=""></p>\n'
        '<div class="view" id="heads-view" role="application" tabindex="0" '
        'aria-roledescription="attention map" aria-describedby="heads-how">'
        '<canvas aria-hidden="true"></canvas></div>\n'
        f"{legend}"
        '<details open><summary id="heads-keys-of"></summary>\n<table><thead><tr>'
        '<th scope="col">Key</th><th scope="col" class="number">Weight</th>'
        '<th scope="col" class="number">Place</th></tr></thead>'
        '<tbody id="heads-keys" lang=""></tbody></table></details>\n</article>\n'
    )


def _table(layers: Sequence[LayerHeads]) -> str:
    heads = "".join(
        f'<th scope="col"><button type="button">{name}</button></th>'
        for name in (
            "Layer",
            "Head",
            *(
                f"{name[:1].upper()}{name[1:]}{f', {unit}' if unit else ''}"
                for name, unit in FIGURES.items()
            ),
        )
    )
    rows, count = "", 0
    names = short_names([each.layer for each in layers])
    for order, (each, name) in enumerate(zip(layers, names, strict=True)):
        for place, figures in enumerate(each.figures):
            cells = "".join(
                f'<td data-value="{value:.6g}">{number(value)}' for value in figures
            )
            rows += (
                f'<tr data-head="{count}"><th scope="row" data-value="{order}">'
                f"{safe(visible(name))}</th>"
                f'<td data-value="{place}"><button type="button" class="opens" '
                f'aria-label="Open head {place} of {safe(each.layer)}">{place}</button>'
                f"{cells}\n"
            )
            count += 1
    return (
        '<article>\n<h2>Figures of each head</h2>\n<p class="soft">Means over the '
        "queries. Entropy is 0 where a query looks at one key; distance is how far "
        "away it looks; first is the weight of the first key.</p>\n"
        '<div class="wide" tabindex="0" role="region" aria-label="Figures of each '
        'head"><table id="heads-table">\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
        "</article>\n"
    )


def _data(layers: Sequence[LayerHeads]) -> str:
    sides: dict[tuple[str, ...], int] = {}
    packed, kept, start = bytearray(), [], 0
    for each in layers:
        first = each.grids[0]
        tops = [float(grid.weights.max(initial=0)) for grid in each.grids]
        for grid, top in zip(each.grids, tops, strict=True):
            packed += _bytes(grid.weights, top)
        kept.append(
            {
                "name": visible(each.layer),
                "start": start,
                "tops": [float(f"{top:.6g}") for top in tops],
                "figures": [figures_line(figures) for figures in each.figures],
                "rows": sides.setdefault(first.rows, len(sides)),
                "columns": sides.setdefault(first.columns, len(sides)),
            }
        )
        start += len(each.grids)
    data: dict[str, Any] = {
        "layers": kept,
        "most": _MOST_LINES,
        "names": [[visible(name, LABEL) for name in side] for side in sides],
    }
    for theme in ("light", "dark"):
        data[theme] = shades(theme)
        data[f"{theme}Ink"] = [ink(shade) for shade in shades(theme)]
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<script type="application/json" id="heads-data">{text}</script>\n'
        '<script type="text/plain" id="heads-weights">'
        f"{base64.b64encode(packed).decode()}</script>\n"
    )


def _bytes(weights: FloatArray, top: float) -> bytes:
    """Weights in 256 steps that are finer for small ones: the root of their share."""
    if not top:
        return bytes(weights.size)
    share = np.sqrt(np.clip(weights / top, 0, 1))
    return np.round(_STEPS * share).astype(np.uint8).tobytes()


@cache
def _script() -> str:
    return Path(__file__).with_suffix(".js").read_text("utf-8")
