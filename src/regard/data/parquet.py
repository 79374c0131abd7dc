"""Rows of Parquet files, read in batches; needs pyarrow."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from regard.data.lines import open_binary
from regard.data.record import Record, column_indices
from regard.errors import DataError, MissingExtraError


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
            yield from _rows(path, table, columns)
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{path} cannot be read as Parquet: {error}.",
                fix="Check that the file is complete.",
            ) from error


def _rows(path: Path, table: Any, columns: Sequence[str]) -> Iterator[Record]:
    number = 0
    for batch in table.iter_batches(columns=list(dict.fromkeys(columns))):
        values = [batch.column(name).to_pylist() for name in columns]
        for row in zip(*values, strict=True):
            number += 1
            yield Record(f"{path}, row {number}", row)
    if not number:
        raise DataError(f"{path} has no rows.", expected="at least one row")
