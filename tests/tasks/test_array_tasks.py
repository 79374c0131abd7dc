import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.errors import ArgumentError
from regard.tasks import AddTwoNumbers, ArrayPairs, Column, FindMax


@settings(deadline=None, max_examples=25)
@given(length=st.integers(4, 30), seed=st.integers(0, 2**31))
def test_the_two_numbers_follow_the_two_delimiters(length, seed):
    pairs = AddTwoNumbers(length=length).sample(20, seed=seed)
    series = pairs.inputs[..., 0]
    assert series.shape == (20, length)
    assert series.dtype == pairs.targets.dtype == np.float32
    for row, target, (first, second) in zip(
        series, pairs.targets, pairs.gold, strict=True
    ):
        np.testing.assert_array_equal(np.flatnonzero(row == 0) + 1, [first, second])
        assert target == row[first] + row[second]


def test_every_pair_of_places_is_equally_likely():
    gold = AddTwoNumbers(length=6).sample(60_000, seed=0).gold
    places, counts = np.unique(gold, axis=0, return_counts=True)
    apart = [(a, b) for a in range(1, 6) for b in range(a + 2, 6)]
    assert [tuple(pair) for pair in places] == apart
    # 10,000 of each are expected; 5 standard deviations are 457.
    assert np.abs(counts - 10_000).max() < 457


def test_the_maximum_stands_at_its_place():
    pairs = FindMax(length=10).sample(500, seed=0)
    series = pairs.inputs[..., 0]
    np.testing.assert_array_equal(pairs.targets, series.max(axis=1))
    np.testing.assert_array_equal(
        np.take_along_axis(series, pairs.gold, axis=1)[:, 0], pairs.targets
    )
    assert set(pairs.gold[:, 0]) == set(range(10))
    # The mean of the greatest of 10 even draws is 10 / 11.
    assert pairs.targets.mean() == pytest.approx(10 / 11, abs=0.02)


def test_one_column_is_the_label_and_the_others_know_nothing_of_it():
    pairs = Column(columns=4, label=2).sample(20_000, seed=0)
    assert pairs.inputs.shape == (20_000, 4)
    np.testing.assert_array_equal(pairs.inputs[:, 2], pairs.targets)
    assert set(pairs.targets) == {0.0, 1.0}
    assert pairs.targets.mean() == pytest.approx(0.5, abs=0.02)
    assert (pairs.gold == 2).all()
    others = np.delete(pairs.inputs, 2, axis=1)
    correlations = [np.corrcoef(each, pairs.targets)[0, 1] for each in others.T]
    assert np.abs(correlations).max() < 0.04
    np.testing.assert_allclose(others.std(axis=0), 1.0, atol=0.05)


def numbers(*targets):
    targets = np.array(targets, np.float32)
    count = len(targets)
    return ArrayPairs(np.zeros((count, 3, 1)), targets, np.zeros((count, 1), int))


def test_the_score_of_numbers():
    score = FindMax(tolerance=0.5).score([1.0, 2.5, 5.0], numbers(1, 2, 3))
    assert score.accuracy == pytest.approx(2 / 3)
    assert score.mean_absolute_error == pytest.approx(2.5 / 3)
    # 1 - (0 + 0.25 + 4) / (1 + 0 + 1)
    assert score.r_squared == pytest.approx(-1.125)
    assert score.count == 3


def test_the_mean_explains_nothing():
    score = AddTwoNumbers().score([2, 2, 2], numbers(1, 2, 3))
    assert score.r_squared == 0.0


def test_targets_without_spread_have_no_r_squared():
    assert FindMax().score([1, 2], numbers(1, 1)).r_squared is None


def test_a_number_that_is_none_is_wrong():
    assert FindMax().score([np.nan, 1], numbers(1, 1)).accuracy == 0.5


def test_half_is_no_answer_to_a_label():
    score = Column().score([[0.49], [0.51], [0.5], [0.5]], numbers(0, 1, 0, 1))
    assert score.accuracy == 0.5


def test_answers_of_another_shape_are_refused():
    with pytest.raises(ArgumentError, match=r"\(3, 2\)"):
        FindMax().score(np.zeros((3, 2)), numbers(1, 2, 3))


def test_attention_on_gold_adds_up_the_positions():
    task = AddTwoNumbers(length=4)
    pairs = task.sample(2)
    np.testing.assert_array_equal(pairs.gold, [[1, 3], [1, 3]])
    weights = np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 1.0, 0.0, 0.0]])
    assert task.attention_on_gold(weights, pairs) == pytest.approx(0.8)
    with pytest.raises(ArgumentError, match="heads"):
        task.attention_on_gold(weights[:, None], pairs)


@pytest.mark.parametrize(
    ("kind", "wrong", "said"),
    [
        (AddTwoNumbers, {"length": 3}, "4 or more"),
        (AddTwoNumbers, {"tolerance": -0.1}, "-0.1"),
        (FindMax, {"length": 0}, "1 or more"),
        (FindMax, {"tolerance": float("nan")}, "nan"),
        (Column, {"columns": 4, "label": 4}, "columns=4"),
        (Column, {"columns": 0}, "'columns'"),
        (Column, {"label": -1}, "'label'"),
    ],
)
def test_wrong_settings_are_refused(kind, wrong, said):
    with pytest.raises(ArgumentError, match=said):
        kind(**wrong)
