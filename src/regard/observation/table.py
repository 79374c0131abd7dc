"""Where each class of attention layer keeps its weights: one row for each class.

A row names the method that is watched, how the weights are had from one call of it
without changing what it returns, and what the axes of the weights mean. Subclasses of
a class in the table are seen as that class is, unless they have a row of their own.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from regard import _compat
from regard.observation.sight import Method, Sight, one_sequence
from regard.observation.table_keras_hub import KERAS_HUB


def sight_of(layer: keras.Layer) -> Sight | None:
    """The row of the table for a layer, None where it is not an attention layer."""
    for kind in type(layer).__mro__:
        package = kind.__module__.partition(".")[0]
        sight = SIGHTS.get(f"{package}.{kind.__name__}")
        if sight is not None:
            return sight
    return None


def _asked(
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


def _declared(layer: keras.Layer, _: int) -> tuple[str, ...]:
    return tuple(layer.weights_axes)


def _multi_head(layer: keras.Layer, rank: int) -> tuple[str, ...]:
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


_MULTI_HEAD = Sight(_compat.COMPUTE_ATTENTION, _beside_the_kernel, _multi_head)
_GROUPED = Sight(_compat.COMPUTE_ATTENTION, _beside_the_kernel, one_sequence)
_SCORES = Sight(_compat.APPLY_SCORES, _before_dropout, one_sequence)

# By package and class name, so that a package is not imported to be looked for.
SIGHTS: Mapping[str, Sight] = {
    "regard.AttentionLayer": Sight("call", _asked, _declared),
    "regard.LegacyAttention": Sight("call", _asked, _declared),
    "keras.MultiHeadAttention": _MULTI_HEAD,
    "keras.GroupedQueryAttention": _GROUPED,
    "keras.Attention": _SCORES,
    "keras.AdditiveAttention": _SCORES,
    **KERAS_HUB,
}
