"""The one layout of HDF5 that the weights of a model have had so far, read from memory.

Groups of groups, and arrays of floats that lie in the file in one piece: this much of
the format is small enough to be followed here, every address checked. Whatever else a
file has makes it one for the library of HDF5, in a process of its own.

References:
    HDF5 File Format Specification Version 3.0,
    https://docs.hdfgroup.org/hdf5/v1_14/_f_m_t3.html: version 0 of the superblock
    (II.A), version 1 of B-trees (III.A.1), symbol table nodes (III.B), local heaps
    (III.D), version 1 of object headers (IV.A.1.a).
"""

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_MOST_OBJECTS = 4096
_MOST_LEVELS = 16
_SUPERBLOCK = struct.Struct("<8s8B2HI4Q8xQ")
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# The numbers of the messages in a header that say something of a group or an array;
# some of the others say how an array was filled and when, which makes no difference.
_SPACE, _TYPE, _LAYOUT, _CONTINUATION, _TABLE = 0x1, 0x3, 0x8, 0x10, 0x11
_OF_ARRAYS = {0x0, _SPACE, _TYPE, 0x5, _LAYOUT, _CONTINUATION, 0x12}


def _float_type(size: int, exponent: int, mantissa: int) -> bytes:
    """The message for IEEE numbers of ``size`` bytes, the least significant first."""
    sign, bias = 8 * size - 1, 2 ** (exponent - 1) - 1
    parts = (0x11, 0x20, sign, 0, size, 0, 8 * size, mantissa, exponent, 0, mantissa)
    return struct.pack("<4BI2H4BI", *parts, bias)


_TYPES: Mapping[bytes, np.dtype[Any]] = {
    _float_type(2, 5, 10): np.dtype("<f2"),
    _float_type(4, 8, 23): np.dtype("<f4"),
    _float_type(8, 11, 52): np.dtype("<f8"),
}


_TYPE_BYTES = 20


class _Unfamiliar(Exception):  # noqa: N818 - no error: others read the file
    """The file has something that is not followed here."""


def plain_arrays(content: bytes) -> dict[str, Array] | None:
    """The arrays of a file by their paths; None where its layout is another one.

    Args:
        content: The file. The arrays are views of it.
    """
    try:
        return dict(_PlainFile(content).arrays())
    except (_Unfamiliar, struct.error, OverflowError, UnicodeDecodeError):
        return None


def plain_shapes(content: bytes) -> dict[str, tuple[int, ...]] | None:
    """The shapes of all arrays of a file by their paths, whatever they are made of.

    Args:
        content: The file; where its layout is another one, None is the answer.
    """
    try:
        return dict(_PlainFile(content).shapes())
    except (_Unfamiliar, KeyError, struct.error, OverflowError, UnicodeDecodeError):
        return None


