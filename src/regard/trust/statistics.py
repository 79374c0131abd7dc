"""Intervals over texts, and rank correlation with ties."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from regard.types import FloatArray

RESAMPLES = 2_000
LEVEL = 0.95

#: Parts of equal length over an axis, to one number for each other index.
Statistic = Callable[..., npt.NDArray[Any]]


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval, both in the unit of the quantity.

    Args:
        value: The estimate.
        low: The lower end.
        high: The upper end.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.low):
            return f"{self.value:.3g} [unknown]"  # One value varies by no known amount.
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"

    @property
    def per_cent(self) -> str:
        """The interval as ``81 % [74, 88]``."""
        ends = f"[{100 * self.low:.0f}, {100 * self.high:.0f}]"
        return f"{100 * self.value:.0f} % {ends}"


def mean(values: FloatArray, axis: int = -1) -> Any:
    """The mean over texts."""
    return values.mean(axis=axis)


def ratio_of_means(above: FloatArray, below: FloatArray, axis: int = -1) -> Any:
    """The ratio of two means over texts; where the lower one is not positive, NaN.

    A mean of ratios would be ruled by texts whose denominator is near zero.
    """
    denominator = below.mean(axis=axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = above.mean(axis=axis) / denominator
    return np.where(denominator > 0, ratio, np.nan)


def bootstrap(
    statistic: Statistic,
    *parts: FloatArray,
    seed: int,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Interval:
    """The interval of a statistic over texts, by the BCa bootstrap.

    The unit is the text: each resample draws whole texts, with all their parts.

    Args:
        statistic: Parts, with texts on the axis ``axis``, to numbers.
        parts: Arrays ``(texts,)``, one entry of each belonging to a text.
        seed: What the resamples depend on.
        level: The share of intervals that hold the truth.
        resamples: The number of resamples.

    Returns:
        The estimate and its interval. Where the resamples do not vary, both ends are
        the estimate. Where the estimate is no number, nor are the ends.

    References:
        Efron: Better bootstrap confidence intervals (1987),
        https://doi.org/10.1080/01621459.1987.10478410.
    """
    value = float(statistic(*parts))
    if len(parts[0]) < 2 or not np.isfinite(value):
        return Interval(value, np.nan, np.nan)
    if all(np.ptp(part) == 0 for part in parts):
        return Interval(value, value, value)
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        # Resamples that hardly vary have no acceleration; see below.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        ends: Any = stats.bootstrap(
            parts,
            statistic,
            paired=len(parts) > 1,
            vectorized=True,
            confidence_level=level,
            n_resamples=resamples,
            method="BCa",
            rng=np.random.default_rng(seed),
        )
    low, high = map(float, ends.confidence_interval)
    if not (np.isfinite(low) and np.isfinite(high)):
        drawn = ends.bootstrap_distribution
        tail = 100 * (1 - level) / 2
        low, high = map(float, np.nanpercentile(drawn, [tail, 100 - tail]))
    return Interval(value, low, high)


def tau_b(first: FloatArray, second: FloatArray) -> float:
    r"""Kendall's rank correlation, corrected for ties.

    .. math::
        \tau_b = \frac{\sum_{i<j} s_{ij} t_{ij}}
                       {\sqrt{\sum_{i<j} s_{ij}^2 \sum_{i<j} t_{ij}^2}}, \qquad
        s_{ij} = \mathrm{sign}(a_i - a_j), \quad t_{ij} = \mathrm{sign}(b_i - b_j)

    SciPy's takes half a millisecond for any call, and an examination asks for it some
    thousand times, on texts of a few words.

    Args:
        first: Scores ``(keys,)``.
        second: Scores of the same keys.

    Returns:
        From -1 to 1; NaN where all scores of a side are the same, as it then says
        nothing.
    """
    one, other = (
        np.sign(scores[:, None] - scores).astype(np.float32)
        for scores in (first, second)
    )
    untied = float(np.square(one).sum()) * float(np.square(other).sum())
    return float((one * other).sum()) / untied**0.5 if untied else float("nan")
