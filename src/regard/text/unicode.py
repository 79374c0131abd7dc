"""The error for text that is not valid Unicode."""

from collections.abc import Sequence

from regard.errors import DataError


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
