"""Tables that are no text: Parquet through pyarrow, Excel through openpyxl."""

import datetime
import itertools
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from regard._files import open_binary
from regard.data.dialect import NUMBERED, numbered
from regard.data.record import Record, column_indices
from regard.errors import DataError, MissingExtraError

# So few rows at a time: what a file repeats unpacks to much more than its size.
_ROWS = 1_024
# The most that a workbook unpacks to; the largest sheet of short texts takes a third.
_MOST_UNPACKED = 2**29
# So many rows a sheet can have; a damaged one may count further.
_MOST_ROWS = 2**20 + _ROWS
_CHUNK = 2**20


def parquet_rows(
    path: Path, columns: Sequence[str], *, whole: bool = False
) -> Iterator[Record]:
    """Rows of a Parquet file.

    Raises:
        MissingExtraError: pyarrow is not installed.
        DataError: The file cannot be read as Parquet, is without rows, or a column is
            of a type that holds no texts, numbers or truth values.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
        from pyarrow import parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "pyarrow", "data") from error

    with open_binary(path) as file:
        try:
            table = parquet.ParquetFile(file)
            schema = table.schema_arrow
            column_indices(str(path), schema.names, columns)
            for name in columns:
                check_arrow_type(f"{path}: column '{name}'", schema.field(name).type)
            wanted = schema.names if whole else list(dict.fromkeys(columns))
            number = 0
            for batch in table.iter_batches(batch_size=_ROWS, columns=wanted):
                yield from _batch_records(path, batch, columns, number, whole)
                number += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{path} cannot be read as Parquet: {error}.",
                fix="Check that the file is complete.",
            ) from error
    if not number:
        raise DataError(f"{path} has no rows.", expected="at least one row")


def check_arrow_type(place: str, kind: Any) -> None:
    """Refuse, by its name, an Arrow type whose values are no texts, numbers and such.

    Args:
        place: The file and the column, as the message begins.
        kind: The type.

    Raises:
        DataError: It is a time, binary data or another that Python has no plain
            value for.
    """
    if not _is_plain(kind):
        raise DataError(
            f"{place} holds values of the type {kind}.",
            expected="texts, numbers or truth values",
            fix="Write the column as texts.",
        )


def _is_plain(kind: Any) -> bool:
    from pyarrow import types  # noqa: PLC0415 - an extra, there by now

    is_value = (
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_boolean(kind)
        or types.is_null(kind)
    )
    if is_value:
        return True
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _is_plain(kind.value_type)
    if types.is_nested(kind) and not types.is_union(kind):
        # Lists of any kind, structures, maps: marks of words come as such.
        return all(_is_plain(kind.field(i).type) for i in range(kind.num_fields))
    return False


def _batch_records(
    path: Path, batch: Any, columns: Sequence[str], before: int, whole: bool
) -> Iterator[Record]:
    values = {
        name: _python_values(path, name, batch.column(index), before)
        for index, name in enumerate(batch.schema.names)
    }
    for index in range(batch.num_rows):
        yield Record(
            f"{path}, row {before + index + 1}",
            tuple(values[name][index] for name in columns),
            {name: held[index] for name, held in values.items()} if whole else None,
        )


def _python_values(path: Path, name: str, column: Any, before: int) -> list[Any]:
    """The values of a column; what has no plain ones, as times, in their spelling."""
    import pyarrow as pa  # noqa: PLC0415 - an extra, there by now

    if not _is_plain(column.type):
        try:
            column = column.cast(pa.string())
        except pa.ArrowException:
            return [_spelled(value) for value in column]
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError as error:
        raise _not_unicode(path, name, column, before) from error
    return values


def _spelled(value: Any) -> str | None:
    """What a value that is only passed on looks like."""
    try:
        plain = value.as_py()
    except (ValueError, OverflowError):  # Such as nanoseconds within a list.
        return repr(value)
    return None if plain is None else str(plain)


def _not_unicode(path: Path, name: str, column: Any, before: int) -> DataError:
    row = before
    for row, value in enumerate(column, before + 1):  # noqa: B007 - where it ends
        try:
            value.as_py()
        except UnicodeDecodeError:
            break
    return DataError(
        f"{path}, row {row}: column '{name}' holds text that is not valid UTF-8.",
        fix="Write the column anew, decoded from the encoding that it has.",
    )


def xlsx_rows(
    path: Path, columns: Sequence[str], *, header: bool = True, whole: bool = False
) -> Iterator[Record]:
    """Rows of the first sheet of an Excel workbook, cells as text, as CSV has them.

    Raises:
        MissingExtraError: openpyxl is not installed.
        DataError: The file is no workbook, unpacks to more than one should, or its
            first sheet has no rows.
    """
    try:
        import openpyxl  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("Reading Excel", "openpyxl", "excel") from error

    with open_binary(path) as file:
        _check_unpacked(path, file)
        # Read as a stream: other libraries make a table of all cells that could be,
        # and a single one in the last corner of a sheet takes half a terabyte.
        filled = (
            (number, fields)
            for number, fields in enumerate(_sheet_rows(openpyxl, path, file), 1)
            if any(fields)
        )
        start, names = next(filled, (0, []))
        if not start:
            raise _without_rows(path)
        first, hint = [], None
        if not header:
            first = [(start, names)]
            names, hint = numbered(len(names)), NUMBERED
        indices = column_indices(f"{path}, row {start}", names, columns, hint)
        number = 0
        for number, fields in itertools.chain(first, filled):
            # What stands beside the table belongs to no column.
            row = [*fields, *[""] * (len(names) - len(fields))][: len(names)]
            yield Record(
                f"{path}, row {number}",
                tuple(row[i] for i in indices),
                dict(zip(names, row, strict=True)) if whole else None,
            )
    if not number:
        raise _without_rows(path)


def _without_rows(path: Path) -> DataError:
    return DataError(
        f"The first sheet of {path} has no rows.", expected="at least one row"
    )


def _sheet_rows(openpyxl: Any, path: Path, file: BinaryIO) -> Iterator[list[str]]:
    """The cells of the first sheet, row by row, the empty ones at the end left out."""
    rows: Any = None
    read = 0
    while True:
        try:
            with warnings.catch_warnings():
                # What is not supported, such as colours, is no matter here.
                warnings.simplefilter("ignore")
                if rows is None:
                    workbook = openpyxl.load_workbook(file, True, data_only=True)
                    sheet = workbook.worksheets[0]
                    # What a sheet says of its size may be wrong.
                    sheet.reset_dimensions()
                    rows = sheet.iter_rows(values_only=True)
                some = list(itertools.islice(rows, _ROWS))
        except Exception as error:
            raise DataError(
                f"{path} cannot be read as an Excel workbook: {error}.",
                fix="Open and save it anew, or save the sheet as CSV.",
            ) from error
        read += len(some)
        if not some or read > _MOST_ROWS:
            return
        for cells in some:
            fields = [_cell_text(cell) for cell in cells]
            while fields and not fields[-1]:
                fields.pop()
            yield fields


def _check_unpacked(path: Path, file: BinaryIO) -> None:
    """Unpack no more than a workbook may have: what it says of itself may be wrong."""
    left = _MOST_UNPACKED
    try:
        with zipfile.ZipFile(file) as packed:
            for entry in packed.infolist():
                with packed.open(entry) as part:
                    while left >= 0 and (chunk := part.read(_CHUNK)):
                        left -= len(chunk)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
    ) as error:
        raise DataError(
            f"{path} cannot be read as an Excel workbook: {error}.",
            expected="a file in the format .xlsx, without a password",
        ) from error
    if left < 0:
        raise DataError(
            f"{path} unpacks to more than {_MOST_UNPACKED // 2**20} MiB.",
            fix="Save the sheet as CSV.",
        )
    file.seek(0)


def _cell_text(cell: Any) -> str:
    """A cell as Excel writes it to CSV; times as ISO 8601."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)
