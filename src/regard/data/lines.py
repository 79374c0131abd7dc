"""The lines of a text file or a pipe, decoded and checked while they stream by."""

import gzip
import io
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from regard._files import (
    LONGEST_LINE,
    UTF8,
    checked_encoding,
    damaged,
    marked_encoding,
    open_binary,
    shown_encoding,
    too_long,
    unreadable,
)
from regard.errors import DataError


class LineReader:
    """Iterates over the physical lines of a text file, line endings kept.

    A byte order mark is dropped or says the encoding, ``.gz`` is unpacked on the way,
    and nothing but the lines in flight is held in memory.

    Args:
        path: The file.
        encoding: The encoding of its text. For UTF-8, an invalid byte is reported
            with its line and its place in the line.

    Attributes:
        number: The 1-based number of the line given last; 0 before the first.
        pending: The lines given since the last call of ``forget``, with which an
            error can say where an unfinished record began.

    Raises:
        ArgumentError: The encoding is unknown.
        DataError: The file cannot be opened, unpacked or decoded, holds NUL bytes, or a
            line that is too long.
    """

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        self.path = path
        self.number = 0
        self.pending: list[str] = []
        self._encoding = checked_encoding(encoding)

    def forget(self) -> None:
        """Start a new record: what was pending is complete."""
        self.pending.clear()

    def error(
        self, message: str, *, line: int | None = None, **parts: str | None
    ) -> DataError:
        """A ``DataError`` that begins with the file and the line."""
        number = self.number if line is None else line
        return DataError(f"{self.path}, line {number}: {message}", **parts)

    def __iter__(self) -> Iterator[str]:
        try:
            with open_binary(self.path) as file:
                self._encoding = marked_encoding(_peeked(file), self._encoding)
                # newline="" keeps line endings inside quoted fields as they are.
                text = io.TextIOWrapper(file, self._encoding, newline="")
                yield from self._counted(text)
        except UnicodeError as error:
            raise self._undecodable(error) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise damaged(self.path, self.number, error) from error
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _counted(self, text: io.TextIOWrapper) -> Iterator[str]:
        for line in iter(partial(text.readline, LONGEST_LINE + 1), ""):
            self.number += 1
            if len(line) > LONGEST_LINE:
                raise too_long(f"{self.path}, line {self.number}")
            if "\0" in line:
                raise self.error(
                    f"NUL byte at character {line.index(chr(0)) + 1}.",
                    expected=f"text in {shown_encoding(self._encoding)}",
                    fix="The file may be binary or UTF-16: save it as UTF-8.",
                )
            self.pending.append(line)
            yield line

    def _undecodable(self, error: UnicodeError) -> DataError:
        line, byte = self._first_bad_byte()
        place = f"line {line}, byte {byte}" if line else f"after line {self.number}"
        return DataError(
            f"{self.path}, {place}: not valid {shown_encoding(self._encoding)} "
            f"({getattr(error, 'reason', error)}).",
            fix="Save the file as UTF-8, or name the encoding it has.",
        )

    def _first_bad_byte(self) -> tuple[int, int]:
        """Where UTF-8 first fails; the decoder itself reads ahead and cannot tell."""
        if self._encoding != UTF8:
            return 0, 0
        with open_binary(self.path) as file:
            for number, line in enumerate(_physical_lines(file), 1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    return number, error.start + 1
        return 0, 0


def _peeked(file: BinaryIO) -> bytes:
    """The first bytes, which are still to be read."""
    peek = getattr(file, "peek", None)
    return b"" if peek is None else bytes(peek(4)[:4])


def _physical_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines as the text layer counts them: ended by LF, CRLF or a lone CR."""
    for chunk in iter(partial(file.readline, LONGEST_LINE), b""):
        yield from chunk.splitlines(keepends=True)
