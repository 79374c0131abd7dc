"""Files and folders that are whole or not there.

Everything is written beside its target under a hidden name, flushed to the disk and
moved into place by renaming. Whatever stops this, an interrupt included, leaves what
was there as it was, and nothing else. A new file may be read by whom the umask allows;
a target that is a symbolic link is replaced, not followed.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from regard.errors import ArgumentError


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
