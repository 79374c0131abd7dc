"""Weights against the words that people marked, in cases worked out by hand."""

import numpy as np
import pytest

from regard.errors import ArgumentError
from regard.metrics import rationale_agreement


def test_marked_words_that_have_all_the_weight():
    found = rationale_agreement(np.array([0, 0.75, 0.25, 0]), [0, 1, 1, 0])
    assert (found.mass, found.precision, found.token_f1) == (1, 1, 1)
    assert found.marked == 0.5


def test_the_reverse_of_the_right_order():
    found = rationale_agreement(np.array([0.5, 0.3, 0.2, 0]), [0, 0, 0, 1])
    assert (found.mass, found.token_f1) == (0, 0)
    # Found at the last of four.
    assert found.precision == 1 / 4


def test_average_precision_by_hand():
    # Ranked: marked, not, marked, not.
    found = rationale_agreement(np.array([0.4, 0.3, 0.2, 0.1]), [1, 0, 1, 0])
    assert found.mass == pytest.approx(0.6)
    assert found.precision == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert found.token_f1 == 1 / 2


def test_equal_weights_have_no_order():
    even = np.full(5, 0.2)
    for marked in np.eye(5):
        found = rationale_agreement(even, marked)
        assert found.precision == found.mass == found.marked == pytest.approx(0.2)


def test_a_share_of_the_tokens_is_taken_for_f1():
    weights = np.linspace(1, 0.1, 30)
    gold = np.arange(30) < 6
    # A tenth of 30 is 3: all of them right, half of the marked ones found.
    found = rationale_agreement(weights, gold, share=0.1)
    assert found.token_f1 == pytest.approx(2 / (1 + 1 / 0.5))
    assert rationale_agreement(weights, gold, share=0.0).token_f1 == 2 * 1 / (1 + 6)


def test_no_weight_anywhere():
    assert rationale_agreement(np.zeros(2), [1, 0]).mass == 0


@pytest.mark.parametrize(
    ("weights", "gold", "said"),
    [
        ([0.5, 0.5], [1], "as many of each"),
        ([0.5, -0.5], [1, 0], "from 0 up"),
        ([0.5, np.nan], [1, 0], "from 0 up"),
        ([0.5, 0.5], [0, 0], "No token"),
    ],
)
def test_what_cannot_be_compared_is_refused(weights, gold, said):
    with pytest.raises(ArgumentError, match=said):
        rationale_agreement(np.array(weights), gold)


def test_the_published_measure():
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")
    generator = np.random.default_rng(0)
    for _ in range(20):
        weights = generator.integers(0, 6, 25) / 6
        gold = generator.random(25) < 0.3
        gold[0] = True
        found = rationale_agreement(weights, gold)
        expected = metrics.average_precision_score(gold, weights)
        assert found.precision == pytest.approx(expected)
