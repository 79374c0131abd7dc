"""What a worker does: it reads shards, answers them and writes them, all at a time."""

import errno
import json
import os
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Full, Queue
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from regard._files import staged_file
from regard.errors import DataError
from regard.inference.answer_columns import AnswerColumns
from regard.scale.chunks import Chunk, chunks_of
from regard.scale.input_files import RowError
from regard.scale.shards import Layout, Shard, Unit

#: What a file of answers says of itself is the JSON of this key of its metadata.
ABOUT = b"regard"
#: The folder of what belongs to a job beside its answers. Readers of a folder, as
#: those of Arrow and Spark, pass over names that begin so.
JOB_FOLDER = "_job"
ERRORS = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("rows", pa.int64()),
        pa.field("reason", pa.string()),
    ]
)
# Answers that are held until they become a row group of the file.
_HELD_BYTES = 1 << 25
# Chunks that wait between two steps.
_AHEAD = 2
_SECONDS = 0.2
T = TypeVar("T")


class Done(NamedTuple):
    """What was done since the last.

    Args:
        rows: Rows that were read.
        set_aside: Rows among them that were not answered.
        shards: Shards that were finished.
    """

    rows: int
    set_aside: int
    shards: int


@dataclass(frozen=True)
class Output:
    """Where answers go, and what each file says of itself.

    Args:
        folder: The folder of the job.
        about: What is told of the job.
    """

    folder: Path
    about: Mapping[str, Any]

    def is_done(self, name: str) -> bool:
        """Whether the answers of a shard are there."""
        return (self.folder / name).exists()

    def errors_of(self, name: str) -> Path:
        """Where the errors of a shard are, if it has any."""
        return self.folder / JOB_FOLDER / "errors" / name


def work(
    units: Iterable[Unit],
    columns: AnswerColumns,
    layout: Layout,
    output: Output,
    *,
    strict: bool = False,
) -> Iterator[Done]:
    """Answer units, those shards left out that are done, and write a file of each.

    Three threads read and cut texts, run the model, and write.

    Args:
        units: The units.
        columns: What answers texts.
        layout: Which columns are read.
        output: Where the answers go.
        strict: Whether the first row that cannot be read is an error.

    Raises:
        DataError: A row could not be read, where that is wanted.
        OSError: The answers cannot be written; it names their folder.
    """
    schema = answer_schema(layout.kept, columns)

    def chunks() -> Iterator[Chunk]:
        for unit in units:
            yield from chunks_of(unit, layout, output.is_done)

    def read() -> Generator[tuple[Chunk, Any], None, None]:
        for chunk in chunks():
            yield chunk, columns.read(chunk.texts) if chunk.texts else None

    def computed() -> Generator[tuple[Chunk, Any], None, None]:
        with closing(_ahead(read())) as waiting:
            for chunk, each in waiting:
                yield chunk, None if each is None else columns.compute(each)

    with ExitStack() as stack, closing(_ahead(computed())) as answered:
        file: _ShardFile | None = None
        for chunk, each in answered:
            if chunk.errors and strict:
                raise _first_error(chunk.errors[0])
            answers = [] if each is None else columns.to_arrow(each)
            with _naming(output.folder):
                if file is None:
                    file = stack.enter_context(_opened(chunk.shard, schema, output))
                file.write(chunk, answers)
                if chunk.ends:
                    file.finish(is_last=chunk.is_last)
                    # Now it gets its place; on an error nothing is left of it.
                    stack.close()
                    file = None
            aside = sum(error.rows for error in chunk.errors)
            yield Done(len(chunk.texts) + aside, aside, int(chunk.ends))


def answer_schema(kept: Any, columns: AnswerColumns) -> Any:
    """The columns that are kept of the input, and those of the answers.

    Where both have one of a name, that of the input becomes ``input_…``: a column of
    labels is what the answers are held against.
    """
    names = {field.name for field in columns.fields} | set(kept.names)
    fields = []
    for field in kept:
        name = field.name
        if any(name == other.name for other in columns.fields):
            name = f"input_{name}"
            while name in names:
                name = f"{name}_"
        fields.append(field.with_name(name))
    return pa.schema([*fields, *columns.fields])


