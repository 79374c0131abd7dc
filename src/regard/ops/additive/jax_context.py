r"""Context without weights on JAX: blocks of keys and a running softmax.

With the scores ``s`` of one block at a time,

.. math::
    c_i = \frac{\sum_j m_{ij} e^{s_{ij} - M_i} x_j}{\sum_j m_{ij} e^{s_{ij} - M_i}}

where the largest score ``M_i`` grows from block to block and what was added up before
is scaled down with it. The gradient computes the scores of each block again from the
logarithm of the sums, so that no more than a block of them is ever held.

References:
    Milakov, Gimelshein: Online normalizer calculation for softmax (2018),
    https://arxiv.org/abs/1805.02867; Dao et al.: FlashAttention (2022),
    https://arxiv.org/abs/2205.14135.
"""

import functools
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from regard._typing import Bool, Float
from regard.ops.additive.jax_scores import scores
from regard.ops.additive.jax_terms import block, pad
from regard.ops.precision import LOWEST

Array: TypeAlias = jax.Array
Inputs: TypeAlias = tuple[Array, Array, Array, Array, Array]


@functools.partial(jax.custom_vjp, nondiff_argnums=(5,))
def context(  # noqa: PLR0917 - a function with a gradient of its own takes no keywords
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
    value: Float[Array, "batch heads keys depth"],
    scale: Float[Array, "heads features"],
    mask: Bool[Array, "#batch #heads #queries keys"],
    size: int,
) -> Float[Array, "batch heads queries depth"]:
    """The weighted sum of values, ``size`` keys at a time.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        value: ``(batch, heads, keys, depth)``.
        scale: ``(heads, features)``.
        mask: Booleans of four axes, ``keys`` long in the last; the others broadcast.
        size: The number of keys in a block.

    Returns:
        ``(batch, heads, queries, depth)``; 0 for a query without a valid key.
    """
    return _forward(query, key, value, scale, mask, size)[0]


def _forward(  # noqa: PLR0917 - as above
    query: Array, key: Array, value: Array, scale: Array, mask: Array, size: int
) -> tuple[Array, tuple[Inputs, Array, Array]]:
    inputs = (query, key, value, scale, mask)
    count, (keys, values, masks) = _whole_blocks(size, key, value, mask)

    def step(index: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, ...]:
        peak, total, summed = carry
        valid = block(masks, index, size, 3)
        of_block = scores(query, block(keys, index, size, 2), scale)
        of_block = jnp.where(valid, of_block, LOWEST)
        higher = jnp.maximum(peak, jnp.max(of_block, axis=-1, keepdims=True))
        powers = jnp.where(valid, jnp.exp(of_block - higher), 0.0)
        shrink = jnp.exp(peak - higher)
        total = total * shrink + jnp.sum(powers, axis=-1, keepdims=True)
        summed = summed * shrink + powers @ block(values, index, size, 2)
        return higher, total, summed

    rows = (*query.shape[:3], 1)
    start = (
        jnp.full(rows, LOWEST, query.dtype),
        jnp.zeros(rows, query.dtype),
        jnp.zeros((*query.shape[:3], value.shape[-1]), query.dtype),
    )
    peak, total, summed = lax.fori_loop(0, count, step, start)
    has_key = total > 0.0
    result = summed / jnp.where(has_key, total, 1.0)
    logarithm = peak + jnp.log(jnp.where(has_key, total, 1.0))
    return result, (inputs, result, logarithm)


def _backward(
    size: int, residuals: tuple[Inputs, Array, Array], upstream: Array
) -> tuple[Array | None, ...]:
    (query, key, value, scale, mask), result, logarithm = residuals
    count, (keys, values, masks) = _whole_blocks(size, key, value, mask)
    # What the softmax takes off: the mean of the gradient under the weights.
    mean = jnp.sum(upstream * result, axis=-1, keepdims=True)

    def step(
        carry: tuple[Array, Array], index: Array
    ) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        for_query, for_scale = carry
        valid = block(masks, index, size, 3)
        rows = block(values, index, size, 2)
        of_block, pull = jax.vjp(scores, query, block(keys, index, size, 2), scale)
        kept = jnp.where(valid, of_block, LOWEST)
        weights = jnp.where(valid, jnp.exp(kept - logarithm), 0.0)
        slope = weights * (upstream @ jnp.swapaxes(rows, 2, 3) - mean)
        more_query, for_key, more_scale = pull(slope)
        for_value = jnp.swapaxes(weights, 2, 3) @ upstream
        return (for_query + more_query, for_scale + more_scale), (for_key, for_value)

    start = (jnp.zeros_like(query), jnp.zeros_like(scale))
    (for_query, for_scale), blocks = lax.scan(step, start, jnp.arange(count))
    for_key, for_value = (_joined(gradient, key.shape[2]) for gradient in blocks)
    return for_query, for_key, for_value, for_scale, None


context.defvjp(_forward, _backward)


def _whole_blocks(
    size: int, key: Array, value: Array, mask: Array
) -> tuple[int, tuple[Array, Array, Array]]:
    """Pad the keys to whole blocks; what is added is masked."""
    count = -(-key.shape[2] // size)
    total = count * size
    return count, (pad(key, 2, total), pad(value, 2, total), pad(mask, 3, total))


def _joined(blocks: Array, keys: int) -> Array:
    """From blocks ``(count, batch, heads, size, features)`` back to all keys."""
    count, batch, heads, size, features = blocks.shape
    joined = jnp.moveaxis(blocks, 0, 2).reshape(batch, heads, count * size, features)
    return joined[:, :, :keys]
