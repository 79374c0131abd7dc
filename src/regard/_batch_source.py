"""Texts out of what gives examples or batches of them, read once.

A data set of TensorFlow, a data set or loader of PyTorch, a ``PyDataset`` of Keras, a
generator, a list of pairs: whatever can be iterated, or asked for its elements by their
number. An element is an example or a batch of examples: a text or texts, a label or
labels beside it, and perhaps weights; or a mapping with these by the names of columns.
Which package they come from is never asked, and none is imported.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from os import PathLike
from typing import Any

import numpy as np

from regard._frames import is_frame
from regard._label_values import plain_value
from regard.errors import ArgumentError, DataError, listed, shown

# More examples than that come from what does not end.
_MOST = 10_000_000
# What the data of TensorFlow says that has no end.
_INFINITE = -1
_END = object()


def is_batch_source(source: Any) -> bool:
    """Whether a value gives examples or batches, and holds no values itself."""
    is_plain = source is None or isinstance(
        source, str | bytes | bytearray | PathLike | Mapping | set | frozenset
    )
    if is_plain or is_frame(source) or _holds_values(source):
        return False
    return isinstance(source, Iterable) or hasattr(source, "__getitem__")


def examples_in(
    source: Any, names: Sequence[str], what: Sequence[str]
) -> list[list[Any]] | None:
    """What a source gives, part by part; None where it does not give several parts.

    Args:
        source: A source, see ``is_batch_source``, or a list of pairs.
        names: What the parts are called where an element is a mapping.
        what: What they are, in the plural, the texts first: ``["texts", "labels"]``.

    Returns:
        A list for each of them, and one for weights where elements have these.

    Raises:
        ArgumentError: It does not end, or its elements are not of the form.
        DataError: A text is not valid UTF-8.
    """
    is_list = isinstance(source, list | np.ndarray)
    if not is_list and not is_batch_source(source):
        return None
    elements = _elements(source)
    first = next(elements, _END)
    if first is _END:
        return None if is_list else [[] for _ in names]
    # [texts, labels] is no list of pairs.
    is_other = is_list and isinstance(first, list)
    if is_other or not _has_parts(first, len(names)):
        return None
    lists: list[list[Any]] = []
    for number, element in enumerate(chain([first], elements)):
        parts = _parts(element, number, names, what)
        if not lists:
            lists = [[] for _ in parts]
        elif len(parts) != len(lists):
            raise _wrong(number, what, f"{len(parts)} parts and {len(lists)} before")
        for values, part in zip(lists, _aligned(parts, number, what), strict=True):
            values.extend(part)
        _check_end(source, len(lists[0]), what)
    return lists


def texts_in(source: Any, name: str, what: str) -> list[Any] | None:
    """The texts that a source gives; None where it holds values itself.

    Args:
        source: What came. Of elements with several parts the first one counts.
        name: What the texts are called where an element is a mapping.
        what: What they are, in the plural.

    Raises:
        ArgumentError: It does not end, or its elements are not of the form.
        DataError: A text is not valid UTF-8.
    """
    if not is_batch_source(source):
        return None
    texts: list[Any] = []
    for number, element in enumerate(_elements(source)):
        part = element
        if isinstance(element, Mapping):
            part = _named(element, number, [name], [what])[0]
        elif isinstance(element, tuple | list) and 1 <= len(element) <= 3:
            part = element[0] if _is_row(element) else element
        values, is_batch = _values(part, number, what)
        texts += values if is_batch else [values]
        _check_end(source, len(texts), [what])
    return texts


def _is_row(element: Sequence[Any]) -> bool:
    """Whether it is texts and what belongs to them, and no batch of texts.

    ("a text", "its label") is a pair, ["a text", "another"] are two texts; loaders of
    PyTorch make lists of pairs.
    """
    if isinstance(element, tuple):
        return True
    first = element[0]
    of_one = isinstance(first, str | bytes) or getattr(first, "ndim", 1) == 0
    return not of_one or not all(isinstance(each, type(first)) for each in element)


def _holds_values(source: Any) -> bool:
    """Whether it is a list, an array or a series, as others read them."""
    return isinstance(source, list | tuple | np.ndarray) or any(
        hasattr(source, mark) for mark in ("to_pylist", "to_list", "tolist", "numpy")
    )


def _elements(source: Any) -> Iterator[Any]:
    cardinality = getattr(source, "cardinality", None)
    if callable(cardinality) and int(cardinality()) == _INFINITE:
        raise _endless("It says itself that it has no end.")
    if hasattr(source, "num_batches") and hasattr(source, "__getitem__"):
        count = source.num_batches
        if count is None:
            raise _endless("It says itself that it has no end.")
        return (source[index] for index in range(count))
    if not hasattr(source, "__iter__") and hasattr(source, "__len__"):
        return (source[index] for index in range(len(source)))
    return iter(source)


def _check_end(source: Any, count: int, what: Sequence[str]) -> None:
    if count > _MOST and not hasattr(source, "__len__"):
        raise _endless(f"It has given {count:,} {what[0]} so far.")


def _endless(problem: str) -> ArgumentError:
    return ArgumentError(
        f"What gives the data seems not to end. {problem}",
        expected="something that ends: all of it is read once",
        fix="Take a part: itertools.islice(batches, 100), dataset.take(100); more than "
        "fits in memory is streamed from a file.",
    )


def _has_parts(element: Any, least: int) -> bool:
    if isinstance(element, np.ndarray):
        return element.ndim == 1 and element.dtype.kind in "OUS" and len(element) > 1
    is_row = isinstance(element, tuple | list) and least <= len(element) <= least + 1
    return is_row or isinstance(element, Mapping)


def _parts(
    element: Any, number: int, names: Sequence[str], what: Sequence[str]
) -> list[Any]:
    if isinstance(element, Mapping):
        return _named(element, number, names, what)
    if isinstance(element, np.ndarray):
        element = element.tolist()
    if isinstance(element, tuple | list) and (
        len(names) <= len(element) <= len(names) + 1
    ):
        return list(element)
    raise _wrong(number, what, shown(element))


def _named(
    element: Mapping[str, Any], number: int, names: Sequence[str], what: Sequence[str]
) -> list[Any]:
    missing = [name for name in names if name not in element]
    if missing:
        raise _wrong(number, what, f"a mapping of {listed(element)}", missing[0])
    return [element[name] for name in names]


def _aligned(parts: Sequence[Any], number: int, what: Sequence[str]) -> list[list[Any]]:
    """A list of each part, of as many examples."""
    texts, is_batch = _values(parts[0], number, what[0])
    named = [*what, "weights"]
    if not is_batch:
        others = [_plain(part, number, named[at]) for at, part in enumerate(parts)]
        return [[texts], *([other] for other in others[1:])]
    found = [texts]
    for part, name in zip(parts[1:], named[1:], strict=False):
        values, is_also = _values(part, number, name)
        if not is_also or len(values) != len(texts):
            of_it = f"{len(values)} {name}" if is_also else f"{shown(part)} for {name}"
            raise ArgumentError(
                f"Batch {number} does not fit together.",
                expected=f"as many {name} as {what[0]}",
                received=f"{len(texts)} {what[0]} and {of_it}",
            )
        found.append(values)
    return found


def _values(part: Any, number: int, what: str) -> tuple[Any, bool]:
    """The values of a part of an element, and whether it is a batch of them."""
    if isinstance(part, list | tuple):
        return [_plain(each, number, what) for each in part], True
    shape = getattr(part, "shape", None)
    if shape is None or isinstance(part, np.generic) or not len(shape):
        return _plain(part, number, what), False
    values = _listed(part)
    if len(shape) == 2 and shape[1] == 1:
        # A column, as Keras often has them.
        values = [row[0] for row in values]
    elif len(shape) != 1:
        raise ArgumentError(
            f"The {what} of element {number} have the shape {tuple(shape)}.",
            expected=f"one axis: {what} side by side",
            fix="Of rows of 0 and 1, one for each class, take the argmax of each."
            if what == "labels"
            else None,
        )
    return [_plain(each, number, what) for each in values], True


def _listed(array: Any) -> list[Any]:
    """An array or a tensor as a list."""
    values = array if hasattr(array, "tolist") else array.numpy()
    found: list[Any] = values.tolist()
    return found


def _plain(value: Any, number: int, what: str) -> Any:
    """A value as one of Python's own; bytes as the text that they spell."""
    if getattr(value, "ndim", None) == 0 and not hasattr(value, "item"):
        # A scalar of TensorFlow: of a text it gives bytes.
        value = value.numpy()
    value = plain_value(value)
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"One of the {what} of element {number} is not valid UTF-8: byte "
            f"{error.start + 1} of {value[:30]!r}.",
            expected="texts, or their bytes in UTF-8",
        ) from error


def _wrong(
    number: int, what: Sequence[str], received: str, missing: str | None = None
) -> ArgumentError:
    return ArgumentError(
        f"Element {number} of what gives the data has another form.",
        expected=f"({', '.join(what)}), one or a batch of them"
        if missing is None
        else f"a mapping with '{missing}'",
        received=received,
    )
