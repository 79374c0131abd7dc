"""The lines of a text file or a pipe, decoded and checked while they stream by."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from regard.errors import ArgumentError, DataError

_UTF8 = "utf-8-sig"


class LineReader:
    """Iterates over the physical lines of a text file, line endings kept.

    A byte order mark is dropped, ``.gz`` is unpacked on the way, and nothing but the
    lines in flight is held in memory.

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
        DataError: The file cannot be opened, unpacked or decoded, or holds NUL bytes.
    """

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        self.path = path
        self.number = 0
        self.pending: list[str] = []
        self._encoding = _normal_encoding(encoding)

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
                # newline="" keeps line endings inside quoted fields as they are.
                text = io.TextIOWrapper(file, self._encoding, newline="")
                yield from self._counted(text)
        except UnicodeDecodeError as error:
            raise self._undecodable(error) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise damaged(self.path, self.number, error) from error
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def _counted(self, text: io.TextIOWrapper) -> Iterator[str]:
        for line in text:
            self.number += 1
            if "\0" in line:
                raise self.error(
                    f"NUL byte at character {line.index(chr(0)) + 1}.",
                    expected=f"text in {_shown(self._encoding)}",
                    fix="The file may be binary or UTF-16: save it as UTF-8.",
                )
            self.pending.append(line)
            yield line

    def _undecodable(self, error: UnicodeDecodeError) -> DataError:
        line, byte = self._first_bad_byte()
        place = f"line {line}, byte {byte}" if line else f"after line {self.number}"
        return DataError(
            f"{self.path}, {place}: not valid {_shown(self._encoding)} "
            f"({error.reason}).",
            fix="Save the file as UTF-8, or name the encoding it has.",
        )

    def _first_bad_byte(self) -> tuple[int, int]:
        """Where UTF-8 first fails; the decoder itself reads ahead and cannot tell."""
        if self._encoding != _UTF8:
            return 0, 0
        with open_binary(self.path) as file:
            for number, line in enumerate(_physical_lines(file), 1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    return number, error.start + 1
        return 0, 0


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


def open_binary(path: Path) -> BinaryIO:
    """Open a file for reading, unpacking it when its name ends in ``.gz``.

    Raises:
        DataError: There is no such file, it is a directory, or it cannot be read.
    """
    try:
        if path.suffix.lower() == ".gz":
            return cast(BinaryIO, gzip.open(path, "rb"))
        return path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error


def damaged(path: Path, line: int, error: Exception) -> DataError:
    """The error of a packed file that cannot be unpacked beyond ``line``."""
    return DataError(
        f"{path} is damaged: it cannot be unpacked beyond line {line} ({error}).",
        fix="Fetch or pack the file again.",
    )


def _unreadable(path: Path, error: OSError) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"There is no file {path}.")
    if isinstance(error, IsADirectoryError):
        return DataError(f"{path} is a directory.", expected="a file")
    return DataError(f"{path} cannot be read: {error.strerror or error}.")


def _physical_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines as the text layer counts them: ended by LF, CRLF or a lone CR."""
    for chunk in file:
        yield from chunk.splitlines(keepends=True)


def _normal_encoding(encoding: str) -> str:
    try:
        "".encode(encoding)
    except LookupError:
        raise ArgumentError(f"There is no encoding '{encoding}'.") from None
    return (
        _UTF8 if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
    )


def _shown(encoding: str) -> str:
    return "UTF-8" if encoding == _UTF8 else encoding
