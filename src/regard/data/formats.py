"""The formats of files with columns: CSV, TSV, JSON, JSON lines, Parquet and Excel.

A format is a function that streams records, a suffix in ``SUFFIXES`` and a row in the
table of readers.
"""

import csv
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from regard._files import LONGEST_LINE, too_long
from regard.data.binary_tables import parquet_rows, xlsx_rows
from regard.data.dialect import (
    BINARY,
    NUMBERED,
    Dialect,
    delimiters_with,
    numbered,
    shown_delimiter,
    sniffed_delimiter,
)
from regard.data.lines import LineReader
from regard.data.record import Record, column_indices, missing_column
from regard.errors import ArgumentError, DataError, listed, shortened

_QUOTE = '"'
_SPACE = " \t\r\n"


def open_rows(
    path: str | PathLike[str],
    columns: Sequence[str],
    dialect: Dialect | None = None,
    *,
    whole: bool = False,
    stream: BinaryIO | None = None,
    on_fault: Callable[[DataError], None] | None = None,
) -> Iterator[Record]:
    """Rows with the place each came from, as the file streams by.

    Args:
        path: The file.
        columns: The columns to read, in the order they are wanted.
        dialect: How it is written; by default what it shows.
        whole: Whether the other columns are read as well, see ``Record.row``.
        stream: What is read in place of the file, as a pipe.
        on_fault: Of a text format, see ``LineReader``.
    """
    path, dialect = Path(path), dialect or Dialect()
    kind = dialect.format_of(path)
    if kind in BINARY:
        if stream is not None:
            raise ArgumentError(
                f"A file in the format {kind} cannot be read from {path}.",
                fix="Give the file by its name.",
            )
        if kind == "parquet":
            return parquet_rows(path, columns, whole=whole)
        return xlsx_rows(path, columns, header=dialect.header, whole=whole)
    lines = LineReader(path, dialect.encoding, stream, on_fault)
    return _TEXT_READERS[kind](lines, columns, dialect, whole)


def csv_rows(
    lines: LineReader, columns: Sequence[str], dialect: Dialect, whole: bool
) -> Iterator[Record]:
    """Rows of a file with separated fields; those in quotes may hold anything."""
    delimiter = dialect.delimiter or sniffed_delimiter(
        lines, columns, header=dialect.header
    )
    # strict: a stray quote is an error here instead of a silently merged field.
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    return _delimited_rows(
        lines, reader, delimiter, columns=columns, dialect=dialect, whole=whole
    )


def tsv_rows(
    lines: LineReader, columns: Sequence[str], dialect: Dialect, whole: bool
) -> Iterator[Record]:
    """Rows of a tab-separated file, where a quotation mark is a character like others.

    That is the registered format (text/tab-separated-values), and what corpora use:
    a field cannot hold a tab or a line end.
    """
    reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return _delimited_rows(
        lines, reader, "\t", columns=columns, dialect=dialect, whole=whole
    )


def json_lines_rows(
    lines: LineReader,
    columns: Sequence[str],
    dialect: Dialect,  # noqa: ARG001 - others look at it
    whole: bool,
) -> Iterator[Record]:
    """Rows of a JSON lines file; blank lines are passed over."""
    has_records = False
    for line in lines:
        lines.forget()
        if line.strip():
            has_records = True
            try:
                record = _json_object(lines, line)
                read = _json_record(lines, record, columns, whole)
            except DataError as error:
                lines.refuse(error)
            else:
                yield read
    if not has_records:
        raise DataError(f"{lines.path} is empty.", expected="one JSON object a line")


def json_rows(
    lines: LineReader,
    columns: Sequence[str],
    dialect: Dialect,  # noqa: ARG001 - others look at it
    whole: bool,
) -> Iterator[Record]:
    """Rows of a JSON file: objects one after the other, or one list of them."""
    has_records = False
    for record in _json_objects(lines):
        has_records = True
        try:
            read = _json_record(lines, record, columns, whole)
        except DataError as error:
            lines.refuse(error)
        else:
            yield read
    if not has_records:
        raise DataError(
            f"{lines.path} is empty.",
            expected="one list of JSON objects, or one object a line",
        )


_TEXT_READERS = {
    "csv": csv_rows,
    "tsv": tsv_rows,
    "json": json_rows,
    "jsonl": json_lines_rows,
}


