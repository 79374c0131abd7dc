"""The rows of shards, read a few at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from regard.data.record import Record
from regard.errors import DataError
from regard.scale.input_files import PARQUET, RowError
from regard.scale.shards import Layout, Shard, Unit, shard_name
from regard.scale.text_rows import fits, numbered_rows, plain_value

# The most characters of the texts that are answered at a time.
_CHARACTERS = 1 << 21
# Of each column of a Parquet file so much is read ahead, not all of a row group.
_BUFFER = 1 << 22


@dataclass
class Chunk:
    """Rows of a shard that are answered at a time.

    Args:
        shard: The shard.
        kept: The columns of the input that are written, of the rows that have a text.
        texts: The text of each.
        errors: The rows that have none.
        ends: Whether it is the last chunk of its shard.
        is_last: Whether it is the last one of its file, where that is found out late.
    """

    shard: Shard
    kept: Any
    texts: list[str]
    errors: list[RowError] = field(default_factory=list)
    ends: bool = False
    is_last: bool = False


def chunks_of(
    unit: Unit, layout: Layout, is_done: Callable[[str], bool]
) -> Iterator[Chunk]:
    """The rows of a unit, chunk by chunk; those of shards that are done are left out.

    What a chunk holds depends on its file and on the layout alone.

    Args:
        unit: The unit.
        layout: Which columns are read.
        is_done: Whether the answers of a shard are there, by its name.
    """
    if unit.file.format != PARQUET:
        yield from _text_chunks(unit, layout, is_done)
        return
    shard = Shard(unit.file, shard_name(unit.stem, unit.number), unit.start)
    if not is_done(shard.name):
        yield from _ended(_cut(_parquet_chunks(unit, shard, layout)), shard, layout)


def _ended(chunks: Iterator[Chunk], shard: Shard, layout: Layout) -> Iterator[Chunk]:
    """Chunks of which the last one says that it is, also where there is none."""
    before = next(chunks, None) or Chunk(shard, layout.kept.empty_table(), [])
    for chunk in chunks:
        yield before
        before = chunk
    yield replace(before, ends=True)


def _cut(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Chunks cut into some of fewer rows where their texts are long."""
    for chunk in chunks:
        first = size = 0
        errors = chunk.errors
        for index, text in enumerate(chunk.texts):
            if size and size + len(text) > _CHARACTERS:
                yield _part(chunk, first, index, errors)
                first, size, errors = index, 0, []
            size += len(text)
        yield _part(chunk, first, len(chunk.texts), errors)


def _part(chunk: Chunk, first: int, end: int, errors: list[RowError]) -> Chunk:
    kept, texts = chunk.kept.slice(first, end - first), chunk.texts[first:end]
    return replace(chunk, kept=kept, texts=texts, errors=errors)


# Parquet


def _parquet_chunks(unit: Unit, shard: Shard, layout: Layout) -> Iterator[Chunk]:
    waiting: list[tuple[int, Any]] = []
    errors: list[RowError] = []
    count = 0
    for found in _batches(unit, layout):
        if isinstance(found, RowError):
            errors.append(found)
            continue
        waiting.append(found)
        count += found[1].num_rows
        if count >= layout.most:
            yield _parquet_chunk(shard, waiting, errors, layout)
            waiting, errors, count = [], [], 0
    if waiting or errors:
        yield _parquet_chunk(shard, waiting, errors, layout)


def _batches(unit: Unit, layout: Layout) -> Iterator[tuple[int, Any] | RowError]:
    """The rows of a unit with the number of the first, and what cannot be read."""
    name, stop = unit.file.shown, unit.stop or 0
    if unit.problem:
        yield RowError(name, 1, 0, unit.problem)
        return
    wanted = list(dict.fromkeys([layout.text, *layout.kept.names]))
    row = unit.start
    try:
        with unit.file.open_parquet() as opened:
            table = pq.ParquetFile(
                opened, buffer_size=_BUFFER, page_checksum_verification=True
            )
            first = 0
            for number in range(table.metadata.num_row_groups):
                end = first + table.metadata.row_group(number).num_rows
                if first < stop and end > row:
                    last = min(stop, end)
                    batches = table.iter_batches(
                        layout.most,
                        row_groups=[number],
                        columns=wanted,
                        use_threads=False,
                    )
                    place = f"Row group {number}"
                    yield from _within(batches, (first, row, last), name, place)
                    row = last
                first = end
    except (pa.ArrowException, OSError) as error:
        yield RowError(name, row + 1, stop - row, f"It cannot be read: {error}")


