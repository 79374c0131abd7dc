"""HDF5 files that nobody vouches for: their arrays and attributes, no more.

Only what lies in the file itself is read, along hard links: no external, virtual or
linked data, no filter that would load a plug-in. How much is read is bounded by the
size of the file, whatever shapes it declares.

Old files have several layouts, of which Keras wrote one after the other.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from regard._untrusted import check_regular
from regard.errors import DataError, RegardError

Array = npt.NDArray[Any]

#: What is wrong with an array that has such values.
NOT_FINITE = "it holds values that are not finite"

# How much larger than its place in the file an array may be: weights are noise, which
# no compression shrinks by more than a little.
_EXPANSION = 64
_ROOM = 4096
_KNOWN_FILTERS = frozenset({1, 2, 3})  # deflate, shuffle, Fletcher's checksum
_FLOATS = (h5py.h5t.IEEE_F16LE, h5py.h5t.IEEE_F32LE, h5py.h5t.IEEE_F64LE)
# Keras writes these numbers as bytes, with their name in the attribute "dtype".
_BRAIN_FLOAT = "bfloat16"
_MOST_OBJECTS = 1024


class UntrustedFile:
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
    def errors_at(self, part: str) -> Iterator[None]:
        """Let whatever fails inside name the file and the part."""
        try:
            yield
        except RegardError:
            raise
        except Exception as error:
            raise file_error(self.path, part, f"it cannot be read ({error})") from error

    def names(self, group: h5py.Group) -> list[str]:
        """The names of the members of a group."""
        with self.errors_at(str(group.name)):
            return list(group)

    def member(self, group: h5py.Group, path: str) -> Any:
        """The member of a group under a name, or under several with ``/`` between."""
        with self.errors_at(f"{group.name}/{path}"):
            for name in path.split("/"):
                group = self._step(group, name)
            return group

    def _step(self, group: h5py.Group, name: str) -> Any:
        part = f"{group.name}/{name}"
        if not isinstance(group, h5py.Group) or name in {"", "."} or name not in group:
            raise file_error(self.path, part, "it is not there")
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise file_error(self.path, part, "it is a link to somewhere else")
        return group[name]

    def text(self, group: h5py.Group, name: str) -> str | None:
        """An attribute that is a text, None where there is none."""
        value = self._attribute(group, name)
        if value is None:
            return None
        with self.errors_at(f"{group.name}@{name}"):
            return _decoded(value)

    def texts(self, group: h5py.Group, name: str) -> list[str] | None:
        """An attribute that is a list of texts, None where there is none.

        A long list lies in several attributes, with numbers after the name.
        """
        value = self._attribute(group, name)
        pieces = [value] if value is not None else list(self._pieces(group, name))
        if not pieces:
            return None
        with self.errors_at(f"{group.name}@{name}"):
            return [_decoded(text) for piece in pieces for text in np.atleast_1d(piece)]

    def _pieces(self, group: h5py.Group, name: str) -> Iterator[Any]:
        for number in range(len(group.attrs)):
            piece = self._attribute(group, f"{name}{number}")
            if piece is None:
                return
            yield piece

    def _attribute(self, group: h5py.Group, name: str) -> Any:
        with self.errors_at(f"{group.name}@{name}"):
            if name not in group.attrs:
                return None
            attribute = group.attrs.get_id(name)
            size = _bytes(attribute.shape, attribute.dtype)
            self._spend(f"{group.name}@{name}", size)
            return group.attrs[name]

    def array(self, group: h5py.Group, path: str) -> Array:
        """A dataset of finite floating-point numbers."""
        part = f"{group.name}/{path}"
        dataset = self.member(group, path)
        with self.errors_at(part):
            self._check(part, dataset)
            array: Array = dataset[()]
        if not np.isfinite(array).all():
            raise file_error(self.path, part, NOT_FINITE)
        return array

    def places(self) -> Iterator["ArrayPlace"]:
        """All arrays of the file, each in one piece, and where they lie in it."""
        self._left = self._size
        waiting: deque[tuple[str, Any]] = deque([("", self.root)])
        seen = 0
        while waiting:
            path, member = waiting.popleft()
            if not isinstance(member, h5py.Group):
                yield self._place(path, member)
                continue
            for name in self.names(member):
                seen += 1
                if seen > _MOST_OBJECTS:
                    problem = "groups lie in groups without end"
                    raise file_error(self.path, path, problem)
                inner = f"{path}/{name}".lstrip("/")
                waiting.append((inner, self._step(member, name)))

    def _place(self, path: str, dataset: Any) -> "ArrayPlace":
        with self.errors_at(path):
            name, size = _BRAIN_FLOAT, _bytes(dataset.shape, dataset.dtype)
            if isinstance(dataset, h5py.Dataset) and self._is_brain(dataset):
                self._spend(path, size)
            else:
                self._check(path, dataset)
                name = str(dataset.dtype)
            place = dataset.id.get_offset()
            if dataset.chunks is not None or (place is None and size):
                raise file_error(self.path, path, "it does not lie there in one piece")
            return ArrayPlace(path, name, dataset.shape, place or 0)

    def _is_brain(self, dataset: h5py.Dataset) -> bool:
        opaque = dataset.dtype.kind == "V" and dataset.dtype.itemsize == 2
        return opaque and self.text(dataset, "dtype") == _BRAIN_FLOAT

    def _check(self, part: str, dataset: Any) -> None:
        """Refuse a dataset before a byte of it is read."""
        if not isinstance(dataset, h5py.Dataset):
            raise file_error(self.path, part, "it is not an array")
        if dataset.external or dataset.is_virtual:
            raise file_error(self.path, part, "its data lie in another file")
        if not any(dataset.id.get_type().equal(known) for known in _FLOATS):
            raise file_error(
                self.path, part, f"it is no array of floats: {dataset.dtype}"
            )
        settings = dataset.id.get_create_plist()
        filters = {settings.get_filter(i)[0] for i in range(settings.get_nfilters())}
        if not filters <= _KNOWN_FILTERS:
            raise file_error(self.path, part, "it is packed in an unusual way")
        stored = min(dataset.id.get_storage_size(), self._size)
        limit = stored if dataset.chunks is None else stored * _EXPANSION + _ROOM
        for shape in (dataset.shape, dataset.chunks or ()):
            if _bytes(shape, dataset.dtype) > limit:
                raise file_error(
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
            raise file_error(self.path, part, "the file unfolds to many times its size")


class ArrayPlace(NamedTuple):
    """Where an array lies in a file, in one piece.

    Args:
        path: Its path in the file.
        dtype: The name of the type of its numbers.
        shape: Its shape.
        start: The first of its bytes.
    """

    path: str
    dtype: str
    shape: tuple[int, ...]
    start: int


@contextmanager
def open_untrusted(path: str | Path) -> Iterator[UntrustedFile]:
    """Open an HDF5 file.

    Raises:
        DataError: There is no such file, or it is no HDF5 file, or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no file '{path}'.")
    try:
        with path.open("rb") as file:
            check_regular(file.fileno())
    except DataError as error:
        raise file_error(path, "the file itself", error.message) from error
    try:
        handle = h5py.File(path, "r")
    except Exception as error:
        raise file_error(
            path, "the file itself", f"it is no whole HDF5 file ({error})"
        ) from error
    try:
        yield UntrustedFile(path, handle)
    finally:
        handle.close()


