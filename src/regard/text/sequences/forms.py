"""The form in which a text is looked up; checks that it is text."""

from collections.abc import Sequence
from typing import Any

from regard.errors import ArgumentError
from regard.text.examples import checked_texts
from regard.text.unicode import not_unicode


def looked_up(text: str, *, lowercase: bool) -> str:
    """``text``, in lower case where that is asked for, of the same length always.

    One character of Unicode becomes two in lower case, the capital dotted I of
    Turkish, whose own lower case is ``i``.
    """
    return text.replace("\u0130", "i").lower() if lowercase else text


def checked_forms(
    texts: Any, *, lowercase: bool, empty: bool = False
) -> tuple[list[str], list[str]]:
    """The texts as a list, and the form of each that is looked up.

    Args:
        texts: Strings.
        lowercase: Whether they are looked up in lower case.
        empty: Whether there may be none.

    Raises:
        ArgumentError: It is one string, is empty, or holds something else.
        DataError: A text is not valid Unicode.
    """
    if empty and isinstance(texts, Sequence) and not texts:
        return [], []
    listed = checked_texts(texts)
    try:
        "".join(listed).encode("utf-8")
    except UnicodeEncodeError as error:
        raise not_unicode(listed) from error
    return listed, [looked_up(text, lowercase=lowercase) for text in listed]


def checked_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """``value``, where it is one of ``choices``.

    Raises:
        ArgumentError: It is not.
    """
    if value not in choices:
        raise ArgumentError(
            f"There is no {name} {value!r} of a vocabulary.",
            expected=f"one of {', '.join(choices)}",
        )
    return str(value)
