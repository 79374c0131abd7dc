"""Columns of frames: pandas, Polars, Arrow and others, and Hugging Face datasets."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from regard.errors import ArgumentError, DataError, MissingExtraError, listed

# What tells frames. A query that was not run yet warns where its columns are asked for.
_MARKS = ("collect_schema", "columns", "column_names")


def is_frame(value: Any) -> bool:
    """Whether a value has columns with names."""
    return not isinstance(value, type) and any(hasattr(value, mark) for mark in _MARKS)


def frame_columns(frame: Any, names: Mapping[str, str]) -> list[list[Any]]:
    """The values of columns of a frame.

    Args:
        frame: A frame that narwhals knows, or a Hugging Face dataset.
        names: The column for each argument that names one.

    Raises:
        DataError: There is no such column, or several.
        MissingExtraError: narwhals is not installed.
    """
    readable, available = _opened(frame)
    for argument, name in names.items():
        if available.count(name) != 1:
            raise _wrong_column(frame, argument, name, available)
    return _values(readable, list(names.values()))


def frame_column(
    frame: Any, argument: str, name: str | None = None, *, usual: str | None = None
) -> list[Any]:
    """The values of one column of a frame.

    Args:
        frame: A frame that narwhals knows, or a Hugging Face dataset.
        argument: The argument that names the column.
        name: The column; None: the only one, or the usual one.
        usual: Its usual name; None: that of the argument.

    Raises:
        ArgumentError: It does not say which one.
        DataError: There is no such column, or several.
        MissingExtraError: narwhals is not installed.
    """
    readable, available = _opened(frame)
    if name is None and len(available) == 1:
        return _values(readable, available)[0]
    usual = usual or argument
    if name is None and usual not in available:
        raise ArgumentError(
            f"The {_kind(frame)} has several columns, and one has to be meant.",
            expected=f"one of {listed(available)}",
            fix="Give the column: frame[name].",
        )
    chosen = usual if name is None else name
    if available.count(chosen) != 1:
        raise _wrong_column(frame, argument, chosen, available)
    return _values(readable, [chosen])[0]


def listed_values(values: Any, what: str) -> list[Any]:
    """The values of a list, an array, a series, a generator or a column of a frame.

    Args:
        values: What came.
        what: What the values are, in the plural: ``"texts"``.

    Raises:
        ArgumentError: They are no list: one value, bytes, a dictionary, a set.
    """
    one = what.removesuffix("s")
    if is_frame(values):
        return frame_column(values, one)
    if isinstance(values, str | bytes | bytearray):
        is_text = isinstance(values, str)
        raise ArgumentError(
            f"{f'One {one} was' if is_text else 'Bytes were'} given where a list of "
            f"{what} is read.",
            expected="a list of strings",
            received=repr(values[:40]),
            fix=f"Put it in a list: [{one}]."
            if is_text
            else "Decode them into a list.",
        )
    if hasattr(values, "__array__") and not isinstance(values, Iterable):
        values = np.asarray(values)
    is_unordered = isinstance(values, Mapping | set | frozenset)
    is_single = getattr(values, "ndim", 1) == 0
    if is_unordered or is_single or not isinstance(values, Iterable):
        keys = list(values)[:1] if isinstance(values, Mapping) else []
        raise ArgumentError(
            f"The {what} are not a list.",
            expected=f"a list of {what}",
            received=f"a {_kind(values)}",
            fix=f"Give the list in it, such as data[{keys[0]!r:.40}]."
            if keys
            else None,
        )
    shape: Any = getattr(values, "shape", None)
    if hasattr(values, "reshape") and len(shape) == 2 and shape[1] == 1:
        # A column, as tools that know of tables only hand them on.
        values = values.reshape(-1)
    # An Arrow array gives its own scalars when it is iterated.
    return values.to_pylist() if hasattr(values, "to_pylist") else list(values)


def check_one_order(parts: Mapping[str, Any]) -> None:
    """Refuse two series of the same rows in different orders: pairs would be wrong.

    Args:
        parts: What may be series of pandas, by their names in the plural.

    Raises:
        ArgumentError: Their indices have the same entries, ordered otherwise.
    """
    one: Any
    other: Any
    one, other = (getattr(part, "index", None) for part in parts.values())
    if not (hasattr(one, "sort_values") and hasattr(other, "sort_values")):
        return
    try:
        is_other_order = not one.equals(other) and one.sort_values().equals(
            other.sort_values()
        )
    except TypeError:  # Entries of several types have no order.
        return
    if is_other_order:
        first, second = parts
        raise ArgumentError(
            f"The {first} and {second} are series of the same rows in another order.",
            expected="one order",
            fix=f"Bring them into one: {second}.loc[{first}.index]; or give lists, "
            "which pair up as they come: .to_list().",
        )


def _opened(frame: Any) -> tuple[Any, list[str]]:
    """A frame that can be read, and the names of its columns."""
    if _is_dataset(frame):
        return frame, list(frame.column_names)
    if isinstance(getattr(frame, "column_names", None), Mapping):
        raise ArgumentError(
            f"A {_kind(frame)} holds several data sets, and one has to be meant.",
            expected=f"one of {listed([str(name) for name in frame.column_names])}",
            fix="Give the one: datasets[name].",
        )
    try:
        import narwhals as nw  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("Reading a frame", "narwhals", "data") from error
    try:
        readable: Any = nw.from_native(frame)
    except TypeError as error:
        raise ArgumentError(
            f"A {_kind(frame)} is no frame that can be read.",
            expected="a frame of pandas, Polars, PyArrow or another library that "
            "narwhals knows, a data set of Hugging Face, or lists",
        ) from error
    except Exception as error:
        if type(error).__name__ != "DuplicateError":
            raise
        # pandas allows several columns of a name; that is said where one is asked for.
        return frame, [str(name) for name in frame.columns]
    return readable, list(readable.collect_schema().names())


def _values(readable: Any, names: Sequence[str]) -> list[list[Any]]:
    if not hasattr(readable, "to_native"):
        return [_dataset_column(readable, name) for name in names]
    import narwhals as nw  # noqa: PLC0415 - an extra, which has opened the frame

    # Columns of pandas may have numbers for names, which alone mean no column.
    chosen = readable.select(nw.col(*dict.fromkeys(names)))
    if hasattr(chosen, "collect"):
        chosen = chosen.collect()
    return [chosen.get_column(name).to_list() for name in names]


def _is_dataset(frame: Any) -> bool:
    """Whether it has the protocol of a Hugging Face data set, in memory or streamed."""
    named = isinstance(getattr(frame, "column_names", None), list)
    return named and hasattr(frame, "features")


def _dataset_column(data: Any, name: str) -> list[Any]:
    if hasattr(data, "__getitem__"):
        return list(data[name])
    return [row[name] for row in data]


def _wrong_column(
    frame: Any, argument: str, name: str, available: Sequence[str]
) -> DataError:
    count = available.count(name)
    if count > 1:
        return DataError(
            f"The {_kind(frame)} has {count} columns of the name '{name}'.",
            fix="Rename them, so that one is meant.",
        )
    near = get_close_matches(str(name), map(str, available), n=1)
    named = near[0] if near else "…"
    return DataError(
        f"The {_kind(frame)} has no column '{name}'.",
        expected=f"one of {listed(available)}",
        fix=f"Name the column: {argument}='{named}'.",
    )


def _kind(value: Any) -> str:
    """What a value is called, with its package where that is no builtin."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    return kind.__name__ if package == "builtins" else f"{package} {kind.__name__}"
