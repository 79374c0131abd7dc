"""The calibration error against numbers worked out by hand."""

import numpy as np
import pytest

from regard.errors import ArgumentError
from regard.metrics import expected_calibration_error


def two_classes(*confidence):
    return np.array([[share, 1 - share] for share in confidence])


def test_the_distance_in_each_bin_by_hand():
    probabilities = two_classes(0.95, 0.95, 0.65, 0.65)
    found = expected_calibration_error(probabilities, [0, 1, 0, 0], bins=10)
    # Half the examples are 0.45 too sure, the other half 0.35 not sure enough.
    assert found.error == float(found) == pytest.approx((0.45 + 0.35) / 2)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 0, 2, 0, 0, 2]
    np.testing.assert_allclose(found.confidence[[6, 9]], [0.65, 0.95])
    np.testing.assert_allclose(found.accuracy[[6, 9]], [1, 0.5])
    assert not found.confidence[found.counts == 0].any()


def test_as_sure_as_right_is_no_error():
    probabilities = two_classes(*[0.75] * 20, *[0.9] * 10)
    targets = [0] * 15 + [1] * 5 + [0] * 9 + [1]
    assert float(expected_calibration_error(probabilities, targets)) < 1e-12


def test_a_bin_has_its_upper_edge():
    found = expected_calibration_error(two_classes(0.5, 0.75, 1), [0, 0, 0], bins=4)
    assert found.counts.tolist() == [0, 1, 1, 1]


def test_one_bin_is_the_mean_confidence_against_the_accuracy():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(5), 50)
    targets = generator.integers(0, 5, 50)
    found = expected_calibration_error(probabilities, targets, bins=1)
    right = (probabilities.argmax(axis=1) == targets).mean()
    assert found.error == pytest.approx(abs(probabilities.max(axis=1).mean() - right))


@pytest.mark.parametrize(
    ("probabilities", "targets", "match"),
    [
        ([0.5, 0.5], [0, 1], r"\(2,\) and \(2,\)"),
        ([[0.5, 0.5]], [0, 1], r"\(1, 2\) and \(2,\)"),
        (np.zeros((0, 2)), np.zeros(0, int), r"\(0, 2\)"),
        ([[0.5, 0.5]], [0.0], "float64"),
        ([[3.0, -1.0]], [0], "softmax"),
        ([[np.nan, 1.0]], [0], "from 0 to 1"),
        ([[0.5, 0.5]], [2], "from 0 to 1"),
        ([[0.5, 0.5]], [-1], "from 0 to 1"),
    ],
)
def test_what_is_no_prediction_is_refused(probabilities, targets, match):
    with pytest.raises(ArgumentError, match=match):
        expected_calibration_error(probabilities, targets)


def test_a_number_of_bins_is_one_or_more():
    with pytest.raises(ArgumentError, match="'bins'"):
        expected_calibration_error([[0.5, 0.5]], [0], bins=0)
