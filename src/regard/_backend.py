"""The Keras backend: chosen before Keras is imported, asked for afterwards.

Keras falls back to TensorFlow when nothing was chosen, and fails when TensorFlow is
not installed. Only in that case JAX is taken. A choice made by the user through
``KERAS_BACKEND`` or ``keras.json``, or implied by an installed TensorFlow or a Keras
that is already imported, stays as it is.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path


def choose_backend() -> None:
    """Set ``KERAS_BACKEND`` to ``jax`` where importing Keras would fail."""
    if "keras" in sys.modules or os.environ.get("KERAS_BACKEND"):
        return
    if _configured_backend() == "tensorflow" and not _is_installed("tensorflow"):
        os.environ["KERAS_BACKEND"] = "jax"


def backend_name() -> str:
    """The backend that Keras runs on: ``"jax"``, ``"tensorflow"`` or ``"torch"``."""
    import keras  # noqa: PLC0415 - this module comes before it

    return str(keras.backend.backend())


def _configured_backend() -> str:
    """The backend Keras would take on its own, by the rules it documents."""
    home = Path(os.environ.get("KERAS_HOME") or _default_keras_home())
    try:
        config = json.loads((home / "keras.json").expanduser().read_text("utf-8"))
    except (OSError, ValueError):
        return "tensorflow"
    if not isinstance(config, dict):
        return "tensorflow"
    return str(config.get("backend", "tensorflow"))


def _default_keras_home() -> str:
    base = Path("~").expanduser()
    if not os.access(base, os.W_OK):
        base = Path("/tmp")  # noqa: S108 - where Keras itself looks
    return str(base / ".keras")


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
