"""The data that plots draw, checked: results, tokens, rows of numbers, maps."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from regard._validate import check_count
from regard.errors import ArgumentError, shown
from regard.types import AttentionMap, FloatArray

Result = TypeVar("Result")

#: What draws a result that was given to the wrong function. By name: some of them are
#: defined where pictures are used.
DRAWN_BY = {
    "Explanation": "regard.plot.text(explanation) draws it.",
    "Translation": "regard.plot.alignment(translation) draws it.",
    "AttentionMap": "regard.plot.attention(map, tokens) draws it.",
    "Observation": "regard.plot.attention(result, tokens) draws its maps.",
    "TrustReport": "regard.plot.trust(report) draws it.",
    "Comparison": "regard.plot.curves(comparison.losses, comparison.samples_seen) "
    "draws it.",
}
#: How many results a plot has unless told otherwise: enough to read, and a page of a
#: few megabytes.
MOST = 100
_SHARES = "finite numbers from 0 to 1"
_NUMBERS_ONLY = "Convert it first, for example with keras.ops.convert_to_numpy."
_EPSILON = 1e-3


def checked_results(
    results: Any,
    kind: type[Result],
    *,
    plural: str,
    expected: str,
    instead: str | None = None,
) -> Sequence[Result]:
    """The results as a list, where one alone was given too.

    Args:
        results: What was given.
        kind: The class of the results.
        plural: What they are called.
        expected: What should have been given.
        instead: What to do where something else was, and nothing better is known.

    Raises:
        ArgumentError: There is none, or something else than results of the kind.
    """
    if isinstance(results, kind):
        return [results]
    is_many = isinstance(results, Iterable) and not isinstance(results, str | Mapping)
    items: list[Any] = list(results) if is_many else [results]
    others = [item for item in items if not isinstance(item, kind)]
    if others or not items:
        raise ArgumentError(
            f"This plot draws {plural}.",
            expected=expected,
            received=described(others[0]) if others else "an empty list",
            fix=DRAWN_BY.get(type(others[0]).__name__, instead) if others else None,
        )
    return items


def check_most(most: Any, name: str = "most") -> int | None:
    """Refuse a limit that is neither None nor a whole number from 1 up.

    Raises:
        ArgumentError: It is neither.
    """
    return None if most is None else check_count(name, most)


def described(value: Any) -> str:
    """What a value is, in a few words."""
    shape = getattr(value, "shape", None)
    name = type(value).__name__
    article = "an" if name[:1] in "AEIOUaeio" else "a"
    return f"{article} {name}" + (f" of shape {tuple(shape)}" if shape else "")


def check_label(name: str, value: Any) -> str:
    """Refuse a title or a label that is no text.

    Raises:
        ArgumentError: It is none.
    """
    if not isinstance(value, str):
        raise ArgumentError(
            f"'{name}' has a wrong value.", expected="a text", received=described(value)
        )
    return value


def numbers(values: Any, what: str, expected: str) -> FloatArray:
    """An array of finite numbers.

    Args:
        values: What was given.
        what: What it is, in the plural.
        expected: What should have been given.

    Raises:
        ArgumentError: It holds something else, or a number that is not finite.
    """
    known = DRAWN_BY.get(type(values).__name__)
    try:
        given = np.asarray(values)
        # Texts, dates and complex numbers would become numbers without a word.
        is_other = given.dtype.kind in "USMmc" or (
            given.shape == () and given[()] is None
        )
        array = np.zeros(()) if is_other else np.asarray(given, dtype=float)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(
            f"The {what} cannot be drawn.",
            expected=expected,
            received=described(values),
            fix=known or _NUMBERS_ONLY,
        ) from error
    if is_other:
        raise ArgumentError(
            f"The {what} cannot be drawn.",
            expected=expected,
            received=f"{described(values)} of something else than numbers",
        )
    if not np.isfinite(array).all():
        raise ArgumentError(
            f"The {what} cannot be drawn.",
            expected=expected,
            received=f"{np.count_nonzero(~np.isfinite(array)):,} times NaN or infinity "
            f"among {array.size:,}",
            fix="Look where they come from, for example from a training that diverged.",
        )
    return array


def finite_row(values: Any, what: str) -> list[float]:
    """A row of finite numbers.

    Raises:
        ArgumentError: It is no row, is empty, or holds something else than numbers.
    """
    expected = "a row of finite numbers, of shape (n,)"
    row = numbers(values, what, expected)
    if row.ndim != 1 or not row.size:
        raise ArgumentError(
            f"The {what} cannot be drawn.",
            expected=expected,
            received=f"an array of shape {row.shape}",
            fix=None
            if not row.size
            else "Choose one row of it, for example values[0].",
        )
    return row.tolist()


def nonnegative_row(values: Any, what: str) -> list[float]:
    """A row of finite numbers of which none is negative; a map's only row.

    Raises:
        ArgumentError: It is no row of such numbers, or the map has several.
    """
    row = finite_row(_only_row(values) if _is_map(values) else values, what)
    if min(row) < 0:
        raise ArgumentError(
            f"The {what} cannot be drawn.",
            expected="numbers that are not negative",
            received=f"{min(row)}",
        )
    return row


def checked_tokens(tokens: Any, name: str) -> tuple[str, ...]:
    """Tokens as texts.

    Raises:
        ArgumentError: They are one text, or no texts.
    """
    expected = "a list of texts, one a token"
    if isinstance(tokens, str | bytes | Mapping) or not isinstance(tokens, Iterable):
        raise ArgumentError(
            f"'{name}' has a wrong value.",
            expected=expected,
            received=described(tokens),
            fix=f"Cut it as the model does, for example with {name}.split()."
            if isinstance(tokens, str)
            else None,
        )
    items = list(tokens)
    for item in items:
        if not isinstance(item, str):
            raise ArgumentError(
                f"'{name}' has a wrong value.",
                expected=expected,
                received=f"a list with {described(item)}",
                fix="Look ids up in the vocabulary, and decode bytes.",
            )
    return tuple(str(item) for item in items)


def check_fits(
    tokens: Sequence[str], weights: FloatArray, name: str, axis: str
) -> None:
    """Refuse tokens that are more or fewer than the weights they stand at.

    Args:
        tokens: The tokens.
        weights: The weights, whose last axis they name.
        name: The name of the argument with the tokens.
        axis: What the axis is called.

    Raises:
        ArgumentError: The numbers differ.
    """
    count, size = len(tokens), weights.shape[-1]
    if count == size:
        return
    is_padding = count < size and not weights[..., count:].any()
    raise ArgumentError(
        f"The tokens and the {axis} of the weights do not fit each other.",
        expected=f"{size} {name}, one for each of the {axis}",
        received=f"{count}",
        fix=f"The last {size - count} have no weight, as padding has: cut them off, "
        f"weights[..., :{count}] or map.select({axis}=slice({count}))."
        if is_padding
        else "Give the tokens that the model saw, those that begin and end a text too.",
    )


def check_shares(values: npt.ArrayLike) -> FloatArray:
    """Refuse what are no weights of attention.

    Raises:
        ArgumentError: One is no number from 0 to 1.
    """
    weights = numbers(values, "weights of the alignment", _SHARES)
    # Averages of rounded weights may end a little above 1.
    if not np.all((weights >= 0) & (weights <= 1 + _EPSILON)):
        raise ArgumentError(
            "An alignment holds weights of attention.",
            expected=_SHARES,
            received=f"{weights.min()} to {weights.max()}",
        )
    return weights


def _is_map(values: Any) -> bool:
    return isinstance(values, AttentionMap)


def _only_row(attention: AttentionMap) -> FloatArray:
    """The one row of keys of a map, averaged over its heads.

    Raises:
        ArgumentError: It has several.
    """
    if "heads" in attention.axes and attention.shape[attention.axes.index("heads")]:
        attention = attention.mean("heads")
    others = {
        axis: size
        for axis, size in zip(attention.axes, attention.shape, strict=True)
        if axis != "keys" and size != 1
    }
    if others or "keys" not in attention.axes:
        choice = ", ".join(f"{axis}=0" for axis in others)
        raise ArgumentError(
            "One row of weights is drawn here.",
            expected="one weight for each of the keys",
            received=shown(attention),
            fix=f"Choose one: map.select({choice}); regard.plot.alignment draws all."
            if "keys" in attention.axes
            else "Leave its keys whole.",
        )
    return np.asarray(attention.weights).reshape(-1)
