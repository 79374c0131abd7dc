"""What the kernel of the additive score reads: prepared by row, before any pair."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from regard.ops.additive.blocks import GROUP
from regard.ops.additive.jax_ranges import Range, relative_scale
from regard.ops.additive.jax_terms import pad
from regard.ops.additive.pallas_tiles import Array, Tile, up

# Up to here exp(2x), divided by the least relative scale that is kept, is finite.
_FACTORS = 30.0
# The logarithm of the largest float32 is 88.7; what is added up of four is at most four
# times the product of their denominators.
_PRODUCT = 85.0


class Operands(NamedTuple):
    """What the kernel reads, ``count`` being the heads of the whole batch.

    Args:
        branch: The ``Range``, ``(count, 1)``.
        constant: What the terms are taken off, ``(count, 1)``.
        of_groups: The largest scale of each group, ``(count, groups)``.
        of_features: ``1/w``, or the scale for ``Range.ANY``; ``(count, features)``.
        left: ``a/w``, or the queries for ``Range.ANY``; ``(count, queries, features)``.
        right: ``b``, or the keys for ``Range.ANY``; ``(count, features, keys)``.
    """

    branch: Array
    constant: Array
    of_groups: Array
    of_features: Array
    left: Array
    right: Array


def prepare(query: Array, key: Array, scale: Array, tile: Tile) -> Operands:
    """The operands; features fill groups, queries and keys fill tiles."""
    size = up(query.shape[-1], GROUP)
    query, key, scale = (pad(tensor, -1, size) for tensor in (query, key, scale))
    query, key, scale = _with_positive_scale(query, key, scale)
    relative, kept, lead = relative_scale(scale)
    inverse = (1.0 / relative).reshape(scale.shape)
    # A negligible feature has a weight of 0, hence P = 1: it adds the lead once.
    weight = jnp.where(kept.reshape(scale.shape), inverse, 0.0)
    constant = jnp.sum(
        jnp.where(kept, scale.reshape(kept.shape), 2.0 * lead), axis=(1, 2)
    )
    branch = _branch(query, key, scale, inverse)
    direct = (branch == Range.ANY)[:, :, None, None]
    left = jnp.where(direct, query, jnp.exp(2.0 * query) * weight[:, None])
    right = jnp.where(direct, key, jnp.exp(2.0 * key))
    operands = Operands(
        branch[:, :, None],
        jnp.broadcast_to(constant[:, None], (*branch.shape, 1)),
        jnp.broadcast_to(lead[:, :, 0], (*branch.shape, size // GROUP)),
        jnp.where(direct[..., 0], scale, inverse),
        pad(left, 2, up(left.shape[2], tile.rows)),
        jnp.swapaxes(pad(right, 2, up(right.shape[2], tile.columns)), 2, 3),
    )
    return Operands(*(x.reshape(-1, *x.shape[2:]) for x in operands))


def _with_positive_scale(
    query: Array, key: Array, scale: Array
) -> tuple[Array, Array, Array]:
    """``v tanh(x) = -v tanh(-x)``."""
    sign = jnp.where(scale < 0.0, -1.0, 1.0)[:, None]
    return query * sign, key * sign, jnp.abs(scale)


def _branch(query: Array, key: Array, scale: Array, inverse: Array) -> Array:
    """The ``Range`` for each head of a batch, so that one row slows down no other."""
    sums = jnp.max(query, axis=2) + jnp.max(key, axis=2)
    # ln(P) is at most this.
    bound = jax.nn.softplus(2.0 * sums) + jnp.log(inverse)
    of_groups = jnp.sum(bound.reshape(*bound.shape[:2], -1, GROUP), axis=-1)
    near = jnp.max(of_groups, axis=-1) <= _PRODUCT
    far = within(_FACTORS, query, key) & jnp.all(jnp.isfinite(scale), axis=-1)
    return chosen(near, far)


def within(limit: float, query: Array, key: Array) -> Array:
    """Which heads of a batch hold no number beyond a limit, and no NaN."""
    of_query, of_key = (jnp.max(jnp.abs(rows), (2, 3)) for rows in (query, key))
    # Each by itself: comparisons with NaN are False, whatever a maximum makes of it.
    return (of_query <= limit) & (of_key <= limit)


def chosen(near: Array, far: Array) -> Array:
    """The ``Range``; ``near`` counts where ``far`` holds."""
    return jnp.where(far, jnp.where(near, Range.NEAR, Range.FAR), Range.ANY)
