"""The process of a command: its Keras backend, and the memory it keeps."""

import ctypes
import importlib.util
import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from regard_cli.interrupts import ending_at_once, listen

# Parameters of mallopt, from glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_LARGEST = 2**31 - 1
_CHOICES = ("GLIBC_TUNABLES", "LD_PRELOAD")


def prepare() -> None:
    """Choose the backend, and keep what it compiles and the memory it needs.

    From then on an interrupt is an exception, see ``main``.
    """
    with ending_at_once():
        choose_backend()
        keep_freed_memory()
        from regard.runtime import enable_compilation_cache  # noqa: PLC0415 - loads Keras

        enable_compilation_cache()
    listen()


def choose_backend() -> None:
    """Set ``KERAS_BACKEND`` to ``jax`` where the user made no choice."""
    # The rule is that of the package, whose import would load Keras: the file alone.
    package = importlib.util.find_spec("regard")
    file = Path(package.origin).with_name("_backend.py")  # type: ignore[arg-type,union-attr]  # it comes with these commands
    rules = runpy.run_path(str(file))
    rules["prefer_jax"]()
    # Keras loads an installed TensorFlow on every backend; it would talk about itself.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@contextmanager
def without_keras() -> Iterator[None]:
    """Let modules of the library that need no Keras be imported without it.

    The package itself loads it, which takes seconds. Inside the block its modules are
    found, and it is empty; afterwards all of them are forgotten. Where it is imported
    already, nothing is done.
    """
    if "regard" in sys.modules:
        yield
        return
    try:
        # The library for HDF5 is not needed either.
        for name in ("regard", "regard._hdf5"):
            found = importlib.util.find_spec(name)
            sys.modules[name] = importlib.util.module_from_spec(found)  # type: ignore[arg-type]  # likewise
        yield
    finally:
        for name in [*sys.modules]:
            if name.split(".", maxsplit=1)[0] == "regard":
                del sys.modules[name]


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, up to the most it ever needed.

    A compiled step asks for all its temporary memory at once and gives it back at the
    end. The C library of most Linux systems returns so large a piece to the system, and
    the next step pays for every page of it again: 35,000 page faults in each training
    step of a small translator, a seventh of its time.

    There is one arena for all threads: the others cannot grow to the size of a step.
    Best called before threads are made.

    Returns:
        Whether it was done: not on another C library than glibc, nor where the user
        has told the allocator what to do.
    """
    if sys.platform != "linux" or _is_chosen():
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    successes = [
        library.mallopt(_ARENA_MAX, 1),
        # No piece comes from the system by itself, to go back there once it is freed.
        library.mallopt(_MMAP_MAX, 0),
        library.mallopt(_TRIM_THRESHOLD, _LARGEST),
        library.mallopt(_TOP_PAD, 2**28),
    ]
    return all(success == 1 for success in successes)


def _is_chosen() -> bool:
    return any(name.startswith("MALLOC_") or name in _CHOICES for name in os.environ)
