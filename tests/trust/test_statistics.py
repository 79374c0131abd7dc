"""Intervals and rank correlations, against formulas and against SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from regard.trust.statistics import bootstrap, mean, ratio_of_means, tau_b


def test_the_interval_of_a_mean_is_that_of_the_central_limit():
    values = np.random.default_rng(0).normal(2.0, 1.0, 400)
    interval = bootstrap(mean, values, seed=0)
    half = 1.96 * values.std(ddof=1) / 20
    assert interval.value == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half, abs=0.02)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.02)


def test_a_seed_gives_one_interval():
    values = np.random.default_rng(0).random(50)
    assert bootstrap(mean, values, seed=3) == bootstrap(mean, values, seed=3)


def test_texts_are_drawn_with_all_their_parts():
    below = np.random.default_rng(0).random(60) + 0.1
    interval = bootstrap(ratio_of_means, 0.25 * below, below, seed=0)
    assert interval.low == pytest.approx(0.25) == interval.high


def test_what_does_not_vary_has_an_interval_without_width():
    interval = bootstrap(mean, np.full(20, 0.3), seed=0)
    assert interval.low == interval.high == interval.value == pytest.approx(0.3)


@pytest.mark.parametrize("values", [[0.5], [math.nan, 1.0, 2.0]])
def test_without_enough_to_say_there_are_no_ends(values):
    interval = bootstrap(mean, np.array(values), seed=0)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_a_ratio_over_what_is_not_positive_is_no_number():
    assert math.isnan(ratio_of_means(np.ones(3), np.array([1.0, -2.0, 1.0])))


SCORES = st.lists(st.integers(-3, 3), min_size=2, max_size=12)


@given(SCORES, st.randoms(use_true_random=False))
def test_tau_is_scipys(first, random):
    second = [random.randint(-3, 3) for _ in first]
    expected = stats.kendalltau(first, second).statistic
    assert tau_b(np.array(first, float), np.array(second, float)) == pytest.approx(
        expected, nan_ok=True
    )


def test_intervals_in_words():
    interval = bootstrap(mean, np.array([0.8, 0.82, 0.79, 0.83]), seed=0)
    assert interval.per_cent.startswith("81 % [")
    assert str(interval).startswith("0.81 [")


def test_an_interval_without_ends_says_so():
    assert str(bootstrap(mean, np.array([0.5]), seed=0)) == "0.5 [unknown]"
