"""Rows and labelled texts of a file with columns, in any of the formats."""

from collections.abc import Collection, Iterator, Sequence
from os import PathLike
from pathlib import Path

from regard._validate import check_choice
from regard.data.delimited import csv_rows, tsv_rows
from regard.data.json_lines import json_rows
from regard.data.parquet import parquet_rows
from regard.data.record import Record
from regard.errors import DataError

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))
_TEXT_READERS = {"csv": csv_rows, "tsv": tsv_rows, "jsonl": json_rows}


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


def iterate_examples(
    path: str | PathLike[str],
    text: str = "text",
    label: str = "label",
    *,
    format: str | None = None,  # noqa: A002 - the word users know
    encoding: str = "utf-8",
    known_labels: Collection[str] | None = None,
) -> Iterator[tuple[str, str]]:
    """Stream pairs of a text and its label; the arguments of ``read_examples``."""
    for row in open_rows(path, [text, label], format, encoding):
        row_label = row.label(1, label)
        if known_labels is not None and row_label not in known_labels:
            raise _unknown(row, row_label, known_labels)
        yield row.text(0, text), row_label


def read_examples(
    path: str | PathLike[str],
    text: str = "text",
    label: str = "label",
    *,
    format: str | None = None,  # noqa: A002 - the word users know
    encoding: str = "utf-8",
    known_labels: Collection[str] | None = None,
) -> tuple[list[str], list[str]]:
    """Read the texts and the labels of a file.

    Labels may be texts, whole numbers or truth values and come back as texts. Apart
    from the texts and labels themselves nothing of the file is kept in memory.

    Args:
        path: A CSV, TSV, JSON lines or Parquet file; see ``iterate_rows``.
        text: The name of the column with the texts.
        label: The name of the column with the labels.
        format: ``"csv"``, ``"tsv"``, ``"jsonl"`` or ``"parquet"``; by default what
            the suffix says.
        encoding: The encoding of a text format.
        known_labels: The labels there may be, for a file that a trained model is
            measured on; by default any.

    Returns:
        The texts and, in the same order, the labels.

    Raises:
        ArgumentError: The format or the encoding is unknown.
        DataError: The file is missing, empty, damaged, or a row of it is wrong; the
            message names the file and the line.
        MissingExtraError: Parquet without pyarrow.

    Example:
    >>> texts, labels = read_examples("reviews.csv", text="review", label="stars")
    """
    texts, labels = [], []
    for row_text, row_label in iterate_examples(
        path,
        text,
        label,
        format=format,
        encoding=encoding,
        known_labels=known_labels,
    ):
        texts.append(row_text)
        labels.append(row_label)
    return texts, labels


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


def _unknown(row: Record, label: str, known: Collection[str]) -> DataError:
    return DataError(
        f"{row.place}: the label '{label}' was never seen in training.",
        expected=f"one of {', '.join(map(repr, sorted(known)))}",
        fix="Correct the label, or train with examples of it.",
    )
