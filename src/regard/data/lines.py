"""The lines of a text file or a pipe, decoded and checked while they stream by."""

import gzip
import io
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

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

_CHUNK = 2**16


class LineReader:
    """Iterates over the physical lines of a text file, line endings kept.

    A byte order mark is dropped or says the encoding, ``.gz`` is unpacked on the way,
    and nothing but the lines in flight is held in memory.

    Args:
        path: The file.
        encoding: The encoding of its text. For UTF-8, an invalid byte is reported
            with its line and its place in the line.
        stream: What is read in its place, as a pipe; ``path`` is what it is called.
        on_fault: Is given the error of a record that is wrong, where the others are to
            be read all the same; by default it is raised.

    Attributes:
        number: The 1-based number of the line given last; 0 before the first.
        pending: The lines given since the last call of ``forget``, with which an
            error can say where an unfinished record began.

    Raises:
        ArgumentError: The encoding is unknown.
        DataError: The file cannot be opened, unpacked or decoded, holds NUL bytes, or a
            line that is too long.
    """

    def __init__(
        self,
        path: Path,
        encoding: str = "utf-8",
        stream: BinaryIO | None = None,
        on_fault: Callable[[DataError], None] | None = None,
    ) -> None:
        self._on_fault = on_fault
        self.path = path
        self.number = 0
        self.pending: list[str] = []
        self._encoding = checked_encoding(encoding)
        self._stream = stream
        self._ahead: deque[str] = deque()
        self._read = 0
        self._lines = self._decoded(self._checked)

    def forget(self) -> None:
        """Start a new record: what was pending is complete."""
        self.pending.clear()

    def refuse(self, error: DataError) -> None:
        """Raise the error of one record, or go on where that is wanted."""
        if self._on_fault is None:
            raise error
        self._on_fault(error)

    def error(
        self, message: str, *, line: int | None = None, **parts: Any
    ) -> DataError:
        """A ``DataError`` that begins with the file and the line."""
        number = self.number if line is None else line
        return DataError(f"{self.path}, line {number}: {message}", **parts)

    def ahead(self, characters: int) -> list[str]:
        """The next lines with so many characters, which are still to be given."""
        length = sum(map(len, self._ahead))
        while length < characters and (line := next(self._lines, None)) is not None:
            self._ahead.append(line)
            length += len(line)
        return list(self._ahead)

    def chunks(self) -> Iterator[str]:
        """The text in place of its lines, in pieces that are cut anywhere."""
        return self._decoded(lambda text: iter(partial(text.read, _CHUNK), ""))

    def __iter__(self) -> Iterator[str]:
        while self._ahead or (line := next(self._lines, None)) is not None:
            given = self._ahead.popleft() if self._ahead else cast(str, line)
            self.number += 1
            self.pending.append(given)
            yield given

    def _decoded(
        self, parts: Callable[[io.TextIOWrapper], Iterator[str]]
    ) -> Iterator[str]:
        """Parts of the decoded text, with errors that say where."""
        try:
            with self._opened() as file:
                self._encoding = marked_encoding(_peeked(file), self._encoding)
                # newline="" keeps line endings inside quoted fields as they are.
                text = io.TextIOWrapper(file, self._encoding, newline="")
                pieces = parts(text)
                # Encodings that say an order of bytes keep their mark.
                if first := next(pieces, "").removeprefix("\ufeff"):
                    yield first
                yield from pieces
                if self._stream is not None:
                    text.detach()
        except UnicodeError as error:
            raise self._undecodable(error) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise damaged(self.path, self._read, error) from error
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _opened(self) -> AbstractContextManager[BinaryIO]:
        if self._stream is not None:
            return nullcontext(self._stream)
        return open_binary(self.path)

    def _checked(self, text: io.TextIOWrapper) -> Iterator[str]:
        """The lines that are lines of texts."""
        for line in iter(partial(text.readline, LONGEST_LINE + 1), ""):
            self._read += 1
            if len(line) > LONGEST_LINE:
                raise too_long(f"{self.path}, line {self._read}")
            if "\0" in line:
                raise self.error(
                    f"NUL byte at character {line.index(chr(0)) + 1}.",
                    line=self._read,
                    expected=f"text in {shown_encoding(self._encoding)}",
                    fix="The file may be binary or UTF-16: save it as UTF-8.",
                )
            yield line

    def _undecodable(self, error: UnicodeError) -> DataError:
        line, byte = self._first_bad_byte()
        place = f"line {line}, byte {byte}" if line else f"after line {self._read}"
        return DataError(
            f"{self.path}, {place}: not valid {shown_encoding(self._encoding)} "
            f"({getattr(error, 'reason', error)}).",
            fix="Save the file as UTF-8, or say what it has with encoding=...",
            arguments=["encoding"],
        )

    def _first_bad_byte(self) -> tuple[int, int]:
        """Where UTF-8 first fails; the decoder itself reads ahead and cannot tell."""
        if self._encoding != UTF8 or self._stream is not None:
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
