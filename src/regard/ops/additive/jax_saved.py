"""What the score on JAX computes once and its gradient uses again."""

from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from regard.ops.additive.jax_ranges import FINITE, Peaks, peaks

Array: TypeAlias = jax.Array


class Saved(NamedTuple):
    """The inputs and what is known of them; ``O((queries + keys) * features)``.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        scale: ``(heads, features)``.
        of_query: The factors of the queries.
        of_key: The factors of the keys.
        peaks: Of queries and keys.
    """

    query: Array
    key: Array
    scale: Array
    of_query: Array
    of_key: Array
    peaks: Peaks


def save(query: Array, key: Array, scale: Array) -> Saved:
    """Read queries and keys once."""
    found = peaks(query, key)
    return Saved(query, key, scale, factors(query), factors(key), found)


def factors(rows: Array) -> Array:
    """``exp(2 rows)``; where that is not finite or 0, a number that is not used."""
    return jnp.exp(2.0 * jnp.clip(rows, -FINITE, FINITE))
