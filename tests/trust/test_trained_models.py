"""Trained models of which it is known what their attention deserves."""

import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from regard.trust import Verdict

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are part of the repository", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))

import _trust_bands  # noqa: E402
import _trust_bed  # noqa: E402
import _trust_models  # noqa: E402
import _trust_texts  # noqa: E402

sys.path.remove(str(BENCHMARKS))

IDS = [np.array([2, 3, 4, 5, 6]), np.array([7, 2, 9])]


def weights(**sizes):
    trained = _trust_models.Network(10, 2, embedding=4, score_units=4, **sizes).build(0)
    seen = trained.predictor.observe(IDS).attention
    return [each["attention"].weights[0] for each in seen]


def test_moved_weights_are_those_of_other_words():
    once, again = weights(moved=True), weights(moved=True)
    for row, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(row, other)
        assert row.sum() == pytest.approx(1)
        assert len(set(np.round(row, 6).tolist())) == len(row)


def test_a_sink_draws_its_share_and_adds_nothing():
    network = _trust_models.Network(10, 2, embedding=4, score_units=4, sink=0.7)
    trained = network.build(0)
    trained.encoder.get_layer("embedding").embeddings.assign(
        np.random.default_rng(0).normal(size=(10, 4)) * (np.arange(10) < 9)[:, None]
    )
    rows = [np.array([9, 2, 3, 4]), np.array([9, 5])]
    subject = _trust_models.IdsSubject(trained, rows)
    baseline = subject.baseline(np.arange(2))
    np.testing.assert_allclose(baseline.weights[:, 0, 0], 0.7, atol=1e-5)
    np.testing.assert_array_equal(baseline.orders["contribution"][:, 0], 0)


def test_contributions_add_up_to_the_difference_of_logits():
    trained = _trust_models.Network(10, 2, embedding=4, score_units=4).build(0)
    subject = _trust_models.IdsSubject(trained, IDS)
    baseline = subject.baseline(np.arange(2))
    odds = np.log(baseline.probabilities).T
    likelier = np.abs(odds[0] - odds[1]) / 2
    parts = baseline.orders["contribution"].sum(axis=1)
    np.testing.assert_allclose(parts, likelier, atol=1e-6)


def test_evidence_is_marked_where_the_phrase_stands():
    corpus = _trust_texts.messages(train=20, test=10)
    for ids, marks in zip(corpus.test.ids, corpus.test.evidence, strict=True):
        assert len(ids) == len(marks)
        assert 2 <= marks.sum() <= 8


def test_weights_start_as_those_of_pytorch():
    network = _trust_models.Network(
        10, 2, embedding=9, encoder="tanh", units=4, score_units=25, start="pytorch"
    )
    states, attention = (
        network.build(0).model.get_layer(name).get_weights()
        for name in ("states", "attention")
    )
    # One over the root of the inputs: nine features, four units, twenty-five of these.
    bounds = [1 / 3, 1 / 3, 1 / 2, 1 / 2, 1 / 5]
    for weight, bound in zip([*states, *attention], bounds, strict=True):
        assert 0.5 * bound < np.abs(weight).max() <= bound


def test_conicity_is_a_mean_cosine_and_is_counted_as_published():
    class WithStates:
        def states(self, rows):
            return [np.array([[2.0, 0], [0, 2], [2, 0], [0, 2], [0, 0]])] * len(rows)

    defined, counted = _trust_bands.conicity(WithStates(), [None])
    # Four of the five at an angle of 45 degrees to their mean; the last has none.
    assert defined == pytest.approx(4 / 5 / 2**0.5)
    assert counted == pytest.approx(4 / 3 / 2**0.5)


def test_what_was_measured_is_kept_for_the_same_network_and_settings(
    tmp_path, monkeypatch
):
    class Unbuilt(NamedTuple):
        encoder: str = "none"
        score: str = "context"

        def build(self, seed):
            return seed

    corpus = _trust_texts.messages(train=4, test=2)
    trained = []
    monkeypatch.setattr(_trust_bands, "train", lambda *args: trained.append(args))

    def measured(seed=0, name="", **recipe):
        settings = _trust_bands.Settings(cache=tmp_path)
        chosen = _trust_models.Recipe(**recipe)
        return settings.measured(
            corpus, Unbuilt(), chosen, seed, lambda _: len(trained), name=name
        )

    assert [measured(), measured(), measured(1), measured(passed=1)] == [1, 1, 2, 3]
    assert [measured(name="pushed"), measured(1), len(trained)] == [4, 2, 4]


@pytest.mark.slow
def test_models_trained_on_messages_get_what_they_deserve():
    bed = _trust_bed.Bed(_trust_texts.messages(), texts=360)
    for case in bed.cases(seed=0):
        verdicts = Counter(each.verdict for each in _trust_bed.draws(case, 5, seed=0))
        level = _trust_bed.LEVELS[case.name]
        if level is not None and Verdict.EXPLAINS not in level:
            assert not verdicts[Verdict.EXPLAINS], case.name
        # Of one that deceives it is open how much of it the texts of a draw show.
        if level is not None and case.name != "GRU, adversary":
            assert set(verdicts) <= level, f"{case.name}: {verdicts}"


@pytest.mark.slow
def test_placement_is_seldom_told_where_weights_lie_at_random():
    bed = _trust_bed.Bed(_trust_texts.messages(), texts=600)
    assert 0.03 <= bed.false_alarms(seed=0, count=200) <= 0.07
