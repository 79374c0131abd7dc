"""Rows and labelled texts of a file with columns, in any of the formats."""

from collections.abc import Collection, Iterator, Sequence
from os import PathLike
from typing import Any

from regard._label_values import (
    KnownLabels,
    check_separator,
    is_missing,
    is_missing_word,
    without_fractions,
)
from regard.data.dialect import Dialect
from regard.data.formats import open_rows
from regard.data.record import Record, check_two_columns
from regard.errors import DataError, listed, shortened


def iterate_rows(
    path: str | PathLike[str],
    columns: Sequence[str],
    *,
    format: str | None = None,  # noqa: A002 - the word users know
    delimiter: str | None = None,
    header: bool = True,
    encoding: str = "utf-8",
) -> Iterator[tuple[str, ...]]:
    """Stream the texts of the named columns from a file.

    The file is never held in memory as a whole. CSV is read with RFC 4180 quoting,
    between commas, semicolons, tabs or bars; TSV without quoting; JSON as one list of
    objects, or one object a line. These may be packed (.gz). Parquet needs pyarrow,
    Excel openpyxl.

    Args:
        path: The file.
        columns: The columns to read, in the order they are wanted.
        format: ``"csv"``, ``"tsv"``, ``"json"``, ``"jsonl"``, ``"parquet"`` or
            ``"xlsx"``; by default what the suffix says.
        delimiter: The character between fields, ``"tab"`` for a tab; by default what
            the file shows.
        header: Whether the first line names the columns. Without, they are called
            ``"1"``, ``"2"``, and so on.
        encoding: The encoding of a text format.

    Yields:
        The values of the columns, row by row.

    Raises:
        ArgumentError: The format or the encoding is unknown.
        DataError: The file is missing, empty, damaged, or a row of it is wrong; the
            message names the file and the line.
        MissingExtraError: Parquet without pyarrow, Excel without openpyxl.
    """
    for row in open_rows(path, columns, Dialect(format, delimiter, header, encoding)):
        yield tuple(row.text(index, name) for index, name in enumerate(columns))


def iterate_examples(
    path: str | PathLike[str],
    text: str = "text",
    label: str = "label",
    *,
    format: str | None = None,  # noqa: A002 - the word users know
    delimiter: str | None = None,
    header: bool = True,
    encoding: str = "utf-8",
    known_labels: Collection[str] | None = None,
    lenient: bool = False,
    label_separator: str | None = None,
) -> Iterator[tuple[str, Any]]:
    """Stream pairs of a text and its label; the arguments of ``read_examples``."""
    check_two_columns("Text and label", text, label)
    check_separator(label_separator)
    known = None if known_labels is None else KnownLabels(known_labels)
    dialect = Dialect(format, delimiter, header, encoding)
    for row in open_rows(path, [text, label], dialect):
        left_out = [lenient and is_missing(value) for value in row.values]
        is_left_out = left_out[1] and label_separator is None
        row_label = "" if is_left_out else row.labels(1, label, label_separator)
        if known is not None and isinstance(row_label, tuple):
            row_label = tuple(_known(row, each, known, lenient) for each in row_label)
        elif known is not None and not is_left_out:
            row_label = _known(row, str(row_label), known, lenient)
        yield "" if left_out[0] else row.text(0, text), row_label


def read_examples(
    path: str | PathLike[str],
    text: str = "text",
    label: str = "label",
    *,
    format: str | None = None,  # noqa: A002 - the word users know
    delimiter: str | None = None,
    header: bool = True,
    encoding: str = "utf-8",
    known_labels: Collection[str] | None = None,
    lenient: bool = False,
    label_separator: str | None = None,
) -> tuple[list[str], list[Any]]:
    """Read the texts and the labels of a file.

    Labels may be texts, numbers or truth values and come back as texts: the number
    ``5.0`` as "5", and so its text where all labels are such. Apart from the texts and
    labels themselves nothing of the file is kept in memory.

    Args:
        path: A CSV, TSV, JSON, Parquet or Excel file; see ``iterate_rows``.
        text: The name of the column with the texts.
        label: The name of the column with the labels.
        format: ``"csv"``, ``"tsv"``, ``"json"``, ``"jsonl"``, ``"parquet"`` or
            ``"xlsx"``; by default what the suffix says.
        delimiter: The character between fields, ``"tab"`` for a tab; by default what
            the file shows.
        header: Whether the first line names the columns. Without, they are called
            ``"1"``, ``"2"``, and so on.
        encoding: The encoding of a text format.
        known_labels: The labels there may be, for a file that a trained model is
            measured on, and how they are spelled ("5", not "5.0"); by default any.
        lenient: Give "" in place of a text or label that is missing, and let labels
            differ from known ones in letter case and white space, as
            ``clean_examples`` expects it.
        label_separator: What stands between the labels of a text that may have several
            (``";"``). A list of labels, in JSON or Parquet, needs none.

    Returns:
        The texts and, in the same order, the labels; of lists, or with a separator, a
        tuple for each text, which may be empty.

    Raises:
        ArgumentError: The format or the encoding is unknown.
        DataError: The file is missing, empty, damaged, or a row of it is wrong; the
            message names the file and the line.
        MissingExtraError: Parquet without pyarrow, Excel without openpyxl.

    Example:
    >>> texts, labels = read_examples("reviews.csv", text="review", label="stars")
    """
    texts, labels = [], []
    for row_text, row_label in iterate_examples(
        path,
        text,
        label,
        format=format,
        delimiter=delimiter,
        header=header,
        encoding=encoding,
        known_labels=known_labels,
        lenient=lenient,
        label_separator=label_separator,
    ):
        texts.append(row_text)
        labels.append(row_label)
    # Known ones are spelled as they are known.
    if known_labels is not None:
        return texts, labels
    if not any(isinstance(each, tuple) for each in labels):
        return texts, without_fractions(labels)
    flat = iter(without_fractions([x for each in labels for x in _of_text(each)]))
    return texts, [
        tuple(next(flat) for _ in each) if isinstance(each, tuple) else next(flat)
        for each in labels
    ]


def _of_text(label: str | tuple[str, ...]) -> tuple[str, ...]:
    return label if isinstance(label, tuple) else (label,)


def read_weights(path: str | PathLike[str], column: str, **reading: Any) -> list[float]:
    """How much each example of a file counts: a column of numbers, 0 or more.

    Args:
        path: The file.
        column: The column.
        **reading: How the file is read, as ``read_examples`` takes it.

    Raises:
        DataError: There is no such column, a value is no such number, or all are 0; the
            message names the file and the line.
    """
    rows = open_rows(path, [column], Dialect(**reading))
    weights = [row.weight(0, column) for row in rows]
    if not sum(weights) > 0:
        raise DataError(
            f"{path}: all weights in column '{column}' are 0: no example counts.",
            expected="a number above 0",
        )
    return weights


def _known(row: Record, label: str, known: KnownLabels, lenient: bool) -> str:
    name, near = known.find(label), known.nearest(label)
    if name is not None:
        return name
    if lenient and (near is not None or is_missing_word(label)):
        return label
    raise DataError(
        f"{row.place}: the label '{shortened(label)}' was never seen in training.",
        expected=f"one of {listed(sorted(known.names))}",
        fix="Correct the label, or train with examples of it."
        if near is None
        else f"Did you mean '{near}'?",
    )
