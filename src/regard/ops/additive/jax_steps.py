r"""Scores of one query against keys that stay, on JAX: a step of a decoder.

The factors of the keys are taken once for each sequence. A step then costs one
multiply-add and one division for each (key, feature), no hyperbolic tangent, and its
gradient keeps the query alone: through ``T`` steps that is ``(T, features)``, where
automatic differentiation would keep ``(T, keys, features)``.
"""

from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from regard.ops.additive.jax_ranges import FINITE

Array: TypeAlias = jax.Array


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


def prepare_keys(key: Array) -> KeyFactors:
    """Take the factors of ``(batch, heads, keys, features)`` once."""
    fixed = lax.stop_gradient(key)
    return KeyFactors(key, jnp.exp(2.0 * fixed), _bounded(fixed))


@jax.custom_vjp
def step_scores(query: Array, keys: KeyFactors, scale: Array) -> Array:
    """Scores of the queries of one step.

    Args:
        query: ``(batch, heads, queries, features)``.
        keys: What ``prepare_keys`` made.
        scale: ``(heads, features)``.

    Returns:
        ``(batch, heads, queries, keys)``.
    """
    rest = _rest(query, keys)
    # Not an einsum: XLA would transpose what remains before it adds it up.
    total = jnp.matmul(rest, scale[:, None, :, None])[..., 0]
    return jnp.sum(scale, axis=-1)[:, None, None] - 2.0 * total


def _forward(
    query: Array, keys: KeyFactors, scale: Array
) -> tuple[Array, tuple[Array, KeyFactors, Array]]:
    return step_scores(query, keys, scale), (query, keys, scale)


def _backward(
    saved: tuple[Array, KeyFactors, Array], upstream: Array
) -> tuple[Array, KeyFactors, Array]:
    query, keys, scale = saved
    rest = _rest(query, keys)
    slope = 4.0 * scale[:, None, None] * rest * (1.0 - rest)
    for_key = jnp.einsum("bhqk,bhqkd->bhkd", upstream, slope)
    for_query = jnp.einsum("bhqk,bhqkd->bhqd", upstream, slope)
    tangents = jnp.einsum("bhqk,bhqkd->hd", upstream, 1.0 - 2.0 * rest)
    return for_query, KeyFactors(for_key, jnp.zeros_like(for_key), None), tangents


step_scores.defvjp(_forward, _backward)


def _rest(query: Array, keys: KeyFactors) -> Array:
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
