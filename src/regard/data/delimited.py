"""Rows of CSV (RFC 4180 quoting) and TSV (no quoting) files."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from regard.data.lines import LineReader
from regard.data.record import Record, column_indices
from regard.errors import DataError

_QUOTE = '"'


def csv_rows(path: Path, columns: Sequence[str], encoding: str) -> Iterator[Record]:
    """Rows of a comma-separated file; fields in quotes may hold anything."""
    lines = LineReader(path, encoding)
    # strict: a stray quote is an error here instead of a silently merged field.
    return _rows(lines, csv.reader(lines, strict=True), columns)


def tsv_rows(path: Path, columns: Sequence[str], encoding: str) -> Iterator[Record]:
    """Rows of a tab-separated file, where a quotation mark is a character like others.

    That is the registered format (text/tab-separated-values), and what corpora use:
    a field cannot hold a tab or a line end.
    """
    lines = LineReader(path, encoding)
    reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return _rows(lines, reader, columns)


def _rows(
    lines: LineReader, reader: Iterator[list[str]], columns: Sequence[str]
) -> Iterator[Record]:
    records = _records(lines, reader)
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


def _records(
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
