"""Arrays of ids in an Arrow file, which is mapped into memory and not read into it."""

import mmap
import os
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self, overload

import numpy as np

from regard.errors import MissingExtraError
from regard.types import IntArray

# The rows of a batch of the file, so that the place of each is known at once.
_ROWS = 1 << 12
# So many bytes that are looked at count as memory of the process, until they are let
# go of.
_HELD = 1 << 26
_IDS, _TARGET = "ids", "target"


class IdFile(Sequence[IntArray]):
    """A sequence of arrays of ids ``(tokens, …)``, one a row of a file.

    The file is in the format of Arrow (IPC), with a column of lists. What is in memory
    is what the system keeps of it, and can let go of.

    Args:
        path: What ``IdFileWriter`` wrote.
        digest: The name of its content.

    Attributes:
        lengths: ``(rows,)``, the number of tokens of each.
        targets: ``(rows,)``, the class of each, where the file has them.

    Raises:
        ValueError, LookupError: It is damaged, or another file.
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, path: Path, digest: str = "") -> None:
        _, ipc = _arrow()
        self.digest = digest
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._file)
        self._map = mmap.mmap(self._file, 0, access=mmap.ACCESS_READ)
        begin = np.frombuffer(self._map, np.uint8).ctypes.data
        reader = ipc.open_file(self._map)
        self._ids: list[IntArray] = []
        self._places: list[int] = []
        self._ends: list[IntArray] = []
        targets = []
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            column = batch.column(_IDS)
            # Copies: what is looked up for each row need not be looked for.
            self._ends.append(np.array(column.offsets))
            self._ids.append(_values(column))
            self._places.append(self._ids[-1].ctypes.data - begin)
            if _TARGET in batch.schema.names:
                targets.append(np.array(batch.column(_TARGET)))
        if not self._ids or any(len(ends) != _ROWS + 1 for ends in self._ends[:-1]):
            raise ValueError("its rows are not those of a cache")
        self.lengths = np.concatenate(list(map(np.diff, self._ends))).astype(np.int64)
        self.targets = np.concatenate(targets) if targets else None
        self._held = 0

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, index: int) -> IntArray: ...
    @overload
    def __getitem__(self, index: slice) -> list[IntArray]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        part, row = divmod(int(index), _ROWS)
        start, end = self._ends[part][row : row + 2].tolist()
        ids = self._ids[part]
        if not hasattr(os, "pread"):
            return np.array(ids[start:end])
        # Not out of the map: in any order, each row would bring much of what is around
        # it into the memory of the process.
        width = ids.itemsize * int(np.prod(ids.shape[1:]))
        place = self._places[part] + width * start
        read = os.pread(self._file, width * (end - start), place)
        row_ids: IntArray = np.frombuffer(read, ids.dtype).reshape(-1, *ids.shape[1:])
        return row_ids

    def joined(self, rows: int) -> Iterator[tuple[IntArray, IntArray]]:
        """The ids of some rows after the other, and how many each has.

        Args:
            rows: The most rows at a time.
        """
        for ids, ends in zip(self._ids, self._ends, strict=True):
            for first in range(0, len(ends) - 1, rows):
                of_some = ends[first : first + rows + 1]
                some = ids[of_some[0] : of_some[-1]]
                yield some, np.diff(of_some)
                self._looked_at(some.nbytes)

    def _looked_at(self, size: int) -> None:
        self._held += size
        if self._held > _HELD and hasattr(mmap, "MADV_DONTNEED"):
            # The system has them still, and gives them back where they are asked for.
            self._map.madvise(mmap.MADV_DONTNEED)
            self._held = 0


class IdFileWriter:
    """Writes what ``IdFile`` reads, some rows at a time.

    Args:
        path: The file to write.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OSError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._pa, self._ipc = _arrow()
        self._file = path.open("wb")
        self._writer: Any = None
        self._held: list[tuple[IntArray, ...]] = []
        self._rows = 0

    def add(
        self, ids: IntArray, lengths: IntArray, targets: IntArray | None = None
    ) -> None:
        """Add rows.

        Args:
            ids: ``(tokens, …)``, the ids of the rows, one after the other.
            lengths: ``(rows,)``, how many each has.
            targets: ``(rows,)``, the class of each, in all calls or in none.
        """
        columns = (ids, lengths) if targets is None else (ids, lengths, targets)
        self._held.append(columns)
        self._rows += len(lengths)
        if self._rows < _ROWS:
            return
        ids, *of_rows = (np.concatenate(each) for each in zip(*self._held, strict=True))
        ends = np.concatenate([[0], np.cumsum(of_rows[0])])
        whole = self._rows // _ROWS * _ROWS
        for first in range(0, whole, _ROWS):
            stop = first + _ROWS
            some = [each[first:stop] for each in of_rows]
            self._write(ids[ends[first] : ends[stop]], *some)
        rest = [each[whole:] for each in of_rows]
        self._held, self._rows = [(ids[ends[whole] :], *rest)], self._rows - whole

    def close(self) -> None:
        """Write what is left."""
        if self._rows:
            rest = (np.concatenate(each) for each in zip(*self._held, strict=True))
            self._write(*rest)
        if self._writer is not None:
            self._writer.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()

    def _write(
        self, ids: IntArray, lengths: IntArray, targets: IntArray | None = None
    ) -> None:
        pa = self._pa
        values = pa.array(np.ascontiguousarray(ids, np.int32).reshape(-1))
        if ids.ndim > 1:
            values = pa.FixedSizeListArray.from_arrays(values, ids.shape[1])
        ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        columns = {_IDS: pa.ListArray.from_arrays(pa.array(ends), values)}
        if targets is not None:
            columns[_TARGET] = pa.array(targets.astype(np.int32))
        batch = pa.record_batch(columns)
        if self._writer is None:
            self._writer = self._ipc.new_file(self._file, batch.schema)
        self._writer.write_batch(batch)


def lengths_of(sequences: Sequence[IntArray]) -> IntArray:
    """``(sequences,)``, how many tokens each has."""
    if isinstance(sequences, IdFile):
        return sequences.lengths
    return np.fromiter(map(len, sequences), np.int64, len(sequences))


def some_joined(
    sequences: Sequence[IntArray], rows: int
) -> Iterator[tuple[IntArray, IntArray]]:
    """Some sequences one after the other, and how many tokens each has."""
    if isinstance(sequences, IdFile):
        yield from sequences.joined(rows)
        return
    for first in range(0, len(sequences), rows):
        some = sequences[first : first + rows]
        yield np.concatenate(some), lengths_of(some)


def _values(column: Any) -> IntArray:
    """The ids of all rows of a batch, as they lie in the file."""
    values = column.values
    if hasattr(values.type, "list_size"):
        width = values.type.list_size
        flat: IntArray = values.values.to_numpy(zero_copy_only=True)
        return flat.reshape(-1, width)
    whole: IntArray = values.to_numpy(zero_copy_only=True)
    return whole


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
        from pyarrow import ipc  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("Training from disk", "pyarrow", "data") from error
    return pa, ipc
