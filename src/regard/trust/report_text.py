"""A report in words: its line, its lines for a terminal, what changed since another."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from regard.trust.gates import Gate, Outcome
from regard.trust.plausibility import plausibility_lines
from regard.trust.repetition import repetition_lines
from regard.trust.statistics import Interval
from regard.trust.verdict import Verdict
from regard.trust.word_groups import group_lines
from regard.types import TrustLine

if TYPE_CHECKING:
    from regard.trust.report import TrustReport

#: The verdicts that are worse than not to look, and what a verdict rests on.
_MISLEADING = {Verdict.MISLEADS, Verdict.NOT_THE_WEIGHTS}
_SHORT: Mapping[Verdict, tuple[str, ...]] = {
    Verdict.NOT_THE_WEIGHTS: ("replay",),
    Verdict.SAYS_NOTHING: ("evenness",),
    Verdict.CANNOT_TELL: ("room",),
    Verdict.DOES_NOT_EXPLAIN: ("words",),
    Verdict.MISLEADS: ("words",),
    Verdict.EXPLAINS: ("words",),
    Verdict.POINTS_ONLY: ("words",),
    Verdict.READ_CONTRIBUTIONS: ("words", "contribution"),
    Verdict.UNDECIDED: ("words",),
}


def line(report: "TrustReport") -> TrustLine:
    """The verdict, the numbers it rests on, and on how many texts, in one line."""
    seen = f"{len(report.texts)}"
    if not report.complete:
        seen += f" of {report.wanted}"
    told = [_in_short(report.gates, name) for name in _SHORT.get(report.verdict, ())]
    parts = [*filter(None, told), f"{seen} {report.unit}"]
    of = f" of {report.data}" if report.data else ""
    return TrustLine(
        verdict=str(report.verdict),
        sentence=f"{report.verdict}: {', '.join(parts)}{of}",
        is_misleading=report.verdict in _MISLEADING,
    )


def lines(report: "TrustReport") -> str:
    """The verdict, its reasons and the figures, as lines for a terminal."""
    told = [f"{report.verdict.upper()}", "", report.sentence, ""]
    told += [*report.reasons, ""]
    told += [f"{'':24}{'value':>10}  {'95 % interval':<20}{'bound':>6}"]
    of_first: Mapping[str, Gate] = next(iter(report.erasures.values()), {})
    for eraser, gates in {"": report.gates, **report.erasures}.items():
        for name, gate in gates.items():
            # Those of the first eraser come with the others of their kind.
            if eraser or name not in of_first:
                told.append(_gate_line(f"{name} {eraser}".strip(), gate))
    if report.even_gap is not None:
        told += ["", f"Even weights move the answer by {report.even_gap:.3f}."]
    told += ["", "Kendall's tau of attention, never part of the verdict:"]
    told += [
        f"{name:24}{tau:>z10.3f}  not defined on {report.undefined[name]:.0%} of "
        f"{report.unit}"
        for name, tau in report.correlations.items()
    ]
    if report.groups:
        told += ["", *group_lines(report.groups)]
    if report.figures:
        told += ["", "Beside it:"]
        told += [f"{name:24}{each:>z10.3f}" for name, each in report.figures.items()]
    if report.plausibility is not None:
        told += ["", *plausibility_lines(report.plausibility)]
    if report.repetitions:
        told += ["", *repetition_lines(report.gates, report.repetitions)]
    return "\n".join(told) + "\n"


def changes(before: "TrustReport", after: "TrustReport") -> list[str]:
    """What differs between two reports, in words; empty where nothing does.

    A quantity is said to have changed where its two intervals do not overlap.

    Args:
        before: A report.
        after: A later one, or one of another model.
    """
    said = []
    if before.verdict is not after.verdict:
        said.append(f"verdict: {before.verdict} before, {after.verdict} now")
    quantities = [_quantities(each) for each in (before, after)]
    for name in dict.fromkeys((*quantities[0], *quantities[1])):
        old, new = (each.get(name) for each in quantities)
        if old is None and new is None:
            continue
        if old is None or new is None:
            which = "now" if old is None else "before"
            said.append(f"{name}: measured only {which}, {new or old}")
        elif old.low > new.high or new.low > old.high:
            moved = "rose" if new.value > old.value else "fell"
            said.append(f"{name}: {moved} from {old} to {new}")
    if before.best != after.best:
        said.append(f"best order: {before.best} before, {after.best} now")
    sizes = [f"{len(each.texts)} of {each.wanted}" for each in (before, after)]
    if sizes[0] != sizes[1]:
        said.append(f"texts: {sizes[0]} before, {sizes[1]} now")
    if before.data != after.data:
        said.append(f"data: '{before.data}' before, '{after.data}' now")
    return said


def _quantities(report: "TrustReport") -> dict[str, Interval | None]:
    """The quantities of a report that have intervals, by name."""
    found = {name: gate.interval for name, gate in report.gates.items()}
    # Those of the first eraser are among the gates.
    for eraser in list(report.erasures)[1:]:
        for name, gate in report.erasures[eraser].items():
            found[f"{name} {eraser}"] = gate.interval
    if report.reliability is not None and report.reliability.effect:
        found["effect of the heaviest words"] = report.reliability.effect[-1]
    return found


def _in_short(gates: Mapping[str, Gate], name: str) -> str:
    """A quantity for the line of a verdict; "" where it was not measured."""
    gate = gates.get(name)
    interval = None if gate is None else gate.interval
    if interval is None:
        return ""
    if name == "room":
        # Above its bound it is not what a verdict rests on: the texts are too few.
        is_small = gate is not None and gate.outcome is not Outcome.ABOVE
        return f"the best order gains {interval}" if is_small else ""
    if name == "replay":
        return f"probabilities differ by up to {interval.value:.2g}"
    if name in {"words", "contribution"}:
        return f"{name} {interval.per_cent} of the best order"
    return f"{name} {interval}"


def _gate_line(name: str, gate: Gate) -> str:
    if gate.interval is None:
        return f"{name:24}{'not measured':>10}"
    value, low, high = gate.interval.value, gate.interval.low, gate.interval.high
    ends = f"{low:.3f} to {high:.3f}"
    return f"{name:24}{value:>z10.3f}  {ends:<20}{gate.bound:>6g}"
