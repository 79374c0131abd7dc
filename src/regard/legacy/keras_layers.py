"""The layers of Keras that an old model may hold, made from their configurations.

Everything that is named in a configuration is looked up in a fixed set of public names
of Keras; nothing else is ever called. The shapes that weights must have are checked
against the arrays of the file before anything is allocated, so that what a
configuration claims costs nothing.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from regard.errors import ArgumentError
from regard.legacy.layers.activations import hard_sigmoid

Shapes = list[tuple[int, ...]]
Config = Mapping[str, Any]

_WITHOUT_WEIGHTS = frozenset(
    {
        "Activation",
        "ActivityRegularization",
        "Add",
        "Average",
        "AveragePooling1D",
        "Concatenate",
        "Dot",
        "Dropout",
        "Flatten",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling1D",
        "GlobalMaxPooling1D",
        "LeakyReLU",
        "Masking",
        "MaxPooling1D",
        "Maximum",
        "Minimum",
        "Multiply",
        "Permute",
        "ReLU",
        "RepeatVector",
        "Reshape",
        "Softmax",
        "SpatialDropout1D",
        "Subtract",
    }
)
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


def make_keras_layer(class_name: str, config: Config, stored: Shapes) -> keras.Layer:
    """A layer of Keras.

    Args:
        class_name: The name of its class.
        config: Its configuration in the file.
        stored: The shapes of its arrays in the file.

    Raises:
        ArgumentError: Its class is not one of those known, or a setting makes no sense.
    """
    if class_name in {"Bidirectional", "TimeDistributed"}:
        return _wrapper(class_name, config, stored)
    if class_name not in _WITHOUT_WEIGHTS and class_name not in _SHAPES:
        known = sorted(_WITHOUT_WEIGHTS | set(_SHAPES))
        raise ArgumentError(
            f"The class '{class_name}' is not one that old models are rebuilt with.",
            expected="one of the old attention layers or of " + ", ".join(known),
            fix="Build the model anew and use regard.legacy.load_weights.",
        )
    layer_class = getattr(keras.layers, class_name)
    arguments = constructor_arguments(layer_class, config)
    if class_name == "GRU":
        # Before version 2.1 there was one bias, applied before the reset gate.
        arguments["reset_after"] = any(shape[0] == 2 for shape in stored[2:])
    return layer_class(**arguments)


def _wrapper(class_name: str, config: Config, stored: Shapes) -> keras.Layer:
    share = len(stored) // 2 if class_name == "Bidirectional" else len(stored)
    inner = config["layer"]
    layer = make_keras_layer(inner["class_name"], inner["config"], stored[:share])
    layer_class = getattr(keras.layers, class_name)
    rest = {key: value for key, value in config.items() if key != "layer"}
    return layer_class(layer, **constructor_arguments(layer_class, rest))


def keras_weight_shapes(
    class_name: str, config: Config, features: Any, stored: Shapes
) -> Shapes:
    """The shapes that the weights of a layer must have.

    Args:
        class_name: The name of its class.
        config: Its configuration in the file.
        features: The size of the last axis of its input.
        stored: The shapes of its arrays in the file.
    """
    if class_name in {"Bidirectional", "TimeDistributed"}:
        inner = config["layer"]
        shapes = keras_weight_shapes(
            inner["class_name"], inner["config"], features, stored
        )
        return shapes * 2 if class_name == "Bidirectional" else shapes
    if class_name not in _SHAPES:
        return []
    return _SHAPES[class_name](config, features, stored)


def _dense(config: Config, features: Any, _: Shapes) -> Shapes:
    kernels: Shapes = [(features, config["units"])]
    return _with_bias(config, kernels, (config["units"],))


def _embedding(config: Config, _: Any, __: Shapes) -> Shapes:
    return [(config["input_dim"], config["output_dim"])]


def _recurrent(gates: int) -> Callable[[Config, Any, Shapes], Shapes]:
    def shapes(config: Config, features: Any, stored: Shapes) -> Shapes:
        units = config["units"]
        wide = gates * units
        # A bias of two rows is that of a GRU whose reset gate comes after.
        two = gates == 3 and any(shape[0] == 2 for shape in stored[2:3])
        kernels: Shapes = [(features, wide), (units, wide)]
        return _with_bias(config, kernels, (2, wide) if two else (wide,))

    return shapes


def _convolution(config: Config, features: Any, _: Shapes) -> Shapes:
    size = config["kernel_size"]
    width = size[0] if isinstance(size, Sequence) else size
    filters = config["filters"]
    return _with_bias(config, [(width, features, filters)], (filters,))


def _normalization(extra: int) -> Callable[[Config, Any, Shapes], Shapes]:
    def shapes(config: Config, features: Any, _: Shapes) -> Shapes:
        count = bool(config.get("scale", True)) + bool(config.get("center", True))
        return [(features,)] * (count + extra)

    return shapes


def _with_bias(config: Config, kernels: Shapes, bias: tuple[int, ...]) -> Shapes:
    return [*kernels, bias] if config.get("use_bias", True) else kernels


def constructor_arguments(
    layer_class: type[Any],
    config: Mapping[str, Any],
    without_effect: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The arguments for a constructor.

    Args:
        layer_class: The class.
        config: The configuration in the file.
        without_effect: Further keys that may be left out.

    Raises:
        ArgumentError: A setting is unknown, or has a value it cannot have.
    """
    known = set(inspect.signature(layer_class).parameters) | _ALWAYS
    arguments = {}
    for key, value in config.items():
        if key in _WITHOUT_EFFECT | without_effect:
            continue
        if key not in known:
            raise ArgumentError(
                f"{layer_class.__name__} has no setting '{key}'.", received=repr(value)
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


_SHAPES: Mapping[str, Callable[[Config, Any, Shapes], Shapes]] = {
    "BatchNormalization": _normalization(2),
    "Conv1D": _convolution,
    "Dense": _dense,
    "Embedding": _embedding,
    "GRU": _recurrent(3),
    "LSTM": _recurrent(4),
    "LayerNormalization": _normalization(0),
    "SimpleRNN": _recurrent(1),
}