def _delimited_rows(
    lines: LineReader,
    reader: Iterator[list[str]],
    delimiter: str,
    *,
    columns: Sequence[str],
    dialect: Dialect,
    whole: bool,
) -> Iterator[Record]:
    # The limit of the module is one for all its readers; it is never lowered here.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
    seen = lines.ahead(1)
    records = _csv_records(lines, reader)
    line, header = next(records, (0, None))
    if header is None:
        expected = "a header and rows" if dialect.header else "rows"
        raise DataError(f"{lines.path} is empty.", expected=expected)
    place = f"{lines.path}, line {lines.number}"
    first: list[tuple[int, list[str]]] = []
    hint, elsewhere = NUMBERED, None
    if not dialect.header:
        first, header = [(line, header)], numbered(len(header))
    elif not set(columns) <= set(header):
        hint, elsewhere = _hints(seen, columns, delimiter)
    indices = column_indices(place, header, columns, hint, elsewhere)
    line = 0
    for line, fields in itertools.chain(first, records):
        if len(fields) != len(header):
            quoted = reader.dialect.quoting != csv.QUOTE_NONE  # type: ignore[attr-defined]  # a reader of csv
            lines.refuse(_wrong_count(lines, line, fields, header, quoted=quoted))
            continue
        yield Record(
            f"{lines.path}, line {line}",
            tuple(fields[i] for i in indices),
            dict(zip(header, fields, strict=True)) if whole else None,
        )
    if not line:
        raise DataError(
            f"{lines.path} has a header and no rows.", expected="at least one row"
        )


def _hints(
    first: Sequence[str], columns: Sequence[str], delimiter: str
) -> tuple[str, str]:
    """What may be the reason where a column is not there; the same for options."""
    read = f"The file was read as separated by {shown_delimiter(delimiter)}"
    other = [found for found in delimiters_with(first, columns) if found != delimiter]
    if other:
        by = f"{read}; by {shown_delimiter(other[0])} it is"
        return f"{by}: name its delimiter.", f"{by}: name it, 'delimiter'."
    name = f"{read}. Name the column that is meant; if the first line is no header, say"
    return f"{name} that there is none.", f"{name} so: 'no_header'."


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
            lines.refuse(_malformed(lines, start, error))
            continue
        if fields is None:
            return
        if fields:
            yield start, fields


def _wrong_count(
    lines: LineReader,
    line: int,
    fields: Sequence[str],
    header: Sequence[str],
    *,
    quoted: bool,
) -> DataError:
    few = len(fields) < len(header)
    fix = None if few else "A field that holds the separator belongs in quotes."
    if not quoted:
        fix = "Here quotation marks hold nothing together. If they do, it is csv."
        fix = fix if any(_QUOTE in field for field in fields) else None
    return lines.error(
        f"too {'few' if few else 'many'} fields.",
        line=line,
        expected=f"{len(header)} ({listed(header)})",
        received=str(len(fields)),
        fix=fix,
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
            f"a field is longer than {LONGEST_LINE:,} characters.",
            line=start,
            fix="Look for a quotation mark that is not closed.",
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


def _json_record(
    lines: LineReader, record: dict[str, Any], columns: Sequence[str], whole: bool
) -> Record:
    return Record(
        f"{lines.path}, line {lines.number}",
        tuple(_json_value(lines, record, name) for name in columns),
        record if whole else None,
    )


def _json_objects(lines: LineReader) -> Iterator[dict[str, Any]]:
    """Objects in a row, or of one list; ``lines.number`` is where each begins."""
    decode = json.JSONDecoder().raw_decode
    chunks = lines.chunks()
    text, at, in_list, may_separate = "", 0, False, False
    lines.number = 1
    while True:
        start = at
        while at < len(text) and text[at] in _SPACE:
            at += 1
        lines.number += text.count("\n", start, at)
        if at == len(text):
            text, at = next(chunks, ""), 0
            if text:
                continue
            if in_list:
                raise lines.error("the list that begins the file is never closed.")
            return
        begins = text[at]
        if begins == "[" and not in_list and not may_separate:
            in_list = True
            at += 1
        elif begins == "," and in_list and may_separate:
            may_separate = False
            at += 1
        elif begins == "]" and in_list:
            if (text[at + 1 :] + "".join(chunks)).strip(_SPACE):
                raise lines.error("something follows the list.", expected="one list")
            return
        elif begins == "{" and not (in_list and may_separate):
            record, text, at = _whole_object(lines, decode, text[at:], chunks)
            yield record
            lines.number += text.count("\n", 0, at)
            may_separate = True
        else:
            raise lines.error(
                "not a JSON object.",
                expected='objects such as {"text": …, "label": …}, one a line or as '
                "one list",
                received=shortened(text[at : at + 99]),
            )


def _whole_object(
    lines: LineReader, decode: Any, text: str, chunks: Iterator[str]
) -> tuple[dict[str, Any], str, int]:
    """The object that ``text`` begins with, the text as far as read, and its end."""
    while True:
        try:
            record, end = decode(text)
        except json.JSONDecodeError as error:
            # At the end of what was read, or there is something wrong: more tells.
            more = list(itertools.islice(chunks, 1 + len(text) // 2**16))
            if len(text) > LONGEST_LINE:
                raise too_long(f"{lines.path}, line {lines.number}") from error
            if not more:
                lines.number += error.lineno - 1
                raise lines.error(
                    f"not valid JSON, character {error.colno}: {error.msg}."
                ) from error
            text += "".join(more)
        except (ValueError, RecursionError) as error:
            raise lines.error(f"this JSON cannot be read: {error}.") from error
        else:
            return record, text, end


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
