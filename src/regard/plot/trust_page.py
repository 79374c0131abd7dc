"""The HTML of a report on trust: the verdict first, then pictures with their tables."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from regard.plot import _charts as charts
from regard.plot._text_segments import WeightedText, percent, shown_weight
from regard.plot._trust_figures import (
    changes_article,
    erasers_article,
    figures_article,
    gates_article,
    groups_article,
    plausibility_article,
    repetitions_article,
)
from regard.plot._trust_panels import (
    curves_article,
    placement_article,
    reliability_article,
)
from regard.plot._trust_tables import (
    about,
    folded_table,
    table_head,
    table_row,
)
from regard.plot.document import (
    contents,
    document,
    embedded,
    fragment_style,
    grey_style,
    page_style,
    remainder,
    safe,
    signed_style,
    told,
)
from regard.plot.text_page import shaded_text

TITLE = "May these weights be read as reasons?"
_TONES = {
    "explains": "good",
    "misleads": "bad",
    "not the weights": "bad",
    "does not explain": "bad",
}
_GAIN = (
    "The gain of an order: how far the answer moves when its first words are erased, "
    "less how far it moves when only they are kept, the mean over the shares."
)
# Whoever opens a notebook loads all that is shown in it.
_MOST_TOKENS = 24
_STYLE = """
.regard .verdict{border-inline-start:.4rem solid var(--soft)}
.regard .verdict.good{border-inline-start-color:var(--link)}
.regard .verdict.bad{border-inline-start-color:#c2410c}
.regard .verdict h2{text-transform:uppercase;letter-spacing:.04em;font-size:1.35rem;
margin-bottom:.5rem}
.regard .verdict ul{margin:.75rem 0 0;padding-inline-start:1.2rem}
.regard .verdict li{margin:.25rem 0;font-variant-numeric:tabular-nums}
.regard h3{font-size:1rem;margin:1.1rem 0 .25rem}
.regard .numbers td,.regard .numbers thead th{text-align:end;white-space:nowrap;
overflow-wrap:normal;font-variant-numeric:tabular-nums;vertical-align:top}
.regard .numbers th[scope=row],.regard .numbers thead th:first-child{text-align:start;
font-weight:400;white-space:normal;min-width:9rem}
.regard .numbers thead th{font-weight:600}
.regard .numbers td.words{text-align:start;white-space:normal;min-width:12rem}
.regard .numbers small{display:block;color:var(--soft);font-size:.8125rem}
.regard .mark-of{width:7.5rem;height:1rem}
.regard .mark-of .span{stroke:currentColor;stroke-width:4;stroke-opacity:.4}
.regard .mark-of .tick{stroke:var(--ink);stroke-width:2}
.regard .pair{display:grid;grid-template-columns:1fr 1fr;gap:0 1.5rem}
.regard .pair>div{min-width:0}
.regard .pair .text{font-size:1rem;margin:.4rem 0 .6rem}
.regard .pair .scale{width:6rem}
.regard .example>p{margin-top:.75rem}
.regard .example+.example{border-top:1px solid var(--line);margin-top:1rem;
padding-top:.25rem}
@media (max-width:34rem){.regard .pair{grid-template-columns:1fr;gap:.5rem}
.regard .numbers.gates :is(td,th){white-space:normal;padding-inline-end:.4rem}
.regard .numbers.gates th[scope=row]{min-width:6rem}
.regard .numbers.gates :is(td,th):last-child{display:none}}
@media print{.regard .example,.regard tr{break-inside:avoid}
.regard .verdict{break-after:avoid}}
""".lstrip()


class _Part(NamedTuple):
    """One article of the page: what the contents call it, and its HTML."""

    name: str
    content: str


def trust_page(report: Any, before: Any = None) -> str:
    """The report as one page that needs no network and no script."""
    parts = _parts(report, before)
    entries = [(part.name, "") for part in parts]
    return document(
        title=f"{report.verdict}: {TITLE}",
        heading=TITLE,
        lead=safe(about(report)),
        body=_verdict(report)
        + contents("part", f"{len(parts)} parts", entries)
        + _articles(parts),
        style=page_style() + _more_style(report),
    )


def trust_fragment(report: Any, before: Any = None) -> str:
    """The report as HTML that can stand inside another page."""
    articles = _verdict(report) + _articles(_parts(report, before, whole=False))
    return embedded(
        articles, safe(about(report)), fragment_style() + _more_style(report)
    )


def drawn_text(shown: Any, values: Sequence[float]) -> WeightedText:
    """A kept text with a number for each of its tokens."""
    offsets = np.array(shown.offsets, dtype=int).reshape(-1, 2)
    # What is no number is no weight.
    numbers = np.nan_to_num(np.array(values, dtype=float), posinf=0.0, neginf=0.0)
    return WeightedText(shown.text, offsets, numbers)


def _more_style(report: Any) -> str:
    grey = grey_style() if report.line.is_misleading else ""
    return grey + signed_style() + charts.CHART_STYLE + _STYLE


def _articles(parts: Iterable[_Part]) -> str:
    return "".join(
        f'<article id="part-{place}">\n<h2>{part.name}</h2>\n{part.content}</article>\n'
        for place, part in enumerate(parts, 1)
    )


def _parts(report: Any, before: Any, whole: bool = True) -> list[_Part]:
    """What the page is made of.

    Args:
        report: The report.
        before: An earlier one, or None.
        whole: Whether it has all erasers and all texts that were kept.
    """
    most = None if whole else _MOST_TOKENS
    parts = [
        _Part(
            "What changed", "" if before is None else changes_article(report, before)
        ),
        _Part("What was measured", gates_article(report)),
        _Part("Erasing and keeping", curves_article(report, None if whole else 1)),
        _Part("Own weights and shuffled ones", placement_article(report)),
        _Part("Weight and effect", reliability_article(report)),
        _Part("Texts that attention explains best", _examples(report, "best", most)),
        _Part("Texts that attention fails on", _examples(report, "worst", most)),
        _Part("What erasing does", erasers_article(report)),
        _Part("Not part of the verdict", figures_article(report)),
        _Part("Groups of words apart", groups_article(report)),
        _Part(
            "Where people marked the reasons", plausibility_article(report.plausibility)
        ),
        _Part("Trained again from other seeds", repetitions_article(report)),
    ]
    return [part for part in parts if part.content]


def _verdict(report: Any) -> str:
    tone = _TONES.get(str(report.verdict), "")
    reasons = "".join(f"<li>{told(reason)}</li>\n" for reason in report.reasons)
    return (
        f'<article class="verdict {tone}">\n<h2>{safe(str(report.verdict))}</h2>\n'
        f"<p>{told(report.sentence)}</p>\n<ul>\n{reasons}</ul>\n</article>\n"
    )


def _examples(report: Any, side: str, most: int | None) -> str:
    kept = report.quoted(side)
    if not kept:
        return ""
    sizes = np.cumsum([len(each.shown.tokens) for each in kept])
    fit = len(kept) if most is None else int((sizes <= most).sum())
    is_grey = report.line.is_misleading
    lead = f'<p class="soft">{_GAIN}</p>\n' if side == "best" else ""
    drawn = "".join(_example(each, is_grey) for each in kept[:fit])
    return f"{lead}{drawn}{remainder(len(kept) - fit)}"


def _example(each: Any, is_grey: bool) -> str:
    shown = each.shown
    grey = ' class="grey"' if is_grey else ""
    attention = shaded_text(drawn_text(shown, shown.weights), "attention")
    columns = f"<div{grey}><h3>Attention</h3>{attention}</div>"
    if shown.contributions is not None:
        parts = drawn_text(shown, shown.contributions)
        added = shaded_text(parts, "contributions")
        columns += f"<div><h3>Contributions</h3>{added}</div>"
    gains = (
        f"gain of attention {each.attention:z.3f}, of the best order {each.best:z.3f}, "
        f"at random {each.chance:z.3f}"
    )
    return (
        f'<section class="example"><p>text {each.text + 1} '
        f'<span class="soft">(index {each.text})</span>, answered '
        f"<bdi><strong>{safe(shown.label)}</strong></bdi> "
        f"({told(percent(shown.probability))})<br>"
        f'<span class="soft">{gains}</span></p>\n'
        f'<div class="pair">{columns}</div>\n{_tokens(shown)}</section>\n'
    )


def _tokens(shown: Any) -> str:
    has_parts = shown.contributions is not None
    head = table_head("token", "weight", *(["adds"] if has_parts else []))
    rows = ""
    for place, token in enumerate(shown.tokens):
        cells = [shown_weight(shown.weights[place], "attention", 4)]
        if has_parts:
            cells.append(shown_weight(shown.contributions[place], "contributions", 4))
        rows += table_row(token, *cells)
    return folded_table(
        f"All {len(shown.tokens)} tokens as a table", head, rows, lang=""
    )
