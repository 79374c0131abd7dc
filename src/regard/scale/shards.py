"""The shards of a batch job: which rows of which file are answered into which."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from regard.data.dialect import Dialect
from regard.data.record import missing_column
from regard.errors import ColumnError, DataError
from regard.scale.input_files import HIDDEN, PARQUET, InputFile
from regard.scale.text_rows import expected_rows, sampled_schema

# Files whose footers are read at a time: on a distant file system each is waited for.
_THREADS = 16


@dataclass(frozen=True)
class Unit:
    """What a worker is given at a time: rows of one file, or a whole text file.

    Args:
        file: The file.
        stem: What its files of answers are called, but for the number at the end.
        number: The number of its first shard.
        start: The first row, from 0.
        stop: The row after the last; None: the end of the file, in shards of ``rows``.
        rows: The rows of a shard where the end is not known.
        expected: About how many rows it has.
        problem: Why it cannot be read at all.
    """

    file: InputFile
    stem: str
    number: int = 0
    start: int = 0
    stop: int | None = None
    rows: int = 0
    expected: float = 0
    problem: str = ""


@dataclass(frozen=True)
class Shard:
    """Rows that are answered into one file.

    Args:
        file: The input file.
        name: The path of the file of answers below the folder of the job.
        start: The first row of the input file, from 0.
    """

    file: InputFile
    name: str
    start: int


@dataclass(frozen=True)
class Layout:
    """Which columns are read, and how.

    Args:
        text: The column of the texts.
        kept: The columns that are written beside the answers, as fields of Arrow.
        dialect: How text files are written.
        rows: The most rows of a shard.
        most: The most rows of a chunk.
    """

    text: str
    kept: Any
    dialect: Dialect
    rows: int
    most: int


def layout_of(
    files: Sequence[InputFile],
    text: str,
    columns: Sequence[str] | None,
    *,
    dialect: Dialect,
    rows: int,
    most: int,
) -> Layout:
    """Find the columns that are written by the first file that can be read.

    Raises:
        DataError: It lacks a column, or its texts are no texts.
    """
    faults: list[DataError] = []
    for file in files:
        if file.format == PARQUET:
            try:
                with file.open_parquet() as opened:
                    schema = pq.read_schema(opened)
            except (pa.ArrowException, OSError):
                continue
            _check_columns(file, schema, text, columns or schema.names)
        else:
            try:
                schema = sampled_schema(file, text, columns or (), dialect)
            except DataError as error:
                # One without rows is as good as any other, but tells nothing, one that
                # cannot be read is set aside, and one without the column is refused
                # where it is cut into shards.
                faults.append(error)
                continue
        names = schema.names if columns is None else list(dict.fromkeys(columns))
        kept = pa.schema(
            [pa.field(name, _plain(schema.field(name).type)) for name in names]
        )
        return Layout(text, kept, dialect, rows, most)
    if faults:
        raise faults[0]
    others = ", nor can any other file" if len(files) > 1 else ""
    raise DataError(
        f"{files[0].shown} cannot be read as Parquet{others}.",
        fix="Check that it is complete."
        if dialect.format is None
        else "Say with format=... what it is, or leave it to the suffix.",
        arguments=["format"],
    )


def units_of(files: Sequence[InputFile], layout: Layout) -> list[Unit]:
    """Cut files into what a worker is given at a time.

    Raises:
        DataError: The columns of a file are not those of the first.
    """
    stems = _stems(files)
    with ThreadPoolExecutor(_THREADS) as threads:
        # Of Parquet the footers, of all files at a time.
        found = threads.map(partial(_units_of, layout=layout), files, stems)
        return list(chain.from_iterable(found))


def _stems(files: Sequence[InputFile]) -> list[str]:
    """Files of answers are called like their input, with its suffix where it counts."""
    short = [_without_suffixes(file.name) for file in files]
    often = Counter(short)
    stems: dict[str, str] = {}
    for file, name in zip(files, short, strict=True):
        wanted = stem = _within_folder(file.name if often[name] > 1 else name)
        # Two folders may have files of one path, and some file systems tell no "A"
        # from an "a".
        number = 1
        while stem.casefold() in stems:
            number += 1
            stem = f"{wanted}.{number}"
        stems[stem.casefold()] = stem
    return list(stems.values())


def _within_folder(name: str) -> str:
    """A path that leads nowhere else, and that no reader of a folder passes over.

    Archives and object stores may have names with ``..``.
    """
    parts = [part for part in name.split("/") if part not in {"", "."}]
    return "/".join(
        f"input{part}" if part.startswith(HIDDEN) else part for part in parts
    )


def _without_suffixes(name: str) -> str:
    path = Path(name)
    if path.suffix.lower() == ".gz":
        path = path.with_suffix("")
    return path.with_suffix("").as_posix()


def _units_of(file: InputFile, stem: str, layout: Layout) -> list[Unit]:
    return list(_units(file, stem, layout))


def _units(file: InputFile, stem: str, layout: Layout) -> Iterator[Unit]:
    if file.format != PARQUET:
        yield Unit(
            file,
            stem,
            rows=layout.rows,
            expected=expected_rows(file, layout.text, layout.dialect),
        )
        return
    try:
        with file.open_parquet() as opened:
            about = pq.read_metadata(opened)
            schema = about.schema.to_arrow_schema()
            groups = [about.row_group(i).num_rows for i in range(about.num_row_groups)]
    except (pa.ArrowException, OSError, OverflowError) as error:
        yield Unit(file, stem, stop=0, problem=f"It cannot be read as Parquet: {error}")
        return
    _check_columns(file, schema, layout.text, layout.kept.names)
    for kept in layout.kept:
        found = _plain(schema.field(kept.name).type)
        if found != kept.type:
            raise DataError(
                f"{file.shown}: column '{kept.name}' has another type than in the "
                "first file.",
                expected=str(kept.type),
                received=str(found),
                fix="Give the files in jobs of their own, or leave the column out of "
                "columns=...",
                arguments=["columns"],
            )
    number = start = stop = 0
    for rows in groups:
        # A shard is as many row groups as fit; a large one is cut.
        if stop > start and stop + rows - start > layout.rows:
            yield _unit(file, stem, number, start, stop)
            number, start = number + 1, stop
        stop += rows
        while stop - start > layout.rows:
            yield _unit(file, stem, number, start, start + layout.rows)
            number, start = number + 1, start + layout.rows
    if stop > start or not number:
        yield _unit(file, stem, number, start, stop)


def _unit(file: InputFile, stem: str, number: int, start: int, stop: int) -> Unit:
    return Unit(file, stem, number, start, stop, expected=stop - start)


def _check_columns(
    file: InputFile, schema: Any, text: str, columns: Sequence[str]
) -> None:
    for name in (text, *columns):
        if schema.get_field_index(name) < 0:
            if name in schema.names:
                raise ColumnError(
                    f"{file.shown}: several columns have the name '{name}'.",
                    fix="Rename them, so that one is meant.",
                )
            raise missing_column(file.shown, schema.names, name)
    kind = schema.field(text).type
    if not holds_texts(kind):
        raise DataError(
            f"{file.shown}: column '{text}' holds values of the type {kind}.",
            expected="texts",
            fix="Name the column with the texts: text=...",
            arguments=["text"],
        )


def holds_texts(kind: Any) -> bool:
    """Whether the values of a type of Arrow are texts, or none at all."""
    plain = _plain(kind)
    return bool(
        pa.types.is_string(plain)
        or pa.types.is_large_string(plain)
        or pa.types.is_string_view(plain)
        or pa.types.is_null(plain)
    )


def _plain(kind: Any) -> Any:
    """The type of values that may be stored each once."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def shard_name(stem: str, number: int) -> str:
    """The path of a file of answers below the folder of the job."""
    return f"{stem}-{number:05}.parquet"
