"""The HTML of a report on trust: the verdict first, then pictures with their tables."""

from collections.abc import Iterable, Sequence
from itertools import takewhile
from math import nan
from typing import Any, NamedTuple

import numpy as np

from regard.plot import _charts as charts
from regard.plot._text_segments import WeightedText, percent, shown_weight
from regard.plot._trust_panels import (
    curves_article,
    placement_article,
    reliability_article,
)
from regard.plot._trust_tables import (
    RANDOM,
    as_number,
    folded_table,
    interval_text,
    named,
    numbers_table,
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
)
from regard.plot.text_page import shaded_text

TITLE = "May these weights be read as reasons?"
_QUANTITIES = {
    "replay": "the largest difference of a probability under the reported weights",
    "evenness": "entropy of the weights, as a share of that of even ones",
    "moved": "how far shuffling the weights moves the answer",
    "spread": "how much less certain shuffling makes it, in nats",
    "apart": "how much further it is from shuffled answers than these from each other",
    "surer": "the share of shuffles that make it less certain",
    "idle": "the share of the weights on words that add next to nothing",
    "room": "what the best order of masking gains over a random one",
    "words": "the share of that which the order of the weights gains",
    "contribution": "the share of it that the order of the contributions gains",
    "ahead": "the share by which contributions, without sign, are ahead of weights",
}
_ERASERS = {
    "hole": "masked out where it stands; what is left beside the hole is not joined",
    "swap": "a token of the data stands in its place",
    "mask": "the mask, or the unknown token, of the model stands in its place",
}
# By these names a report has how many answers are right as words are erased.
_ACCURACY, _SAME_LABEL = "accuracy", "same label"
_OUTCOMES = {"undecided": "undecided at"}
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
.regard .beside{overflow-x:auto}
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


def about(report: Any) -> str:
    """What was examined."""
    of = f" of {report.data}" if report.data else ""
    said = f"{len(report.texts):,} {report.unit}{of}, seed {report.seed}"
    model = f", model {report.model[:12]}" if report.model else ""
    return f"{said}{model}. Intervals hold 95 % and are over {report.unit}."


def kept_texts(report: Any, side: str) -> list[Any]:
    """The texts whose words were kept, the best or the worst first."""
    ordered = report.examples(**{side: len(report.texts)})
    return list(takewhile(lambda each: each.shown is not None, ordered))


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
        _Part("What changed", "" if before is None else _changes(report, before)),
        _Part("What was measured", _gates(report)),
        _Part("Erasing and keeping", curves_article(report, None if whole else 1)),
        _Part("Own weights and shuffled ones", placement_article(report)),
        _Part("Weight and effect", reliability_article(report)),
        _Part("Texts that attention explains best", _examples(report, "best", most)),
        _Part("Texts that attention fails on", _examples(report, "worst", most)),
        _Part("What erasing does", _erasers(report)),
        _Part("Not part of the verdict", _figures(report)),
        _Part("Groups of words apart", _groups(report)),
        _Part("Where people marked the reasons", _plausibility(report.plausibility)),
        _Part("Trained again from other seeds", _repetitions(report)),
    ]
    return [part for part in parts if part.content]


def _verdict(report: Any) -> str:
    tone = _TONES.get(str(report.verdict), "")
    reasons = "".join(f"<li>{safe(reason)}</li>\n" for reason in report.reasons)
    return (
        f'<article class="verdict {tone}">\n<h2>{safe(str(report.verdict))}</h2>\n'
        f"<p>{safe(report.sentence)}</p>\n<ul>\n{reasons}</ul>\n</article>\n"
    )


def _gates(report: Any) -> str:
    first = next(iter(report.erasures), "")
    shared = report.erasures.get(first, {})
    rows = [
        _gate(name, "", gate)
        for name, gate in report.gates.items()
        if name not in shared
    ]
    for eraser, gates in report.erasures.items():
        rows += [_gate(name, eraser, gate) for name, gate in gates.items()]
    head = table_head("quantity", "value and interval", "lies", "")
    return (
        '<p class="soft">A quantity passes or fails where its whole interval lies on '
        "one side of the bound, the upright stroke.</p>\n"
        f"{numbers_table(head, ''.join(rows), look='numbers gates')}"
    )


def _gate(name: str, eraser: str, gate: Any) -> str:
    of = f", {eraser}" if eraser else ""
    what = safe(_QUANTITIES.get(name, ""))
    row = f'<th scope="row">{safe(name + of)}<small>{what}</small></th>'
    if gate.interval is None:
        return f"<tr>{row}<td></td><td>{safe(str(gate.outcome))}</td><td></td></tr>\n"
    outcome = safe(_OUTCOMES.get(str(gate.outcome), str(gate.outcome)))
    ends = gate.interval.value, gate.interval.low, gate.interval.high
    mark = charts.interval_mark(*ends, gate.bound)
    # On a phone a line may end before the interval, and not within.
    said = interval_text(*ends).replace(", ", ",&#160;")
    return (
        f"<tr>{row}<td>{said}</td><td>{outcome} {gate.bound:g}</td>"
        f"<td>{mark}</td></tr>\n"
    )


def _examples(report: Any, side: str, most: int | None) -> str:
    kept = kept_texts(report, side)
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
        f'<section class="example"><p>text {each.text}, answered '
        f"<bdi><strong>{safe(shown.label)}</strong></bdi> "
        f"({safe(percent(shown.probability))})<br>"
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


