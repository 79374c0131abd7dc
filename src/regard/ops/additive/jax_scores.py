"""The additive score on JAX: factored, blocked, with a gradient of its own.

All functions take ``query (batch, heads, queries, features)``,
``key (batch, heads, keys, features)`` and ``scale (heads, features)`` in float32.

With ``a = exp(2q)`` and ``b = exp(2k)``, taken once for each row,
``tanh(q + k) = 1 - 2 / (1 + ab)``. What is left for each (query, key, feature) is a
multiply-add and a division, and of the divisions four are made one by
``1/x + 1/y = (x + y) / (xy)``.

The inner loop runs over keys, and the sum over sixteen features is written out in
each step: XLA's CPU compiler turns that into vector code, a reduction it would not.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from regard.ops.additive.blocks import GROUP, feature_blocks, key_blocks
from regard.ops.additive.jax_gradient import gradient
from regard.ops.additive.jax_ranges import relative_scale, score_range
from regard.ops.additive.jax_terms import block, capped, pad, sum_of_fractions

Array: TypeAlias = jax.Array
# From the columns of queries and keys and what a head adds to each, one summand.
GroupSum: TypeAlias = Callable[
    [Sequence[Array], Sequence[Array], Sequence[Array]], Array
]

# With fewer queries the factors cost more than the tanh they save.
FEW_QUERIES = 4


# Compiled also where the caller is not: loops that run eagerly compile at every call.
@jax.custom_vjp
@jax.jit
def scores(query: Array, key: Array, scale: Array) -> Array:
    """``(batch, heads, queries, keys)``."""
    if query.shape[2] < FEW_QUERIES:
        return direct_scores(query, key, scale)
    # Features added to fill the last step have a scale of 0.
    size = feature_blocks(query.shape[-1]).total
    query, key, scale = (pad(tensor, -1, size) for tensor in (query, key, scale))
    return lax.switch(
        score_range(query, key, scale),
        [near_scores, far_scores, any_scores],
        query,
        key,
        scale,
    )


def _forward(
    query: Array, key: Array, scale: Array
) -> tuple[Array, tuple[Array, Array, Array]]:
    return scores(query, key, scale), (query, key, scale)


def _backward(
    inputs: tuple[Array, Array, Array], upstream: Array
) -> tuple[Array, Array, Array]:
    return gradient(*inputs, upstream)


scores.defvjp(_forward, _backward)


def direct_scores(query: Array, key: Array, scale: Array) -> Array:
    """The formula as it stands; XLA sums up without storing the tangents."""
    tangents = jnp.tanh(query[:, :, :, None] + key[:, :, None])
    return jnp.sum(scale[:, None, None] * tangents, axis=-1)


def near_scores(query: Array, key: Array, scale: Array) -> Array:
    """Where no product of four ``p = 1 + ab`` can overflow: three operations each.

    Divided by its scale relative to the largest of the group, ``P = p / w``, a term
    is ``1 / P``, and two of them are ``(P + P') / (P P')``.
    """
    relative, kept, lead = relative_scale(scale)
    inverse = 1.0 / relative
    weight = jnp.where(kept, inverse, 0.0).reshape(scale.shape)

    def group_sum(
        a: Sequence[Array], b: Sequence[Array], of_heads: Sequence[Array]
    ) -> Array:
        first, second, third, fourth = (
            w + x * y for w, x, y in zip(of_heads[:GROUP], a, b, strict=True)
        )
        numerator = (first + second) * (third * fourth)
        numerator += (third + fourth) * (first * second)
        return of_heads[GROUP] * (numerator / ((first * second) * (third * fourth)))

    # A negligible feature has a weight of 0, hence P = 1: it adds the lead once.
    left_out = jnp.sum(jnp.where(kept, 0.0, lead), axis=(1, 2))
    constant = jnp.sum(jnp.where(kept.reshape(scale.shape), scale, 0.0), axis=1)
    total = _sum_over_features(
        jnp.exp(2.0 * query) * weight[:, None],
        jnp.exp(2.0 * key),
        jnp.concatenate([inverse, lead], axis=-1),
        group_sum,
    )
    return (constant + 2.0 * left_out)[:, None, None] - 2.0 * total


def far_scores(query: Array, key: Array, scale: Array) -> Array:
    """Where the factors are finite and their products are capped."""

    def group_sum(
        a: Sequence[Array], b: Sequence[Array], of_heads: Sequence[Array]
    ) -> Array:
        p = [capped(1.0 + x * y) for x, y in zip(a, b, strict=True)]
        return sum_of_fractions(of_heads, p)

    of_heads = scale.reshape(scale.shape[0], -1, GROUP)
    a, b = jnp.exp(2.0 * query), jnp.exp(2.0 * key)
    total = _sum_over_features(a, b, of_heads, group_sum)
    return jnp.sum(scale, axis=-1)[:, None, None] - 2.0 * total


def any_scores(query: Array, key: Array, scale: Array) -> Array:
    """Where no bound is known: the tanh itself, a block of features at a time."""

    def group_sum(
        q: Sequence[Array], k: Sequence[Array], of_heads: Sequence[Array]
    ) -> Array:
        terms = zip(of_heads, q, k, strict=True)
        return sum((v * jnp.tanh(x + y) for v, x, y in terms), jnp.zeros(()))

    of_heads = scale.reshape(scale.shape[0], -1, GROUP)
    return _sum_over_features(query, key, of_heads, group_sum)


def _sum_over_features(
    query: Array, key: Array, of_heads: Array, group_sum: GroupSum
) -> Array:
    """Add up ``group_sum`` over all groups of features.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        of_heads: ``(heads, groups, numbers)``, what ``group_sum`` gets besides.
        group_sum: Maps one group to what it adds.

    Returns:
        ``(batch, heads, queries, keys)``.
    """
    batch, heads, queries, features = query.shape
    keys = key.shape[2]
    steps, rows = feature_blocks(features), key_blocks(keys)
    groups = steps.size // GROUP
    key = pad(key, 2, rows.total)

    def step(index: Array, total: Array) -> Array:
        q = block(query, index, steps.size, -1)[:, :, None, :, None]
        k = jnp.swapaxes(block(key, index, steps.size, -1), 2, 3)
        k = k.reshape(batch, heads, steps.size, rows.count, 1, rows.size)
        own = block(of_heads, index, groups, 1)
        own = own[:, :, :, None, None, None]
        for group in range(groups):
            places = range(GROUP * group, GROUP * (group + 1))
            total = total + group_sum(
                [q[..., place] for place in places],
                [k[:, :, place] for place in places],
                [own[:, group, number] for number in range(own.shape[2])],
            )
        return total

    shape = (batch, heads, rows.count, queries, rows.size)
    total = lax.fori_loop(0, steps.count, step, jnp.zeros(shape, query.dtype))
    total = jnp.swapaxes(total, 2, 3).reshape(batch, heads, queries, rows.total)
    return total[..., :keys]
