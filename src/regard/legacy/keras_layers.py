"""The layers of Keras that an old model may hold, made from their settings.

The shapes that weights must have are checked against the arrays of the file before
anything is allocated, so that what a configuration claims costs nothing.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from regard._hdf5 import Array
from regard.errors import ArgumentError
from regard.layers.shapes import any_inside
from regard.legacy.array_layouts import directions, halves, in_todays_layout
from regard.legacy.settings import ROWS
from regard.legacy.values import arguments_of

Shapes = Sequence[tuple[int, ...]]
Config = Mapping[str, Any]
Shape = Sequence[int | None]

_WRAPPERS = ("Bidirectional", "TimeDistributed")
# The layers whose arrays were once in another order or of other shapes.
_CHANGED = (
    keras.layers.Bidirectional,
    keras.layers.TimeDistributed,
    keras.layers.GRU,
    keras.layers.LSTM,
    keras.layers.Conv1D,
)
_KNOWN = {row.today for row in ROWS.values()} - {"InputLayer"}


@keras.saving.register_keras_serializable(
    package="regard", name="legacy.CarryingBidirectional"
)
class CarryingBidirectional(keras.layers.Bidirectional):
    """The ``Bidirectional`` of Keras before TensorFlow 2.2, over padding.

    A padded step repeats the output before it, as it does in every layer that it
    wraps; the one of today puts zeros there.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.forward_layer.zero_output_for_mask = False
        self.backward_layer.zero_output_for_mask = False


