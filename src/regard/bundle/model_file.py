"""A Keras model as bytes, and back without trusting them.

What a model file says costs nothing to say: a width of 200,000,000 is nine digits. So
nothing is made of it before the arrays in the file were found to be as many and as
large as what it says.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import h5py
import keras

from regard import _compat
from regard._hdf5 import Array, read_arrays
from regard._untrusted import parse_json, read_archive
from regard.bundle.manifest import MODEL_FILE
from regard.errors import BundleError, RegardError

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_FILES = {"metadata.json", _CONFIG, _WEIGHTS}

# What the models of all releases are made of beside the layers of this library. No
# class is among them that runs a stored program, or makes much out of little.
_CLASSES: Mapping[str | None, Set[str]] = {
    "keras": {"DTypePolicy"},
    "keras.src.models.functional": {"Functional"},
    "keras.layers": {
        "Bidirectional",
        "Concatenate",
        "Dense",
        "Dropout",
        "Identity",
        "InputLayer",
    },
    "keras.initializers": {
        "Constant",
        "GlorotUniform",
        "Ones",
        "Orthogonal",
        "RandomNormal",
        "VarianceScaling",
        "Zeros",
    },
    # What the masks of these layers are made with.
    "keras.src.ops.numpy": {
        "All",
        "Any",
        "Concatenate",
        "ExpandDims",
        "GetItem",
        "LogicalAnd",
        "LogicalNot",
        "LogicalOr",
        "NotEqual",
        "OnesLike",
        "Squeeze",
        "ZerosLike",
    },
    "keras.src.ops.core": {"Cast"},
    # Plain values of Keras's own; never "__lambda__".
    None: {"__ellipsis__", "__keras_tensor__", "__slice__"},
}
# A model of this library has 70 objects, four deep, in 13 KB.
_MOST_BYTES, _MOST_OBJECTS, _MOST_LEVELS = 1 << 20, 400, 6
_WIDEST_INPUT = 1024
# While a bidirectional layer is made, a copy of its forward layer comes and goes; the
# states of random numbers, of two elements, are in no file.
_COPIES, _MORE_VARIABLES, _MORE_ELEMENTS = 2, 64, 1024


def model_to_bytes(model: keras.Model) -> bytes:
    """The content of the ``.keras`` file of a model."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / MODEL_FILE
        model.save(file)
        return file.read_bytes()


def model_from_bytes(
    content: bytes, classes: Set[str], encoders: Set[str] = frozenset()
) -> keras.Model:
    """Load a model made of known classes, whose weights are all in the file.

    Args:
        content: The file.
        classes: The classes of this library that the model may be made of.
        encoders: Those of KerasHub, which has to be imported where there are any.

    Raises:
        BundleError: The file names another class, or declares other arrays than it has.
        DataError: It is damaged, or has values that are not finite.
    """
    members = read_archive(content, _FILES)
    config = parse_json(members[_CONFIG], most=_MOST_BYTES)
    _check_config(config, classes, encoders)
    arrays = read_arrays(members[_WEIGHTS])
    model = _without_values(config, arrays)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / _WEIGHTS
        _write_arrays(file, arrays)
        model.load_weights(file)
    return model


def _check_config(config: Any, classes: Set[str], encoders: Set[str]) -> None:
    for number, (entry, level) in enumerate(_entries(config), start=1):
        if number > _MOST_OBJECTS or level > _MOST_LEVELS:
            raise BundleError(
                "The model has more objects, or deeper ones, than any of this library.",
                expected=f"{_MOST_OBJECTS}, of {_MOST_LEVELS} levels",
            )
        if not _is_allowed(entry, classes, encoders):
            name, module = entry.get("class_name"), entry.get("module")
            raise BundleError(
                "The model names a class that is not loaded from a file.",
                expected="classes that models of this library are made of",
                received=f"'{str(name)[:60]}' of '{str(module)[:60]}'",
            )
        if entry.get("class_name") == "InputLayer":
            _check_input(entry.get("config"))
        # Nothing that is loaded is trained as it is.
        entry.pop("compile_config", None)


