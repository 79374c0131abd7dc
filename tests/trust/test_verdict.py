"""The verdict of gates, in their order."""

import math

import numpy as np
import pytest

from regard.trust import Gate, Interval, Outcome, Verdict
from regard.trust.gates import (
    AHEAD,
    APART,
    EVENNESS,
    IDLE,
    MOVED,
    REPLAY,
    ROOM,
    SPREAD,
    SURER,
    WORDS,
    erasure_gates,
)
from regard.trust.measurement import ErasureMeasurements
from regard.trust.verdict import SENTENCES, decide

BOUNDS = {
    "replay": REPLAY,
    "evenness": EVENNESS,
    "moved": MOVED,
    "spread": SPREAD,
    "surer": SURER,
    "idle": IDLE,
    "apart": APART,
    "room": ROOM,
    "words": WORDS,
    "contribution": WORDS,
    "ahead": AHEAD,
}


PLACEMENT = ("moved", "spread", "surer", "apart")


def gate(name, ends):
    interval = None if ends is None else Interval(sum(ends) / 2, *ends)
    return Gate(name, interval, BOUNDS[name], 300)


def decided(*, texts=300, erasers=("hole",), swap=None, **ends):
    """A verdict; what is not said is as in a model whose attention explains."""
    good = {
        "replay": (0, 0),
        "evenness": (0.4, 0.5),
        "moved": (0.3, 0.4),
        "spread": (0.2, 0.3),
        "surer": (0.8, 0.9),
        "idle": (0.1, 0.2),
        "apart": (-0.01, 0.01),
    }
    erased = {
        "room": (0.3, 0.4),
        "words": (0.8, 0.9),
        "contribution": (0.8, 0.9),
        "ahead": (-0.02, 0.02),
    }
    gates = {name: gate(name, ends.get(name, good[name])) for name in good}
    by = {
        name: {k: gate(k, ends.get(k, erased[k])) for k in erased} for name in erasers
    }
    if swap is not None:
        by["swap"] = {**by["hole"], "words": gate("words", swap)}
    return decide(gates, by, texts)


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ({}, Verdict.EXPLAINS),
        ({"replay": (2e-3, 2e-3)}, Verdict.NOT_THE_WEIGHTS),
        ({"replay": (2e-3, 2e-3), "evenness": (1, 1)}, Verdict.NOT_THE_WEIGHTS),
        ({"evenness": (0.995, 1.0)}, Verdict.SAYS_NOTHING),
        ({"evenness": (0.98, 1.0)}, Verdict.UNDECIDED),
        ({"evenness": None}, Verdict.CANNOT_TELL),
        ({"room": (0.01, 0.05)}, Verdict.CANNOT_TELL),
        ({"texts": 49}, Verdict.CANNOT_TELL),
        ({"texts": 1, "evenness": (math.nan, math.nan)}, Verdict.CANNOT_TELL),
        ({"words": (0.3, 0.45)}, Verdict.DOES_NOT_EXPLAIN),
        ({"words": (0.05, 0.14)}, Verdict.MISLEADS),
        ({"words": (-0.4, -0.2)}, Verdict.MISLEADS),
        ({"words": (0.4, 0.6)}, Verdict.UNDECIDED),
        ({"words": (0.4, 0.6), "moved": (0, 0)}, Verdict.DOES_NOT_EXPLAIN),
        (
            {"words": (0.4, 0.6), **dict.fromkeys(PLACEMENT), "replay": None},
            Verdict.UNDECIDED,
        ),
        ({"moved": (0.0, 0.04)}, Verdict.POINTS_ONLY),
        ({"spread": (-0.1, 0.01)}, Verdict.POINTS_ONLY),
        ({"moved": None, "spread": None, "replay": None}, Verdict.POINTS_ONLY),
        ({"surer": (0.48, 0.53), "spread": (-0.02, 0.02)}, Verdict.POINTS_ONLY),
        ({"surer": (0.53, 0.57)}, Verdict.UNDECIDED),
        ({"spread": (0.0, 0.1)}, Verdict.UNDECIDED),
        ({**dict.fromkeys(PLACEMENT), "replay": None}, Verdict.POINTS_ONLY),
        ({"moved": (0.04, 0.06)}, Verdict.UNDECIDED),
        ({"spread": (-0.1, 0.01), "apart": (0.1, 0.2)}, Verdict.EXPLAINS),
        ({"surer": (0.4, 0.5), "apart": (0.1, 0.2)}, Verdict.EXPLAINS),
        ({"surer": (0.4, 0.5), "apart": (0.0, 0.1)}, Verdict.UNDECIDED),
        ({"apart": (0.1, 0.2), "moved": (0.04, 0.06)}, Verdict.UNDECIDED),
        ({"apart": (0.1, 0.2), "moved": (0.0, 0.04)}, Verdict.POINTS_ONLY),
        ({"ahead": (0.2, 0.3)}, Verdict.READ_CONTRIBUTIONS),
        ({"ahead": (0.2, 0.3), "words": (0.3, 0.45)}, Verdict.READ_CONTRIBUTIONS),
        ({"ahead": (0.2, 0.3), "words": (0.4, 0.6)}, Verdict.READ_CONTRIBUTIONS),
        ({"ahead": (0.2, 0.3), "moved": (0.0, 0.01)}, Verdict.POINTS_ONLY),
        ({"idle": (0.6, 0.7)}, Verdict.READ_CONTRIBUTIONS),
        ({"idle": (0.4, 0.6)}, Verdict.EXPLAINS),
        ({"idle": (0.6, 0.7), "spread": (0.0, 0.1)}, Verdict.READ_CONTRIBUTIONS),
        ({"idle": (0.6, 0.7), "spread": (0, 0)}, Verdict.READ_CONTRIBUTIONS),
        (
            {"idle": (0.6, 0.7), "spread": (0, 0), "contribution": (0.3, 0.6)},
            Verdict.DOES_NOT_EXPLAIN,
        ),
        (
            {
                "idle": (0.6, 0.7),
                "spread": (0, 0),
                "contribution": (0.3, 0.6),
                "words": (0.4, 0.6),
            },
            Verdict.DOES_NOT_EXPLAIN,
        ),
        ({"idle": (0.6, 0.7), "contribution": (0.3, 0.6)}, Verdict.EXPLAINS),
        (
            {"ahead": (0.2, 0.3), "contribution": (0.3, 0.6), "words": (0.2, 0.3)},
            Verdict.DOES_NOT_EXPLAIN,
        ),
    ],
)
def test_the_verdict_of_gates(ends, verdict):
    got, reasons = decided(**ends)
    assert got is verdict
    assert reasons
    assert all(reasons)


