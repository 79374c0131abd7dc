"""Models that are known to deserve a verdict get it, whichever texts are drawn."""

from collections import Counter

import numpy as np
import planted
import pytest

from regard.trust import Outcome, Verdict, examine_subject
from regard.trust.erasure import Eraser, erasure_curves, ranks
from regard.trust.gates import measure_gates
from regard.trust.measurement import measure

TEXTS = 150
ROWS = np.arange(TEXTS)
EXPECTED = {
    "good": Verdict.EXPLAINS,
    "good, finds": Verdict.EXPLAINS,
    "good, certain": Verdict.EXPLAINS,
    "uniform": Verdict.SAYS_NOTHING,
    "reported permuted": Verdict.NOT_THE_WEIGHTS,
    "reported shifted": Verdict.NOT_THE_WEIGHTS,
    "smearing, on evidence": Verdict.POINTS_ONLY,
    "smearing, at random": Verdict.MISLEADS,
    "smearing, off evidence": Verdict.MISLEADS,
    "half smearing, off evidence": Verdict.MISLEADS,
    "mostly smearing, on evidence": Verdict.POINTS_ONLY,
    "finds, smearing": Verdict.POINTS_ONLY,
    "sink": Verdict.READ_CONTRIBUTIONS,
}
# Between two verdicts; what they must not get is a good one.
GOOD = {Verdict.EXPLAINS, Verdict.POINTS_ONLY}
MIXED = {
    "permuted and used": GOOD,
    "finds, permuted and used": {Verdict.EXPLAINS},
    "local, at random": GOOD,
    "smearing, at random": GOOD,
}


def verdicts(name, draws):
    reports = (
        examine_subject(planted.plant(name, count=TEXTS, seed=draw), n=TEXTS)
        for draw in range(draws)
    )
    return Counter(report.verdict for report in reports)


def test_every_planted_model_is_held_to_something():
    assert {*EXPECTED, *MIXED} == set(planted.MODELS)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_planted_model_gets_its_verdict(name):
    assert verdicts(name, 3) == {EXPECTED[name]: 3}


@pytest.mark.parametrize("name", MIXED)
def test_a_model_in_between_never_gets_a_good_verdict(name):
    assert not MIXED[name] & set(verdicts(name, 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", planted.MODELS)
def test_verdicts_hold_in_the_long_run(name):
    got = verdicts(name, 30)
    if name in EXPECTED:
        assert got[EXPECTED[name]] >= 29
    if EXPECTED.get(name) is not Verdict.EXPLAINS:
        assert not got[Verdict.EXPLAINS]
    assert not MIXED.get(name, set()) & set(got)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["permuted and used", "finds, permuted and used"])
def test_weights_that_might_lie_elsewhere_are_seldom_told_apart(name):
    passed = Counter()
    for draw in range(100):
        measured = measure(planted.plant(name, count=TEXTS, seed=draw), ROWS, draw)
        for gate in measure_gates(measured, draw).values():
            passed[gate.name] += gate.outcome is Outcome.ABOVE
    assert passed["moved"] > 50
    assert passed["spread"] <= 4
    assert passed["apart"] <= 4


@pytest.mark.parametrize("eraser", ["hole", "swap"])
def test_the_order_of_the_evidence_beats_its_reverse(eraser):
    subject = planted.plant("good", count=80, seed=0)
    rows = np.arange(80)
    baseline = subject.baseline(rows)
    chance = np.random.default_rng(0).random(baseline.valid.shape)
    erase = Eraser(eraser, subject, rows, baseline, chance)
    is_evidence = planted.IS_EVIDENCE[subject.ids].astype(float)
    scores = np.stack([is_evidence, -is_evidence])
    noise = np.broadcast_to(chance, scores.shape)
    gold, reverse = erasure_curves(erase, ranks(scores, baseline.valid, noise)).gain
    assert gold.mean() > 0.1
    assert reverse.mean() < -0.1
