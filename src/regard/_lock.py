"""The lock of what one process works on: a file beside it that says who holds it."""

import contextlib
import errno
import json
import os
import socket
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from regard.errors import InUseError

# What a lock says of its holder is shorter.
_LIMIT = 1_000


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Keep others that ask for the same lock away from ``target`` inside the block.

    The lock is a hidden file beside it, which says who holds it. The system lets go of
    it when a process ends, in whatever way: what a killed one left is taken over.

    Args:
        target: What is worked on; it need not be there.

    Raises:
        InUseError: Another process, or another thread of this one, holds the lock.
        OSError: No file can be made beside it.
    """
    lock = target.absolute().with_name(f".{target.name}.lock")
    descriptor = _take(lock, target)
    try:
        yield
    finally:
        # Windows removes no file that is open; what is left over locks nothing.
        with contextlib.suppress(OSError):
            lock.unlink(missing_ok=True)
        os.close(descriptor)


def _take(lock: Path, target: Path) -> int:
    """The descriptor of a lock file that is ours by now."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    while True:
        descriptor = os.open(lock, flags, 0o666)
        try:
            if not _lock(descriptor):
                holder = _holder(os.read(descriptor, _LIMIT))
                raise InUseError(
                    f"{holder} is working on '{target}'.",
                    fix="Wait until it has ended, or choose another name.",
                )
            # Whoever held it until now may have removed it after we had opened it.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), lock.stat()):
                    break
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    said = {"process": os.getpid(), "machine": socket.gethostname(), "since": since}
    with contextlib.suppress(OSError):  # A full disk is no reason to refuse the lock.
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(said).encode())
    return descriptor


def _lock(descriptor: int) -> bool:
    """Whether an open file could be locked, or its file system knows no locks."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - there alone

        os.lseek(descriptor, _LIMIT, os.SEEK_SET)  # What is locked cannot be read.
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True
    import fcntl  # noqa: PLC0415 - not on Windows

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Systems differ in what they say of a lock that another one holds.
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise
    return True


def _holder(content: bytes) -> str:
    """Who holds a lock, for people."""
    try:
        holder = json.loads(content)
        process, machine = int(holder["process"]), str(holder["machine"])
        since = str(holder["since"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return "Another process"
    return f"Process {process} on '{machine}', since {since},"
