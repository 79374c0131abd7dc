"""The additive score on JAX: factored, blocked, with a gradient of its own.

All functions but those of a step take ``query (batch, heads, queries, features)``,
``key (batch, heads, keys, features)`` and ``scale (heads, features)`` in float32.

With ``a = exp(2q)`` and ``b = exp(2k)``, taken once for each row,
``tanh(q + k) = 1 - 2 / (1 + ab)``. What is left for each (query, key, feature) is a
multiply-add and a division, and of the divisions four are made one by
``1/x + 1/y = (x + y) / (xy)``.

A step of a decoder has one query, or a few, against keys that stay. The factors of the
keys are taken once for each sequence. A step then costs one multiply-add and one
division for each (key, feature), no hyperbolic tangent, and its gradient keeps the
query alone: through ``T`` steps that is ``(T, features)``, where automatic
differentiation would keep ``(T, keys, features)``.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from regard._typing import Float
from regard.ops.additive.blocks import GROUP, feature_blocks, lanes
from regard.ops.additive.jax_gradient import gradient_from
from regard.ops.additive.jax_residuals import (
    FINITE,
    FeatureMaxima,
    Residuals,
    compute_residuals,
    relative_scale,
    score_branch,
)
from regard.ops.additive.jax_terms import (
    capped,
    grouped,
    pad,
    sum_of_fractions,
    sum_over_features,
    sum_over_vectors,
    ungrouped,
)

Array: TypeAlias = jax.Array
# With fewer queries the factors cost more than the tanh they save.
FEW_QUERIES = 4


class KeyFactors(NamedTuple):
    """Keys of a sequence, ready for many queries.

    Args:
        key: ``(batch, heads, keys, features)``, as given.
        factor: ``exp(2 key)``.
        bounded: Whether all factors are finite and not 0; a scalar.
    """

    key: Array
    factor: Array
    bounded: Array


# Compiled also where the caller is not: loops that run eagerly compile at every call.
@jax.custom_vjp
@jax.jit
def scores(
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
    scale: Float[Array, "heads features"],
) -> Float[Array, "batch heads queries keys"]:
    """The scores, ``(batch, heads, queries, keys)``."""
    if query.shape[2] < FEW_QUERIES:
        return direct_scores(query, key, scale)
    return _factored(compute_residuals(query, key, scale, spread=False))


@jax.jit
def _forward(query: Array, key: Array, scale: Array) -> tuple[Array, Residuals]:
    residuals = compute_residuals(query, key, scale)
    if query.shape[2] < FEW_QUERIES:
        return direct_scores(query, key, scale), residuals
    return _factored(residuals), residuals


scores.defvjp(_forward, gradient_from)


def _factored(residuals: Residuals) -> Array:
    batch, heads, queries, features = residuals.query.shape
    width = lanes(batch * heads * queries * residuals.key.shape[2], features)
    steps = feature_blocks(features, width)
    # Features added to fill the last step have a scale of 0.
    query, key, scale, a, b = (pad(x, -1, steps.total) for x in residuals[:5])
    maxima = FeatureMaxima(*(pad(x, -1, steps.total) for x in residuals.maxima))
    return lax.switch(
        score_branch(maxima, scale, width),
        [
            lambda: uncapped_scores(a, b, scale, width),
            lambda: capped_scores(a, b, scale),
            lambda: tanh_scores(query, key, scale),
        ],
    )


def direct_scores(
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
    scale: Float[Array, "heads features"],
) -> Float[Array, "batch heads queries keys"]:
    """The formula as it stands; XLA sums up without storing the tangents."""
    tangents = jnp.tanh(query[:, :, :, None] + key[:, :, None])
    return jnp.sum(scale[:, None, None] * tangents, axis=-1)


def uncapped_scores(
    a: Float[Array, "batch heads queries _"],
    b: Float[Array, "batch heads keys _"],
    scale: Float[Array, "heads features"],
    width: int = 1,
) -> Float[Array, "batch heads queries keys"]:
    """Where no product of four ``p = 1 + ab`` can overflow: three operations each.

    Divided by its scale relative to the largest of the group, ``P = p / w``, a term
    is ``1 / P``, and two of them are ``(P + P') / (P P')``.

    Args:
        a: The factors of queries, ``(batch, heads, queries, features)``; what its rows
            have beyond the features of ``scale`` is not read.
        b: The factors of keys, ``(batch, heads, keys, features)``, likewise.
        scale: ``(heads, features)``.
        width: The features in a vector, ``lanes``.
    """
    relative, kept, lead = relative_scale(scale, width)
    inverse = 1.0 / relative
    weight = ungrouped(jnp.where(kept, inverse, 0.0), width)

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
    constant = jnp.sum(jnp.where(ungrouped(kept, width), scale, 0.0), axis=1)
    add_up = sum_over_features if width == 1 else sum_over_vectors
    of_heads = jnp.concatenate([inverse, lead], axis=-1)
    scaled = a[..., : weight.shape[-1]] * weight[:, None]
    total = add_up(scaled, b, of_heads, group_sum)
    return (constant + 2.0 * left_out)[:, None, None] - 2.0 * total


def capped_scores(
    a: Float[Array, "batch heads queries _"],
    b: Float[Array, "batch heads keys _"],
    scale: Float[Array, "heads features"],
) -> Float[Array, "batch heads queries keys"]:
    """Where the factors are finite and their products are capped."""

    def group_sum(
        a: Sequence[Array], b: Sequence[Array], of_heads: Sequence[Array]
    ) -> Array:
        p = [capped(1.0 + x * y) for x, y in zip(a, b, strict=True)]
        return sum_of_fractions(of_heads, p)

    total = sum_over_features(a, b, grouped(scale), group_sum)
    return jnp.sum(scale, axis=-1)[:, None, None] - 2.0 * total


def tanh_scores(
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
    scale: Float[Array, "heads features"],
) -> Float[Array, "batch heads queries keys"]:
    """Where no bound is known: the tanh itself, a block of features at a time."""

    def group_sum(
        q: Sequence[Array], k: Sequence[Array], of_heads: Sequence[Array]
    ) -> Array:
        terms = zip(of_heads, q, k, strict=True)
        return sum((v * jnp.tanh(x + y) for v, x, y in terms), jnp.zeros(()))

    return sum_over_features(query, key, grouped(scale), group_sum)


def prepare_keys(key: Float[Array, "batch heads keys features"]) -> KeyFactors:
    """Take the factors of ``(batch, heads, keys, features)`` once."""
    fixed = lax.stop_gradient(key)
    return KeyFactors(key, jnp.exp(2.0 * fixed), _bounded(fixed))


@jax.custom_vjp
def step_scores(
    query: Float[Array, "batch heads queries features"],
    keys: KeyFactors,
    scale: Float[Array, "heads features"],
) -> Float[Array, "batch heads queries keys"]:
    """Scores of the queries of one step.

    Args:
        query: ``(batch, heads, queries, features)``.
        keys: From ``prepare_keys``.
        scale: ``(heads, features)``.

    Returns:
        ``(batch, heads, queries, keys)``.
    """
    complement = _complement(query, keys)
    # Not an einsum: XLA would transpose what remains before it adds it up.
    total = jnp.matmul(complement, scale[:, None, :, None])[..., 0]
    return jnp.sum(scale, axis=-1)[:, None, None] - 2.0 * total


def _forward_step(
    query: Array, keys: KeyFactors, scale: Array
) -> tuple[Array, tuple[Array, KeyFactors, Array]]:
    return step_scores(query, keys, scale), (query, keys, scale)


def _backward_step(
    residuals: tuple[Array, KeyFactors, Array], upstream: Array
) -> tuple[Array, KeyFactors, Array]:
    query, keys, scale = residuals
    complement = _complement(query, keys)
    slope = 4.0 * scale[:, None, None] * complement * (1.0 - complement)
    for_key = jnp.einsum("bhqk,bhqkd->bhkd", upstream, slope)
    for_query = jnp.einsum("bhqk,bhqkd->bhqd", upstream, slope)
    tangents = jnp.einsum("bhqk,bhqkd->hd", upstream, 1.0 - 2.0 * complement)
    return for_query, KeyFactors(for_key, jnp.zeros_like(for_key), None), tangents


step_scores.defvjp(_forward_step, _backward_step)


def _complement(
    query: Float[Array, "batch heads queries features"], keys: KeyFactors
) -> Float[Array, "batch heads queries keys features"]:
    """``(1 - tanh(q + k)) / 2``, ``(batch, heads, queries, keys, features)``."""
    query = query[:, :, :, None]
    # A product that overflows or underflows ends at 0 or 1, where it belongs.
    return lax.cond(
        keys.bounded & _bounded(query),
        lambda: 1.0 / (1.0 + jnp.exp(2.0 * query) * keys.factor[:, :, None]),
        lambda: 0.5 - 0.5 * jnp.tanh(query + keys.key[:, :, None]),
    )


def _bounded(rows: Array) -> Array:
    """Whether ``exp(2 rows)`` is finite and not 0 throughout; False for NaN."""
    return jnp.max(jnp.abs(rows), initial=0.0) <= FINITE
