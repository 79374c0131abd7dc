"""Files of word vectors: GloVe, word2vec, fastText."""

import bz2
import gzip
import lzma
import re
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np

from regard._files import LONGEST_LINE, damaged, open_binary, unreadable
from regard.errors import DataError, listed
from regard.types import FloatArray

# The number of words and of their numbers, on the first line of some files.
_HEADER = re.compile(rb"\s*(\d{1,12})[ \t]+(\d{1,6})\s*")
# What a model of fastText begins with, which holds more than vectors.
_FASTTEXT_MODEL = (793712314).to_bytes(4, "little")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# So many lines are read to see how many numbers a word has; so many are parsed at once.
_LOOKED_AT, _AT_ONCE = 16, 512
# Bytes that are read of a binary file at once, and the longest word in one.
_CHUNK, _LONGEST_WORD = 1 << 22, 1 << 12
_UNPACKED: Mapping[str, Callable[[BinaryIO], Any]] = {
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
_VECTOR_SUFFIXES = {".txt", ".vec", ".bin"}
#: Says of each word of a file, in its order, whether its vector is kept.
Keep: TypeAlias = Callable[[str], bool]
# The word, its numbers as they are written, and the line.
_Row: TypeAlias = tuple[str, bytes, int]


def read_vectors(path: Path, keep: Keep) -> tuple[list[str], FloatArray]:
    """The words of a file that are kept, in its order, and their vectors.

    Args:
        path: The file, see ``WordVectors.read``.
        keep: Which words are; one that is there again is asked for again.

    Raises:
        DataError: As there.
    """
    words: list[str] = []
    values: FloatArray = np.empty((0, 0), np.float32)
    with _opened(path) as file:
        reader = _Reader(path, file)
        for some, more in reader.kept(keep):
            begin = len(words)
            words += some
            if len(words) > len(values):
                # In place, by a little: the numbers are in memory once.
                room = len(words) + len(words) // 16 + _AT_ONCE
                values.resize((room, reader.width), refcheck=False)
            values[begin : len(words)] = more
    values.resize((len(words), reader.width), refcheck=False)
    return words, values


class _Reader:
    """Goes through an open file once.

    Args:
        path: What to call it in messages.
        file: The file.

    Attributes:
        line: The line that was read last; in a binary file the word.
        width: The number of numbers of a word.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file
        self.line, self.width = 0, 0

    def kept(self, keep: Keep) -> Iterator[tuple[list[str], FloatArray]]:
        """Words and their vectors, some at a time."""
        try:
            yield from self._kept(keep)
        except (
            EOFError,
            zlib.error,
            gzip.BadGzipFile,
            lzma.LZMAError,
            zipfile.BadZipFile,
        ) as error:
            raise damaged(self.path, self.line, error) from error
        except OSError as error:
            # bz2 has no error of its own.
            if error.errno is None:
                raise damaged(self.path, self.line, error) from error
            raise unreadable(self.path, error) from error

    def _kept(self, keep: Keep) -> Iterator[tuple[list[str], FloatArray]]:
        first = self.file.readline(LONGEST_LINE + 1).removeprefix(_BYTE_ORDER_MARK)
        if not first:
            raise _no_vectors(self.path, "It is empty.")
        if first.startswith(_FASTTEXT_MODEL):
            raise _no_vectors(
                self.path,
                "It is a model of fastText.",
                "Give the file of its vectors, which ends in .vec.",
            )
        header = _HEADER.fullmatch(first)
        if header is None:
            yield from self._text([first], None, keep)
            return
        count, self.width = map(int, header.groups())
        self.line = 1
        begin = self.file.read(_CHUNK)
        if not self.width or not count:
            raise _no_vectors(self.path, f"It says that it has {first.strip()!r}.")
        if _is_text(begin):
            lines = begin.split(b"\n")
            # The last one may go on.
            lines[-1] += self.file.readline(LONGEST_LINE + 1)
            yield from self._text([line + b"\n" for line in lines], count, keep)
        else:
            yield from self._binary(begin, count, keep)

    def _text(
        self, begin: list[bytes], count: int | None, keep: Keep
    ) -> Iterator[tuple[list[str], FloatArray]]:
        limit = LONGEST_LINE + 1
        rest = iter(lambda: self.file.readline(limit), b"")
        if count is None:
            begin += islice(rest, _LOOKED_AT)
            self.width = self._width_of(begin)
        rows: list[_Row] = []
        words = 0
        for raw in chain(begin, rest):
            self.line += 1
            if len(raw) >= limit:
                raise self._wrong(f"is longer than {LONGEST_LINE:,} bytes")
            line = raw.rstrip()
            if not line:
                continue
            words += 1
            row = self._row(line, is_last=not raw.endswith(b"\n"))
            if row is not None and keep(row[0]):
                rows.append(row)
            if len(rows) == _AT_ONCE:
                yield self._parsed(rows)
                rows = []
        if rows:
            yield self._parsed(rows)
        if count is not None and words < count:
            raise self._ends(words, count)

    def _width_of(self, lines: Sequence[bytes]) -> int:
        """How many numbers most of the first words have: some words hold spaces."""
        counts = Counter(len(line.split()) - 1 for line in lines if line.strip())
        width = counts.most_common(1)[0][0] if counts else 0
        # Any text has words; that they are no numbers is seen at the ends of lines.
        ends = [_is_number(line.split()[-1]) for line in lines if line.strip()]
        if lines and (width < 1 or 2 * sum(ends) < len(ends)):
            raise _no_vectors(self.path, "Its first lines hold no numbers.")
        return width

    def _row(self, line: bytes, *, is_last: bool) -> _Row | None:
        """A line without its end; None where it has no word."""
        if line.count(b" ") == self.width:
            word, _, numbers = line.partition(b" ")
        else:
            fields = line.rsplit(None, self.width)
            if len(fields) != self.width + 1:
                if line[:1].isspace() or len(fields) == self.width:
                    # The word was a space of some kind, which is no word.
                    self._check_numbers(fields, is_last=is_last)
                    return None
                raise self._short(len(fields) - 1, is_last=is_last)
            word, numbers = fields[0], b" ".join(fields[1:])
        return word.decode("utf-8", "replace"), numbers, self.line

    def _check_numbers(self, fields: list[bytes], *, is_last: bool) -> None:
        """Refuse a line that is not whole, where one without a word is."""
        try:
            float(fields[0])
        except ValueError:
            raise self._short(len(fields) - 1, is_last=is_last) from None

    def _parsed(self, rows: list[_Row]) -> tuple[list[str], FloatArray]:
        words = [word for word, _, _ in rows]
        joined = b" ".join(numbers for _, numbers, _ in rows)
        with warnings.catch_warnings():
            # Of what is no number NumPy warns in some releases and raises in others.
            warnings.simplefilter("error", DeprecationWarning)
            try:
                values = np.fromstring(joined, np.float32, sep=" ")
            except (ValueError, DeprecationWarning):
                values = np.empty(0, np.float32)
        if values.size != len(rows) * self.width or not np.isfinite(values).all():
            values = np.concatenate([self._numbers(row) for row in rows])
        return words, values.reshape(len(rows), self.width)

    def _numbers(self, row: _Row) -> FloatArray:
        word, numbers, self.line = row
        try:
            found = np.asarray(list(map(float, numbers.split())), np.float32)
        except ValueError as error:
            raise self._wrong(f"{error} ({word!r:.60})") from None
        if len(found) != self.width or not np.isfinite(found).all():
            raise self._wrong(f"the vector of {word!r:.60} is not finite")
        return found

    def _binary(
        self, begin: bytes, count: int, keep: Keep
    ) -> Iterator[tuple[list[str], FloatArray]]:
        size = 4 * self.width
        held, place = begin, 0
        words: list[str] = []
        rows: list[bytes] = []
        for self.line in range(1, count + 1):
            if len(held) - place < _LONGEST_WORD + size:
                held, place = held[place:] + self.file.read(_CHUNK + size), 0
            space = held.find(b" ", place, place + _LONGEST_WORD)
            end = space + 1 + size
            if space < 0 or end > len(held):
                raise self._ends(self.line - 1, count)
            # Some programs end each vector with a line end.
            word = held[place:space].lstrip(b"\n").decode("utf-8", "replace")
            if keep(word):
                words.append(word)
                rows.append(held[space + 1 : end])
            place = end
            if len(rows) == _AT_ONCE:
                yield self._unpacked(words, rows)
                words, rows = [], []
        if rows:
            yield self._unpacked(words, rows)

    def _unpacked(
        self, words: list[str], rows: list[bytes]
    ) -> tuple[list[str], FloatArray]:
        values = np.frombuffer(b"".join(rows), "<f4").astype(np.float32)
        values = values.reshape(len(rows), self.width)
        if not np.isfinite(values).all():
            wrong = words[int(np.argmin(np.isfinite(values).all(axis=1)))]
            raise _no_vectors(
                self.path, f"The vector of {wrong!r:.60} is not finite: it is damaged."
            )
        return words, values

    def _short(self, numbers: int, *, is_last: bool) -> DataError:
        if is_last:
            return DataError(
                f"{self.path} ends within line {self.line}: it is not whole.",
                fix="Fetch or unpack the file again.",
            )
        return self._wrong(f"{numbers} numbers", f"{self.width}, as the first ones")

    def _wrong(self, problem: str, expected: str | None = None) -> DataError:
        return DataError(
            f"{self.path}, line {self.line}: {problem}.", expected=expected
        )

    def _ends(self, words: int, count: int) -> DataError:
        return DataError(
            f"{self.path} ends after {words:,} words: it is not whole.",
            expected=f"{count:,} words, as its first line says",
            fix="Fetch or unpack the file again.",
        )


def _is_text(begin: bytes) -> bool:
    """Whether what comes after the first line is written, and not in binary."""
    fields = begin[: 1 << 16].split(b"\n", 1)[0].split()
    return len(fields) > 1 and _is_number(fields[-1])


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, unpacked."""
    suffix = path.suffix.lower()
    with open_binary(path) as file:
        if suffix in _UNPACKED:
            with _UNPACKED[suffix](file) as unpacked:
                yield cast(BinaryIO, unpacked)
        elif suffix == ".zip":
            with _only_member(path, file) as member:
                yield member
        else:
            yield file


@contextmanager
def _only_member(path: Path, file: BinaryIO) -> Iterator[BinaryIO]:
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise damaged(path, 0, error) from error
    with archive:
        names = [
            each.filename
            for each in archive.infolist()
            if Path(each.filename).suffix.lower() in _VECTOR_SUFFIXES
        ]
        if len(names) != 1:
            raise DataError(
                f"{path} holds {len(names)} files of vectors, and one has to be meant.",
                received=listed(names) if names else "none",
                fix="Unpack it, and give the one.",
            )
        with archive.open(names[0]) as member:
            yield cast(BinaryIO, member)


def _no_vectors(path: Path, problem: str, fix: str | None = None) -> DataError:
    return DataError(
        f"{path} holds no word vectors that can be read. {problem}",
        expected="a file of GloVe, word2vec (text or binary) or fastText (.vec)",
        fix=fix,
    )
