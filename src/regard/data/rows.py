"""Rows of a file in any of the formats, one at a time."""

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

from regard.data.delimited import csv_rows, tsv_rows
from regard.data.formats import detect_format
from regard.data.json_lines import json_rows
from regard.data.parquet import parquet_rows
from regard.data.row import Row

_TEXT_READERS = {"csv": csv_rows, "tsv": tsv_rows, "jsonl": json_rows}


def open_rows(
    path: str | PathLike[str],
    columns: Sequence[str],
    format: str | None = None,  # noqa: A002 - the word users know
    encoding: str = "utf-8",
) -> Iterator[Row]:
    """Rows with the place each came from, as the file streams by."""
    path = Path(path)
    kind = detect_format(path, format)
    if kind == "parquet":
        return parquet_rows(path, columns)
    return _TEXT_READERS[kind](path, columns, encoding)


def iterate_rows(
    path: str | PathLike[str],
    columns: Sequence[str],
    format: str | None = None,  # noqa: A002 - the word users know
    encoding: str = "utf-8",
) -> Iterator[tuple[str, ...]]:
    """Stream the texts of the named columns from a file.

    The file is never held in memory as a whole. CSV is read with RFC 4180 quoting,
    TSV without quoting, JSON lines as one object a line; these may be packed (.gz).
    Parquet needs pyarrow.

    Args:
        path: The file.
        columns: The columns to read, in the order they are wanted.
        format: ``"csv"``, ``"tsv"``, ``"jsonl"`` or ``"parquet"``; by default what
            the suffix says.
        encoding: The encoding of a text format.

    Yields:
        The values of the columns, row by row.

    Raises:
        ArgumentError: The format or the encoding is unknown.
        DataError: The file is missing, empty, damaged, or a row of it is wrong; the
            message names the file and the line.
        MissingExtraError: Parquet without pyarrow.
    """
    for row in open_rows(path, columns, format, encoding):
        yield tuple(row.text(index, name) for index, name in enumerate(columns))
