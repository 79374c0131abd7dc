"""Finding columns by name."""

from collections.abc import Sequence
from difflib import get_close_matches

from regard.errors import DataError


def column_indices(
    place: str, available: Sequence[str], wanted: Sequence[str]
) -> list[int]:
    """Where each wanted column stands.

    Raises:
        DataError: A wanted column is not there, or there twice.
    """
    return [_index(place, available, name) for name in wanted]


def missing_column(place: str, available: Sequence[str], name: str) -> DataError:
    """The error for a column that is not there: what there is, and what is near."""
    near = get_close_matches(name, available, n=1) or [
        other for other in available if other.strip().lower() == name.strip().lower()
    ]
    return DataError(
        f"{place}: there is no column '{name}'.",
        expected=f"one of {', '.join(map(repr, available))}",
        fix=f"Did you mean '{near[0]}'?" if near else None,
    )


def _index(place: str, available: Sequence[str], name: str) -> int:
    found = [index for index, other in enumerate(available) if other == name]
    if not found:
        raise missing_column(place, available, name)
    if len(found) > 1:
        raise DataError(
            f"{place}: {len(found)} columns have the name '{name}'.",
            fix="Rename them, so that one is meant.",
        )
    return found[0]