def file_error(path: Path, part: str, problem: str) -> DataError:
    """The error for a part of a file."""
    return DataError(f"'{path}' cannot be used: {part}: {problem}.")


def _bytes(shape: tuple[int, ...] | None, dtype: Any) -> int:
    return math.prod(shape or ()) * int(dtype.itemsize)


def _decoded(text: Any) -> str:
    if isinstance(text, bytes):
        return text.decode("utf-8")
    if isinstance(text, str):
        return text
    raise TypeError("it is no text")


# Where the arrays of a layer of layers lie in newer weight files, in Keras's order;
# what is not named here follows in the order of the alphabet.
_ORDER = {"vars": 0, "forward_layer": 1, "backward_layer": 2}
_DEPTH = 8
_UNKNOWN = "unknown"

NamedArrays = Sequence[tuple[str, Array]]


@dataclass(frozen=True, eq=False)
class FileContent:
    """The content of a file; see ``OldFile``, which is made of it."""

    layout: str
    layers: dict[str, NamedArrays]
    by_name: bool = True
    keras_version: str = _UNKNOWN
    backend: str = _UNKNOWN
    config: str | None = None


def read_places(path: Path) -> list[ArrayPlace]:
    """Where the arrays of a file of weights lie, of any layout of groups.

    Raises:
        DataError: It cannot be read, or has something else than arrays of floats.
    """
    with open_untrusted(path) as file:
        return list(file.places())


