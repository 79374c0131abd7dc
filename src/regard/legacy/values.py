"""The values of old settings as objects of Keras 3.

Everything that is named in a configuration is looked up in a fixed set of public names
of Keras; nothing else is ever called.
"""

from collections.abc import Mapping
from typing import Any

import keras

from regard.errors import ArgumentError, shown
from regard.legacy.layers.activations import hard_sigmoid

_MODULES = {
    "_initializer": keras.initializers,
    "_regularizer": keras.regularizers,
    "_constraint": keras.constraints,
}
#: Names of objects that are others today, most of them of Keras 1.
_RENAMED = {
    "_initializer": {
        "normal": "RandomNormal",
        "one": "Ones",
        "uniform": "RandomUniform",
        "zero": "Zeros",
    },
    "_regularizer": {
        "ActivityRegularizer": "L1L2",
        "L1L2Regularizer": "L1L2",
        "WeightRegularizer": "L1L2",
    },
    "_constraint": {
        "maxnorm": "MaxNorm",
        "nonneg": "NonNeg",
        "unitnorm": "UnitNorm",
    },
}
#: Settings of objects that have another name today: Keras 1 had short ones.
_RENAMED_SETTINGS = {
    "MaxNorm": {"m": "max_value"},
    "MinMaxNorm": {"low": "min_value", "high": "max_value"},
}
#: Settings of objects that are gone. Of the initializers of TensorFlow 1; the weights
#: come from the file.
_DROPPED_SETTINGS = frozenset({"dtype", "partition_info"})
_OLD_DISTRIBUTIONS = {"normal": "truncated_normal"}
_NO_OBJECTS = frozenset({"get", "serialize", "deserialize"})
_DTYPES = frozenset({"bfloat16", "float16", "float32", "float64"})
_POLICIES = _DTYPES | {"mixed_bfloat16", "mixed_float16"}
# Policies of TensorFlow 1 and 2.0 that take the type of the input, and types of the
# inputs that Keras 1 and 2.0 wrote for a layer.
_NO_POLICIES = frozenset({"_infer", "infer", "infer_with_float32_vars"})
_NO_DTYPES = frozenset({"bool", "int32", "int64", "uint8"})


def arguments_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a file as arguments of a constructor.

    Raises:
        ArgumentError: A setting has a value it cannot have.
    """
    arguments = {key: _value(key, value) for key, value in settings.items()}
    if arguments.get("dtype", "") is None:
        del arguments["dtype"]
    return arguments


def _value(key: str, value: Any) -> Any:
    value = _plain(value)
    if key == "dtype":
        return dtype_of(value)
    if key.endswith("activation"):
        return _activation(value)
    for kind in _MODULES:
        if key.endswith(kind):
            return _object(kind, value)
    if key == "use_bias":  # Keras 1 had null for it.
        return bool(value)
    if key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, dict):
        raise ArgumentError(f"'{key}' is not a plain value.", received=shown(value))
    return value


def _plain(value: Any) -> Any:
    """What Keras 2 wrote as ``{"type": "ndarray", "value": …}`` is a number."""
    if isinstance(value, dict) and set(value) == {"type", "value"}:
        return value["value"]
    return value


def dtype_of(value: Any) -> str | None:
    """The type or policy of a layer, None where the file leaves it to Keras.

    Raises:
        ArgumentError: It is unknown.
    """
    name = value.get("config", {}).get("name") if isinstance(value, dict) else value
    if name is None or name in _NO_POLICIES | _NO_DTYPES:
        return None
    if name not in _POLICIES:
        raise ArgumentError(
            "An unknown type or policy of types.",
            expected=f"one of {', '.join(sorted(_POLICIES))}",
            received=shown(value),
        )
    return str(name)


def _activation(value: Any) -> Any:
    if value is None:
        return None
    if value == "hard_sigmoid":
        return hard_sigmoid
    if not (isinstance(value, str) and _is_public(keras.activations, value)):
        raise ArgumentError("An unknown activation.", received=shown(value))
    return value


def _object(kind: str, value: Any) -> Any:
    """An initializer, a regularizer or a constraint, by name or with settings."""
    if value is None:
        return None
    name, settings = _named(value) if isinstance(value, dict) else (value, {})
    name = _RENAMED[kind].get(name, name) if isinstance(name, str) else name
    module = _MODULES[kind]
    if not (isinstance(name, str) and _is_public(module, name)):
        raise ArgumentError(
            f"Unknown in keras.{module.__name__.rpartition('.')[2]}.",
            received=shown(value),
        )
    if not isinstance(value, dict):
        return name
    renamed = _RENAMED_SETTINGS.get(name, {})
    arguments = {
        renamed.get(key, key): _plain(each)
        for key, each in settings.items()
        if key not in _DROPPED_SETTINGS
    }
    distribution = arguments.get("distribution")
    if distribution in _OLD_DISTRIBUTIONS:
        arguments["distribution"] = _OLD_DISTRIBUTIONS[distribution]
    return getattr(module, name)(**arguments)


def _named(value: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """The name of an object and its settings.

    Keras 1 wrote both side by side, later versions the settings below ``config``.
    """
    if "class_name" in value:
        return value["class_name"], value.get("config") or {}
    return value.get("name"), {key: value[key] for key in value if key != "name"}


def _is_public(module: Any, name: str) -> bool:
    return name in vars(module) and name not in _NO_OBJECTS
