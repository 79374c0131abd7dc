"""A file that is read anew as often as it is needed, and never held as a whole."""

import hashlib
import importlib.util
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from regard._files import unreadable
from regard._label_values import is_label_set
from regard._validate import check_flag
from regard.data.dialect import Dialect
from regard.data.formats import open_rows
from regard.data.parallel_texts import iterate_pair_files
from regard.data.table import iterate_examples, read_weights
from regard.errors import ArgumentError, DataError, MissingExtraError

#: From so many bytes of text on a file is streamed where nobody says whether.
LARGE = 1 << 28
# So much larger is text when it is unpacked.
_PACKED = 4
_CHUNK = 1 << 20
FilePath = str | Path


@dataclass(frozen=True)
class StreamedFile:
    """Two columns of texts in a file, or two files with a text a line.

    Args:
        files: The file; or that of sources and that of targets.
        columns: The columns, of texts and labels or of sources and targets.
        reading: How the files are read, arguments of ``regard.data.read_examples``.
        remedy: How rows without a value are left out, as a sentence for the user.
        mending: What mends the data, as one.
        weight: The column that says how much an example counts; None: there is none.
    """

    files: tuple[Path, ...]
    columns: tuple[str, str]
    reading: Mapping[str, Any] = field(default_factory=dict)
    remedy: str = "fit(..., clean=True) leaves such rows out."
    mending: str = "fit(..., clean=True) mends it."
    weight: str | None = None

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return " and ".join(map(str, self.files))

    def examples(
        self, known_labels: Collection[str] | None = None
    ) -> Iterator[tuple[str, str]]:
        """Each text and its label; see ``regard.data.iterate_examples``."""
        return iterate_examples(
            self.files[0], *self.columns, known_labels=known_labels, **self.reading
        )

    @property
    def size(self) -> int:
        """About how many bytes of text there are.

        Raises:
            OSError: A file is not there.
        """
        return sum(_size(path, self.reading) for path in self.files)

    def labels(self) -> Iterator[str]:
        """The label of each text."""
        # A column of texts that is not there is told at once.
        next(islice(self.examples(), 1), None)
        dialect, (_, label) = Dialect(**self.reading), self.columns
        for row in open_rows(self.files[0], [label], dialect):
            if is_label_set(row.values[0]):
                raise several_streamed()
            yield row.label(0, label)

    def weights(self) -> list[float] | None:
        """How much each example counts; None: all the same."""
        if self.weight is None:
            return None
        return read_weights(self.files[0], self.weight, **self.reading)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each source and its target."""
        return iterate_pair_files(self.files, *self.columns, self.reading)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the bytes of the files, in hexadecimal digits.

        Raises:
            DataError: One cannot be read.
        """
        sha256 = hashlib.sha256()
        for path in self.files:
            try:
                with path.open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        sha256.update(chunk)
                    sha256.update(f"\0{file.tell()}\0".encode())
            except OSError as error:
                raise unreadable(path, error) from error
        return sha256.hexdigest()

    def facts(self) -> dict[str, Any]:
        """What is read, as plain values: other facts are other examples."""
        said = Dialect(**self.reading)
        formats = {path.suffix for path in self.files}
        return {
            "data": self.digest,
            "columns": list(self.columns),
            "reading": [said.format, said.delimiter, said.header, said.encoding],
            "suffixes": sorted(formats),
            **({} if self.weight is None else {"weight": self.weight}),
        }


def given_file(
    source: Any, other: Any, columns: tuple[str, str]
) -> "StreamedFile | None":
    """What was given to learn from as files; None where it is something else.

    Args:
        source: The first argument.
        other: The second one: None, or the file of the targets.
        columns: The columns that are read.
    """
    given = [each for each in (source, other) if each is not None]
    if given and all(isinstance(each, FilePath) for each in given):
        return StreamedFile(tuple(map(Path, given)), columns)
    return None


def streamed_file(
    file: StreamedFile | None, *, stream: bool | None, clean: bool
) -> StreamedFile | None:
    """The same where it is to be streamed; None where its texts are held in memory.

    Args:
        file: What was given; None: no file.
        stream: Whether it is streamed; None: where it is large.
        clean: Whether what is dirty is mended, for which all texts are needed.

    Raises:
        ArgumentError: It cannot be streamed, and is to be.
        MissingExtraError: pyarrow is not installed.
    """
    if stream is None:
        is_streamed = file is not None and not clean and is_large(file)
        return file if is_streamed else None
    if not check_flag("stream", stream):
        return None
    if file is None or clean:
        raise ArgumentError(
            "This cannot be streamed.",
            expected="a file, as it is",
            received="data to be mended" if clean else "no path of a file",
            fix="Mend the data and write it to a file first, or hold it in memory.",
            arguments=["stream", "clean"],
        )
    # Not after a large file was read.
    if not _can_be_stored():
        raise MissingExtraError("Training from disk", "pyarrow", "data")
    return file


def is_large(file: StreamedFile) -> bool:
    """Whether the texts of a file had better not be held in memory all at once.

    Without pyarrow they are: what is read is stored with it.
    """
    if not _can_be_stored():
        return False
    try:
        return file.size >= LARGE
    except OSError:
        # What is wrong is said where the file is read.
        return False


def _can_be_stored() -> bool:
    return importlib.util.find_spec("pyarrow") is not None


def _size(path: Path, reading: Mapping[str, Any]) -> int:
    """About how many bytes of text are in a file."""
    packed = path.suffix.lower() in {".gz", ".parquet"}
    is_sheet = path.suffix.lower() == ".xlsx" or reading.get("format") == "xlsx"
    size = path.stat().st_size
    # A sheet has a million rows at most.
    return 0 if is_sheet else size * (_PACKED if packed else 1)


def several_streamed() -> ArgumentError:
    """The error of a file with several labels a text that is to be streamed."""
    return ArgumentError(
        "A file with several labels a text cannot be streamed.",
        expected="one label for each text, or data that fits in memory",
        fix="Hold it in memory: stream=False.",
        arguments=["stream"],
        elsewhere="Hold it in memory: --no-stream.",
    )


def changed(name: str) -> DataError:
    """The error of a file that is another one than when it was read before."""
    return DataError(
        f"{name} was changed while it was read.",
        expected="the same rows each time",
        fix="Train again when nothing writes to it any more.",
    )
