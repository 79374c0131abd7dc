"""The layers of this library in the place of old ones that compute the same."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from regard import _compat
from regard._hdf5 import Array
from regard.layers import AttentionPooling, FeatureAttention, SelfAttention
from regard.legacy.layers.activations import EPSILON
from regard.legacy.layers.feature_gate import Att
from regard.legacy.layers.legacy_attention import LegacyAttention
from regard.legacy.layers.linear_pooling import ProbAttention, SeqWeightedAttention
from regard.legacy.layers.seq_self_attention import MULTIPLICATIVE, SeqSelfAttention
from regard.legacy.layers.tanh_pooling import AttentionWithContext, KaggleAttention

# How far the number in an old denominator may move a weight, relative to the weight.
_TOLERANCE = 1e-5
#: A layer of today and its arrays.
Replacement = tuple[keras.Layer, list[Array]]


def to_modern(model: keras.Model) -> keras.Model:
    """A model with the layers of this library where they compute the same.

    Replaced are, where they return their output alone and a mask makes no difference:

    - ``KaggleAttention`` without a bias, or with the same one at every timestep,
      by ``AttentionPooling("feed_forward")``
    - ``AttentionWithContext`` by ``AttentionPooling("context")``, where its context
      vector is so short that the number in the denominator has no effect
    - ``ProbAttention`` and ``SeqWeightedAttention`` by ``AttentionPooling("linear")``
    - ``SeqSelfAttention`` without activation and regularizer by ``SelfAttention``
    - ``Att`` by ``FeatureAttention``

    What else there is stays: a bias for each timestep, the last timestep as the query,
    a decoder that answers before its step are computed by no layer of this library.

    Args:
        model: The model, for example from ``load_model``. It is left as it is.

    Returns:
        A new model with the same weights; predictions agree within 1e-5.

    Example:
        >>> model = regard.legacy.to_modern(regard.legacy.load_model("old.h5"))
    """
    replaced: dict[str, list[Array]] = {}

    def clone(layer: keras.Layer) -> keras.Layer:
        replacement = _replacement(layer)
        if replacement is None:
            return layer.__class__.from_config(layer.get_config())
        modern, replaced[layer.name] = replacement
        return modern

    modernized = keras.models.clone_model(model, clone_function=clone)
    for layer in modernized.layers:
        if not layer.weights:
            continue
        arrays = replaced.get(layer.name)
        if arrays is None:
            arrays = model.get_layer(layer.name).get_weights()
        layer.set_weights(arrays)
    return modernized


def _replacement(layer: keras.Layer) -> Replacement | None:
    make = _MAKERS.get(type(layer))
    if make is None:
        return None
    arrays = dict(zip(layer._stored, layer.get_weights(), strict=True))
    masked = any(
        _compat.mask_of(tensor) is not None
        for tensor in keras.tree.flatten(layer.input)
    )
    return make(layer, arrays, masked)


def _settings(layer: LegacyAttention) -> dict[str, Any]:
    return {"name": layer.name, "dtype": layer.dtype_policy}


def _kaggle(layer: Any, arrays: dict[str, Array], _: bool) -> Replacement | None:
    bias = arrays.get("b")
    if layer.return_attention or (bias is not None and np.ptp(bias) > 0):
        return None
    kernel = [arrays["W"][:, None]]
    biases = [] if bias is None else [bias[:1]]
    pooling = AttentionPooling(use_bias=bias is not None, **_settings(layer))
    return pooling, kernel + biases


def _with_context(layer: Any, arrays: dict[str, Array], _: bool) -> Replacement | None:
    # No score is below minus the sum of |u|, so no sum of powers below its power.
    bound = EPSILON * np.exp(np.abs(arrays["u"]).sum())
    if layer.return_coefficients or bound > _TOLERANCE:
        return None
    kernel = np.asarray(keras.ops.convert_to_numpy(layer.kernel))
    biases = [arrays["b"]] if layer.bias else []
    settings = _settings(layer)
    pooling = AttentionPooling(
        "context", units=len(kernel), use_bias=layer.bias, **settings
    )
    return pooling, [kernel, *biases, arrays["u"][:, None]]


def _linear(layer: Any, arrays: dict[str, Array], masked: bool) -> Replacement | None:
    # With a mask, a sequence of padding alone is weighed by the old layers and not by
    # ours; only version 0.41 agrees there.
    same = not masked or getattr(layer, "version", None) == "0.41"
    if getattr(layer, "return_attention", False) or not same:
        return None
    pooling = AttentionPooling("linear", **_settings(layer))
    return pooling, [next(iter(arrays.values()))]


def _seq_self(layer: Any, arrays: dict[str, Array], masked: bool) -> Replacement | None:
    plain = layer.attention_activation is keras.activations.linear
    regularized = bool(layer.attention_regularizer_weight)
    if masked or layer.return_attention or layer.history_only:
        return None
    if not plain or regularized:
        return None
    window = {"window": layer.attention_width, **_settings(layer)}
    if layer.attention_type == MULTIPLICATIVE:
        return SelfAttention("general", **window), [arrays["Wa"]]
    modern = SelfAttention(
        "additive", units=layer.units, use_bias=layer.use_additive_bias, **window
    )
    biases = [arrays["bh"]] if layer.use_additive_bias else []
    return modern, [arrays["Wt"], arrays["Wx"], *biases, arrays["Wa"].T]


def _gate(layer: Any, arrays: dict[str, Array], masked: bool) -> Replacement | None:
    if masked or not layer.product or len(layer.input.shape) > 2:
        return None
    return FeatureAttention(use_bias=False, **_settings(layer)), [arrays["kernel"]]


_MAKERS: Mapping[
    type[Any], Callable[[Any, dict[str, Array], bool], Replacement | None]
] = {
    Att: _gate,
    AttentionWithContext: _with_context,
    KaggleAttention: _kaggle,
    ProbAttention: _linear,
    SeqSelfAttention: _seq_self,
    SeqWeightedAttention: _linear,
}
