"""Files and folders: read within limits, and written whole or not at all.

What is read is opened, unpacked and decoded here: a byte order mark is dropped, or says
the encoding where it is that of UTF-16 or UTF-32, and no line is longer than
``LONGEST_LINE``, so that a small packed file cannot fill the memory.

Everything is written beside its target under a hidden name, flushed to the disk and
moved into place by renaming. Whatever stops this, an interrupt included, leaves what
was there as it was, and nothing else. A new file may be read by whom the umask allows;
a target that is a symbolic link is replaced, not followed.
"""

import codecs
import contextlib
import gzip
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from regard.errors import ArgumentError, DataError

#: The most characters of a line or a field: some three million words.
LONGEST_LINE = 2**24
#: UTF-8 with or without a byte order mark.
UTF8 = "utf-8-sig"
# The longer ones first: the mark of UTF-32 begins with that of UTF-16.
_WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CHUNK = 2**16


def open_binary(path: Path) -> BinaryIO:
    """Open a file for reading, unpacking it when its name ends in ``.gz``.

    Raises:
        DataError: There is no such file, it is a directory, or it cannot be read.
    """
    try:
        if path.suffix.lower() == ".gz":
            return cast(BinaryIO, gzip.open(path, "rb"))
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error


def read_lines(path: Path, encoding: str = "utf-8") -> Iterator[str]:
    """Stream the lines of a text file; see ``decoded_lines``.

    Args:
        path: The file; where its name ends in ``.gz`` it is unpacked.
        encoding: The encoding of its text.

    Raises:
        ArgumentError: The encoding is unknown.
        DataError: It cannot be opened, unpacked or decoded; the line is named.
    """
    number = 0
    try:
        with open_binary(path) as file:
            for line in decoded_lines(file, str(path), encoding):
                yield line
                number += 1
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(path, number, error) from error
    except OSError as error:
        raise unreadable(path, error) from error


def decoded_lines(file: BinaryIO, name: str, encoding: str = "utf-8") -> Iterator[str]:
    """Stream the lines of an open file, line ends removed, empty lines kept.

    A line ends at LF or CRLF and nowhere else.

    Args:
        file: The open file; it may be a pipe.
        name: What to call it in messages.
        encoding: The encoding of its text.

    Raises:
        ArgumentError: The encoding is unknown.
        DataError: A line is not valid in the encoding, is too long, or holds NUL bytes.
    """
    encoding = checked_encoding(encoding)
    first = file.readline(LONGEST_LINE + 1)
    encoding = marked_encoding(first, encoding)
    number = 1
    try:
        for line in _text_lines(file, first, encoding):
            if line is None:
                raise too_long(f"{name}, line {number}")
            if "\0" in line:
                raise DataError(f"{name}, line {number}: NUL byte.", expected="text")
            text = line.removesuffix("\n").removesuffix("\r")
            # Encodings that say an order of bytes keep their mark.
            yield text.removeprefix("\ufeff") if number == 1 else text
            number += 1
    except UnicodeError as error:
        start = getattr(error, "start", None)
        byte = "" if start is None else f", byte {start + 1}"
        raise DataError(
            f"{name}, line {number}{byte}: not valid {shown_encoding(encoding)} "
            f"({getattr(error, 'reason', error)}).",
            fix="Save the file as UTF-8, or say what it has with encoding=...",
            arguments=["encoding"],
        ) from error


def _text_lines(file: BinaryIO, first: bytes, encoding: str) -> Iterator[str | None]:
    """The lines with their ends; None for one that is too long, and ends them."""
    if encoding != UTF8 and "\n".encode(encoding) != b"\n":
        yield from _wide_lines(file, first, encoding)
        return
    # Line by line: what stands before a line that is wrong is not lost.
    line, later = first, "utf-8" if encoding == UTF8 else encoding
    while line:
        yield line.decode(encoding) if len(line) <= LONGEST_LINE else None
        line, encoding = file.readline(LONGEST_LINE + 1), later


def _wide_lines(file: BinaryIO, first: bytes, encoding: str) -> Iterator[str | None]:
    """As ``_text_lines``, where the bytes of a line end are not those of ASCII."""
    decoder = codecs.getincrementaldecoder(encoding)()
    chunk, pending = first, ""
    while chunk:
        *lines, pending = (pending + decoder.decode(chunk)).split("\n")
        yield from (f"{line}\n" for line in lines)
        if len(pending) > LONGEST_LINE:
            yield None
        chunk = file.read(_CHUNK)
    pending += decoder.decode(b"", final=True)
    if pending:
        yield pending


def checked_encoding(encoding: str) -> str:
    """The name of an encoding; for UTF-8 the one that drops a byte order mark.

    Raises:
        ArgumentError: There is none of this name.
    """
    try:
        "".encode(encoding)
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError, TypeError):
        raise ArgumentError(
            f"There is no encoding '{encoding}'.",
            expected="a name such as utf-8, cp1252, latin-1 or utf-16",
        ) from None
    return UTF8 if name == "utf-8" else encoding


def marked_encoding(beginning: bytes, encoding: str) -> str:
    """The encoding that the mark at the beginning of a file says, else ``encoding``.

    What a user names is taken at his word, but for UTF-8: it is what is meant where
    nothing is named.
    """
    if encoding == UTF8:
        for mark, marked in _WIDE_MARKS.items():
            if beginning.startswith(mark):
                return marked
    return encoding


