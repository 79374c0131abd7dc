"""The verdict: the gates in their order, and the reasons in words."""

from collections.abc import Mapping
from enum import StrEnum

from regard.trust.gates import MISLEADING, Gate, Gates, Outcome
from regard.trust.measurement import CONTRIBUTION

#: Fewer texts than these cannot tell.
LEAST_TEXTS = 50


class Verdict(StrEnum):
    """What may be read in the weights of a model."""

    NOT_THE_WEIGHTS = "not the weights"
    SAYS_NOTHING = "says nothing"
    CANNOT_TELL = "cannot tell"
    DOES_NOT_EXPLAIN = "does not explain"
    MISLEADS = "misleads"
    EXPLAINS = "explains"
    POINTS_ONLY = "points only"
    READ_CONTRIBUTIONS = "read contributions"
    UNDECIDED = "undecided"


SENTENCES: Mapping[Verdict, str] = {
    Verdict.NOT_THE_WEIGHTS: (
        "These are not the weights that the model used: with them forced in, it gives "
        "another answer. They are displayed or indexed wrongly."
    ),
    Verdict.SAYS_NOTHING: (
        "The weights say nothing: they are nearly the same everywhere."
    ),
    Verdict.CANNOT_TELL: "Whether the weights explain anything cannot be told here.",
    Verdict.DOES_NOT_EXPLAIN: (
        "Do not read these weights as reasons. They mark the words that the answer "
        "depends on too seldom, or where they lie does not matter."
    ),
    Verdict.MISLEADS: (
        "Do not read these weights as reasons. Masking the highest words changes the "
        "answer no more, or less, than masking words at random."
    ),
    Verdict.EXPLAINS: (
        "The weights mark words that the answer depends on, and where they lie matters."
    ),
    Verdict.POINTS_ONLY: (
        "The weights point at words that the answer depends on, but their sizes mean "
        "nothing: placed elsewhere they would do as well."
    ),
    Verdict.READ_CONTRIBUTIONS: (
        "Read the contributions instead of the weights: they come closer to what the "
        "answer depends on, or most weight lies on words that add little to it."
    ),
    Verdict.UNDECIDED: "The texts do not decide whether the weights explain.",
}

#: That weights do not explain is what these have in common.
_DENIALS = frozenset(
    {
        Verdict.DOES_NOT_EXPLAIN,
        Verdict.MISLEADS,
        Verdict.POINTS_ONLY,
        Verdict.READ_CONTRIBUTIONS,
    }
)

Decision = tuple[Verdict, tuple[str, ...]]


def decide(gates: Gates, erasures: Mapping[str, Gates], texts: int) -> Decision:
    """The verdict and its reasons.

    Args:
        gates: See ``measure_gates``.
        erasures: By the name of an eraser, see ``erasure_gates``.
        texts: The number of texts.
    """
    before = _before_erasing(gates)
    few = texts < LEAST_TEXTS
    if before is not None and not (few and before[0] is Verdict.UNDECIDED):
        return before
    if few:
        few_texts = "1 text is" if texts == 1 else f"{texts} texts are"
        reason = f"{few_texts} too few: {LEAST_TEXTS} or more are needed."
        return Verdict.CANNOT_TELL, (reason,)
    decisions = {name: _of_eraser(gates, each) for name, each in erasures.items()}
    verdicts = {verdict for verdict, _ in decisions.values()}
    if len(verdicts) > 1 and verdicts <= _DENIALS:
        return Verdict.DOES_NOT_EXPLAIN, _by_eraser(decisions)
    if len(verdicts) > 1:
        return Verdict.UNDECIDED, _by_eraser(decisions)
    return next(iter(decisions.values()))


def _by_eraser(decisions: Mapping[str, Decision]) -> tuple[str, ...]:
    return tuple(
        f"Erasing by '{name}' says: {verdict}. {' '.join(reasons)}"
        for name, (verdict, reasons) in decisions.items()
    )


def _before_erasing(gates: Gates) -> Decision | None:
    replay, evenness = gates["replay"], gates["evenness"]
    if replay.outcome is Outcome.ABOVE and replay.interval is not None:
        reason = (
            "Under the reported weights probabilities differ by up to "
            f"{replay.interval.value:.2g}; {replay.bound:g} would be rounding."
        )
        return Verdict.NOT_THE_WEIGHTS, (reason,)
    said = _said(evenness, "The evenness of the weights is")
    if evenness.outcome is Outcome.ABOVE:
        return Verdict.SAYS_NOTHING, (said,)
    if evenness.outcome is Outcome.UNDECIDED:
        return Verdict.UNDECIDED, (said,)
    if evenness.outcome is Outcome.NOT_MEASURED:
        reason = "No text has two keys or more to compare."
        return Verdict.CANNOT_TELL, (reason,)
    return None


