"""The rows for the attention layers of KerasHub.

Its layers derived from ``keras.layers.MultiHeadAttention`` need no row. The others
normalise their scores in a softmax of their own, which is listened to. Some use a
fused kernel instead, beside which the weights are computed once more.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from regard import _compat
from regard.observation.sight import Method, See, Sight, one_sequence


def _listening(method: str, softmax: str) -> See:
    """Run the layer's method and keep what its softmax gave.

    Where a kernel chosen by the layer took the place of the softmax, the weights come
    from a second run without that kernel; the result stays the first one.
    """

    def see(
        layer: keras.Layer, _: Method, call: inspect.BoundArguments
    ) -> tuple[Any, Any]:
        result, weights = _listen(layer, method, softmax, call)
        if weights is None and hasattr(layer, "_use_fused_attention_op"):
            if "training" in call.arguments:
                call.arguments["training"] = False
            _, weights = _listen(
                layer, method, softmax, call, _use_fused_attention_op=lambda: False
            )
        return result, _merged_heads(weights)

    return see


def _listen(
    layer: keras.Layer,
    method: str,
    softmax: str,
    call: inspect.BoundArguments,
    **attributes: Any,
) -> tuple[Any, Any]:
    heard: list[Any] = []
    normalise = getattr(layer, softmax)

    def heard_softmax(*args: Any, **kwargs: Any) -> Any:
        heard.append(normalise(*args, **kwargs))
        return heard[-1]

    twin = _compat.twin_of(layer, method, **{softmax: heard_softmax}, **attributes)
    result = getattr(twin, method)(*call.args, **call.kwargs)
    return result, heard[-1] if heard else None


def _merged_heads(weights: Any) -> Any:
    """Heads that come in groups, ``(batch, groups, heads, ...)``, on one axis."""
    if weights is None or len(weights.shape) == 4:
        return weights
    batch, groups, heads, queries, keys = weights.shape
    return ops.reshape(weights, (batch, groups * heads, queries, keys))


def _beside_the_kernel(
    layer: keras.Layer, method: Method, call: inspect.BoundArguments
) -> tuple[Any, Any]:
    """As ``_listening``, for the layers whose kernel cannot be turned off."""
    result, weights = _LISTENING_TO_SCORES(layer, method, call)
    if weights is None:
        query, key = call.arguments["query"], call.arguments["key"]
        scale = ops.cast(layer._inv_norm_factor, query.dtype)
        scores = ops.einsum("bquh,bkuh->buqk", query, key) * scale
        mask = call.arguments.get("attention_mask")
        weights = layer._masked_softmax(scores, mask)
    return result, weights


_COMPUTE = "_compute_attention"
_LISTENING_TO_SCORES = _listening(_COMPUTE, "_masked_softmax")
_FUSED = Sight(_COMPUTE, _beside_the_kernel, one_sequence)
_SCORED = Sight(_COMPUTE, _LISTENING_TO_SCORES, one_sequence)
_GROUPED = Sight(_COMPUTE, _listening(_COMPUTE, "softmax"), one_sequence)

KERAS_HUB: Mapping[str, Sight] = {
    "keras_hub.BloomAttention": Sight(
        "call", _listening("call", "_softmax"), one_sequence
    ),
    "keras_hub.CachedGemma3Attention": _GROUPED,
    "keras_hub.CachedGemmaAttention": _GROUPED,
    "keras_hub.CachedMistralAttention": _FUSED,
    "keras_hub.CachedMixtralAttention": _SCORED,
    "keras_hub.DisentangledSelfAttention": _SCORED,
    "keras_hub.FalconAttention": Sight(
        "call", _listening("call", "softmax"), one_sequence
    ),
    "keras_hub.GPTNeoXAttention": _FUSED,
    "keras_hub.LlamaAttention": _FUSED,
    "keras_hub.Phi3Attention": _FUSED,
    "keras_hub.Qwen3Attention": _FUSED,
    "keras_hub.QwenAttention": _FUSED,
    "keras_hub.QwenMoeAttention": _SCORED,
}