def test_erasers_that_disagree_decide_nothing():
    verdict, reasons = decided(swap=(0.3, 0.4))
    assert verdict is Verdict.UNDECIDED
    assert "'hole' says: explains" in reasons[0]
    assert "'swap' says: does not explain" in reasons[1]


@pytest.mark.parametrize(
    ("ends", "swap"),
    [
        ({"words": (0.3, 0.4)}, (-0.1, 0.1)),
        ({"spread": (0, 0)}, (0.3, 0.4)),
        ({"spread": (0, 0)}, (0.4, 0.6)),
    ],
)
def test_where_both_erasers_deny_it_weights_do_not_explain(ends, swap):
    verdict, reasons = decided(**ends, erasers=("hole", "swap"), swap=swap)
    assert verdict is Verdict.DOES_NOT_EXPLAIN
    assert len(reasons) == 2


def test_a_reason_has_its_numbers_and_what_would_decide():
    _, (reason,) = decided(words=(0.42, 0.62))
    assert "52 % [42, 62]" in reason
    assert "the bound is 50 %" in reason
    # The half width is five times the distance to the bound.
    assert "About 7500 texts would decide." in reason


@pytest.mark.parametrize(
    ("ends", "said", "unsaid"),
    [
        ({"ahead": (0.2, 0.3)}, "by 25 % [20, 30]", "add next to nothing"),
        ({"idle": (0.6, 0.7)}, "next to nothing is 0.65", "ahead of attention"),
    ],
)
def test_contributions_are_preferred_for_the_reason_that_holds(ends, said, unsaid):
    verdict, reasons = decided(**ends)
    assert verdict is Verdict.READ_CONTRIBUTIONS
    assert said in reasons[-1]
    assert unsaid not in " ".join(reasons)


def test_a_quantity_on_its_bound_is_not_above_it():
    assert gate("moved", (MOVED, MOVED)).outcome is Outcome.BELOW


def test_every_verdict_has_its_words():
    assert set(SENTENCES) == set(Verdict)


def test_contributions_are_not_ahead_by_their_sign():
    gain = {
        name: np.linspace(0.9, 1.1, 60) * level
        for name, level in {
            "attention": 0.6,
            "contribution": 0.8,
            "contribution_size": 0.61,
            "random": 0.0,
        }.items()
    }
    gates = erasure_gates(ErasureMeasurements({}, {}, {}, gain, {}, {}, {}), seed=0)
    assert gates["contribution"].outcome is Outcome.ABOVE
    assert gates["words"].interval.value == pytest.approx(0.6 / 0.8)
    assert gates["ahead"].interval.value == pytest.approx(0.01 / 0.8)
    assert gates["ahead"].outcome is Outcome.BELOW
