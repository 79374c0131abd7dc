"""The rows of text files in a batch job, numbered, with those that cannot be read."""

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from regard.data.dialect import Dialect
from regard.data.formats import open_rows
from regard.data.record import Record, missing_column
from regard.errors import ColumnError, DataError
from regard.scale.input_files import InputFile, RowError

# Rows of a text file that say of which types its columns are.
_SAMPLE = 1_000
# So much larger is text when it is unpacked.
_PACKED = 3


def sampled_schema(
    file: InputFile, text: str, columns: Sequence[str], dialect: Dialect
) -> Any:
    """The columns of a text file as its first rows show them.

    Raises:
        ColumnError: One of them is not there.
        DataError: No row can be read.
    """
    faults: list[DataError] = []
    sample: list[dict[str, Any]] = []
    try:
        with _opened_rows(file, text, dialect, faults.append) as rows:
            for record in islice(rows, _SAMPLE):
                sample.append(dict(record.row or {}))  # noqa: PERF401 - until one fails
    except DataError as error:
        # Those that stand before a place that cannot be decoded say it as well.
        faults.append(error)
    if not sample:
        raise faults[0]
    names = list(dict.fromkeys(chain.from_iterable(sample)))
    for name in columns:
        if name not in names:
            raise missing_column(file.shown, names, name)
    return pa.schema([(name, _sampled_type(name, sample)) for name in names])


def has_no_rows(file: InputFile, dialect: Dialect) -> bool:
    """Whether there is nothing in a text file, or a header alone."""
    header = int(dialect.header and file.format in {"csv", "tsv"})
    try:
        with file.open_text() as stream:
            lines = (line for line in stream if line.strip())
            return len(list(islice(lines, header + 1))) <= header
    except (OSError, EOFError, zlib.error):
        return False


def _sampled_type(name: str, sample: Sequence[dict[str, Any]]) -> Any:
    try:
        kind = pa.array([row.get(name) for row in sample]).type
    except pa.ArrowException:
        return pa.string()
    return pa.string() if pa.types.is_null(kind) else kind


def expected_rows(file: InputFile, text: str, dialect: Dialect) -> float:
    """About how many rows a text file has, by the length of its first ones.

    Raises:
        ColumnError: There is no column of texts.
    """
    faults: list[DataError] = []
    size = count = 0
    try:
        with _opened_rows(file, text, dialect, faults.append) as rows:
            for record in islice(rows, _SAMPLE):
                values = (record.row or {}).values()
                # A field is followed by a character, and JSON says its name as well.
                size += sum(len(str(value).encode()) + 1 for value in values)
                count += 1
    except ColumnError:
        raise
    except (DataError, OSError):
        pass
    packed = _PACKED if file.path.lower().endswith(".gz") else 1
    return packed * file.size * count / size if size else 0


def numbered_rows(
    file: InputFile, text: str, dialect: Dialect
) -> Iterator[tuple[int, Record | RowError]]:
    """Each row of a text file with its number, from 0, and what cannot be read."""
    name, number = file.shown, 0
    faults: list[DataError] = []
    try:
        with _opened_rows(file, text, dialect, faults.append) as rows:
            for record in rows:
                for fault in faults:
                    yield number, RowError(name, number + 1, 1, fault.message)
                    number += 1
                faults.clear()
                yield number, record
                number += 1
    except (DataError, OSError) as error:
        if not number and not faults and has_no_rows(file, dialect):
            return
        faults.append(error if isinstance(error, DataError) else DataError(str(error)))
        ends = len(faults)
    else:
        ends = 0
    for index, fault in enumerate(faults, 1):
        # Of what stands behind the last one nothing is known.
        yield number, RowError(name, number + 1, int(index != ends), fault.message)
        number += 1


def plain_value(value: Any, kind: Any) -> Any:
    """A value for a column; what is no text is one as JSON, where there are texts."""
    if value is None or isinstance(value, str) or not pa.types.is_string(kind):
        return value
    return json.dumps(value, ensure_ascii=False)


def fits(value: Any, kind: Any) -> bool:
    """Whether a value can be one of a column of a type."""
    try:
        pa.array([value], kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True


@contextmanager
def _opened_rows(
    file: InputFile,
    text: str,
    dialect: Dialect,
    on_fault: Callable[[DataError], None],
) -> Iterator[Iterator[Record]]:
    with file.open_text() as stream:
        yield open_rows(
            file.shown,
            [text],
            replace(dialect, format=file.format),
            whole=True,
            stream=stream,
            on_fault=on_fault,
        )
