"""Arrays as they come in, checked before anything is drawn."""

import numpy as np
import numpy.typing as npt

from regard.errors import ArgumentError


def numbers(values: npt.ArrayLike, what: str) -> list[float]:
    """A row of finite numbers.

    Raises:
        ArgumentError: It is no row, is empty, or holds something else than numbers.
    """
    try:
        row = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise _not_a_row(what, type(values).__name__) from error
    if row.ndim != 1 or not row.size:
        raise _not_a_row(what, f"an array of shape {row.shape}")
    if not np.isfinite(row).all():
        raise _not_a_row(what, "NaN or infinity")
    return row.tolist()


def weights(values: npt.ArrayLike, what: str) -> list[float]:
    """A row of finite numbers of which none is negative.

    Raises:
        ArgumentError: It is no row of such numbers.
    """
    row = numbers(values, what)
    if min(row) < 0:
        raise ArgumentError(
            f"The {what} cannot be drawn.",
            expected="numbers that are not negative",
            received=f"{min(row)}",
        )
    return row


def check_lengths(first: int, second: int, what: str) -> None:
    """Check that two rows are of one length.

    Raises:
        ArgumentError: They are not.
    """
    if first != second:
        raise ArgumentError(
            f"The {what} do not fit each other.",
            expected="as many of one as of the other",
            received=f"{first} and {second}",
        )


def _not_a_row(what: str, received: str) -> ArgumentError:
    return ArgumentError(
        f"The {what} cannot be drawn.",
        expected="a row of finite numbers, of shape (n,)",
        received=received,
    )
