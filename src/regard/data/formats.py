"""The formats of files with columns: CSV, TSV, JSON lines and Parquet.

A format is a function that streams records, a suffix in ``SUFFIXES`` and a row in the
table of readers.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from regard._files import open_binary
from regard._validate import check_choice
from regard.data.lines import LineReader
from regard.data.record import Record, column_indices, missing_column
from regard.errors import DataError, MissingExtraError

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))
_QUOTE = '"'


def open_rows(
    path: str | PathLike[str],
    columns: Sequence[str],
    format: str | None = None,  # noqa: A002 - the word users know
    encoding: str = "utf-8",
) -> Iterator[Record]:
    """Rows with the place each came from, as the file streams by."""
    path = Path(path)
    kind = detect_format(path, format)
    if kind == "parquet":
        return parquet_rows(path, columns)
    return _TEXT_READERS[kind](path, columns, encoding)


def detect_format(path: Path, format: str | None = None) -> str:  # noqa: A002 - as open(mode=)
    """The format of ``path``: the one given, else the one its suffix says.

    A final ``.gz`` is set aside, for the text formats only.

    Raises:
        ArgumentError: ``format`` is not one that can be read.
        DataError: The suffix says nothing.
    """
    if format is not None:
        return check_choice("format", format, FORMATS, of="a file")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes[-1:] == [".gz"]
    suffix = "".join(suffixes[-2:-1] if packed else suffixes[-1:])
    detected = SUFFIXES.get(suffix)
    if detected is None or (packed and detected == "parquet"):
        raise DataError(
            f"The name of {path} does not say what format it has.",
            expected=f"{', '.join(SUFFIXES)}, or a text format followed by .gz",
            received="".join(suffixes[-2:]) or "no suffix",
            fix="Rename the file or name its format.",
        )
    return detected


def csv_rows(path: Path, columns: Sequence[str], encoding: str) -> Iterator[Record]:
    """Rows of a comma-separated file; fields in quotes may hold anything."""
    lines = LineReader(path, encoding)
    # strict: a stray quote is an error here instead of a silently merged field.
    return _delimited_rows(lines, csv.reader(lines, strict=True), columns)


def tsv_rows(path: Path, columns: Sequence[str], encoding: str) -> Iterator[Record]:
    """Rows of a tab-separated file, where a quotation mark is a character like others.

    That is the registered format (text/tab-separated-values), and what corpora use:
    a field cannot hold a tab or a line end.
    """
    lines = LineReader(path, encoding)
    reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return _delimited_rows(lines, reader, columns)


def json_rows(path: Path, columns: Sequence[str], encoding: str) -> Iterator[Record]:
    """Rows of a JSON lines file; blank lines are passed over."""
    lines = LineReader(path, encoding)
    has_records = False
    for line in lines:
        lines.forget()
        if line.strip():
            has_records = True
            record = _json_object(lines, line)
            yield Record(
                f"{path}, line {lines.number}",
                tuple(_json_value(lines, record, name) for name in columns),
            )
    if not has_records:
        raise DataError(f"{path} is empty.", expected="one JSON object a line")


def parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Record]:
    """Rows of a Parquet file.

    Raises:
        MissingExtraError: pyarrow is not installed.
        DataError: The file cannot be read as Parquet, or is without rows.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
        from pyarrow import parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "pyarrow", "data") from error

    with open_binary(path) as file:
        try:
            table = parquet.ParquetFile(file)
            column_indices(str(path), table.schema_arrow.names, columns)
            yield from _parquet_records(path, table, columns)
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{path} cannot be read as Parquet: {error}.",
                fix="Check that the file is complete.",
            ) from error


_TEXT_READERS = {"csv": csv_rows, "tsv": tsv_rows, "jsonl": json_rows}


def _delimited_rows(
    lines: LineReader, reader: Iterator[list[str]], columns: Sequence[str]
) -> Iterator[Record]:
    records = _csv_records(lines, reader)
    _, header = next(records, (0, None))
    if header is None:
        raise DataError(f"{lines.path} is empty.", expected="a header and rows")
    indices = column_indices(f"{lines.path}, line {lines.number}", header, columns)
    line = 0
    for line, fields in records:
        if len(fields) != len(header):
            raise _wrong_count(lines, line, fields, header)
        yield Record(f"{lines.path}, line {line}", tuple(fields[i] for i in indices))
    if not line:
        raise DataError(
            f"{lines.path} has a header and no rows.", expected="at least one row"
        )


def _csv_records(
    lines: LineReader, reader: Iterator[list[str]]
) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it begins on; blank lines are passed over."""
    while True:
        start = lines.number + 1
        lines.forget()
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise _malformed(lines, start, error) from error
        if fields is None:
            return
        if fields:
            yield start, fields


def _wrong_count(
    lines: LineReader, line: int, fields: Sequence[str], header: Sequence[str]
) -> DataError:
    few = len(fields) < len(header)
    return lines.error(
        f"too {'few' if few else 'many'} fields.",
        line=line,
        expected=f"{len(header)} ({', '.join(header)})",
        received=str(len(fields)),
        fix=None if few else "A field that holds the separator belongs in quotes.",
    )


def _malformed(lines: LineReader, start: int, error: csv.Error) -> DataError:
    reason = str(error)
    if "unexpected end of data" in reason:
        return lines.error(
            "a quoted field begins here and is never closed.",
            line=start + _unclosed_quote(lines.pending),
            fix='Close it, or double a quotation mark that is part of the text ("").',
        )
    if "field limit" in reason:
        return lines.error(
            f"a field is longer than {csv.field_size_limit():,} characters.",
            line=start,
            fix="Look for a quotation mark that is not closed. For texts this long "
            "use JSON lines or Parquet, or raise csv.field_size_limit.",
        )
    return lines.error(
        f"not a valid row ({reason}).",
        fix='Double each quotation mark inside a quoted field ("").',
    )


def _unclosed_quote(pending: Sequence[str]) -> int:
    """The index of the line on which the quote that stays open was opened."""
    # A doubled quote opens nothing, and of the others the last one opened a field.
    lines = (line.replace(2 * _QUOTE, "") for line in pending)
    return max((i for i, line in enumerate(lines) if _QUOTE in line), default=0)


def _json_object(lines: LineReader, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise lines.error(
            f"not valid JSON, character {error.colno}: {error.msg}.",
            fix="Write one JSON object a line.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise lines.error(f"this JSON cannot be read: {error}.") from error
    if not isinstance(record, dict):
        raise lines.error(
            "not a JSON object.",
            expected='an object such as {"text": …, "label": …}',
            received=f"{line.strip():.60}",
        )
    return record


def _json_value(lines: LineReader, record: dict[str, Any], name: str) -> Any:
    if name not in record:
        place = f"{lines.path}, line {lines.number}"
        raise missing_column(place, list(record), name)
    value = record[name]
    if isinstance(value, str) and not _is_unicode(value):
        raise lines.error(
            f"column '{name}' holds half of a surrogate pair, which is no character.",
            fix="Write the whole pair, or the character itself.",
        )
    return value


def _is_unicode(value: str) -> bool:
    """JSON escapes can spell lone surrogates, which no text pipeline takes."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _parquet_records(
    path: Path, table: Any, columns: Sequence[str]
) -> Iterator[Record]:
    number = 0
    for batch in table.iter_batches(columns=list(dict.fromkeys(columns))):
        values = [batch.column(name).to_pylist() for name in columns]
        for row in zip(*values, strict=True):
            number += 1
            yield Record(f"{path}, row {number}", row)
    if not number:
        raise DataError(f"{path} has no rows.", expected="at least one row")
