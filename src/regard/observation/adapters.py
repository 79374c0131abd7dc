"""The table of adapters: how the weights of each class of attention layer are captured.

A row names the method that is watched, how the weights are had from one call of it
without changing what it returns, and what the axes of the weights mean. Subclasses of
a class in the table are observed as that class is, unless they have a row of their own.

The layers of KerasHub derived from ``keras.layers.MultiHeadAttention`` need no row.
The others normalise their scores in a softmax of their own, which is listened to. Some
use a fused kernel instead, beside which the weights are computed once more.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from regard import _compat
from regard.errors import ObservationError

Method = Callable[..., Any]
#: Given a layer, its watched method and the arguments of a call: what the method
#: returns, untouched, and the weights before dropout.
Capture = Callable[[keras.Layer, Method, inspect.BoundArguments], tuple[Any, Any]]
#: An array of weights with the names of its axes, put in order.
Finish = Callable[[Any, tuple[str, ...]], tuple[Any, tuple[str, ...]]]
#: Given a layer, the arguments of a call of its watched method and weights: what the
#: method returns with these weights applied as they are, without dropout.
Force = Callable[[keras.Layer, inspect.BoundArguments, Any], Any]


@dataclass(frozen=True)
class Adapter:
    """The way that the weights of one class of layers are captured.

    Args:
        method: The method that is watched while the layer is observed.
        capture: Runs the method and gives its result and the weights.
        axes: Given the layer and the rank of its weights: a name for each axis.
        finish: What is made of the array and its axes in the end. None: they stay.
        force: Runs the method with given weights in place of its own; None where they
            cannot be replaced.
    """

    method: str
    capture: Capture
    axes: Callable[[keras.Layer, int], tuple[str, ...]]
    finish: Finish | None = None
    force: Force | None = None


def adapter_of(layer: keras.Layer) -> Adapter | None:
    """The row of the table for a layer, None where it is not an attention layer."""
    for base in type(layer).__mro__:
        package = base.__module__.partition(".")[0]
        adapter = ADAPTERS.get(f"{package}.{base.__name__}")
        if adapter is not None:
            return adapter
    return None


def _when_asked(
    _: keras.Layer, method: Method, call: inspect.BoundArguments
) -> tuple[Any, Any]:
    """The layer gives its weights when asked, with the same bits of output."""
    wanted = call.arguments.get("return_attention_scores", False)
    call.arguments["return_attention_scores"] = True
    output, weights = method(*call.args, **call.kwargs)
    return ((output, weights) if wanted else output), weights


def _beside_the_kernel(
    layer: keras.Layer, method: Method, call: inspect.BoundArguments
) -> tuple[Any, Any]:
    """The method returns no weights where a fused kernel made the output.

    They are then computed once more from the same query, key and mask. The output
    stays the kernel's own.
    """
    result = method(*call.args, **call.kwargs)
    if result[1] is not None:
        return result, result[1]
    call.arguments["training"] = False
    if "return_attention_scores" in call.signature.parameters:
        call.arguments["return_attention_scores"] = True
    explicit = getattr(_compat.without_fusion(layer), _compat.COMPUTE_ATTENTION)
    return result, explicit(*call.args, **call.kwargs)[1]


def _before_dropout(
    layer: keras.Layer, method: Method, call: inspect.BoundArguments
) -> tuple[Any, Any]:
    """The method returns weights after dropout; in training they are had without."""
    result = method(*call.args, **call.kwargs)
    weights = result[1]
    if call.arguments.get("training") and layer.dropout > 0:
        call.arguments["training"] = False
        weights = method(*call.args, **call.kwargs)[1]
    return result, ops.expand_dims(weights, axis=-3)


def _from_softmax(method: str, softmax: str) -> Capture:
    """Run the layer's method and keep what its softmax gave.

    Where a kernel chosen by the layer took the place of the softmax, the weights come
    from a second run without that kernel; the result stays the first one.
    """

    def capture(
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

    return capture


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


def _beside_the_hub_kernel(
    layer: keras.Layer, method: Method, call: inspect.BoundArguments
) -> tuple[Any, Any]:
    """As ``_from_softmax``, for the layers whose kernel cannot be turned off."""
    result, weights = _MASKED_SOFTMAX(layer, method, call)
    if weights is None:
        query, key = call.arguments["query"], call.arguments["key"]
        scale = ops.cast(layer._inv_norm_factor, query.dtype)
        scores = ops.einsum("bquh,bkuh->buqk", query, key) * scale
        mask = call.arguments.get("attention_mask")
        weights = layer._masked_softmax(scores, mask)
    return result, weights


def _apply_own(layer: keras.Layer, call: inspect.BoundArguments, weights: Any) -> Any:
    """Force weights on a layer of this library, today's or an old one."""
    replaced: list[Any] = []

    def given(computed: Any, *_: Any) -> Any:
        replaced.append(ops.reshape(weights, ops.shape(computed)))
        return replaced[-1]

    # Through one of these each layer passes its weights before it applies them.
    twin = _compat.twin_of(layer, "call", _drop=given, _applied=given)
    wanted = call.arguments.get("return_attention_scores", False)
    call.arguments["return_attention_scores"] = True
    output, _ = twin.call(*call.args, **call.kwargs)
    _refuse_unreplaced(layer, replaced)
    return (output, weights) if wanted else output


