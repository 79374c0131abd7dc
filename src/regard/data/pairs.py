"""Pairs of a source and a target text out of a file with a column of each."""

from collections.abc import Sequence
from os import PathLike

from regard.data.rows import open_rows
from regard.errors import ArgumentError, DataError

_SHOWN = 5


def read_pairs(
    path: str | PathLike[str],
    source: str = "source",
    target: str = "target",
    *,
    format: str | None = None,  # noqa: A002 - the word users know
    encoding: str = "utf-8",
) -> tuple[list[str], list[str]]:
    """Read the source and the target texts of a file.

    Apart from the texts themselves nothing of the file is kept in memory.

    Args:
        path: A CSV, TSV, JSON lines or Parquet file; see ``iterate_rows``.
        source: The name of the column with the texts that are read.
        target: The name of the column with the texts that are to be written.
        format: ``"csv"``, ``"tsv"``, ``"jsonl"`` or ``"parquet"``; by default what
            the suffix says.
        encoding: The encoding of a text format.

    Returns:
        The source texts and, in the same order, the target texts.

    Raises:
        ArgumentError: The format or the encoding is unknown, or both texts would be
            read from one column.
        DataError: The file is missing, empty, damaged, or a row of it is wrong or
            holds an empty text; the message names the file and the lines.
        MissingExtraError: Parquet without pyarrow.

    Example:
    >>> sources, targets = read_pairs("pairs.tsv", source="de", target="en")
    """
    if source == target:
        raise ArgumentError(
            "Source and target would be the same texts.",
            expected="two columns",
            received=f"'{source}' twice",
        )
    sources: list[str] = []
    targets: list[str] = []
    empty: list[str] = []
    for row in open_rows(path, [source, target], format, encoding):
        sources.append(row.text(0, source))
        targets.append(row.text(1, target))
        if not (sources[-1].strip() and targets[-1].strip()):
            empty.append(row.place.removeprefix(f"{path}, "))
    if empty:
        raise empty_texts(str(path), empty)
    return sources, targets


def empty_texts(place: str, empty: Sequence[str], where: str = "") -> DataError:
    """The error for texts that are empty.

    Args:
        place: The file, as the message begins.
        empty: Where in it, for example ``"line 3"``; the first few are named.
        where: What else has to be changed where the text is left out.
    """
    named = ", ".join(empty[:_SHOWN])
    more = len(empty) - _SHOWN
    return DataError(
        f"{place}: {_counted(len(empty))}: {named}"
        f"{f' and {more:,} more' if more > 0 else ''}.",
        expected="a text on both sides of every pair",
        fix=f"Fill them in, or leave these pairs out{where}.",
    )


def _counted(count: int) -> str:
    return "a text is empty" if count == 1 else f"{count:,} pairs have an empty text"
