"""Compiled programs kept on disk, so that a second start need not compile again."""

import os
import sys
from pathlib import Path

from regard._backend import backend_name

#: Set to 1 to keep compiled programs nowhere, whatever a program asks for.
SWITCH_OFF = "REGARD_NO_COMPILATION_CACHE"


def enable_compilation_cache(directory: str | Path | None = None) -> Path | None:
    """Keep the programs that JAX compiles in a directory.

    Only this call switches the cache on; importing the library or making a
    ``Predictor`` does not. It holds for the whole process. The directory should
    belong to the user alone: programs in it are run.

    Args:
        directory: Where to keep them; by default a folder of the user's cache
            directory (``XDG_CACHE_HOME`` where set).

    Returns:
        The directory, or None where nothing is kept: on another backend than JAX, when
        ``REGARD_NO_COMPILATION_CACHE`` is 1, or when the directory cannot be written.
    """
    if backend_name() != "jax" or os.environ.get(SWITCH_OFF) == "1":
        return None
    chosen = Path(directory) if directory is not None else default_directory()
    if not _is_usable(chosen):
        return None
    _tell_jax(chosen)
    return chosen


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
    """Whether files can be made in the directory, which is made private to the user."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(directory, os.R_OK | os.W_OK | os.X_OK)


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
