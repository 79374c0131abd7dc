"""What comes out of files that nobody vouches for: looked at before it is unfolded.

A small file can say that it holds gigabytes, name a device, or nest without end. Each
function here compares what a file says with what there is of it first.
"""

import errno
import json
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from regard.errors import DataError

#: How much larger than its place on the disk a file may be that has holes, and than
#: its place in an archive a member: arrays of numbers are noise, which compression
#: shrinks four times at most.
EXPANSION = 16
_ROOM = 4096
# Smaller files are read whatever a file system says of their place.
_SMALL = 1 << 24
_MOST_PIECES = 1 << 14
#: The most bytes of any file that is read at once.
LARGEST_FILE = 1 << 31
_JSON_LEVELS = 64

# The end of an archive without a comment, as ``zipfile`` writes it: signature, numbers
# of disks and members, size and place of the list of members, size of the comment.
_END = struct.Struct("<4s4H2LH")
_MEMBER_BYTES = 1024
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)


def read_regular_file(path: Path, *, most: int, within: Path | None = None) -> bytes:
    """The content of a file, which is no pipe, device or link to somewhere else.

    Args:
        path: The file.
        most: The most bytes it may have.
        within: The folder that it has to be in, links followed.

    Raises:
        OSError: It cannot be read.
        DataError: It is something else than a file, too large, or has next to nothing
            of its size on the disk.
    """
    try:
        outside = within and not path.resolve().is_relative_to(within.resolve())
    except RuntimeError as error:  # a link to itself
        raise DataError("it is a link that leads nowhere") from error
    if outside:
        raise DataError("it is a link to a place outside of the folder")
    # A pipe that nobody writes to would be waited for.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - of a descriptor
        check_regular(file.fileno())
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise DataError(f"it is larger than {most} bytes")
        return file.read(size)


def check_regular(descriptor: int) -> None:
    """Refuse what is no file, and one that is next to nothing but holes.

    Args:
        descriptor: That of the file, open at its start.

    Raises:
        DataError: It is such.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise DataError("it is not a file")
    size, blocks = status.st_size, getattr(status, "st_blocks", None)
    if size > LARGEST_FILE:
        raise DataError(f"it is larger than {LARGEST_FILE} bytes")
    if blocks is None or size <= max(_SMALL, EXPANSION * 512 * blocks):
        return
    # Some file systems count no blocks, or none yet of what was written just now.
    stored = _outside_of_holes(descriptor, size)
    if size > EXPANSION * stored:
        raise DataError(f"of its {size} bytes only {stored} are on the disk")


def _outside_of_holes(descriptor: int, size: int) -> int:
    """How many bytes of a file lie outside of holes, as far as its system knows any."""
    if not hasattr(os, "SEEK_DATA"):
        return size
    stored = end = 0
    try:
        # What is in more pieces than these is no mere hole.
        for _ in range(_MOST_PIECES):
            start = os.lseek(descriptor, end, os.SEEK_DATA)
            end = os.lseek(descriptor, start, os.SEEK_HOLE)
            stored += end - start
        return size
    except OSError as error:
        # There are no data after the last hole; other errors say that none is known.
        return stored if error.errno == errno.ENXIO else size
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)


def read_archive(
    content: bytes, expected: Collection[str] | None = None, *, expansion: int = 1
) -> Mapping[str, bytes]:
    """The members of a small archive (ZIP) in memory.

    Args:
        content: The archive.
        expected: The names of its members; None: any.
        expansion: How much larger than its place in the archive a member may be.

    Raises:
        DataError: It is damaged, or unfolds to more than it may.
    """
    try:
        _check_end(content)
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            wanted = set(names) if expected is None else set(expected)
            if sorted(names) != sorted(wanted):
                raise DataError(
                    "it does not hold what it should",
                    expected=str(sorted(wanted)),
                    received=str(sorted(names))[:200],
                )
            for member in members:
                _check_member(member, expansion)
            return {each.filename: _content(archive, each) for each in members}
    except _DAMAGE as error:
        if isinstance(error, DataError):
            raise
        problem = str(error) or type(error).__name__
        raise DataError(f"it is no whole archive ({problem})") from error


def plain_array(member: bytes, kind: str = "i") -> npt.NDArray[Any]:
    """The numbers of a file of NumPy's that holds all that it says it does.

    Args:
        member: The file.
        kind: Of the numbers, as NumPy calls it: ``"i"`` for whole ones, ``"f"``.

    Raises:
        ValueError: It holds something else. Of a damaged file also ``TypeError``,
            ``EOFError`` and ``SyntaxError``.
    """
    file = BytesIO(member)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("an array has another format")
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(file)
    is_plain = dtype.kind == kind and not (in_columns and len(shape) > 1)
    if not is_plain:
        raise ValueError("an array has other numbers than it should")
    return np.frombuffer(member, dtype, offset=file.tell()).reshape(shape)


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    # Asked for all there is, it would unfold more than the member says it has.
    with archive.open(member) as file:
        content = file.read(member.file_size)
    if len(content) != member.file_size:
        raise DataError(f"{member.filename!r} is not as large as it says")
    return content


def _check_end(content: bytes) -> None:
    """Refuse a list of members that would take long to read."""
    tail = content[-_END.size :]
    if len(tail) < _END.size:
        raise DataError("it is no whole archive (it is too short)")
    signature, *_, size, _, comment = _END.unpack(tail)
    if signature != b"PK\x05\x06" or comment:
        raise DataError("it is no whole archive (its end is missing)")
    if size > 64 * _MEMBER_BYTES:
        raise DataError("it holds too many members")
    if content[-_END.size - 20 :][:4] == b"PK\x06\x07":
        raise DataError("it says that it is larger than two gigabytes")


def _check_member(member: zipfile.ZipInfo, expansion: int) -> None:
    name = member.filename
    if member.compress_type not in _METHODS or member.flag_bits & 1:
        raise DataError(f"{name!r} is packed in an unusual way")
    room = 0 if member.compress_type == zipfile.ZIP_STORED else _ROOM
    if member.file_size > expansion * member.compress_size + room:
        raise DataError(
            f"{name!r} says that it has {member.file_size} bytes, and only "
            f"{member.compress_size} of it are in the archive"
        )


def parse_json(content: bytes | str, *, most: int = 1 << 26) -> Any:
    """The value of a text of JSON.

    Args:
        content: The text.
        most: The most bytes, or characters, it may have.

    Raises:
        DataError: It is no JSON, too large or too deep, has a key twice in one object,
            where two readers would disagree, or a number that is not finite.
    """
    if len(content) > most:
        raise DataError(f"it is larger than {most} bytes")
    try:
        value = json.loads(
            content, object_pairs_hook=_without_repeats, parse_constant=_not_finite
        )
    except (ValueError, RecursionError) as error:
        raise DataError(f"it is not JSON ({error})") from error
    _check_levels(value)
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return unique


def _not_finite(number: str) -> Any:
    raise ValueError(f"{number} is not finite")


def _check_levels(value: Any) -> None:
    """Refuse what is nested deeper than anything that is meant."""
    level, depth = [value], 0
    while level:
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        level = [each for each in inner if isinstance(each, dict | list)]
        depth += 1
        if depth > _JSON_LEVELS:
            raise DataError(f"it is nested deeper than {_JSON_LEVELS} levels")
