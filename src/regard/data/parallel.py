"""Pairs of texts out of two parallel files, one text a line."""

import gzip
import zlib
from collections.abc import Iterator
from itertools import zip_longest
from os import PathLike
from pathlib import Path

from regard.data.lines import damaged, open_binary
from regard.data.pairs import empty_texts
from regard.data.plain import iterate_lines
from regard.errors import DataError


def read_parallel(
    source_path: str | PathLike[str], target_path: str | PathLike[str]
) -> tuple[list[str], list[str]]:
    """Read two text files, the n-th line of one belonging to the n-th of the other.

    The files are UTF-8 text, with or without a byte order mark, and may be packed
    (.gz). A line ends at LF or CRLF and nowhere else. Both are read side by side, and
    nothing but the texts is kept in memory.

    Args:
        source_path: The file of the texts that are read.
        target_path: The file of the texts that are to be written.

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
    sides: tuple[list[str], list[str]] = ([], [])
    for lines in zip_longest(*map(_lines, paths)):
        for side, line in zip(sides, lines, strict=True):
            if line is not None:
                side.append(line)
    _check_counts(paths, sides)
    for path, side, other in zip(paths, sides, reversed(paths), strict=True):
        _check_empty(path, side, other)
    return sides


def _lines(path: Path) -> Iterator[str]:
    number = 0
    try:
        with open_binary(path) as file:
            for line in iterate_lines(file, str(path)):
                yield line
                number += 1
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(path, number, error) from error


def _check_counts(paths: tuple[Path, Path], sides: tuple[list[str], list[str]]) -> None:
    for path, side in zip(paths, sides, strict=True):
        if not side:
            raise DataError(f"{path} is empty.", expected="one text a line")
    one, other = map(len, sides)
    if one != other:
        raise DataError(
            f"The files are not parallel: {paths[0]} has {one:,} lines and "
            f"{paths[1]} has {other:,}.",
            expected="the n-th line of one to belong to the n-th line of the other",
            fix="Look for the first pair that does not fit: lines were lost before.",
        )


def _check_empty(path: Path, texts: list[str], other: Path) -> None:
    empty = [f"line {n}" for n, text in enumerate(texts, 1) if not text.strip()]
    if empty:
        raise empty_texts(str(path), empty, f", the same lines of {other} as well")
