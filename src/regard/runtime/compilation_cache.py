"""Compiled programs kept on disk, so that a second start need not compile again."""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from regard._backend import backend_name

#: Set to 1 to keep compiled programs nowhere, whatever a program asks for.
SWITCH_OFF = "REGARD_NO_COMPILATION_CACHE"

# The most that is kept, and the share of it that is left once it is more: some thousand
# programs.
_MOST_BYTES, _LEFT = 1 << 29, 0.75
# What JAX calls the file of a program.
_SUFFIX = "-cache"


def enable_compilation_cache(directory: str | Path | None = None) -> Path | None:
    """Keep the programs that JAX compiles in a directory.

    Only this call switches the cache on; importing the library or making a
    ``Predictor`` does not. It holds for the whole process. Programs in the directory
    are run, so it is used only where no other user may write to it. Of more than 512
    MiB those that were used longest ago are removed. Several processes may use it at
    once.

    Args:
        directory: Where to keep them; by default a folder of the user's cache
            directory (``XDG_CACHE_HOME`` where set).

    Returns:
        The directory, or None where nothing is kept: on another backend than JAX, when
        ``REGARD_NO_COMPILATION_CACHE`` is 1, or when the directory cannot be written,
        is that of another user, or others may write to it.
    """
    if backend_name() != "jax" or os.environ.get(SWITCH_OFF) == "1":
        return None
    chosen = Path(directory) if directory is not None else default_directory()
    if not _is_usable(chosen):
        return None
    _trim(chosen)
    _tell_jax(chosen)
    return chosen


def kept_programs() -> Path | None:
    """The directory of the programs that this process keeps; None: it keeps none."""
    if backend_name() != "jax":
        return None
    import jax  # noqa: PLC0415 - JAX only

    directory = jax.config.jax_compilation_cache_dir
    return Path(directory) if directory else None


def default_directory() -> Path:
    """The folder for compiled programs in the user's cache directory."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        base = Path(chosen)
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home())
    else:
        base = Path.home() / ".cache"
    return base / "regard" / "compiled"


def _is_usable(directory: Path) -> bool:
    """Whether files can be made in the directory, and by its user alone."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
    except OSError:
        return False
    # Windows has neither: there a folder of a user is theirs.
    if hasattr(os, "getuid"):
        is_own = status.st_uid == os.getuid()
        if not is_own or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return False
    return os.access(directory, os.R_OK | os.W_OK | os.X_OK)


def _trim(directory: Path) -> None:
    """Remove what was used longest ago, where there is too much.

    Other processes may use the directory meanwhile: what is gone is compiled again.
    """
    programs = []
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(_SUFFIX):
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    used = max(status.st_atime, status.st_mtime)
                    programs.append((used, status.st_size, entry.path))
    size = sum(of_program for _, of_program, _ in programs)
    if size <= _MOST_BYTES:
        return
    for _, of_program, path in sorted(programs):
        with suppress(OSError):
            Path(path).unlink()
        size -= of_program
        if size <= _LEFT * _MOST_BYTES:
            break


def _tell_jax(directory: Path) -> None:
    # Imported here: on other backends JAX need not be there.
    import jax  # noqa: PLC0415 - JAX only
    from jax.experimental.compilation_cache import (  # noqa: PLC0415 - JAX only
        compilation_cache,
    )

    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # A cache that fails later costs a compilation, never an answer.
    jax.config.update("jax_raise_persistent_cache_errors", False)
    # JAX decides on its first compilation whether there is a cache: decide again.
    compilation_cache.reset_cache()
