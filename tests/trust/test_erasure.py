"""Orders, the numbers of keys that go, and curves with numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.trust.erasure import (
    Eraser,
    erasure_curves,
    key_counts,
    leave_one_out,
    ranks,
)
from regard.trust.subject import Baseline


class Sum:
    """The answer is the sum of the values of the keys that are there, made a chance."""

    erasers = ("hole",)

    def __init__(self, values):
        self.values = np.asarray(values, float)
        self.asked = 0

    def __len__(self):
        return len(self.values)

    def answer(self, rows, keep):
        positive = (self.values[rows] * keep).sum(axis=-1)
        return np.stack([1 - positive, positive], axis=-1)

    def baseline(self, rows):
        values = self.values[rows]
        lengths = (values > 0).sum(axis=-1)
        answers = self.answer(rows, values > 0)
        return Baseline(answers, values[:, None], lengths, None, {})

    def erased(self, rows, keep, eraser, draws):  # noqa: ARG002 - it draws nothing
        self.asked += len(rows)
        return self.answer(rows, keep)


def eraser_of(subject):
    rows = np.arange(len(subject))
    baseline = subject.baseline(rows)
    return Eraser("hole", subject, rows, baseline, np.zeros(baseline.valid.shape))


def test_ranks_begin_at_the_highest_score_and_end_with_what_is_no_key():
    valid = np.array([[True, True, True, False]])
    scores = np.array([[0.2, 0.7, 0.1, 9.0]])
    assert ranks(scores, valid, np.zeros((1, 4))).tolist() == [[1, 0, 2, 3]]


def test_ties_are_broken_by_the_noise_and_not_by_the_place():
    valid = np.ones((1, 4), bool)
    noise = np.array([[0.4, 0.1, 0.3, 0.2]])
    assert ranks(np.ones((1, 4)), valid, noise).tolist() == [[3, 0, 2, 1]]


@pytest.mark.parametrize(
    ("length", "counts", "new"),
    [
        (1, [1, 1, 1, 1], [True, False, False, False]),
        (10, [1, 1, 2, 5], [True, False, True, True]),
        (30, [2, 3, 6, 15], [True] * 4),
        (200, [10, 20, 40, 100], [True] * 4),
    ],
)
def test_fractions_of_few_keys_are_rounded_up_and_counted_once(length, counts, new):
    made, is_new = key_counts(np.array([length]))
    assert made.tolist() == [counts]
    assert is_new.tolist() == [new]


def test_a_curve_by_hand():
    # Ten keys of .05, but for the first of .25: erasing 1, 2 and 5 of them.
    subject = Sum([[0.25] + [0.05] * 9])
    places = np.arange(10)[None, None]
    curves = erasure_curves(eraser_of(subject), places)
    np.testing.assert_allclose(curves.without[0, 0], [0.25, 0.25, 0.3, 0.45])
    np.testing.assert_allclose(curves.alone[0, 0], [0.45, 0.45, 0.4, 0.25])
    # The first two fractions are one number of keys: it counts once.
    np.testing.assert_allclose(curves.gain, [[(-0.2 - 0.1 + 0.2) / 3]])
    assert curves.flipped[0, 0].tolist() == [True] * 4
    assert subject.asked == 6


def test_one_key_leaves_nothing_and_then_everything():
    curves = erasure_curves(eraser_of(Sum([[0.9]])), np.zeros((1, 1, 1), int))
    np.testing.assert_allclose(curves.gain, [[0.9]])


def test_the_effect_of_each_key_is_its_own():
    values = np.array([[0.1, 0.3, 0.2, 0.0], [0.4, 0.1, 0.0, 0.0]])
    np.testing.assert_allclose(leave_one_out(eraser_of(Sum(values))), values)


@given(st.integers(65, 300))
def test_neighbours_in_a_long_text_share_the_effect_of_their_part(length):
    subject = Sum(np.full((1, length), 1 / (2 * length)))
    effects = leave_one_out(eraser_of(subject))
    assert subject.asked == 64
    np.testing.assert_allclose(effects, subject.values)
