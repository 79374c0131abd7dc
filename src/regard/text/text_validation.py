"""Checks that texts are texts, and that each has its label."""

from collections.abc import Sequence
from typing import Any

from regard._frames import check_one_order, listed_values
from regard._label_values import is_missing, plain_value
from regard._validate import check_same_length
from regard.errors import ArgumentError, DataError, MissingValueError


def checked_texts(
    texts: Any, *, lenient: bool = False, what: str = "texts"
) -> list[str]:
    """``texts`` as a list of strings, which is not empty.

    Args:
        texts: A list, an array, a series, a generator, or a frame: its only column, or
            the one called ``text``.
        lenient: Whether a text may be missing; it stays what it is then.
        what: What the texts are called, in the plural; a frame's column is the
            singular.

    Raises:
        ArgumentError: It is one string, is empty, or holds something else.
    """
    listed = listed_values(texts, what)
    if not listed:
        raise ArgumentError("There is no text.", expected="at least one text")
    for index, text in enumerate(listed):
        if not isinstance(text, str):
            if lenient and is_missing(plain_value(text)):
                continue
            raise ArgumentError(
                f"Text {index} is not a string.",
                expected="strings only",
                received=f"{text!r}, a {type(text).__name__}",
            )
    return listed


def checked_pairs(
    texts: Any, labels: Any, *, lenient: bool = False
) -> tuple[list[str], list[Any]]:
    """``texts`` and ``labels`` as two lists of one length.

    Args:
        texts: The texts.
        labels: The label of each.
        lenient: Whether a text may be missing.

    Raises:
        ArgumentError: There are no labels, or not one for each text.
        MissingValueError: A text is missing.
    """
    if labels is None:
        raise ArgumentError(
            "The labels are missing.",
            expected="a label for each text, or a frame or a file with both",
        )
    listed = checked_texts(texts, lenient=True)
    check_one_order({"texts": texts, "labels": labels})
    listed_labels = listed_values(labels, "labels")
    if not lenient:
        for index, text in enumerate(listed):
            if not isinstance(text, str):
                raise MissingValueError(
                    f"Text {index} is missing.",
                    expected="strings only",
                    received=f"{text!r}, a {type(text).__name__}",
                )
    check_same_length({"texts": listed, "labels": listed_labels})
    return listed, listed_labels


def not_unicode(texts: Sequence[str], first: int = 0) -> DataError:
    """The error that names the first text with half a surrogate pair, and where.

    Args:
        texts: The texts.
        first: The number of the first of them.
    """
    for index, text in enumerate(texts, first):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            return DataError(
                f"Text {index} is not valid Unicode.",
                expected="characters only",
                received=f"half a surrogate pair at character {error.start}",
                fix="Read the file as UTF-8 without 'surrogateescape'.",
            )
    return DataError("These texts cannot be encoded.", expected="strings")