def _apply_in_steps(
    layer: keras.Layer, call: inspect.BoundArguments, weights: Any
) -> Any:
    """Force weights on a decoder, on each step its own row of them."""

    def marks(*args: Any, **kwargs: Any) -> dict[str, Any]:
        # (batch, heads, steps, keys), of which a step reads (batch, heads, keys)
        by_step = ops.transpose(weights, (2, 0, 1, 3))
        return {**layer._marks(*args, **kwargs), "weights": by_step}

    return _compat.twin_of(layer, "call", _marks=marks).call(*call.args, **call.kwargs)


def _apply_softmax(method: str, softmax: str) -> Force:
    """Force weights in the place of what a layer's softmax gives."""

    def force(layer: keras.Layer, call: inspect.BoundArguments, weights: Any) -> Any:
        replaced: list[Any] = []

        def given(scores: Any, *_: Any, **__: Any) -> Any:
            # Heads that come in groups have an axis more.
            replaced.append(ops.reshape(weights, ops.shape(scores)))
            return replaced[-1]

        if "training" in call.arguments or "training" in call.signature.parameters:
            call.arguments["training"] = False
        if "return_attention_scores" in call.signature.parameters:
            call.arguments["return_attention_scores"] = True
        attributes: dict[str, Any] = {softmax: given}
        if hasattr(layer, "_use_fused_attention_op"):
            attributes["_use_fused_attention_op"] = lambda: False
        twin = _compat.twin_of(
            layer,
            method,
            _flash_attention=False,
            _return_attention_scores=True,
            **attributes,
        )
        result = getattr(twin, method)(*call.args, **call.kwargs)
        _refuse_unreplaced(layer, replaced)
        return result

    return force


def _refuse_unreplaced(layer: keras.Layer, replaced: Sequence[Any]) -> None:
    if not replaced:
        raise ObservationError(
            f"The weights of the layer '{layer.name}' of the class "
            f"{type(layer).__name__} cannot be forced: it runs a kernel that has no "
            "weights which could be replaced.",
            fix="Force the weights of other layers.",
        )


def _apply_to_value(
    _: keras.Layer, call: inspect.BoundArguments, weights: Any
) -> tuple[Any, Any]:
    """Force weights on ``Attention``, whose method has no axis of heads."""
    over_value = ops.squeeze(weights, axis=-3)
    return ops.matmul(over_value, call.arguments["value"]), over_value


