"""Numbers of a reply: few digits, and rows that still sum to 1."""

import numpy as np

from regard.types import FloatArray

#: Digits after the point. More would be noise of float32.
DIGITS = 7
_UNITS = 10**DIGITS


def rounded_rows(rows: FloatArray) -> FloatArray:
    """Rows that sum to 1, rounded so that their last digits still do.

    Where every number is rounded by itself, the errors of a long row add up. Here each
    gets the units of the last digit that fit in it whole, and what is left of the row
    goes to those that lost most, one unit each.

    Args:
        rows: ``(…, row)``, of sum 1 within the precision of float32, or all 0.

    Returns:
        As given, float64; a row of zeros stays one.
    """
    exact = rows.astype(np.float64) * _UNITS
    sums = exact.sum(-1, keepdims=True)
    exact *= _UNITS / np.where(sums > 0, sums, _UNITS)
    units = np.floor(exact)
    left = np.rint((exact - units).sum(-1, keepdims=True))
    lost = np.argsort(np.argsort(units - exact, axis=-1, kind="stable"), axis=-1)
    return (units + (lost < left)) / _UNITS


def rounded(number: float) -> float:
    """One number by itself."""
    return round(float(number), DIGITS)
