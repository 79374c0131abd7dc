"""Reading HDF5 files that nobody vouches for: their arrays and attributes, no more.

Only what lies in the file itself is read, along hard links: no external, virtual or
linked data, no filter that would load a plug-in. How much is read is bounded by the
size of the file, whatever shapes it declares.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from regard.errors import DataError, RegardError

Array = npt.NDArray[Any]

# How much larger than its place in the file an array may be: weights are noise, which
# no compression shrinks by more than a little.
_EXPANSION = 64
_ROOM = 4096
_KNOWN_FILTERS = frozenset({1, 2, 3})  # deflate, shuffle, Fletcher's checksum
_FLOATS = (h5py.h5t.IEEE_F16LE, h5py.h5t.IEEE_F32LE, h5py.h5t.IEEE_F64LE)


class OldFile:
    """An open HDF5 file, read with suspicion.

    Args:
        path: Where it is.
        handle: The file, open.
    """

    def __init__(self, path: Path, handle: h5py.File) -> None:
        self.path = path
        self.root: h5py.Group = handle["/"]
        self._size = path.stat().st_size
        self._left = self._size * _EXPANSION + _ROOM

    @contextmanager
    def reading(self, part: str) -> Iterator[None]:
        """Whatever fails inside names the file and the part."""
        try:
            yield
        except RegardError:
            raise
        except Exception as error:
            raise defect(self.path, part, f"it cannot be read ({error})") from error

    def names(self, group: h5py.Group) -> list[str]:
        """What lies in a group."""
        with self.reading(str(group.name)):
            return list(group)

    def member(self, group: h5py.Group, path: str) -> Any:
        """What lies in a group under a name, or under several with ``/`` between."""
        with self.reading(f"{group.name}/{path}"):
            for name in path.split("/"):
                group = self._step(group, name)
            return group

    def _step(self, group: h5py.Group, name: str) -> Any:
        part = f"{group.name}/{name}"
        if not isinstance(group, h5py.Group) or name in {"", "."} or name not in group:
            raise defect(self.path, part, "it is not there")
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise defect(self.path, part, "it is a link to somewhere else")
        return group[name]

    def text(self, group: h5py.Group, name: str) -> str | None:
        """An attribute that is a text, None where there is none."""
        found = self._attribute(group, name)
        if found is None:
            return None
        with self.reading(f"{group.name}@{name}"):
            return _decoded(found)

    def texts(self, group: h5py.Group, name: str) -> list[str] | None:
        """An attribute that is a list of texts, None where there is none.

        A long list lies in several attributes, with numbers after the name.
        """
        found = self._attribute(group, name)
        pieces = [found] if found is not None else list(self._pieces(group, name))
        if not pieces:
            return None
        with self.reading(f"{group.name}@{name}"):
            return [_decoded(text) for piece in pieces for text in np.atleast_1d(piece)]

    def _pieces(self, group: h5py.Group, name: str) -> Iterator[Any]:
        for number in range(len(group.attrs)):
            piece = self._attribute(group, f"{name}{number}")
            if piece is None:
                return
            yield piece

    def _attribute(self, group: h5py.Group, name: str) -> Any:
        with self.reading(f"{group.name}@{name}"):
            if name not in group.attrs:
                return None
            kept = group.attrs.get_id(name)
            self._spend(f"{group.name}@{name}", _bytes(kept.shape, kept.dtype))
            return group.attrs[name]

    def array(self, group: h5py.Group, path: str) -> Array:
        """A dataset of finite floating-point numbers."""
        part = f"{group.name}/{path}"
        dataset = self.member(group, path)
        with self.reading(part):
            self._check(part, dataset)
            found: Array = dataset[()]
        if not np.isfinite(found).all():
            raise defect(self.path, part, "it holds values that are not finite")
        return found

    def _check(self, part: str, dataset: Any) -> None:
        """Refuse a dataset before a byte of it is read."""
        if not isinstance(dataset, h5py.Dataset):
            raise defect(self.path, part, "it is not an array")
        if dataset.external or dataset.is_virtual:
            raise defect(self.path, part, "its data lie in another file")
        if not any(dataset.id.get_type().equal(known) for known in _FLOATS):
            raise defect(self.path, part, f"it is no array of floats: {dataset.dtype}")
        settings = dataset.id.get_create_plist()
        filters = {settings.get_filter(i)[0] for i in range(settings.get_nfilters())}
        if not filters <= _KNOWN_FILTERS:
            raise defect(self.path, part, "it is packed in an unusual way")
        stored = min(dataset.id.get_storage_size(), self._size)
        limit = stored if dataset.chunks is None else stored * _EXPANSION + _ROOM
        for shape in (dataset.shape, dataset.chunks or ()):
            if _bytes(shape, dataset.dtype) > limit:
                raise defect(
                    self.path,
                    part,
                    f"it says it has the shape {shape}, and only {stored} bytes of it "
                    "are in the file",
                )
        self._spend(part, _bytes(dataset.shape, dataset.dtype))

    def _spend(self, part: str, count: int) -> None:
        """Many names for one array add up, too."""
        self._left -= count
        if self._left < 0:
            raise defect(self.path, part, "the file unfolds to many times its size")


@contextmanager
def open_old(path: str | Path) -> Iterator[OldFile]:
    """Open an HDF5 file.

    Raises:
        DataError: There is no such file, or it is no HDF5 file, or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no file '{path}'.")
    try:
        handle = h5py.File(path, "r")
    except Exception as error:
        raise defect(
            path, "the file itself", f"it is no whole HDF5 file ({error})"
        ) from error
    try:
        yield OldFile(path, handle)
    finally:
        handle.close()


def defect(path: Path, part: str, what: str) -> DataError:
    """The error for a part of a file."""
    return DataError(f"'{path}' cannot be used: {part}: {what}.")


def _bytes(shape: tuple[int, ...] | None, dtype: Any) -> int:
    return math.prod(shape or ()) * int(dtype.itemsize)


def _decoded(text: Any) -> str:
    if isinstance(text, bytes):
        return text.decode("utf-8")
    if isinstance(text, str):
        return text
    raise TypeError("it is no text")