def _one_sequence(_: keras.Layer, rank: int) -> tuple[str, ...]:
    """The axes of weights that are over one axis of queries and one of keys."""
    between = tuple(f"axis_{index}" for index in range(1, rank - 3))
    return ("batch", *between, "heads", "queries", "keys")


def _declared(layer: keras.Layer, _: int) -> tuple[str, ...]:
    """The axes that the layer names itself."""
    return tuple(layer.weights_axes)


def _multi_head(layer: keras.Layer, rank: int) -> tuple[str, ...]:
    """The axes of ``MultiHeadAttention``, which may attend over several at once."""
    attended = _compat.attention_axes(layer)
    if len(attended) == 1:
        attending: tuple[str, ...] = ("queries", "keys")
    else:
        attending = tuple(
            f"{side}_{axis}" for side in ("queries", "keys") for axis in attended
        )
    inner = range(1, rank - len(attended) - 1)
    between = tuple(f"axis_{axis}" for axis in inner if axis not in attended)
    return ("batch", *between, "heads", *attending)


_COMPUTE = _compat.COMPUTE_ATTENTION
_MASKED_SOFTMAX = _from_softmax(_COMPUTE, "_masked_softmax")

_FORCED_SOFTMAX = _apply_softmax(_COMPUTE, "_masked_softmax")

_OWN = Adapter("call", _when_asked, _declared, force=_apply_own)
_STEPWISE = Adapter("call", _when_asked, _declared, force=_apply_in_steps)
_SCORES = Adapter(
    _compat.APPLY_SCORES, _before_dropout, _one_sequence, force=_apply_to_value
)
_HUB_FUSED = Adapter(
    _COMPUTE, _beside_the_hub_kernel, _one_sequence, force=_FORCED_SOFTMAX
)
_HUB_SCORED = Adapter(_COMPUTE, _MASKED_SOFTMAX, _one_sequence, force=_FORCED_SOFTMAX)


def _listened(method: str, softmax: str) -> Adapter:
    capture, force = _from_softmax(method, softmax), _apply_softmax(method, softmax)
    return Adapter(method, capture, _one_sequence, force=force)


_HUB_GROUPED = _listened(_COMPUTE, "softmax")
_HUB_BLOOM = _listened("call", "_softmax")
_HUB_FALCON = _listened("call", "softmax")

# By package and class name, so that a package is not imported to be looked for.
ADAPTERS: Mapping[str, Adapter] = {
    "regard.AttentionDecoder": _STEPWISE,
    "regard.AttentionLayer": _OWN,
    "regard.LegacyAttention": _OWN,
    "keras.MultiHeadAttention": Adapter(
        _COMPUTE, _beside_the_kernel, _multi_head, force=_FORCED_SOFTMAX
    ),
    "keras.GroupedQueryAttention": Adapter(
        _COMPUTE, _beside_the_kernel, _one_sequence, force=_FORCED_SOFTMAX
    ),
    "keras.Attention": _SCORES,
    "keras.AdditiveAttention": _SCORES,
    "keras_hub.BloomAttention": _HUB_BLOOM,
    "keras_hub.CachedGemma3Attention": _HUB_GROUPED,
    "keras_hub.CachedGemmaAttention": _HUB_GROUPED,
    "keras_hub.CachedMistralAttention": _HUB_FUSED,
    "keras_hub.CachedMixtralAttention": _HUB_SCORED,
    "keras_hub.DisentangledSelfAttention": _HUB_SCORED,
    "keras_hub.FalconAttention": _HUB_FALCON,
    "keras_hub.GPTNeoXAttention": _HUB_FUSED,
    "keras_hub.LlamaAttention": _HUB_FUSED,
    "keras_hub.Phi3Attention": _HUB_FUSED,
    "keras_hub.Qwen3Attention": _HUB_FUSED,
    "keras_hub.QwenAttention": _HUB_FUSED,
    "keras_hub.QwenMoeAttention": _HUB_SCORED,
}
