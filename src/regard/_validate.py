"""Checks of arguments, each saying what was expected and what was received.

A check returns the value it was given, so that it can stand where the value is used.
A whole number of NumPy's comes back as one of Python's, which can be written as JSON.
Truth values are no numbers here.
"""

import math
from collections.abc import Iterable, Mapping, Sequence, Sized
from difflib import get_close_matches
from os import PathLike, fspath
from typing import Any, TypeVar

import numpy as np

from regard.errors import ArgumentError, listed, shown

Value = TypeVar("Value")

# No count is larger: arrays are indexed by such numbers.
_LARGEST = 2**31 - 1
# There may be as many choices as there are settings of a model.
_MOST_LISTED = 50


def check_choice(
    name: str,
    value: Value,
    choices: Iterable[Any],
    *,
    of: str | None = None,
    problem: str | None = None,
) -> Value:
    """Refuse a value that is none of the choices.

    Args:
        name: The name of the argument.
        value: Its value.
        choices: The values it may have; an iterable of them, or a mapping by them.
        of: The owner of the argument, with its article: ``"a translator"``.
        problem: A sentence of its own, for a value that people give by another name
            than that of the argument, such as an option of a command.

    Raises:
        ArgumentError: It is none of them.
    """
    known = list(choices)
    if value not in known:
        expected = f"one of {listed(known, _MOST_LISTED)}"
        if problem is not None:
            raise ArgumentError(problem, expected=expected, received=shown(value))
        raise wrong_value(name, value, expected, of=of)
    return value


def check_count(
    name: str,
    value: Any,
    *,
    least: int = 1,
    most: int | None = None,
    of: str | None = None,
) -> int:
    """Refuse what is no whole number, or one out of range.

    Args:
        name: The name of the argument.
        value: Its value.
        least: The smallest number it may be.
        most: The largest number it may be; None: what 32 bits hold.
        of: The owner of the argument, with its article.

    Raises:
        ArgumentError: It is no whole number, too small or too large.
    """
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if is_whole and most is None and value > _LARGEST:
        most = _LARGEST
    if not is_whole or value < least or (most is not None and value > most):
        bounds = f", {least} or more" if most is None else f" from {least} to {most}"
        raise wrong_value(name, value, f"a whole number{bounds}", of=of)
    return int(value)


def check_share(name: str, value: Any, *, of: str | None = None) -> float:
    """Refuse what is no number from 0 up to but not including 1.

    Args:
        name: The name of the argument.
        value: Its value.
        of: The owner of the argument, with its article.

    Raises:
        ArgumentError: It is no number, or out of range.
    """
    if not _is_finite(value) or not 0 <= value < 1:
        expected = "a share from 0 up to but not including 1"
        raise wrong_value(name, value, expected, of=of)
    return _plain(value)


def check_number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    of: str | None = None,
) -> float:
    """Refuse what is no finite number, or one out of range.

    Args:
        name: The name of the argument.
        value: Its value.
        least: The smallest number it may be.
        above: A number it has to be greater than.
        most: The largest number it may be.
        below: A number it has to be smaller than.
        of: The owner of the argument, with its article.

    Raises:
        ArgumentError: It is no number, not finite, or out of range.
    """
    in_range = _is_finite(value) and not (
        (least is not None and value < least)
        or (above is not None and value <= above)
        or (most is not None and value > most)
        or (below is not None and value >= below)
    )
    if not in_range:
        bounds = [
            f"{least} or more" if least is not None else "",
            f"above {above}" if above is not None else "",
            f"at most {most}" if most is not None else "",
            f"below {below}" if below is not None else "",
        ]
        expected = ", ".join(["a finite number", *filter(None, bounds)])
        raise wrong_value(name, value, expected, of=of)
    return _plain(value)


def check_flag(name: str, value: Any, *, of: str | None = None) -> bool:
    """Refuse what is neither True nor False.

    Args:
        name: The name of the argument.
        value: Its value.
        of: The owner of the argument, with its article.

    Raises:
        ArgumentError: It is neither.
    """
    if not isinstance(value, bool):
        raise wrong_value(name, value, "True or False", of=of)
    return value


