"""Checks of the settings of tasks."""

from collections.abc import Sized

from regard.errors import ArgumentError


def check_at_least(name: str, value: int, least: int) -> None:
    """Refuse a count that is no integer or smaller than ``least``.

    Raises:
        ArgumentError: It is.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(
            f"The setting '{name}' is out of range.",
            expected=f"an integer of at least {least}",
            received=repr(value),
        )


def check_same_count(what: str, received: Sized, expected: Sized) -> None:
    """Refuse answers that are not one for each pair.

    Raises:
        ArgumentError: Their number differs.
    """
    if len(received) != len(expected):
        raise ArgumentError(
            f"The number of {what} is not the number of pairs.",
            expected=str(len(expected)),
            received=str(len(received)),
        )
