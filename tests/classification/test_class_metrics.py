"""Measures against numbers worked out by hand."""

import math

import numpy as np
import pytest

from regard.classification.class_metrics import evaluate


def test_measures_by_hand():
    probabilities = np.array(
        [[0.5, 0.25, 0.25], [0.5, 0.5 - 1e-9, 0], [0.2, 0.8, 0], [1, 0, 0]]
    )
    result = evaluate(probabilities, np.array([0, 1, 1, 0]), ["a", "b", "c"])
    assert result.accuracy == 3 / 4
    assert result.confusion.tolist() == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert result.loss == pytest.approx(-(2 * math.log(0.5) + math.log(0.8)) / 4)
    a, b, c = (result.per_class[name] for name in "abc")
    assert (a.precision, a.recall, a.f1, a.support) == (2 / 3, 1, 4 / 5, 2)
    assert (b.precision, b.recall, b.f1, b.support) == (1, 1 / 2, 2 / 3, 2)
    assert (c.precision, c.recall, c.f1, c.support) == (0, 0, 0, 0)
    # A class that neither occurs nor is predicted does not count.
    assert result.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_a_sure_error_is_expensive_but_finite():
    result = evaluate(np.array([[1.0, 0.0]], "float32"), np.array([1]), ["a", "b"])
    assert 80 < result.loss < 100


def test_the_calibration_error_is_that_of_15_bins():
    probabilities = np.array([[0.95, 0.05], [0.05, 0.95], [0.7, 0.3]])
    result = evaluate(probabilities, np.array([0, 0, 0]), ["a", "b"])
    assert result.expected_calibration_error == pytest.approx(2 / 3 * 0.45 + 0.3 / 3)
    assert result.to_dict()["expected_calibration_error"] == (
        result.expected_calibration_error
    )


def test_no_loss_is_a_positive_zero():
    loss = evaluate(np.eye(2), np.array([0, 1]), ["a", "b"]).loss
    assert math.copysign(1, loss) == 1


def test_measures_agree_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="only a second opinion")
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(4), 200)
    targets = generator.integers(0, 4, 200)
    predicted = probabilities.argmax(axis=1)
    result = evaluate(probabilities, targets, list("abcd"))
    assert result.macro_f1 == pytest.approx(
        metrics.f1_score(targets, predicted, average="macro")
    )
    assert result.loss == pytest.approx(metrics.log_loss(targets, probabilities))
    np.testing.assert_array_equal(
        result.confusion, metrics.confusion_matrix(targets, predicted)
    )


def test_plain_values_are_ready_for_json():
    result = evaluate(np.eye(2), np.array([0, 1]), ["a", "b"]).to_dict()
    assert result["accuracy"] == 1
    assert result["confusion"] == [[1, 0], [0, 1]]
    assert result["per_class"]["a"]["support"] == 1


def test_ratings_are_measured_by_how_far_off_they_are():
    metrics = pytest.importorskip("sklearn.metrics", reason="only a second opinion")
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(4), 200)
    targets = generator.integers(0, 4, 200)
    for names in (["1", "2", "3", "4"], ["10", "2", "7.5", "-1"]):
        result = evaluate(probabilities, targets, names)
        numbers = np.array(names, float)
        right, given = numbers[targets], numbers[probabilities.argmax(axis=1)]
        assert result.mean_absolute_error == pytest.approx(
            metrics.mean_absolute_error(right, given)
        )
        ranks = sorted(numbers).index
        assert result.quadratic_weighted_kappa == pytest.approx(
            metrics.cohen_kappa_score(
                [ranks(each) for each in right],
                [ranks(each) for each in given],
                weights="quadratic",
            )
        )
        told = result.to_dict()
        assert told["mean_absolute_error"] == result.mean_absolute_error
        assert "quadratic_weighted_kappa=" in repr(result)


@pytest.mark.parametrize(
    "names",
    [
        ["a", "1", "2"],
        ["01", "2", "3"],
        ["1", "1.0", "2"],
        ["True", "False", "nan"],
        ["1_0", "2", "3"],
    ],
)
def test_names_and_codes_are_no_ratings(names):
    result = evaluate(np.eye(3), np.arange(3), names)
    assert result.mean_absolute_error is result.quadratic_weighted_kappa is None
    assert "mean_absolute_error" not in result.to_dict()
    two = evaluate(np.eye(2), np.arange(2), ["0", "1"])
    assert two.mean_absolute_error is None


def test_ratings_that_are_all_one_and_right():
    result = evaluate(np.eye(3)[[1, 1]], np.array([1, 1]), ["1", "2", "3"])
    assert (result.mean_absolute_error, result.quadratic_weighted_kappa) == (0, 1)
