"""What is shown beside a verdict, on models of which the answer is known."""

import numpy as np
import pytest
from planted import plant

import regard
from regard.trust.measurement import measure
from regard.trust.side_figures import (
    divergence,
    flip_figures,
    same_answer_figures,
)


def figures(name, count=60):
    subject = plant(name, count=count, seed=0)
    return measure(subject, np.arange(count), 0).figures


def test_divergence_in_closed_form():
    even, one, other = np.array([[0.5, 0.5], [1, 0], [0, 1]])
    assert divergence(one, other) == pytest.approx(np.log(2))
    assert divergence(one, one) == 0
    expected = -0.75 * np.log(0.75) - 0.25 * np.log(0.25) - 0.5 * np.log(2)
    assert divergence(even, one) == pytest.approx(expected)


def test_the_share_to_flip_is_the_first_that_flips():
    flipped = {
        "attention": np.array([[0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1.0]]),
        "random": np.array([[0, 0, 0.5, 1], [0, 0, 0, 0], [0, 0, 0, 0.5]]),
    }
    found = flip_figures(flipped)
    np.testing.assert_allclose(found["share to flip"], [0.1, 1, 0.05])
    np.testing.assert_allclose(found["same label, 20% erased"], [0.5, 1, 1])
    np.testing.assert_allclose(found["same label, 50% erased"], [0, 1, 0.5])


def test_the_largest_divergence_is_among_shuffles_with_the_same_answer():
    distance = np.array([[0.1, 0.6, 0.3], [0.5, 0.6, 0.2]])
    moved = np.array([[0.0, 0.5, 0.01], [0.2, 0.1, 0.3]])
    found = same_answer_figures(distance, moved)["largest JSD"]
    np.testing.assert_allclose(found, [0.3, 0])


def test_local_states_hold_what_their_words_gave():
    good, smearing = figures("good"), figures("smearing, on evidence")
    np.testing.assert_allclose(good["locality gap"], 0, atol=1e-9)
    assert smearing["locality gap"].mean() > 0.1
    # Where states know everything, weights may lie anywhere.
    assert smearing["largest JSD"].mean() > good["largest JSD"].mean() + 0.1


def test_weights_off_the_evidence_are_told_by_soft_erasing_and_flips():
    good, off = figures("good"), figures("smearing, off evidence")
    for name in ("soft comprehensiveness", "soft sufficiency"):
        assert good[name].mean() > off[name].mean()
        assert ((good[name] >= 0) & (good[name] <= 1)).all()
    assert good["share to flip"].mean() < off["share to flip"].mean()
    assert good["violation rate"].mean() < 0.3


def test_figures_are_the_same_whatever_is_measured_beside_them():
    subject = plant("good", count=20, seed=3)
    whole = measure(subject, np.arange(20), 5).figures
    part = measure(subject, np.array([7, 2]), 5).figures
    for name, values in part.items():
        np.testing.assert_allclose(values, whole[name][[7, 2]], atol=1e-12)


def test_a_report_shows_them_and_keeps_them(tmp_path):
    report = regard.trust.examine_subject(plant("good", count=60, seed=0))
    assert "locality gap" in report.figures
    assert "violation rate" in report.to_text()
    report.save(tmp_path / "report.json")
    loaded = regard.trust.TrustReport.load(tmp_path / "report.json")
    assert loaded.figures == report.figures
