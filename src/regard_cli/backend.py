"""The Keras backend of the command line: JAX, unless the user chose another."""

import json
import os
from pathlib import Path
from typing import Any

from regard_cli.memory import keep_freed_memory

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