def _entries(config: Any) -> Iterator[tuple[dict[str, Any], int]]:
    """Every object in the configuration that names a class, and how deep it lies."""
    waiting = [(config, 1)]
    while waiting:
        value, level = waiting.pop()
        inner: Any = ()
        if isinstance(value, dict):
            inner = value.values()
            if "class_name" in value or "module" in value:
                yield value, level
                level += 1
        elif isinstance(value, list):
            inner = value
        waiting.extend((each, level) for each in inner)


def _is_allowed(
    entry: Mapping[str, Any], classes: Set[str], encoders: Set[str]
) -> bool:
    name, module = entry.get("class_name"), entry.get("module")
    registered = entry.get("registered_name")
    if not isinstance(name, str) or not isinstance(module, str | None):
        return False
    if module is not None and module.split(".", maxsplit=1)[0] == "regard":
        return name in classes and registered == f"regard>{name}"
    if module is not None and module.split(".", maxsplit=1)[0] == "keras_hub":
        # What is registered under this name is made, whatever the module is called.
        return name in encoders and registered == f"keras_hub>{name}"
    return name in _CLASSES.get(module, ()) and registered in {None, name}


def _check_input(config: Any) -> None:
    """Refuse inputs of other axes than batch, time and perhaps features.

    A layer may loop over the features, and over times that are counted.
    """
    shape = config.get("batch_shape") if isinstance(config, dict) else None
    if (
        not isinstance(shape, list)
        or shape[:2] != [None, None]
        or len(shape) > 3
        or not all(type(each) is int and each <= _WIDEST_INPUT for each in shape[2:])
    ):
        raise BundleError(
            "The input of the model has another shape.",
            expected=f"batch, time and at most {_WIDEST_INPUT} features",
            received=str(shape)[:60],
        )


def _without_values(config: Any, arrays: Mapping[str, Array]) -> keras.Model:
    """The model whose variables have shapes, as many as there are arrays, and zeros."""
    count = elements = 0
    stored = sum(array.size for array in arrays.values())

    def declare(variable: keras.Variable) -> None:
        nonlocal count, elements
        count, elements = count + 1, elements + _size(variable.shape)
        if (
            count > _COPIES * len(arrays) + _MORE_VARIABLES
            or elements > _COPIES * stored + _MORE_ELEMENTS
        ):
            raise _not_those(
                f"{elements:.3g} numbers, or more, in {count} arrays",
                f"{stored} in {len(arrays)}",
            )

    try:
        with _compat.without_values(declare):
            model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    except RegardError:
        raise
    except Exception as error:
        raise BundleError(f"It cannot be made a model: {str(error)[:300]}") from error
    if not isinstance(model, keras.Model):
        raise BundleError("It is no model.")
    declared = Counter(
        tuple(variable.shape)
        for variable in model.variables
        if keras.backend.is_float_dtype(variable.dtype)
    )
    shapes = Counter(array.shape for array in arrays.values())
    if declared != shapes:
        raise _not_those(_listed(declared - shapes), _listed(shapes - declared))
    _compat.start_at_zero(model)
    return model


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _listed(shapes: Counter[tuple[int, ...]]) -> str:
    return ", ".join(map(str, sorted(shapes)))[:200] or "nothing"


def _not_those(declared: str, stored: str) -> BundleError:
    return BundleError(
        "The model has other weights than the file holds.",
        expected=declared,
        received=stored,
    )


def _write_arrays(file: Path, arrays: Mapping[str, Array]) -> None:
    """A file of these arrays and nothing else, as Keras writes it."""
    with h5py.File(file, "w") as weights:
        for path, array in arrays.items():
            weights[path] = array
            if array.dtype.name == "bfloat16":
                weights[path].attrs["dtype"] = "bfloat16"
