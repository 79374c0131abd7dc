"""A folder that appears all at once or not at all."""

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path


def replace_directory(target: Path, files: Mapping[str, bytes]) -> None:
    """Make ``target`` a folder of ``files``, in place of the folder that is there.

    The files are written to a hidden folder beside ``target``, flushed to the disk and
    then moved by renaming. Whatever stops this, an interrupt included, leaves what was
    there as it was, and nothing else. (When the machine itself stops between two
    renames, the former folder is still there as ``.NAME.old-…``.)

    Args:
        target: The folder to make; its parents are made as needed.
        files: The content of each file by its name.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = _make_beside(target, "new")
    try:
        for name, content in files.items():
            _write_flushed(staged / name, content)
        _flush_directory(staged)
        _swap(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    _flush_directory(target.parent)


def _write_flushed(file: Path, content: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _make_beside(target: Path, purpose: str) -> Path:
    """A new hidden folder in the folder of ``target``, so that renaming is enough."""
    made = target.parent / f".{target.name}.{purpose}-{secrets.token_hex(4)}"
    made.mkdir()
    return made


def _flush_directory(directory: Path) -> None:
    if os.name == "nt":  # Windows opens no directories and needs no flush of them.
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