def _of_eraser(gates: Gates, erasure: Gates) -> Decision:
    room, words = erasure["room"], erasure["words"]
    if room.outcome is not Outcome.ABOVE:
        said = _said(room, "The best order of masking gains over a random one")
        return Verdict.CANNOT_TELL, (said,)
    said = _share(words, "attention")
    if words.outcome is Outcome.BELOW:
        return _or_contributions(gates, erasure, _weak(words), (said,))
    verdict, reasons = _of_placement(gates)
    reasons = (said, *reasons)
    is_idle = gates["idle"].outcome is Outcome.ABOVE
    if is_idle and verdict is Verdict.POINTS_ONLY:
        # Of words that add next to nothing none can be the right ones.
        verdict, reasons = Verdict.DOES_NOT_EXPLAIN, (*reasons, _idle(gates))
    if is_idle or verdict is Verdict.EXPLAINS:
        verdict, reasons = _or_contributions(gates, erasure, verdict, reasons)
    if words.outcome is Outcome.ABOVE or verdict is Verdict.READ_CONTRIBUTIONS:
        return verdict, reasons
    # Where the weights fail by where they lie, they do not explain in either case.
    placed = gates["moved"].outcome is not Outcome.NOT_MEASURED
    if placed and verdict in (Verdict.POINTS_ONLY, Verdict.DOES_NOT_EXPLAIN):
        return Verdict.DOES_NOT_EXPLAIN, reasons
    return Verdict.UNDECIDED, (said,)


def _weak(words: Gate) -> Verdict:
    misleads = words.against(MISLEADING) is Outcome.BELOW
    return Verdict.MISLEADS if misleads else Verdict.DOES_NOT_EXPLAIN


def _of_placement(gates: Gates) -> Decision:
    """Whether it matters where the weights lie.

    Answers under weights that might as well lie elsewhere are neither more certain than
    those under shuffled ones nor apart from them. Of a model that is certain either
    way, as one that says "no" where it finds nothing, only the second can tell.
    """
    moved, apart = gates["moved"], gates["apart"]
    spread, surer = gates["spread"], gates["surer"]
    reasons = (
        _said(moved, "Shuffling the weights moves the answer by"),
        _said(spread, "Shuffling makes the answer less certain, in nats, by"),
        _said(surer, "The share of shuffles that make it less certain is"),
        _said(
            apart,
            "The answer is further from those under shuffled weights than they are "
            "from each other by",
        ),
    )
    without = {Outcome.BELOW, Outcome.NOT_MEASURED}
    certain = {spread.outcome, surer.outcome}
    if moved.outcome in without or (certain & without and apart.outcome in without):
        return Verdict.POINTS_ONLY, reasons
    is_told = certain == {Outcome.ABOVE} or apart.outcome is Outcome.ABOVE
    if is_told and moved.outcome is Outcome.ABOVE:
        return Verdict.EXPLAINS, reasons
    return Verdict.UNDECIDED, reasons


def _or_contributions(
    gates: Gates, erasure: Gates, verdict: Verdict, reasons: tuple[str, ...]
) -> Decision:
    """Contributions in the place of weights, where they are the better reading."""
    if CONTRIBUTION not in erasure:
        return verdict, reasons
    theirs = erasure[CONTRIBUTION]
    better = erasure["ahead"].outcome, gates["idle"].outcome
    if theirs.outcome is not Outcome.ABOVE or Outcome.ABOVE not in better:
        return verdict, reasons
    said = [each for each in reasons if each != _idle(gates)]
    said.append(_share(theirs, "contribution"))
    ahead = erasure["ahead"]
    if ahead.outcome is Outcome.ABOVE and ahead.interval is not None:
        said.append(
            "Without their sign, contributions are ahead of attention by "
            f"{ahead.interval.per_cent} of what the best order does; the bound is "
            f"{100 * ahead.bound:.0f} %."
        )
    if gates["idle"].outcome is Outcome.ABOVE:
        said.append(_idle(gates))
    return Verdict.READ_CONTRIBUTIONS, tuple(said)


def _idle(gates: Gates) -> str:
    return _said(
        gates["idle"], "The share of the weights on words that add next to nothing is"
    )


def _share(gate: Gate, order: str) -> str:
    if gate.interval is None:
        return f"Masking by {order}: not measured."
    return (
        f"Masking by {order} changes the answer by {gate.interval.per_cent} of what "
        "the best order does, chance taken off both; the bound is "
        f"{100 * gate.bound:.0f} %.{_needed(gate)}"
    )


def _said(gate: Gate, quantity: str) -> str:
    if gate.interval is None:
        return f"{quantity}: not measured."
    return f"{quantity} {gate.interval}; the bound is {gate.bound:g}.{_needed(gate)}"


def _needed(gate: Gate) -> str:
    needed = gate.needed
    return "" if needed is None else f" About {needed} texts would decide."