def shown_encoding(encoding: str) -> str:
    """What people call an encoding."""
    return "UTF-8" if encoding == UTF8 else encoding


def too_long(place: str) -> DataError:
    """The error of a line that is longer than any text."""
    return DataError(
        f"{place}: longer than {LONGEST_LINE:,} characters.",
        expected="texts, on lines that end",
        fix="Look for line ends that are missing; a text this long has to be cut.",
    )


def damaged(path: Path, line: int, error: Exception) -> DataError:
    """The error of a packed file that cannot be unpacked beyond ``line``."""
    return DataError(
        f"{path} is damaged: it cannot be unpacked beyond line {line} ({error}).",
        fix="Fetch or pack the file again.",
    )


def unreadable(path: Path, error: OSError) -> DataError:
    """The error of a file that the system does not open or read."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"There is no file {path}.")
    if isinstance(error, IsADirectoryError):
        return DataError(f"{path} is a directory.", expected="a file")
    return DataError(f"{path} cannot be read: {error.strerror or error}.")


def write_file(target: Path, content: bytes) -> None:
    """Make ``target`` a file of ``content``, in place of the file that is there.

    Args:
        target: The file to make.
        content: Its content.

    Raises:
        ArgumentError: The folder does not exist, or the target is a folder.
    """
    with staged_file(target) as staged:
        staged.write_bytes(content)


@contextlib.contextmanager
def staged_file(target: Path, *, mark: str | None = None) -> Iterator[Path]:
    """A path to write to, beside ``target``; at the end the file takes its place.

    For what writes a file itself, given a path or a stream::

        with staged_file(path) as staged, staged.open("wb") as stream:
            np.savez(stream, **arrays)

    Args:
        target: The file to make. The path that is written to has its suffix.
        mark: The part of the path's name that tells it from others; random unless
            given. With one that is always the same, what a killed process left is
            written over by the next, and two must not write at a time.

    Raises:
        ArgumentError: The folder does not exist, or the target is a folder, a device
            or a pipe.
    """
    if target.is_dir():
        raise ArgumentError(f"{target} is a folder.", expected="the name of a file")
    if _is_device(target):
        raise ArgumentError(
            f"{target} is a device or a pipe, which is not replaced.",
            expected="the name of a file",
        )
    if not target.parent.is_dir():
        raise ArgumentError(
            f"{target} cannot be written: there is no folder {target.parent}.",
            fix="Make the folder first.",
        )
    mark = mark or secrets.token_hex(4)
    staged = target.with_name(f".{target.stem}.{mark}{target.suffix}")
    try:
        yield staged
        _flush_file(staged)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
    _flush_place(target)


def write_directory(target: Path, files: Mapping[str, bytes]) -> None:
    """Make ``target`` a folder of ``files``, in place of the folder that is there.

    When the machine itself stops between two renames, the former folder is still there
    as ``.NAME.old-…``.

    Args:
        target: The folder to make; its parents are made as needed.
        files: The content of each file by its name.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = _make_beside(target, "new")
    try:
        for name, content in files.items():
            (staged / name).write_bytes(content)
            _flush_file(staged / name)
        _flush_directory(staged)
        _swap(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    _flush_place(target)


@contextlib.contextmanager
def staged_directory(target: Path) -> Iterator[Path]:
    """A folder to write files to, beside ``target``; at the end it takes its place.

    It always has the same name: what a killed process left is written over by the next,
    and two must not write at a time.

    Args:
        target: The folder to make; its parents are made as needed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}.part")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    try:
        yield staged
        for file in staged.iterdir():
            _flush_file(file)
        _flush_directory(staged)
        _swap(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    _flush_place(target)


def _is_device(target: Path) -> bool:
    """Whether something is there that is no file, as ``/dev/null`` and what it names.

    Who may do everything would put a file in its place.
    """
    is_system = target.absolute().parent == Path("/dev")
    return target.exists() and (is_system or not target.is_file())


def _make_beside(target: Path, purpose: str) -> Path:
    """A new hidden folder in the folder of ``target``, so that renaming is enough."""
    folder = target.parent / f".{target.name}.{purpose}-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def _flush_file(file: Path) -> None:
    # Windows flushes only what is open for writing.
    _flush(file, os.O_RDWR if os.name == "nt" else os.O_RDONLY)


def _flush_directory(directory: Path) -> None:
    if os.name != "nt":  # Windows opens no directories and needs no flush of them.
        _flush(directory, os.O_RDONLY)


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_place(target: Path) -> None:
    """Flush the name of what has its place by now; some file systems cannot."""
    with contextlib.suppress(OSError):
        _flush_directory(target.parent)


def _swap(staged: Path, target: Path) -> None:
    """Put ``staged`` where ``target`` is; on failure ``target`` is as it was."""
    if not target.exists():
        staged.rename(target)
        return
    aside = _make_beside(target, "old")
    former = aside / target.name
    try:
        target.rename(former)
        staged.rename(target)
    finally:
        if former.exists() and not target.exists():
            former.rename(target)
        shutil.rmtree(aside, ignore_errors=True)
