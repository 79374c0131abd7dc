"""The Keras backend: chosen before Keras is imported, asked for afterwards.

Keras falls back to TensorFlow when nothing was chosen, and fails when TensorFlow is
not installed. Only in that case the library takes JAX; commands take it wherever the
user made no choice, because they are timed and tested on it. A choice made by the user
through ``KERAS_BACKEND`` or ``keras.json`` stays as it is.

The commands run this file by itself: importing the package would load Keras.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

#: The backends there are, and the extra that installs each; JAX always comes along.
BACKENDS = {"jax": "all", "tensorflow": "tensorflow", "torch": "torch"}
# What Keras writes to keras.json by itself when it is first imported.
_UNTOUCHED = {
    "floatx": "float32",
    "epsilon": 1e-07,
    "backend": "tensorflow",
    "image_data_format": "channels_last",
}


def choose_backend() -> None:
    """Set ``KERAS_BACKEND`` to ``jax`` where importing Keras would fail.

    An installed TensorFlow, or a Keras that is already imported, is a choice.
    """
    if "keras" in sys.modules or os.environ.get("KERAS_BACKEND"):
        return
    backend = str(_keras_config().get("backend", "tensorflow"))
    if backend == "tensorflow" and not _is_installed("tensorflow"):
        os.environ["KERAS_BACKEND"] = "jax"


def prefer_jax() -> None:
    """Set ``KERAS_BACKEND`` to ``jax`` where the user made no choice.

    A choice is ``KERAS_BACKEND``, or a ``keras.json`` that names a backend and differs
    from the one Keras writes on its own. An installed TensorFlow is none.
    """
    if os.environ.get("KERAS_BACKEND"):
        return
    config = _keras_config()
    if "backend" not in config or config == _UNTOUCHED:
        os.environ["KERAS_BACKEND"] = "jax"


def check_backend() -> None:
    """Refuse a backend that is chosen and is not there, before Keras fails on it.

    A Keras that is already imported has its backend.

    Raises:
        ArgumentError: It is none that this library runs on.
        MissingExtraError: It is not installed.
        BackendError: It is installed and cannot be loaded.
    """
    if "keras" in sys.modules:
        return
    from regard.errors import (  # noqa: PLC0415 - commands run this file by itself
        ArgumentError,
        BackendError,
        MissingExtraError,
    )

    variable = os.environ.get("KERAS_BACKEND")
    name = variable or str(_keras_config().get("backend", "tensorflow"))
    chosen_by = "KERAS_BACKEND" if variable else "keras.json"
    if name not in BACKENDS:
        raise ArgumentError(
            f"{chosen_by} names a backend that regard does not run on.",
            expected=f"one of {', '.join(map(repr, BACKENDS))}",
            received=repr(name),
        )
    if not _is_installed(name):
        feature = f"The backend '{name}', which {chosen_by} names,"
        raise MissingExtraError(feature, name, BACKENDS[name])
    try:
        import keras  # noqa: F401, PLC0415 - this module comes before it
    except (ImportError, OSError) as error:
        raise BackendError(
            f"Keras cannot be loaded with the backend '{name}', which {chosen_by} "
            f"names: {error}.",
            fix="Install it again, or choose another one with KERAS_BACKEND.",
        ) from error


def backend_name() -> str:
    """The backend that Keras runs on: ``"jax"``, ``"tensorflow"`` or ``"torch"``."""
    import keras  # noqa: PLC0415 - this module comes before it

    return str(keras.backend.backend())


def _keras_config() -> dict[str, Any]:
    """The content of keras.json where Keras looks for it; none where it is damaged."""
    home = Path(os.environ.get("KERAS_HOME") or _default_home()).expanduser()
    try:
        config = json.loads((home / "keras.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _default_home() -> Path:
    home = Path("~").expanduser()
    # Keras itself falls back to /tmp where the home cannot be written.
    base = home if os.access(home, os.W_OK) else Path("/tmp")  # noqa: S108 - as Keras does
    return base / ".keras"


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