@keras.saving.register_keras_serializable(
    package="regard", name="legacy.UnmaskedSoftmax"
)
class UnmaskedSoftmax(keras.layers.Softmax):
    """The ``Softmax`` of Keras before TensorFlow 2.4, which does not look at masks."""

    def call(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002 - Keras gives it
        """The softmax of all there is."""
        return super().call(inputs)


@keras.saving.register_keras_serializable(
    package="regard", name="legacy.StepMaskingTimeDistributed"
)
class StepMaskingTimeDistributed(keras.layers.TimeDistributed):
    """The ``TimeDistributed`` of Keras 2, which hands on a mask of its steps.

    Where its layer takes the masked axis away, a step is valid where anything in it is.
    The one of today hands on the mask of what it read.
    """

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of as many axes as the output has before its features."""
        rank = len(self.compute_output_shape(tuple(inputs.shape)))
        return any_inside(previous_mask, max(2, rank - 1))


# What layers once did with masks: until which version, and which version was written
# by a release that still did and by one that did no more.
_MASKED: Mapping[str, tuple[type[keras.Layer], str]] = {
    "Bidirectional": (CarryingBidirectional, "2.3.0-tf"),
    "Softmax": (UnmaskedSoftmax, "2.4.0"),
    # All of Keras 2 did.
    "TimeDistributed": (StepMaskingTimeDistributed, "3"),
}


def class_for_masks(
    class_name: str, settings: Config, keras_version: str
) -> tuple[type[keras.Layer] | None, bool]:
    """The class that does with a mask what a layer of this name once did.

    Args:
        class_name: The name of its class today.
        settings: Its settings in the words of today.
        keras_version: The version that wrote the file.

    Returns:
        The class, None where that of today does the same; whether the version leaves it
        open.
    """
    inner = settings.get("layer") or {"config": {}}
    one_answer = class_name == "Bidirectional" and not inner["config"].get(
        "return_sequences"
    )
    if class_name not in _MASKED or one_answer:
        return None, False
    layer_class, last = _MASKED[class_name]
    # The files that do not say their version are the oldest. Keras 2.3 beside
    # TensorFlow never had what TensorFlow 2.2 brought.
    is_last = keras_version == last
    before = _numbers(keras_version) < _numbers(last) or keras_version[:4] == "2.3."
    return (layer_class if before and not is_last else None), is_last


def _numbers(keras_version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", keras_version)[:2]]


def make_keras_layer(
    class_name: str, settings: Config, layer_class: type[keras.Layer] | None = None
) -> keras.Layer:
    """A layer of Keras.

    Args:
        class_name: The name of its class today.
        settings: Its settings in the words of today.
        layer_class: A class in place of that of today; see ``class_for_masks``.

    Raises:
        ArgumentError: Its class is not one of those known, or a setting makes no sense.
    """
    made: type[Any] = layer_class or _class(class_name)
    wrapped = {}
    for name in {"layer", "backward_layer"} & set(settings):
        inner = settings[name]
        wrapped[name] = make_keras_layer(inner["class_name"], inner["config"])
    rest = {key: value for key, value in settings.items() if key not in wrapped}
    layer: keras.Layer = made(**wrapped, **arguments_of(rest))
    return layer


def _class(class_name: str) -> type[Any]:
    if class_name not in _KNOWN:
        raise ArgumentError(
            f"The class '{class_name}' is not one that old models are rebuilt with.",
            expected="one of the old attention layers or of "
            + ", ".join(sorted(_KNOWN)),
            fix="Build the model anew and use regard.legacy.load_weights.",
        )
    layer_class: type[Any] = getattr(keras.layers, class_name)
    return layer_class


def arrays_for(
    layer: keras.Layer, arrays: Sequence[Array], backend: str
) -> list[Array]:
    """The arrays of a file in the layout of a layer that is there already.

    Args:
        layer: The layer.
        arrays: Its arrays in the file.
        backend: What computed them, which may be unknown.
    """
    for kind in _CHANGED:
        if isinstance(layer, kind):
            settings = layer.get_config()
            return in_todays_layout(kind.__name__, settings, arrays, backend)
    return list(arrays)


def completed(class_name: str, settings: Config, stored: Shapes) -> dict[str, Any]:
    """The settings with what the oldest files leave out, read off the arrays.

    Args:
        class_name: The name of its class today.
        settings: Its settings in the words of today.
        stored: The shapes of its arrays in the order of today.
    """
    settings = dict(settings)
    if class_name == "GRU" and settings.get("reset_after") is None:
        # Before version 2.2 there was one bias, and the reset gate came before. A
        # layer without a bias that says nothing is from that time, too.
        settings["reset_after"] = any(shape[0] == 2 for shape in stored[2:])
    if class_name in _WRAPPERS:
        names = ["layer"]
        shares: Sequence[Shapes] = [stored]
        if class_name == "Bidirectional":
            names = [name for name in ("layer", "backward_layer") if name in settings]
            shares = halves(settings, stored)
        for name, share in zip(names, shares, strict=False):
            inner = settings[name]
            config = completed(inner["class_name"], inner["config"], share)
            settings[name] = {**inner, "config": config}
    return settings


def keras_weight_shapes(class_name: str, settings: Config, inputs: Shape) -> Shapes:
    """The shapes that the weights of a layer must have.

    Args:
        class_name: The name of its class today.
        settings: Its settings, completed.
        inputs: The shape of its input.
    """
    if class_name == "Bidirectional":
        return [
            shape
            for inner, config in directions(settings)
            for shape in keras_weight_shapes(inner, config, inputs)
        ]
    if class_name == "TimeDistributed":
        inner = settings["layer"]
        step = [inputs[0], *inputs[2:]]
        return keras_weight_shapes(inner["class_name"], inner["config"], step)
    if class_name not in _SHAPES:
        return []
    return _SHAPES[class_name](settings, inputs)


def _dense(settings: Config, inputs: Shape) -> Shapes:
    units = settings["units"]
    return _with_bias(settings, [(_extent(inputs, -1), units)], (units,))


def _embedding(settings: Config, _: Shape) -> Shapes:
    return [(settings["input_dim"], settings["output_dim"])]


def _recurrent(gates: int) -> Callable[[Config, Shape], Shapes]:
    def shapes(settings: Config, inputs: Shape) -> Shapes:
        units = settings["units"]
        wide = gates * units
        kernels = [(_extent(inputs, -1), wide), (units, wide)]
        # A reset gate that comes after has a bias of its own for the state.
        two = settings.get("reset_after", False)
        return _with_bias(settings, kernels, (2, wide) if two else (wide,))

    return shapes


def _convolution(settings: Config, inputs: Shape) -> Shapes:
    size = settings["kernel_size"]
    width = size[0] if isinstance(size, Sequence) else size
    filters = settings["filters"]
    first = settings.get("data_format") == "channels_first"
    features = _extent(inputs, 1 if first else -1) // (settings.get("groups") or 1)
    return _with_bias(settings, [(width, features, filters)], (filters,))


def _normalization(extra: int) -> Callable[[Config, Shape], Shapes]:
    def shapes(settings: Config, inputs: Shape) -> Shapes:
        axes = settings.get("axis", -1)
        listed = axes if isinstance(axes, Sequence) else [axes]
        extents = tuple(_extent(inputs, axis) for axis in listed)
        stated = (settings.get("scale", True), settings.get("center", True))
        return [extents] * (sum(map(bool, stated)) + extra)

    return shapes


def _with_bias(settings: Config, kernels: Shapes, bias: tuple[int, ...]) -> Shapes:
    return [*kernels, bias] if settings.get("use_bias", True) else kernels


def _extent(inputs: Shape, axis: int) -> int:
    extent = inputs[axis]
    if extent is None:
        raise ValueError(f"the axis {axis} of its input has no fixed size")
    return extent


_SHAPES: Mapping[str, Callable[[Config, Shape], Shapes]] = {
    "BatchNormalization": _normalization(2),
    "Conv1D": _convolution,
    "Dense": _dense,
    "Embedding": _embedding,
    "GRU": _recurrent(3),
    "LSTM": _recurrent(4),
    "LayerNormalization": _normalization(0),
    "SimpleRNN": _recurrent(1),
}