def _within(
    batches: Iterator[Any], rows: tuple[int, int, int], name: str, place: str
) -> Iterator[tuple[int, Any] | RowError]:
    """The wanted rows of a row group.

    Args:
        batches: The row group.
        rows: Its first row, the first that is wanted, and the row after the last.
        name: What the file is called.
        place: What the row group is called.
    """
    at, row, stop = rows
    try:
        for batch in batches:
            end = at + batch.num_rows
            if end > row:
                kept = batch.slice(row - at, min(end, stop) - row)
                yield row, kept
                row += kept.num_rows
            at = end
            if row >= stop:
                return
        if row < stop:
            reason = f"{place} has fewer rows than it says."
            yield RowError(name, row + 1, stop - row, reason)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = f"{place} cannot be read: {error}"
        yield RowError(name, row + 1, stop - row, reason)


def _parquet_chunk(
    shard: Shard,
    batches: Sequence[tuple[int, Any]],
    errors: list[RowError],
    layout: Layout,
) -> Chunk:
    tables, texts = [layout.kept.empty_table()], []
    for first, batch in batches:
        values, reasons = texts_of(batch.column(layout.text))
        errors += [
            RowError(shard.file.shown, first + index + 1, 1, reason)
            for index, reason in reasons.items()
        ]
        columns = [batch.column(kept.name).cast(kept.type) for kept in layout.kept]
        table = pa.table(columns, schema=layout.kept)
        if reasons:
            table = table.filter(pa.array([value is not None for value in values]))
        tables.append(table)
        texts += [value for value in values if value is not None]
    return Chunk(shard, pa.concat_tables(tables), texts, errors)


def texts_of(column: Any) -> tuple[list[str | None], dict[int, str]]:
    """The texts of a column, and of those that are none the reason, by their index."""
    reasons: dict[int, str] = {}
    values: list[str | None] = []
    try:
        values = column.to_pylist()
    except UnicodeDecodeError:
        for index, value in enumerate(column):
            try:
                values.append(value.as_py())
            except UnicodeDecodeError:
                values.append(None)
                reasons[index] = "The text is not valid UTF-8."
    if column.null_count or reasons or pa.types.is_dictionary(column.type):
        for index, text in enumerate(values):
            if text is None:
                reasons.setdefault(index, "There is no text (null).")
    return values, reasons


# Text files


def _text_chunks(
    unit: Unit, layout: Layout, is_done: Callable[[str], bool]
) -> Iterator[Chunk]:
    rows = numbered_rows(unit.file, layout.text, layout.dialect)
    ahead = next(rows, None)
    number = unit.number
    while ahead is not None or number == unit.number:
        shard = Shard(unit.file, shard_name(unit.stem, number), number * layout.rows)
        done = is_done(shard.name)
        held: list[tuple[int, Record | RowError]] = []
        stop = shard.start + layout.rows
        while ahead is not None and ahead[0] < stop:
            if not done:
                held.append(ahead)
            ahead = next(rows, None)
            if len(held) == layout.most and ahead is not None and ahead[0] < stop:
                yield from _cut(iter([_text_chunk(shard, held, layout)]))
                held = []
        if not done:
            last = replace(_text_chunk(shard, held, layout), is_last=ahead is None)
            *before, last = _cut(iter([last]))
            yield from before
            yield replace(last, ends=True)
        number += 1


def _text_chunk(
    shard: Shard, held: Sequence[tuple[int, Record | RowError]], layout: Layout
) -> Chunk:
    name = shard.file.shown
    errors: list[RowError] = []
    rows: list[tuple[int, str, Mapping[str, Any]]] = []
    for number, each in held:
        if isinstance(each, RowError):
            errors.append(each)
            continue
        try:
            rows.append((number, each.text(0, layout.text), each.row or {}))
        except DataError as error:
            errors.append(RowError(name, number + 1, 1, error.message))
    columns = []
    for kept in layout.kept:
        values = [plain_value(row.get(kept.name), kept.type) for _, _, row in rows]
        try:
            columns.append(pa.array(values, kept.type))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            # Once more, with an error in the place of each row that does not fit.
            reason = f"Column '{kept.name}' holds no {kept.type}, as the first rows do."
            bad = {
                row[0]: RowError(name, row[0] + 1, 1, reason)
                for row, value in zip(rows, values, strict=True)
                if not fits(value, kept.type)
            }
            again = [(number, bad.get(number, each)) for number, each in held]
            return _text_chunk(shard, again, layout)
    table = pa.table(columns, schema=layout.kept)
    return Chunk(shard, table, [text for _, text, _ in rows], errors)
