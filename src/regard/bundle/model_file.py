"""A Keras model as bytes, and back without trusting them."""

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import keras

from regard.errors import BundleError

_FILES = {"metadata.json", "config.json", "model.weights.h5"}
_CONFIG = "config.json"
_CONFIG_LIMIT = 16 << 20
#: The name of the part of a bundle.
MODEL_FILE = "model.keras"
# Classes of Keras that run a program stored with or beside the model.
_PROGRAMS = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}


def model_to_bytes(model: keras.Model) -> bytes:
    """The content of the ``.keras`` file of a model."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / MODEL_FILE
        model.save(file)
        return file.read_bytes()


def model_from_bytes(content: bytes) -> keras.Model:
    """Load a model made of classes of Keras and of this library only, in safe mode.

    Raises:
        BundleError: The file is damaged, or names another class or a program.
    """
    _check_classes(_read_config(content))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / MODEL_FILE
        file.write_bytes(content)
        return keras.saving.load_model(file, compile=False, safe_mode=True)


def _read_config(content: bytes) -> Any:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        if set(archive.namelist()) != _FILES:
            raise BundleError(
                "The model file does not hold what it should.",
                expected=str(sorted(_FILES)),
                received=str(sorted(archive.namelist()))[:200],
            )
        if archive.getinfo(_CONFIG).file_size > _CONFIG_LIMIT:
            raise BundleError("The configuration of the model is too large.")
        return json.loads(archive.read(_CONFIG))


def _check_classes(config: Any) -> None:
    for entry in _entries(config):
        if not _is_allowed(entry):
            name, module = entry.get("class_name"), entry.get("module")
            raise BundleError(
                "The model names a class that is not loaded from a file.",
                expected="classes of keras and regard that run no stored program",
                received=f"'{str(name)[:60]}' of '{str(module)[:60]}'",
            )


def _entries(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in the configuration that names a class."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value or "module" in value:
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _is_allowed(entry: Mapping[str, Any]) -> bool:
    name, module = str(entry.get("class_name")), entry.get("module")
    registered = entry.get("registered_name")
    if module is None:
        # Plain values of Keras's own: tensors, tuples, slices; never "__lambda__".
        return name.startswith("__") and name != "__lambda__"
    package = str(module).split(".", maxsplit=1)[0]
    if package == "regard":
        return registered == f"regard>{name}"
    return package == "keras" and name not in _PROGRAMS and registered in {None, name}
