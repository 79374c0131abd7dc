"""Probabilities held against how often they are right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regard._validate import check_count
from regard.errors import ArgumentError
from regard.types import FloatArray, IntArray

_OF = "a calibration error"


@dataclass(frozen=True, eq=False)
class CalibrationError:
    """How far the confidence of a classifier is from its accuracy.

    ``float`` gives ``error``. The arrays are a reliability diagram: of bin ``m`` of
    ``M`` the examples whose confidence is above ``m / M`` and at most ``(m + 1) / M``.

    Args:
        error: The expected calibration error, 0 to 1.
        confidence: ``(bins,)``, the mean confidence; 0 in a bin without examples.
        accuracy: ``(bins,)``, the share that is right; 0 in a bin without examples.
        counts: ``(bins,)``, the number of examples.
    """

    error: float
    confidence: FloatArray
    accuracy: FloatArray
    counts: IntArray

    def __float__(self) -> float:
        return self.error


def expected_calibration_error(
    probabilities: FloatArray, targets: Sequence[int] | IntArray, bins: int = 15
) -> CalibrationError:
    r"""The mean distance between the confidence of a classifier and its accuracy.

    .. math::
        \mathrm{ECE} = \sum_{m=1}^{M} \frac{|B_m|}{n}
        \left| \mathrm{acc}(B_m) - \mathrm{conf}(B_m) \right|

    The confidence of an example is its highest probability, and it is right where that
    is of its own class (of equal ones the first counts). Bin :math:`B_m` has the
    examples with a confidence in :math:`((m - 1) / M, m / M]`. A classifier that says
    "90 %" and is right in 90 of 100 such cases has an error of 0. Of few examples the
    figure is too high: each bin is off by chance.

    Args:
        probabilities: ``(examples, classes)``.
        targets: ``(examples,)``, the index of the right class of each.
        bins: The number of bins :math:`M`, all of the same width.

    Raises:
        ArgumentError: The shapes do not fit, there is no example, a probability is not
            from 0 to 1, or a target is none of the classes.

    References:
        Naeini, Cooper, Hauskrecht: Obtaining well calibrated probabilities using
        Bayesian binning (2015), https://doi.org/10.1609/aaai.v29i1.9602. Guo, Pleiss,
        Sun, Weinberger: On calibration of modern neural networks (2017),
        https://arxiv.org/abs/1706.04599, equation 3.
    """
    check_count("bins", bins, of=_OF)
    shares, right_classes = _checked(probabilities, targets)
    confidence = shares.max(axis=1)
    right = shares.argmax(axis=1) == right_classes
    members = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(members, minlength=bins)
    sums = [
        np.bincount(members, weights=values, minlength=bins)
        for values in (confidence, right)
    ]
    of_confidence, of_right = (total / np.maximum(counts, 1) for total in sums)
    error = float(np.abs(of_right - of_confidence) @ counts / len(right))
    return CalibrationError(error, of_confidence, of_right, counts)


def _checked(probabilities: Any, targets: Any) -> tuple[FloatArray, IntArray]:
    shares, right = np.asarray(probabilities, np.float64), np.asarray(targets)
    if (
        shares.ndim != 2
        or not shares.size
        or right.shape != shares.shape[:1]
        or right.dtype.kind not in "iu"
    ):
        raise ArgumentError(
            "The probabilities and the right classes do not fit each other.",
            expected="(examples, classes), and a whole number for each example",
            received=f"shapes {shares.shape} and {right.shape}, {right.dtype}",
        )
    if not ((shares >= 0) & (shares <= 1 + 1e-6)).all():
        raise ArgumentError(
            "The probabilities are none.",
            expected="numbers from 0 to 1",
            received=f"from {shares.min()} to {shares.max()}",
            fix="Apply a softmax to logits first.",
        )
    if right.min() < 0 or right.max() >= shares.shape[1]:
        raise ArgumentError(
            "A right class is none of those that have a probability.",
            expected=f"from 0 to {shares.shape[1] - 1}",
            received=f"from {right.min()} to {right.max()}",
        )
    return shares, right