def check_path(name: str, value: Any, *, of: str | None = None) -> str:
    """Check that an argument is a path or a URI.

    Args:
        name: The name of the argument.
        value: Its value.
        of: The owner of the argument, with its article.

    Returns:
        The path as a text.

    Raises:
        ArgumentError: It is none.
    """
    path = fspath(value) if isinstance(value, str | PathLike) else None
    if not isinstance(path, str) or "\0" in path:
        raise wrong_value(name, value, "a path", of=of)
    return path


def check_names(name: str, value: Any, *, of: str | None = None) -> list[str]:
    """Check that an argument is a list of names, and not one name alone.

    Args:
        name: The name of the argument.
        value: Its value.
        of: The owner of the argument, with its article.

    Returns:
        The names.

    Raises:
        ArgumentError: It is none.
    """
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if not is_list or not all(isinstance(each, str) for each in value):
        raise wrong_value(name, value, "a list of names", of=of)
    return list(value)


def check_same_length(parts: Mapping[str, Sized], *, of: str | None = None) -> int:
    """Refuse parts that have not one length, and return the length they have.

    Args:
        parts: The parts by their names in the plural: ``{"labels": labels, …}``.
        of: The owner of the parts, with its article.

    Raises:
        ArgumentError: The lengths differ.
    """
    lengths = {name: len(part) for name, part in parts.items()}
    if len(set(lengths.values())) > 1:
        whole = f" of {of}" if of else ""
        raise ArgumentError(
            f"The {_listed(list(lengths))}{whole} do not fit each other.",
            expected="as many of each",
            received=_listed([f"{count} {name}" for name, count in lengths.items()]),
        )
    return max(lengths.values(), default=0)


def check_each(name: str, values: Any, is_right: Any, expected: str) -> None:
    """Refuse an argument of one value a sample, naming the first that is wrong.

    Args:
        name: The name of the argument.
        values: Its values, an array.
        is_right: ``(samples,)``, which of them are right.
        expected: What all of them should have been.

    Raises:
        ArgumentError: Some are wrong.
    """
    if not np.all(is_right):
        sample = int(np.argmin(is_right))
        raise ArgumentError(
            f"'{name}' has a wrong value.",
            expected=expected,
            received=f"{values[sample]} for sample {sample}",
            arguments=[name],
        )


def check_settings(settings: Iterable[str], known: Iterable[str], *, of: str) -> None:
    """Refuse settings that there are not.

    Args:
        settings: The names of those that were set.
        known: The names of those there are.
        of: Their owner, with its article: ``"a translator"``.

    Raises:
        ArgumentError: There is no setting of one of the names.
    """
    names = list(known)
    unknown = [name for name in settings if name not in names]
    if unknown:
        near = get_close_matches(unknown[0], names, 1, 0.5)
        raise ArgumentError(
            f"{of[:1].upper()}{of[1:]} has no setting '{unknown[0]}'.",
            expected=f"one of {listed(names, _MOST_LISTED)}",
            fix=f"Did you mean '{near[0]}'?" if near else None,
        )


def wrong_value(
    name: str, value: Any, expected: str, *, of: str | None = None
) -> ArgumentError:
    """The error of an argument with a wrong value, for checks that are made elsewhere.

    Args:
        name: The name of the argument.
        value: Its value.
        expected: The values that would have been right.
        of: The owner of the argument, with its article.
    """
    owner = f" of {of}" if of else ""
    return ArgumentError(
        f"'{name}'{owner} has a wrong value.",
        expected=expected,
        received=shown(value),
        arguments=[name],
    )


def _is_finite(value: Any) -> bool:
    is_number = isinstance(value, int | float | np.integer | np.floating)
    return is_number and not isinstance(value, bool) and math.isfinite(value)


def _plain(value: Any) -> float:
    number: float = value.item() if isinstance(value, np.generic) else value
    return number


def _listed(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