def read_content(path: Path) -> FileContent:
    """Read the arrays of an old file, and the configuration where there is one.

    Raises:
        DataError: It cannot be read, or is not as Keras wrote it; the message names the
            file and the part.
    """
    with open_untrusted(path) as file:
        names = file.names(file.root)
        if "model_weights" in names:
            return _full_model(file)
        if file.texts(file.root, "layer_names") is not None:
            layers = dict(_listed(file, file.root))
            layout = "weights, as Keras 2 wrote them"
            version, backend = _origin(file, file.root)
            return FileContent(layout, layers, keras_version=version, backend=backend)
        if "layers" in names:
            layers = dict(_numbered(file, file.member(file.root, "layers")))
            return FileContent("weights, numbered by class", layers, by_name=False)
        raise file_error(
            file.path,
            "/",
            "it has neither 'model_weights' nor 'layer_names' nor 'layers', one of "
            "which a file of Keras has",
        )


def _full_model(file: UntrustedFile) -> FileContent:
    config = file.text(file.root, "model_config")
    if config is None:
        raise file_error(file.path, "/@model_config", "it is not there")
    group = file.member(file.root, "model_weights")
    version, backend = _origin(file, file.root)
    return FileContent(
        "a whole model, as Keras 2 wrote it",
        dict(_listed(file, group)),
        keras_version=version,
        backend=backend if backend != _UNKNOWN else _origin(file, group)[1],
        config=config,
    )


def _origin(file: UntrustedFile, group: h5py.Group) -> tuple[str, str]:
    """Which version and which backend wrote it, as far as it says so."""
    version = file.text(group, "keras_version") or _UNKNOWN
    return version, file.text(group, "backend") or _UNKNOWN


def _listed(
    file: UntrustedFile, group: h5py.Group
) -> Iterator[tuple[str, NamedArrays]]:
    """The layers that ``layer_names`` lists, and the arrays ``weight_names`` does."""
    names = file.texts(group, "layer_names")
    if names is None:
        raise file_error(file.path, f"{group.name}@layer_names", "it is not there")
    if len(set(names)) < len(names):
        raise file_error(
            file.path, f"{group.name}@layer_names", "a name is there twice"
        )
    for name in names:
        layer = file.member(group, name)
        listed = file.texts(layer, "weight_names")
        if listed is None:
            raise file_error(file.path, f"{layer.name}@weight_names", "it is not there")
        if listed:
            yield name, [(each, file.array(layer, each)) for each in listed]


def _numbered(
    file: UntrustedFile, group: h5py.Group
) -> Iterator[tuple[str, NamedArrays]]:
    """The layers that are groups, and the arrays below ``vars`` in each."""
    for name in file.names(group):
        arrays = list(_below(file, file.member(group, name), name))
        if arrays:
            yield name, arrays


def _below(
    file: UntrustedFile, group: h5py.Group, name: str, depth: int = 0
) -> Iterator[tuple[str, Array]]:
    if depth > _DEPTH:
        raise file_error(file.path, str(group.name), "groups lie in groups without end")
    inner = file.names(group)
    for each in sorted(inner, key=lambda each: (_ORDER.get(each, 3), each)):
        member = file.member(group, each)
        if each == "vars":
            for number in sorted(file.names(member), key=_number):
                array = file.array(member, number)
                yield (f"{name}/{number}" if depth == 0 else f"{name}:0", array)
        elif isinstance(member, h5py.Group):
            yield from _below(file, member, f"{name}/{each}", depth + 1)


def _number(name: str) -> tuple[int, str]:
    return (int(name) if name.isdecimal() else -1, name)
