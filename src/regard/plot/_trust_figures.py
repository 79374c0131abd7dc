"""The articles of a page on trust that are tables alone."""

from collections.abc import Sequence
from math import nan
from typing import Any

from regard.plot import _charts as charts
from regard.plot._trust_tables import (
    RANDOM,
    about,
    as_number,
    folded_table,
    interval_text,
    named,
    numbers_table,
    table_head,
    table_row,
)
from regard.plot.document import safe

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


def gates_article(report: Any) -> str:
    """The quantities with their intervals beside their bounds."""
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


def erasers_article(report: Any) -> str:
    """What erasing alone costs."""
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


def figures_article(report: Any) -> str:
    """The figures that are never part of the verdict."""
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


def groups_article(report: Any) -> str:
    """The figures of groups of words apart."""
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


def plausibility_article(found: Any) -> str:
    """How far the weights are where people marked the reasons."""
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


def repetitions_article(report: Any) -> str:
    """What was found of models trained from other seeds."""
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


def changes_article(report: Any, before: Any) -> str:
    """What changed since an earlier report."""
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