def _first_error(error: RowError) -> DataError:
    return DataError(
        f"{error.file}, row {error.row:,}: {error.reason}",
        fix="Mend it and begin anew in another folder; without 'strict' the job goes "
        "on and sets such rows aside.",
        arguments=["strict"],
    )


class _ShardFile:
    """The answers of a shard, written as they come."""

    def __init__(self, writer: Any, schema: Any, shard: Shard, output: Output) -> None:
        self._writer, self._schema = writer, schema
        self._shard, self._output = shard, output
        self._held: list[Any] = []
        self._bytes = self._rows = 0
        self._errors: list[RowError] = []

    def write(self, chunk: Chunk, answers: Sequence[Any]) -> None:
        """Write rows, now or when there are more of them."""
        self._errors += chunk.errors
        self._rows += len(chunk.texts) + sum(error.rows for error in chunk.errors)
        if not chunk.texts:
            return
        columns = [*chunk.kept.columns, *answers]
        self._held.append(pa.table(columns, schema=self._schema))
        self._bytes += self._held[-1].nbytes
        if self._bytes > _HELD_BYTES:
            self._write_held()

    def finish(self, *, is_last: bool) -> None:
        """Write what is left, and what the file says of itself."""
        self._write_held()
        about = {
            **self._output.about,
            "input": self._shard.file.shown,
            "first_row": self._shard.start + 1,
            "rows": self._rows,
            "set_aside": sum(error.rows for error in self._errors),
            "is_last": is_last,
        }
        said = json.dumps(about, ensure_ascii=False).encode()
        self._writer.add_key_value_metadata({ABOUT: said})
        place = self._output.errors_of(self._shard.name)
        if not self._errors:
            place.unlink(missing_ok=True)
            return
        # First: the answers say that a shard is done with.
        place.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(
            [error._asdict() for error in self._errors], ERRORS
        )
        with staged_file(place) as staged:
            pq.write_table(table, staged)

    def _write_held(self) -> None:
        if self._held:
            self._writer.write_table(pa.concat_tables(self._held))
        self._held, self._bytes = [], 0


@contextmanager
def _opened(shard: Shard, schema: Any, output: Output) -> Iterator[_ShardFile]:
    """A file of answers, written beside its place; it is there when all went well."""
    target = output.folder / shard.name
    target.parent.mkdir(parents=True, exist_ok=True)
    repeating = [
        _path(field)
        for field in schema
        if pa.types.is_string(field.type)
        or (pa.types.is_list(field.type) and pa.types.is_string(field.type.value_type))
    ]
    with staged_file(target) as staged:
        # Floats do not repeat: to look for those that do takes longer than writing.
        writer = pq.ParquetWriter(
            staged, schema, compression="zstd", use_dictionary=repeating
        )
        try:
            yield _ShardFile(writer, schema, shard, output)
        except BaseException:
            # To close it writes once more, which fails as well on a full disk.
            with suppress(Exception):
                writer.close()
            raise
        writer.close()


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Errors of writing that name the folder: those of Arrow name nothing."""
    try:
        yield
    except OSError as error:
        number = error.errno or errno.EIO
        raise OSError(number, os.strerror(number), str(folder)) from error


def _path(field: Any) -> str:
    """The name of a column in Parquet."""
    return f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name


def _ahead(source: Generator[T, None, None]) -> Generator[T, None, None]:
    """What a source gives, computed in a thread of its own, a few items ahead."""
    queue: Queue[tuple[bool, Any]] = Queue(_AHEAD)
    is_over = threading.Event()

    def put(item: tuple[bool, Any]) -> None:
        while not is_over.is_set():
            with suppress(Full):
                queue.put(item, timeout=_SECONDS)
                return

    def fill() -> None:
        try:
            with closing(source):
                for each in source:
                    put((True, each))
                    if is_over.is_set():
                        return
            put((False, None))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            put((False, error))

    thread = threading.Thread(target=fill, name="regard-batch", daemon=True)
    thread.start()
    try:
        while True:
            is_item, item = queue.get()
            if not is_item:
                if item is not None:
                    raise item
                return
            yield item
    finally:
        is_over.set()
        thread.join()
