"""One record of a file with columns, and columns by their name."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from regard._label_values import (
    is_label_set,
    is_missing,
    plain_label,
    plain_value,
    split_labels,
)
from regard.errors import (
    ArgumentError,
    ColumnError,
    DataError,
    MissingValueError,
    listed,
)

# Of so many columns those are compared with a name that is not there.
_COMPARED = 1_000


@dataclass(frozen=True, slots=True)
class Record:
    """The values of the asked columns in one record.

    Args:
        place: The file and the line or row, as an error message begins.
        values: The values in the order the columns were asked for.
        row: The value of each column, where the whole row was asked for.
    """

    place: str
    values: tuple[Any, ...]
    row: Mapping[str, Any] | None = None

    def text(self, index: int, column: str) -> str:
        """A value that has to be text.

        Raises:
            MissingValueError: It is missing.
            DataError: It is something else.
        """
        value = self.values[index]
        if isinstance(value, str):
            return value
        missing = is_missing(value)
        raise (MissingValueError if missing else DataError)(
            f"{self.place}: column '{column}' holds no usable value.",
            expected="a text",
            received="nothing (null)" if missing else f"{value!r:.60} ({_kind(value)})",
        )

    def label(self, index: int, column: str) -> str:
        """A value that names a class, as its text; see ``regard._label_values``.

        Raises:
            MissingValueError: It is missing or empty.
            DataError: It is something else.
        """
        place = f"{self.place}: the label in column '{column}'"
        return str(plain_label(self.values[index], place))

    def labels(
        self, index: int, column: str, separator: str | None = None
    ) -> str | tuple[str, ...]:
        """A value that names a class, or several; see ``regard._label_values``.

        Args:
            index: Which of the values it is.
            column: Its column.
            separator: What stands between several in a text; None: a text is one label.

        Returns:
            One label as its text; of a list, or of a text with a separator, a tuple.

        Raises:
            MissingValueError: It is missing or empty, and no list.
            DataError: It is something else.
        """
        value = self.values[index]
        if separator is None and not is_label_set(value):
            return self.label(index, column)
        place = f"{self.place}: the label in column '{column}'"
        return tuple(map(str, split_labels(value, separator, place)))

    def weight(self, index: int, column: str) -> float:
        """A value that says how much the record counts: a number, 0 or more.

        Raises:
            DataError: It is none.
        """
        value = plain_value(self.values[index])
        with suppress(TypeError, ValueError):
            number = float(value)
            if 0 <= number < math.inf and not isinstance(value, bool):
                return number
        raise DataError(
            f"{self.place}: column '{column}' holds no weight.",
            expected="a number, 0 or more",
            received="nothing" if is_missing(value) else f"{value!r:.60}",
        )


def column_indices(
    place: str,
    available: Sequence[str],
    wanted: Sequence[str],
    hint: str | None = None,
    elsewhere: str | None = None,
) -> list[int]:
    """The index of each wanted column; arguments as of ``missing_column``.

    Raises:
        ColumnError: A wanted column is not there, or there twice.
    """
    for name in wanted:
        if name not in available:
            raise missing_column(place, available, name, hint, elsewhere)
    return [_index(place, available, name) for name in wanted]


def check_two_columns(what: str, first: str, second: str) -> None:
    """Refuse to read two things from one column.

    Raises:
        ArgumentError: Both are the same.
    """
    if first == second:
        raise ArgumentError(
            f"{what} would be the same column.",
            expected="two columns",
            received=f"'{first}' twice",
        )


def missing_column(
    place: str,
    available: Sequence[str],
    name: str,
    hint: str | None = None,
    elsewhere: str | None = None,
) -> ColumnError:
    """The error for a column that is not there: what there is, and what is near.

    Args:
        place: The file and the line, as the message begins.
        available: The columns that are there.
        name: The one that is not.
        hint: What else may be the reason, as a sentence to the user.
        elsewhere: The same at doors with options, which it quotes as arguments.
    """
    near = [
        other for other in available if other.strip().lower() == name.strip().lower()
    ] or get_close_matches(name, available[:_COMPARED], n=1)
    guess = f"Did you mean '{near[0]:.60}'?" if near else None
    fix, there = (
        " ".join(filter(None, [guess, how])) or None
        for how in (hint, elsewhere or hint)
    )
    return ColumnError(
        f"{place}: there is no column '{name:.60}'.",
        expected=f"one of {listed(available)}",
        fix=fix,
        arguments=() if elsewhere is None else ("no_header", "delimiter"),
        elsewhere=there,
    )


def _kind(value: object) -> str:
    return {"dict": "an object", "list": "a list", "float": "a number"}.get(
        type(value).__name__, type(value).__name__
    )


def _index(place: str, available: Sequence[str], name: str) -> int:
    indices = [index for index, other in enumerate(available) if other == name]
    if len(indices) > 1:
        raise ColumnError(
            f"{place}: {len(indices)} columns have the name '{name}'.",
            fix="Rename them, so that one is meant.",
        )
    return indices[0]
