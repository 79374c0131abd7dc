"""Texts out of a plain file or a pipe, one a line."""

from collections.abc import Iterator
from typing import BinaryIO

from regard.errors import DataError


def iterate_lines(file: BinaryIO, name: str) -> Iterator[str]:
    """Stream the lines of a UTF-8 file, line ends removed, empty lines kept.

    Every line is one text, so that the n-th result belongs to the n-th line.

    Args:
        file: The open file; it may be a pipe.
        name: What to call it in messages.

    Raises:
        DataError: A line is not valid UTF-8 or holds NUL bytes.
    """
    for number, line in enumerate(file, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}, line {number}, byte {error.start + 1}: not valid UTF-8 "
                f"({error.reason}).",
                fix="Save the file as UTF-8.",
            ) from error
        if "\0" in text:
            raise DataError(f"{name}, line {number}: NUL byte.", expected="text")
        yield text.removesuffix("\n").removesuffix("\r")
