"""The terms of the score on JAX and of its gradient: sums of fractions, in blocks."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from regard._typing import Float, Int, Shaped
from regard.ops.additive.blocks import GROUP, LANES, feature_blocks, key_blocks

Array: TypeAlias = jax.Array
# From the columns of queries and keys and what a head adds to each, one summand.
GroupSum: TypeAlias = Callable[
    [Sequence[Array], Sequence[Array], Sequence[Array]], Array
]
# exp(2x) is capped here: 1 - tanh(x) is 4e-9 by then, and the product of four is
# finite in float32.
CAP = 4.8e8


def capped(p: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """``p``, at most ``CAP``. NaN stays; written so, it is one instruction."""
    return jnp.where(p > CAP, CAP, p)


def sum_of_fractions(
    numerators: Sequence[jax.Array], denominators: Sequence[jax.Array]
) -> jax.Array:
    """Fractions in pairs and pairs of pairs: one division."""
    terms = list(zip(numerators, denominators, strict=True))
    while len(terms) > 1:
        pairs = zip(terms[::2], terms[1::2], strict=False)
        odd = terms[len(terms) // 2 * 2 :]
        terms = [(n * e + m * d, d * e) for (n, d), (m, e) in pairs] + odd
    ((numerator, denominator),) = terms
    return numerator / denominator


def sum_over_features(
    query: Float[Array, "batch heads queries _"],
    key: Float[Array, "batch heads keys _"],
    of_heads: Float[Array, "heads groups numbers"],
    group_sum: GroupSum,
) -> Float[Array, "batch heads queries keys"]:
    """Add up ``group_sum`` over all groups of features.

    Args:
        query: ``(batch, heads, queries, features)``; what a row has beyond the groups
            is not read.
        key: ``(batch, heads, keys, features)``, likewise.
        of_heads: ``(heads, groups, numbers)``, what ``group_sum`` gets besides.
        group_sum: Maps one group to what it adds.

    Returns:
        ``(batch, heads, queries, keys)``.
    """
    batch, heads, queries, _ = query.shape
    keys = key.shape[2]
    steps, rows = feature_blocks(GROUP * of_heads.shape[1]), key_blocks(keys)
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


def sum_over_vectors(
    query: Float[Array, "batch heads queries _"],
    key: Float[Array, "batch heads keys _"],
    of_heads: Float[Array, "heads groups numbers"],
    group_sum: GroupSum,
) -> Float[Array, "batch heads queries keys"]:
    """The same with vectors of features: each lane has a partial sum of its own.

    Its arguments are those of ``sum_over_features``; two features of a group are
    ``LANES`` apart.
    """
    vectors = of_heads.reshape(of_heads.shape[0], -1, LANES, of_heads.shape[-1])
    query, key = query[:, :, :, None], key[:, :, None]
    total = jnp.zeros((), query.dtype)
    for group in range(vectors.shape[1]):
        starts = range(GROUP * LANES * group, GROUP * LANES * (group + 1), LANES)
        own = vectors[:, group, None, None]
        total = total + group_sum(
            [query[..., start : start + LANES] for start in starts],
            [key[..., start : start + LANES] for start in starts],
            [own[..., number] for number in range(own.shape[-1])],
        )
    # A product with ones: XLA's CPU compiler would not vectorise the sum.
    ones = jnp.ones((LANES, 1), query.dtype)
    return jnp.matmul(total, ones, precision=lax.Precision.HIGHEST)[..., 0]


def grouped(
    of_features: Float[Array, "heads features"], lanes: int = 1
) -> Float[Array, "heads groups 4"]:
    """``(heads, groups, 4)`` from ``(heads, features)``, whole groups.

    Args:
        of_features: One number for each feature.
        lanes: The distance between two features of a group.
    """
    heads, features = of_features.shape
    cut = of_features.reshape(heads, features // (GROUP * lanes), GROUP, lanes)
    return jnp.swapaxes(cut, 2, 3).reshape(heads, features // GROUP, GROUP)


def ungrouped(
    groups: Shaped[Array, "heads groups 4"], lanes: int = 1
) -> Shaped[Array, "heads groups*4"]:
    """``(heads, features)`` again."""
    heads, count, _ = groups.shape
    cut = groups.reshape(heads, count // lanes, lanes, GROUP)
    return jnp.swapaxes(cut, 2, 3).reshape(heads, count * GROUP)


def pad(tensor: Shaped[Array, "..."], axis: int, size: int) -> Shaped[Array, "..."]:
    """Lengthen an axis to ``size`` with zeros, if it is shorter."""
    missing = size - tensor.shape[axis]
    if missing <= 0:
        return tensor
    widths = [(0, 0)] * tensor.ndim
    widths[axis] = (0, missing)
    return jnp.pad(tensor, widths)


def block(
    tensor: Shaped[Array, "..."], index: Int[Array, ""], size: int, axis: int
) -> Shaped[Array, "..."]:
    """Block ``index`` of an axis."""
    return lax.dynamic_slice_in_dim(tensor, index * size, size, axis)
