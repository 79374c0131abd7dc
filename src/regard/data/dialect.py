"""How a file with columns is written, as a user says it or as the file shows it."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regard._files import checked_encoding
from regard._validate import check_choice, check_flag
from regard.data.lines import LineReader
from regard.errors import ArgumentError, DataError, shown

#: The format that each suffix of a file says.
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
FORMATS = (*dict.fromkeys(SUFFIXES.values()), "lines")
#: These are no text: they cannot be packed, piped, or in an encoding.
BINARY = frozenset({"parquet", "xlsx"})
# What separates fields, the likeliest first, and what people call it.
_DELIMITERS = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'"}
# What may separate fields.
_CHARACTER = re.compile(r'[^"\r\n\0]')
_WORDS = {"tab": "\t", "\\t": "\t"}
# So much of a file is looked at, where its header alone does not tell.
_SAMPLE = 2**16
_DECLARED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How a file with columns is written.

    Args:
        format: One of ``FORMATS``, of which ``"lines"`` has no columns; None: what the
            suffix says.
        delimiter: The character between fields, ``"tab"`` for a tab; None: what the
            file shows.
        header: Whether its first line names the columns. Without, columns are called
            ``"1"``, ``"2"``, and so on.
        encoding: The encoding of a text format.

    Raises:
        ArgumentError: One is unknown, or they do not fit each other.
    """

    format: str | None = None
    delimiter: str | None = None
    header: bool = True
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if self.format is not None:
            check_choice("format", self.format, FORMATS, of="a file")
        if self.delimiter is not None:
            delimiter: object = self.delimiter
            if isinstance(delimiter, str):
                delimiter = _WORDS.get(delimiter, delimiter)
            if not isinstance(delimiter, str) or not _CHARACTER.fullmatch(delimiter):
                raise ArgumentError(
                    f"{shown(self.delimiter)} separates no fields.",
                    expected="one character such as ';', or tab",
                )
            object.__setattr__(self, "delimiter", delimiter)
        check_flag("header", self.header, of="a file")
        checked_encoding(self.encoding)

    def format_of(self, path: Path) -> str:
        """The format of ``path``: the one given, else the one its suffix says.

        A final ``.gz`` is set aside, for the text formats only.

        Raises:
            ArgumentError: What is said of the file does not fit its format.
            DataError: The suffix says nothing.
        """
        detected = self.format or _said_by_suffix(path)
        if detected == "lines":
            raise ArgumentError(
                f"{path} is read as lines, which have no columns.",
                fix="Name another format, or none.",
            )
        if detected is None and self.delimiter is not None:
            detected = "csv"
        if detected is None:
            raise DataError(
                f"The name of {path} does not say what format it has.",
                expected=f"{', '.join(SUFFIXES)}, or a text format followed by .gz",
                received="".join(path.suffixes[-2:]) or "no suffix",
                fix="Rename the file, or say its format with format=...",
                arguments=["format"],
            )
        if detected == "tsv" and self.delimiter not in {None, "\t"}:
            # Whoever names a delimiter means a table like others, with quotes.
            detected = "csv"
        if self.delimiter is not None and detected not in {"csv", "tsv"}:
            raise ArgumentError(f"{path} has no delimiter: it is read as {detected}.")
        if not self.header and detected not in {"csv", "tsv", "xlsx"}:
            raise ArgumentError(
                f"{path} has names for its columns: it is read as {detected}."
            )
        return detected


def is_table(path: Path, dialect: Dialect) -> bool:
    """Whether a file has columns, as its suffix or what is said of it tells."""
    if dialect.format is not None:
        return dialect.format != "lines"
    told = dialect.delimiter is not None or not dialect.header
    return told or _said_by_suffix(path) is not None


def sniffed_delimiter(
    lines: LineReader, columns: Sequence[str], *, header: bool
) -> str:
    """The delimiter that a file shows, by its header or by its first lines.

    It is the first of comma, semicolon, tab and bar whose header has the wanted
    columns; where there is none, the one that cuts most lines alike into most fields.
    A first line ``sep=;``, as Excel knows it, is taken at its word and passed over.

    Args:
        lines: The file, of which nothing was read.
        columns: The columns that are wanted.
        header: Whether the first line names the columns.
    """
    first = lines.ahead(1)
    declared = _DECLARED.fullmatch(first[0]) if first else None
    if declared is not None:
        next(iter(lines))
        lines.forget()
        return declared[1]
    if header:
        found = delimiters_with(first, columns)
        if found:
            return found[0]
    sample = lines.ahead(_SAMPLE)
    if header:
        found = delimiters_with(sample, columns)
        if found:
            return found[0]
    counts = {delimiter: _fields(sample, delimiter) for delimiter in _DELIMITERS}
    alike = {delimiter: n for delimiter, n in counts.items() if n > 1}
    return max(alike, key=alike.__getitem__, default=",")


def delimiters_with(lines: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The delimiters by which a header has all of the columns."""
    return [
        delimiter
        for delimiter in _DELIMITERS
        if set(columns) <= set(_header(lines, delimiter))
    ]


def shown_delimiter(delimiter: str) -> str:
    """What people call a delimiter."""
    return _DELIMITERS.get(delimiter, repr(delimiter))


#: Why a column may not be there in a file that has no names for them.
NUMBERED = "Without a header columns go by their number, from 1."


def numbered(count: int) -> list[str]:
    """The names of columns where the file has none."""
    return [str(number) for number in range(1, count + 1)]


def _said_by_suffix(path: Path) -> str | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes[-1:] == [".gz"]
    detected = SUFFIXES.get("".join(suffixes[-2:-1] if packed else suffixes[-1:]))
    return None if packed and detected in BINARY else detected


def _fields(sample: Sequence[str], delimiter: str) -> int:
    """Into how many fields all lines are cut; 0 where it is not the same number."""
    counts = set()
    try:
        for fields in csv.reader(sample, delimiter=delimiter, strict=True):
            counts.add(len(fields))
    except csv.Error as error:
        # The last record of a sample may be cut.
        if "unexpected end of data" not in str(error):
            return 0
    counts.discard(0)
    return counts.pop() if len(counts) == 1 else 0


def _header(lines: Sequence[str], delimiter: str) -> list[str]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        return next((fields for fields in reader if fields), [])
    except csv.Error:
        return []