def _erasers(report: Any) -> str:
    rows = ""
    shares: Sequence[float] = ()
    for eraser, curves in report.curves.items():
        chance = curves.get(RANDOM)
        if chance is None:
            continue
        shares = chance.fractions
        kept = [f"{100 * (1 - each):.1f} %" for each in chance.flipped]
        name = f"<small>{safe(_ERASERS.get(eraser, ''))}</small>"
        cells = "".join(f"<td>{each}</td>" for each in kept)
        rows += f'<tr><th scope="row">{safe(eraser)}{name}</th>{cells}</tr>\n'
    if not rows:
        return ""
    right = [report.figures.get(f"{_ACCURACY}, {share:.0%} erased") for share in shares]
    if all(each is not None for each in right):
        told = f"of all answers {100 * report.figures[_ACCURACY]:.1f} % are right"
        cells = "".join(f"<td>{100 * each:.1f} %</td>" for each in right)
        rows += f'<tr><th scope="row">right<small>{told}</small></th>{cells}</tr>\n'
    head = table_head("eraser", *(f"{share:.0%}" for share in shares))
    return (
        '<p class="soft">What erasing alone costs: the share of texts that keep their '
        "label when so many words are erased at random.</p>\n"
        f"{numbers_table(head, rows)}"
    )


def _figures(report: Any) -> str:
    rows = "".join(
        table_row(
            f"Kendall's tau of attention with {named(name)}",
            as_number(tau),
            f"{100 * report.undefined.get(name, nan):.0f} %",
        )
        for name, tau in report.correlations.items()
    )
    if report.even_gap is not None:
        rows += table_row(
            "how far even weights move the answer", as_number(report.even_gap), ""
        )
    rows += "".join(
        table_row(name.replace("_", " "), as_number(value), "")
        for name, value in report.figures.items()
        if not name.startswith((_ACCURACY, _SAME_LABEL))
    )
    if not rows:
        return ""
    head = table_head("figure", "mean", f"{report.unit} without it")
    return (
        '<p class="soft">Shown because others report them.</p>\n'
        f"{numbers_table(head, rows)}"
    )


def _groups(report: Any) -> str:
    if not report.groups:
        return ""
    figures = list(dict.fromkeys(n for row in report.groups.values() for n in row))
    rows = "".join(
        table_row(
            name.replace("_", " "),
            *(_interval_of(row.get(name)) for row in report.groups.values()),
        )
        for name in figures
    )
    table = numbers_table(table_head("figure", *report.groups), rows)
    return (
        '<p class="soft">An answer is a word of the target, the words before it being '
        "told. What was done to the weights in its step alone, or to the source, and "
        "how often another word came (changed), how far the answer moved, and how "
        "many nats less probable the word became (lost).</p>\n"
        f"{table}"
    )


def _interval_of(interval: Any) -> str:
    if interval is None:
        return as_number(nan)
    return interval_text(interval.value, interval.low, interval.high)


def _plausibility(found: Any) -> str:
    if found is None:
        return ""
    rows = "".join(
        table_row(name, interval_text(each.value, each.low, each.high))
        for name, each in (
            ("the share of the weight on marked words", found.mass),
            ("area under precision and recall (AUPRC)", found.precision),
            ("F1 of as many words as are marked", found.token_f1),
        )
    )
    rows += table_row("the share of words that are marked", as_number(found.marked))
    return (
        '<p class="soft">Another question than trust, and not part of the verdict: a '
        "model may answer for other reasons than people would. On "
        f"{found.texts:,} texts with marks.</p>\n"
        f"{numbers_table(table_head('figure', 'value and interval'), rows)}"
    )


def _repetitions(report: Any) -> str:
    if not report.repetitions:
        return ""
    names = list(report.gates)
    models = [("this model", report.verdict, report.gates)]
    models += [
        (f"seed {each.seed}", each.verdict, each.gates) for each in report.repetitions
    ]
    rows = "".join(
        table_row(name, str(verdict), *(_value(gates.get(each)) for each in names))
        for name, verdict, gates in models
    )
    head = table_head("model", "verdict", *names)
    return (
        '<p class="soft">How far what was found hangs on the luck of a training; not '
        f"part of the verdict.</p>\n{numbers_table(head, rows)}"
    )


def _value(gate: Any) -> str:
    if gate is None or gate.interval is None:
        return "not measured"
    return as_number(gate.interval.value)


def _changes(report: Any, before: Any) -> str:
    said = report.since(before) or ["Nothing changed."]
    lines = "".join(f"<li>{safe(each)}</li>\n" for each in said)
    rows = ""
    for name in dict.fromkeys((*before.gates, *report.gates)):
        cells = []
        for each in (before, report):
            interval = each.gates[name].interval if name in each.gates else None
            cells.append(
                "not measured"
                if interval is None
                else interval_text(interval.value, interval.low, interval.high)
            )
        rows += table_row(name, *cells)
    head = table_head("quantity", "before", "now")
    about_before = safe(about(before))
    return (
        f"<ul>\n{lines}</ul>\n"
        f'<p class="soft">Before: {safe(str(before.verdict))}, {about_before}</p>\n'
        f"{folded_table('Both as a table', head, rows)}"
    )
