"""From the configuration of an old layer to the arguments of its constructor today.

Everything that is named in a configuration is looked up in a fixed set of public names
of Keras; nothing else is ever called.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from regard.errors import ArgumentError
from regard.legacy.activations import hard_sigmoid

_ALWAYS = frozenset({"name", "trainable", "dtype", "activity_regularizer"})
# Settings of how it was computed, or of shapes that the graph gives, not of what.
_WITHOUT_EFFECT = frozenset(
    {
        "batch_input_shape",
        "batch_size",
        "fused",
        "implementation",
        "input_dtype",
        "input_length",
        "input_shape",
        "time_major",
        "unroll",
    }
)
_DTYPES = frozenset({"float16", "float32", "float64", "bfloat16"})
_OBJECTS = {
    "_initializer": keras.initializers,
    "_regularizer": keras.regularizers,
    "_constraint": keras.constraints,
}
_OLD_DISTRIBUTIONS = {"normal": "truncated_normal"}


def constructor_arguments(
    kind: type[Any],
    config: Mapping[str, Any],
    without_effect: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The arguments for a constructor.

    Args:
        kind: The class.
        config: The configuration in the file.
        without_effect: Further keys that may be left out.

    Raises:
        ArgumentError: A setting is unknown, or has a value it cannot have.
    """
    known = set(inspect.signature(kind).parameters) | _ALWAYS
    arguments = {}
    for key, value in config.items():
        if key in _WITHOUT_EFFECT | without_effect:
            continue
        if key not in known:
            raise ArgumentError(
                f"{kind.__name__} has no setting '{key}'.", received=repr(value)
            )
        arguments[key] = _value(key, value)
    if arguments.get("dtype") not in _DTYPES:
        arguments.pop("dtype", None)
    return arguments


def _value(key: str, value: Any) -> Any:
    if key.endswith("activation"):
        return _activation(value)
    for ending, module in _OBJECTS.items():
        if key.endswith(ending):
            return _object(module, value)
    if key == "use_bias":  # Keras 1 had null for it.
        return bool(value)
    if key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, dict):
        raise ArgumentError(f"'{key}' is not a plain value.", received=repr(value))
    return value


def _activation(value: Any) -> Any:
    if value is None:
        return None
    if value == "hard_sigmoid":
        return hard_sigmoid
    if not (isinstance(value, str) and _is_public(keras.activations, value)):
        raise ArgumentError("An unknown activation.", received=repr(value))
    return value


def _object(module: Any, value: Any) -> Any:
    """An initializer, a regularizer or a constraint, by name or with settings."""
    if value is None:
        return None
    name = value.get("class_name") if isinstance(value, dict) else value
    settings = value.get("config") if isinstance(value, dict) else None
    if not (isinstance(name, str) and _is_public(module, name)):
        raise ArgumentError(
            f"Unknown in keras.{module.__name__.rpartition('.')[2]}.",
            received=repr(value),
        )
    if not isinstance(value, dict):
        return value
    settings = dict(settings or {})
    distribution = settings.get("distribution")
    if distribution in _OLD_DISTRIBUTIONS:
        settings["distribution"] = _OLD_DISTRIBUTIONS[distribution]
    return getattr(module, name)(**settings)


def _is_public(module: Any, name: str) -> bool:
    return name in vars(module) and name not in {"get", "serialize", "deserialize"}
