"""What the score on JAX and its gradient share: blocks of arrays and sums of four."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

# exp(2x) is capped here: 1 - tanh(x) is 4e-9 by then, and the product of four is
# finite in float32.
CAP = 4.8e8


def capped(p: jax.Array) -> jax.Array:
    """``p``, at most ``CAP``. NaN stays; written so, it is one instruction."""
    return jnp.where(p > CAP, CAP, p)


def sum_of_fractions(
    numerators: Sequence[jax.Array], denominators: Sequence[jax.Array]
) -> jax.Array:
    """Four fractions, one division."""
    n1, n2, n3, n4 = numerators
    d1, d2, d3, d4 = denominators
    left, right = d1 * d2, d3 * d4
    return ((n1 * d2 + n2 * d1) * right + (n3 * d4 + n4 * d3) * left) / (left * right)


def pad(tensor: jax.Array, axis: int, size: int) -> jax.Array:
    """Lengthen an axis to ``size`` with zeros."""
    missing = size - tensor.shape[axis]
    if not missing:
        return tensor
    widths = [(0, 0)] * tensor.ndim
    widths[axis] = (0, missing)
    return jnp.pad(tensor, widths)


def block(tensor: jax.Array, index: jax.Array, size: int, axis: int) -> jax.Array:
    """Block ``index`` of an axis."""
    return lax.dynamic_slice_in_dim(tensor, index * size, size, axis)
