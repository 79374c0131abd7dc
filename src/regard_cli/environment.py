"""The Keras backend of the command line: JAX, unless the user chose another."""

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

# What Keras writes to keras.json by itself when it is first imported.
_UNTOUCHED = {
    "floatx": "float32",
    "epsilon": 1e-07,
    "backend": "tensorflow",
    "image_data_format": "channels_last",
}


def choose_backend() -> None:
    """Set ``KERAS_BACKEND`` to ``jax`` where the user made no choice.

    A choice is ``KERAS_BACKEND``, or a ``keras.json`` that differs from the one Keras
    writes on its own. An installed TensorFlow is none: commands are timed and tested
    on JAX.
    """
    if not os.environ.get("KERAS_BACKEND") and not _has_configured_choice():
        os.environ["KERAS_BACKEND"] = "jax"
    # Keras loads an installed TensorFlow on every backend; it would talk about itself.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def prepare() -> None:
    """Choose the backend, and keep what it compiles and the memory it needs."""
    choose_backend()
    keep_freed_memory()
    from regard.runtime import enable_compilation_cache  # noqa: PLC0415 - loads Keras

    enable_compilation_cache()


def _has_configured_choice() -> bool:
    config = _configuration()
    return "backend" in config and config != _UNTOUCHED


def _configuration() -> dict[str, Any]:
    home = os.environ.get("KERAS_HOME")
    folder = Path(home).expanduser() if home else _default_home()
    try:
        config = json.loads((folder / "keras.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _default_home() -> Path:
    home = Path("~").expanduser()
    # Keras itself falls back to /tmp where the home cannot be written.
    base = home if os.access(home, os.W_OK) else Path("/tmp")  # noqa: S108 - as Keras does
    return base / ".keras"


# Parameters of mallopt, from glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_LARGEST = 2**31 - 1
_CHOICES = ("GLIBC_TUNABLES", "LD_PRELOAD")


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, up to the most it ever needed.

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
    told = [
        library.mallopt(_ARENA_MAX, 1),
        # No piece comes from the system by itself, to go back there once it is freed.
        library.mallopt(_MMAP_MAX, 0),
        library.mallopt(_TRIM_THRESHOLD, _LARGEST),
        library.mallopt(_TOP_PAD, 2**28),
    ]
    return all(each == 1 for each in told)


def _is_chosen() -> bool:
    return any(name.startswith("MALLOC_") or name in _CHOICES for name in os.environ)