class _PlainFile:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._left = len(content)
        self._seen: set[int] = set()

    def arrays(self) -> Iterator[tuple[str, Array]]:
        for path, messages in self._objects():
            yield path, self._array(messages)

    def shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        for path, messages in self._objects():
            yield path, self._shape(messages)

    def _objects(self) -> Iterator[tuple[str, dict[int, bytes]]]:
        """All that is no group, by its path: the messages in its header."""
        signature, *versions, _, _, _, base, _, end, _, root = self._read(
            _SUPERBLOCK, 0
        )
        # Four versions and two reserved numbers of 0, and addresses of eight bytes.
        known = [0, 0, 0, 0, 0, 8, 8, 0]
        if signature != _SIGNATURE or versions != known:
            raise _Unfamiliar
        if base or end > len(self._content):
            raise _Unfamiliar
        yield from self._below(root, "", 0)

    def _below(
        self, address: int, path: str, level: int
    ) -> Iterator[tuple[str, dict[int, bytes]]]:
        """What is no group in the object at an address."""
        if level > _MOST_LEVELS:
            raise _Unfamiliar
        messages = self._messages(address)
        if _TABLE not in messages:
            yield path, messages
            return
        tree, heap = self._unpack("<2Q", messages[_TABLE])
        for name, member in self._members(tree, self._names(heap)):
            yield from self._below(member, f"{path}/{name}".lstrip("/"), level + 1)

    def _messages(self, address: int) -> dict[int, bytes]:
        """The messages in the header of an object, by their numbers."""
        self._visit(address)
        version, _, count, _, size = self._read(struct.Struct("<2BH2I"), address)
        if version != 1:
            raise _Unfamiliar
        messages: dict[int, bytes] = {}
        blocks = [(address + 16, size)]
        for start, length in blocks:
            place = start
            while place + 8 <= start + length and count:
                number, size, flags = self._read(struct.Struct("<2HB"), place)
                body = self._slice(place + 8, size)
                place, count = place + 8 + size, count - 1
                if number == _CONTINUATION:
                    blocks.append(self._continued(body))
                elif number in {_SPACE, _TYPE, _LAYOUT, _TABLE}:
                    if number in messages or flags & 2:
                        raise _Unfamiliar
                    messages[number] = body
                elif number not in _OF_ARRAYS:
                    messages[number] = b""
        return messages

    def _continued(self, body: bytes) -> tuple[int, int]:
        place, length = self._unpack("<2Q", body)
        self._visit(place)
        return place, length

    def _names(self, address: int) -> tuple[int, int]:
        """Where the names of the members of a group lie, and how many bytes."""
        signature, version, size, _, place = self._read(
            struct.Struct("<4sB3x3Q"), address
        )
        if signature != b"HEAP" or version:
            raise _Unfamiliar
        return place, size

    def _members(
        self, address: int, names: tuple[int, int], above: int | None = None
    ) -> Iterator[tuple[str, int]]:
        """The names and addresses below a node of the tree of a group."""
        self._visit(address)
        if self._slice(address, 4) == b"SNOD":
            yield from self._listed(address, names)
            return
        signature, kind, level, count = self._read(struct.Struct("<4s2BH"), address)
        if signature != b"TREE" or kind or (above is not None and level >= above):
            raise _Unfamiliar
        for index in range(count):
            # Between two keys, of eight bytes each.
            (child,) = self._read(struct.Struct("<Q"), address + 32 + 16 * index)
            yield from self._members(child, names, level)

    def _listed(
        self, address: int, names: tuple[int, int]
    ) -> Iterator[tuple[str, int]]:
        version, count = self._read(struct.Struct("<4xBxH"), address)
        if version != 1:
            raise _Unfamiliar
        start, size = names
        text = self._slice(start, size)
        for index in range(count):
            name_at, member, cached = self._read(
                struct.Struct("<2QI"), address + 8 + 40 * index
            )
            name = text[name_at:].partition(b"\0")[0].decode("utf-8")
            # The third kind of entry is a link that goes by a name.
            if cached > 1 or not name or "/" in name or name == ".":
                raise _Unfamiliar
            yield name, member

    def _array(self, messages: dict[int, bytes]) -> Array:
        if not messages.keys() == {_SPACE, _TYPE, _LAYOUT}:
            raise _Unfamiliar
        dtype = _TYPES.get(messages[_TYPE][:_TYPE_BYTES])
        if dtype is None:
            raise _Unfamiliar
        shape = self._shape(messages)
        version, kind, place, size = self._unpack("<2B2Q", messages[_LAYOUT])
        # In one piece, as large as it says, and no two arrays in one place.
        if (version, kind) != (3, 1) or size != math.prod(shape) * dtype.itemsize:
            raise _Unfamiliar
        self._left -= size
        if self._left < 0 or place + size > len(self._content):
            raise _Unfamiliar
        flat = np.frombuffer(self._content, dtype, math.prod(shape), place)
        return flat.reshape(shape)

    def _shape(self, messages: dict[int, bytes]) -> tuple[int, ...]:
        version, rank, flags = self._unpack("<3B5x", messages[_SPACE])
        if version != 1 or flags & 2:
            raise _Unfamiliar
        return self._unpack(f"<8x{rank}Q", messages[_SPACE])

    def _visit(self, address: int) -> None:
        """Nothing is there twice, so that no way leads in a circle."""
        if address in self._seen or len(self._seen) > _MOST_OBJECTS:
            raise _Unfamiliar
        self._seen.add(address)

    def _read(self, structure: struct.Struct, place: int) -> tuple[Any, ...]:
        return structure.unpack_from(self._content, place)

    def _unpack(self, layout: str, body: bytes) -> tuple[Any, ...]:
        return struct.unpack_from(layout, body)

    def _slice(self, place: int, size: int) -> bytes:
        if place + size > len(self._content):
            raise _Unfamiliar
        return self._content[place : place + size]
