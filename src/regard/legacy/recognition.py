"""Old attention layers recognized in a file, and the options for what it leaves open.

Settings that the file lacks are inferred from arrays and graph where these tell.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from regard._compat import mask_of
from regard._hdf5 import LayerWeights
from regard._validate import check_choice
from regard.errors import ArgumentError
from regard.legacy.layers.encoder_decoder import AttentionDecoder, AttentionLayer
from regard.legacy.layers.feature_gate import Att
from regard.legacy.layers.legacy_attention import LegacyAttention
from regard.legacy.layers.linear_pooling import ProbAttention, SeqWeightedAttention
from regard.legacy.layers.many_to_one import BAHDANAU, LUONG, ManyToOneAttention
from regard.legacy.layers.seq_self_attention import VERSIONS, SeqSelfAttention
from regard.legacy.layers.tanh_pooling import (
    VARIANTS,
    AttentionWithContext,
    KaggleAttention,
)
from regard.legacy.settings import ANY, Row, translated
from regard.legacy.values import arguments_of

#: Told of each thing that was not in the file.
ReportInference = Callable[[str], None]

# What the configuration of an old recurrent layer holds beside its own, with the values
# that a decoder was right with: it never looked at the direction.
_RECURRENT: Mapping[str, tuple[Any, ...] | None] = {
    "consume_less": ANY,
    "go_backwards": ANY,
    "implementation": ANY,
    "input_dim": ANY,
    "return_sequences": (True, None),
    "return_state": (False, None),
    "stateful": (False, None),
    "time_major": (False, None),
    "unroll": ANY,
}


@dataclass(frozen=True)
class LoadOptions:
    """The answers to what a file leaves open.

    Args:
        step_dim: The length of the sequences of a ``KaggleAttention`` without bias.
        variant: Which listing an ``AttentionWithContext`` comes from.
        version: Which version of ``keras-self-attention`` a layer comes from.
    """

    step_dim: int | None = None
    variant: str | None = None
    version: str | None = None

    def __post_init__(self) -> None:
        check_choice("variant", self.variant, (None, *VARIANTS))
        check_choice("version", self.version, (None, *VERSIONS))


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """A layer as it stands in a file.

    Args:
        class_name: The name of its class.
        config: Its configuration.
        weights: Its arrays.
        inputs: The symbolic tensors it is called on first.
        returns_attention: Whether anything in the model uses its second output.
        options: What the reader of the file said.
        report: Told of what was inferred.
    """

    class_name: str
    config: Mapping[str, Any]
    weights: LayerWeights
    inputs: list[Any]
    returns_attention: bool
    options: LoadOptions
    report: ReportInference

    @property
    def name(self) -> str:
        """The name of the layer."""
        return str(self.config["name"])

    def make(self, layer_class: type[keras.Layer], **inferred: Any) -> Any:
        """A layer of the configuration and of what was inferred."""
        known = frozenset(inspect.signature(layer_class).parameters) - {"kwargs"}
        row = Row(self.class_name, known, dropped=_RECURRENT)
        stated = arguments_of(translated(row, self.class_name, self.config))
        return layer_class(**{**inferred, **stated})

    def states(self, key: str) -> bool:
        """Whether the configuration has a setting."""
        return key in self.config

    @property
    def masked(self) -> bool:
        """Whether a mask reaches the layer."""
        return any(mask_of(tensor) is not None for tensor in self.inputs)


def recognize_layer(layer: StoredLayer) -> LegacyAttention | None:
    """The layer, None where its class is not one of the old ones.

    Raises:
        ArgumentError: It can be read in two ways; the message names the option to give.
        DataError: Its configuration makes no sense.
    """
    maker = _MAKERS.get(layer.class_name)
    return None if maker is None else maker(layer)


def without_package(class_name: str) -> str:
    """The name of an old layer without the package it was registered under.

    tf.keras writes ``Custom>Attention`` for a registered class. A class of this form
    with the name of a layer of Keras is not that layer, and keeps its name.
    """
    name = class_name.rpartition(">")[2]
    return name if name in _MAKERS else class_name


def _attention(layer: StoredLayer) -> LegacyAttention:
    """Two packages called their layer ``Attention``."""
    matrices = any(weight.array.ndim > 1 for weight in layer.weights)
    if layer.states("units") or matrices:
        return _many_to_one(layer)
    return _kaggle(layer)


def _kaggle(layer: StoredLayer) -> LegacyAttention:
    inferred: dict[str, Any] = {}
    if not layer.states("bias"):
        inferred["bias"] = len(layer.weights) == 2
    if not layer.states("return_attention"):
        inferred["return_attention"] = layer.returns_attention
    if not layer.states("step_dim"):
        inferred["step_dim"] = _step_dim(layer)
    _report(layer, KaggleAttention, inferred)
    return layer.make(KaggleAttention, **inferred)


def _step_dim(layer: StoredLayer) -> int:
    if len(layer.weights) == 2:
        return len(layer.weights[1].array)
    steps = layer.inputs[0].shape[1] or layer.options.step_dim
    if steps is None:
        raise _ambiguity(layer, "step_dim", "the length of the sequences")
    return int(steps)


def _with_context(layer: StoredLayer) -> LegacyAttention:
    inferred: dict[str, Any] = {}
    if not layer.states("bias"):
        inferred["bias"] = len(layer.weights) == 3
    if not layer.states("return_coefficients"):
        inferred["return_coefficients"] = layer.returns_attention
    _report(layer, AttentionWithContext, inferred)
    if not layer.states("variant"):
        inferred["variant"] = layer.options.variant or _variant(layer)
    return layer.make(AttentionWithContext, **inferred)


def _variant(layer: StoredLayer) -> str:
    kernel = layer.weights[0].array if layer.weights else None
    if kernel is not None and (kernel == kernel.T).all():
        return VARIANTS[0]
    raise _ambiguity(
        layer,
        "variant",
        "'dot_product' (x W^T: the listing with a function dot_product, widely copied) "
        "or 'kdot' (x W: the earlier one)",
    )


def _many_to_one(layer: StoredLayer) -> LegacyAttention:
    inferred: dict[str, Any] = {}
    if not layer.states("score"):
        inferred["score"] = BAHDANAU if len(layer.weights) == 4 else LUONG
    if not layer.states("units") and layer.weights:
        inferred["units"] = layer.weights[-1].array.shape[-1]
    _report(layer, ManyToOneAttention, inferred)
    return layer.make(ManyToOneAttention, **inferred)


def _seq(
    layer_class: type[LegacyAttention],
) -> Callable[[StoredLayer], LegacyAttention]:
    def make(layer: StoredLayer) -> LegacyAttention:
        version = layer.options.version
        if version is None and layer.masked:
            raise _ambiguity(
                layer,
                "version",
                "'0.51' (the newest) or '0.41', which treat padding differently",
            )
        if version is None:
            version = VERSIONS[0]
            _report(
                layer,
                layer_class,
                {"version": f"{version}, as good as any without a mask"},
            )
        return layer.make(layer_class, version=version)

    return make


def _plain(
    layer_class: type[LegacyAttention],
) -> Callable[[StoredLayer], LegacyAttention]:
    return lambda layer: layer.make(layer_class)


def _report(
    layer: StoredLayer, layer_class: type[Any], inferred: Mapping[str, Any]
) -> None:
    if inferred:
        settings = ", ".join(f"{key}={value}" for key, value in inferred.items())
        layer.report(f"'{layer.name}' is a {layer_class.__name__} with {settings}")


def _ambiguity(layer: StoredLayer, option: str, readings: str) -> ArgumentError:
    """The error for a layer that can be read in two ways."""
    name, class_name = layer.name, layer.class_name
    return ArgumentError(
        f"The file does not say which '{class_name}' the layer '{name}' is.",
        expected=f"the option '{option}': {readings}",
        fix=f"Say it: {option}=...",
        arguments=[option],
    )


_MAKERS: Mapping[str, Callable[[StoredLayer], LegacyAttention]] = {
    "Att": _plain(Att),
    "Attention": _attention,
    "AttentionWithContext": _with_context,
    "AttentionLayer": _plain(AttentionLayer),
    "AttentionDecoder": _plain(AttentionDecoder),
    "ProbAttention": _plain(ProbAttention),
    "SeqSelfAttention": _seq(SeqSelfAttention),
    "SeqWeightedAttention": _seq(SeqWeightedAttention),
}
