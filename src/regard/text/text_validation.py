"""Checks that texts are texts, and that each has its label."""

from collections.abc import Iterable, Sequence
from typing import Any

from regard._label_values import is_missing, plain_value
from regard._validate import check_same_length
from regard.errors import ArgumentError, DataError, MissingValueError


def checked_texts(texts: Any, *, lenient: bool = False) -> list[str]:
    """``texts`` as a list of strings.

    Args:
        texts: What came.
        lenient: Whether a text may be missing; it stays what it is then.

    Raises:
        ArgumentError: It is one string, is empty, or holds something else.
    """
    if isinstance(texts, str):
        raise ArgumentError(
            "One text was given where a list of texts is read.",
            expected="a list of strings",
            received=repr(texts[:40]),
            fix="Put it in a list: [text].",
        )
    if not isinstance(texts, Iterable):
        raise ArgumentError(
            "The texts are not a list.",
            expected="a list of strings",
            received=f"a {type(texts).__name__}",
        )
    listed = list(texts)
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
            expected="a label for each text, or the path of a file with both",
        )
    listed, listed_labels = checked_texts(texts, lenient=True), list(labels)
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


def not_unicode(texts: Sequence[str]) -> DataError:
    """The error that names the first text with half a surrogate pair, and where."""
    for index, text in enumerate(texts):
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
