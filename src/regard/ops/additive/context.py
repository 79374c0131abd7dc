"""Context and weights of additive attention at once, or the context alone."""

import importlib
import math

import keras
from keras import ops

from regard._backend import backend_name
from regard._typing import Bool, Float, Shaped, Tensor
from regard.errors import ArgumentError
from regard.ops.additive.dispatch import choose
from regard.ops.additive.score import with_heads
from regard.ops.masks import as_mask
from regard.ops.precision import widen
from regard.ops.softmax import masked_softmax

#: Weights of up to so many numbers are held whole even where nobody asked for them:
#: computing the scores again in the gradient would cost more than it saves.
HELD = 1 << 24
#: Keys in a block where they are not held.
BLOCK = 1024


def additive_context(
    query: Float[Tensor, "batch heads queries features"],
    key: Float[Tensor, "batch heads keys features"],
    value: Float[Tensor, "batch heads keys depth"],
    scale: Float[Tensor, "... features"],
    mask: Shaped[Tensor, "..."] | None = None,
    *,
    weights: bool | slice = True,
    held: int = HELD,
) -> tuple[
    Float[Tensor, "batch heads queries depth"],
    Float[Tensor, "batch heads _ keys"] | None,
]:
    r"""Context of additive attention, with the weights, some of them or none.

    .. math::
        w_{ij} = \frac{m_{ij} e^{s_{ij}}}{\sum_l m_{il} e^{s_{il}}}, \qquad
        c_i = \sum_j w_{ij} x_j, \qquad s_{ij} = \sum_d v_d \tanh(q_{id} + k_{jd})

    Where not all weights are asked for and they would be more than ``held`` numbers,
    JAX computes the context block by block of keys with a running softmax, and so the
    gradient: no more than a block of weights exists at any time. ``held_whole`` says
    which way is taken. Other backends hold the weights, which are the smaller part:
    their scores do not hold the hyperbolic tangents either.

    Args:
        query: ``(batch, heads, queries, features)``, projected.
        key: ``(batch, heads, keys, features)``, projected.
        value: ``(batch, heads, keys, depth)``.
        scale: ``v``, ``(heads, features)``.
        mask: True where a key may be seen; broadcasts to ``(batch, heads, queries,
            keys)``. A masked key has weight 0 whatever it holds, a query without a
            valid key a context of 0.
        weights: Whether the weights are returned, or the slice of queries whose
            weights are.
        held: How many weights may be held at once though nobody asked for them.

    Returns:
        Context ``(batch, heads, queries, depth)`` in the type of ``value``, and
        weights ``(batch, heads, queries, keys)`` of the queries asked for, or None.

    Raises:
        ArgumentError: Shapes that do not belong together.

    References:
        Milakov, Gimelshein: Online normalizer calculation for softmax (2018),
        https://arxiv.org/abs/1805.02867.
    """
    query, key, scale = with_heads(query, key, scale)
    value = ops.convert_to_tensor(value)
    _check_value(key, value)
    if weights is True or held_whole(query, key, held):
        context, all_weights = _with_weights(query, key, value, scale, mask)
        return context, _selected(all_weights, weights)
    context = _in_blocks(query, key, value, scale, mask)
    if weights is False:
        return context, None
    some = _rows_of(mask, weights)
    return context, _with_weights(query[:, :, weights], key, value, scale, some)[1]


def held_whole(
    query: Float[Tensor, "batch heads queries features"],
    key: Float[Tensor, "batch heads keys features"],
    held: int = HELD,
) -> bool:
    """Whether all weights are held even where they are not asked for."""
    sizes = (*query.shape[:3], key.shape[2])
    if not all(isinstance(size, int) for size in sizes):
        return True
    return (
        backend_name() != "jax"
        or isinstance(query, keras.KerasTensor)
        or math.prod(sizes) <= held
    )


def _with_weights(
    query: Float[Tensor, "batch heads queries features"],
    key: Float[Tensor, "batch heads keys features"],
    value: Float[Tensor, "batch heads keys depth"],
    scale: Float[Tensor, "heads features"],
    mask: Shaped[Tensor, "..."] | None,
) -> tuple[
    Float[Tensor, "batch heads queries depth"],
    Float[Tensor, "batch heads queries keys"],
]:
    scores = choose(query, key, scale).scores(query, key, scale)
    weights = ops.cast(masked_softmax(scores, mask), value.dtype)
    return ops.matmul(weights, value), weights


def _in_blocks(
    query: Float[Tensor, "batch heads queries features"],
    key: Float[Tensor, "batch heads keys features"],
    value: Float[Tensor, "batch heads keys depth"],
    scale: Float[Tensor, "heads features"],
    mask: Shaped[Tensor, "..."] | None,
) -> Float[Tensor, "batch heads queries depth"]:
    on_jax = importlib.import_module("regard.ops.additive.jax_context")
    keys = key.shape[2]
    valid = ops.ones((1, 1, 1, keys), "bool") if mask is None else _four_axes(mask)
    if valid.shape[-1] == 1:
        valid = ops.broadcast_to(valid, (*valid.shape[:-1], keys))
    size = min(BLOCK, keys)
    context = on_jax.context(query, key, widen(value), scale, valid, size)
    return ops.cast(context, value.dtype)


def _four_axes(mask: Shaped[Tensor, "..."]) -> Bool[Tensor, "_ _ _ _"]:
    mask = as_mask(mask)
    return ops.reshape(mask, (*(1,) * (4 - len(mask.shape)), *mask.shape))


def _rows_of(mask: Tensor | None, queries: slice) -> Tensor | None:
    if mask is None:
        return None
    mask = _four_axes(mask)
    return mask if mask.shape[2] == 1 else mask[:, :, queries]


def _selected(all_weights: Tensor, wanted: bool | slice) -> Tensor | None:
    if isinstance(wanted, slice):
        return all_weights[:, :, wanted]
    return all_weights if wanted else None


def _check_value(key: Tensor, value: Tensor) -> None:
    if tuple(value.shape[:3]) != tuple(key.shape[:3]):
        raise ArgumentError(
            "Each key stands for a value.",
            expected=f"values {(*tuple(key.shape[:3]), 'depth')}",
            received=str(tuple(value.shape)),
        )
