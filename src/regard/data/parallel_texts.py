"""Source and target texts: columns of one file, or the lines of two parallel files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from os import PathLike
from pathlib import Path
from typing import Any

from regard._files import read_lines
from regard._label_values import is_missing
from regard.data.dialect import Dialect
from regard.data.formats import open_rows
from regard.data.record import check_two_columns
from regard.errors import ArgumentError, DataError, MissingValueError

_SHOWN = 5


def read_pairs(
    path: str | PathLike[str],
    source: str = "source",
    target: str = "target",
    *,
    format: str | None = None,  # noqa: A002 - the word users know
    delimiter: str | None = None,
    header: bool = True,
    encoding: str = "utf-8",
    lenient: bool = False,
) -> tuple[list[str], list[str]]:
    """Read the source and the target texts of a file.

    Apart from the texts themselves nothing of the file is kept in memory.

    Args:
        path: A CSV, TSV, JSON, Parquet or Excel file; see ``iterate_rows``.
        source: The name of the column with the texts that are read.
        target: The name of the column with the texts that are to be written.
        format: ``"csv"``, ``"tsv"``, ``"json"``, ``"jsonl"``, ``"parquet"`` or
            ``"xlsx"``; by default what the suffix says.
        delimiter: The character between fields, ``"tab"`` for a tab; by default what
            the file shows.
        header: Whether the first line names the columns. Without, they are called
            ``"1"``, ``"2"``, and so on.
        encoding: The encoding of a text format.
        lenient: Give "" in place of a text that is missing, and let texts be empty, as
            ``clean_pairs`` expects it.

    Returns:
        The source texts and, in the same order, the target texts.

    Raises:
        ArgumentError: The format or the encoding is unknown, or both texts would be
            read from one column.
        DataError: The file is missing, empty, damaged, or a row of it is wrong or
            holds an empty text; the message names the file and the lines.
        MissingExtraError: Parquet without pyarrow, Excel without openpyxl.

    Example:
    >>> sources, targets = read_pairs("pairs.tsv", source="de", target="en")
    """
    said = (format, delimiter, header, encoding)
    pairs = _table_pairs(Path(path), source, target, Dialect(*said), lenient=lenient)
    return _two_lists(pairs)


def read_parallel(
    source_path: str | PathLike[str],
    target_path: str | PathLike[str],
    *,
    encoding: str = "utf-8",
    lenient: bool = False,
) -> tuple[list[str], list[str]]:
    """Read two text files, the n-th line of one belonging to the n-th of the other.

    The files are text, with or without a byte order mark, and may be packed (.gz). A
    line ends at LF or CRLF and nowhere else. Both are read side by side, and nothing
    but the texts is kept in memory.

    Args:
        source_path: The file of the texts that are read.
        target_path: The file of the texts that are to be written.
        encoding: The encoding of both.
        lenient: Let lines be empty, as ``clean_pairs`` expects it.

    Returns:
        The source texts and the target texts.

    Raises:
        DataError: A file is missing, empty, damaged or not UTF-8, the files do not
            have the same number of lines, or a line is empty; the message names the
            file and the lines.

    Example:
    >>> sources, targets = read_parallel("train.de.gz", "train.en.gz")
    """
    paths = (Path(source_path), Path(target_path))
    return _two_lists(_parallel_pairs(paths, encoding, lenient=lenient))


def read_pair_files(
    files: Sequence[Path],
    source: str,
    target: str,
    reading: Mapping[str, Any],
    *,
    lenient: bool = False,
) -> tuple[list[str], list[str]]:
    """Read the pairs of one file with columns, or of two parallel ones.

    Args:
        files: One file, or that of the sources and that of the targets.
        source: The column with the sources, in one file.
        target: The column with the targets, in one file.
        reading: How files are read, arguments of ``read_pairs``.
        lenient: Let texts be empty, as ``clean_pairs`` expects it.

    Raises:
        ArgumentError: Two files are said to have columns.
        DataError: A file cannot be read; the message says where.
    """
    return _two_lists(
        iterate_pair_files(files, source, target, reading, lenient=lenient)
    )


def iterate_pair_files(
    files: Sequence[Path],
    source: str,
    target: str,
    reading: Mapping[str, Any],
    *,
    lenient: bool = False,
) -> Iterator[tuple[str, str]]:
    """Stream what ``read_pair_files`` reads; empty texts are told at the end."""
    if len(files) == 1:
        dialect = Dialect(**reading)
        return _table_pairs(files[0], source, target, dialect, lenient=lenient)
    encoding = reading.get("encoding", "utf-8")
    dialect = Dialect(**reading)
    if dialect not in (Dialect(encoding=encoding), Dialect("lines", encoding=encoding)):
        raise ArgumentError(
            f"{files[0]} and {files[1]} have a text a line, and no columns.",
            expected="no format, delimiter or header beside two files",
        )
    return _parallel_pairs((files[0], files[1]), encoding, lenient=lenient)


def empty_texts(place: str, empty: Sequence[str], where: str = "") -> MissingValueError:
    """The error for texts that are empty.

    Args:
        place: The file, as the message begins.
        empty: Where in it, for example ``"line 3"``; the first few are named.
        where: What else has to be changed where the text is left out.
    """
    named = ", ".join(empty[:_SHOWN])
    more = len(empty) - _SHOWN
    return MissingValueError(
        f"{place}: {_counted(len(empty))}: {named}"
        f"{f' and {more:,} more' if more > 0 else ''}.",
        expected="a text on both sides of every pair",
        fix=f"Fill them in, or leave these pairs out{where}.",
    )


def _two_lists(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    sources: list[str] = []
    targets: list[str] = []
    for source, target in pairs:
        sources.append(source)
        targets.append(target)
    return sources, targets


def _table_pairs(
    path: Path, source: str, target: str, dialect: Dialect, *, lenient: bool
) -> Iterator[tuple[str, str]]:
    check_two_columns("Source and target", source, target)
    empty: list[str] = []
    for row in open_rows(path, [source, target], dialect):
        left, right = (
            "" if lenient and is_missing(row.values[index]) else row.text(index, column)
            for index, column in enumerate((source, target))
        )
        if not (lenient or (left.strip() and right.strip())):
            empty.append(row.place.removeprefix(f"{path}, "))
        yield left, right
    if empty:
        raise empty_texts(str(path), empty)


def _parallel_pairs(
    paths: tuple[Path, Path], encoding: str, *, lenient: bool
) -> Iterator[tuple[str, str]]:
    counts = [0, 0]
    empty: tuple[list[str], list[str]] = ([], [])
    sides = [read_lines(path, encoding) for path in paths]
    for source, target in zip_longest(*sides):
        for side, line in enumerate((source, target)):
            if line is not None:
                counts[side] += 1
                if not line.strip():
                    empty[side].append(f"line {counts[side]}")
        if source is not None and target is not None:
            yield source, target
    _check_counts(paths, counts)
    for path, of_side, other in zip(paths, empty, reversed(paths), strict=True):
        if of_side and not lenient:
            where = f", the same lines of {other} as well"
            raise empty_texts(str(path), of_side, where)


def _check_counts(paths: tuple[Path, Path], counts: Sequence[int]) -> None:
    for path, count in zip(paths, counts, strict=True):
        if not count:
            raise DataError(f"{path} is empty.", expected="one text a line")
    sources, targets = counts
    if sources != targets:
        raise DataError(
            f"The files are not parallel: {paths[0]} has {sources:,} lines and "
            f"{paths[1]} has {targets:,}.",
            expected="the n-th line of one to belong to the n-th line of the other",
            fix="Look for the first pair that does not fit: lines were lost before.",
        )


def _counted(count: int) -> str:
    return "a text is empty" if count == 1 else f"{count:,} pairs have an empty text"
