"""The score on JAX where there is an NVIDIA GPU: the kernel, or the loops."""

import jax
from jax import lax

from regard.ops.additive import jax_scores, pallas_scores


@jax.jit
def scores(query: jax.Array, key: jax.Array, scale: jax.Array) -> jax.Array:
    """``(batch, heads, queries, keys)``.

    A program may be compiled for another device than the first: for that the loops
    are kept, and only what it is compiled for is taken into it.

    Args:
        query: ``(batch, heads, queries, features)``, float32.
        key: ``(batch, heads, keys, features)``, float32.
        scale: ``(heads, features)``, float32.
    """
    return lax.platform_dependent(
        query, key, scale, cuda=pallas_scores.scores, default=jax_scores.scores
    )
