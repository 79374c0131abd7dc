"""What the score on JAX and its gradient share: blocks of arrays, sums of fractions."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from regard.ops.additive.blocks import GROUP

# exp(2x) is capped here: 1 - tanh(x) is 4e-9 by then, and the product of four is
# finite in float32.
CAP = 4.8e8


def capped(p: jax.Array) -> jax.Array:
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


def grouped(of_features: jax.Array, lanes: int = 1) -> jax.Array:
    """``(heads, groups, 4)`` from ``(heads, features)``, whole groups.

    Args:
        of_features: One number for each feature.
        lanes: The distance between two features of a group.
    """
    heads, features = of_features.shape
    cut = of_features.reshape(heads, features // (GROUP * lanes), GROUP, lanes)
    return jnp.swapaxes(cut, 2, 3).reshape(heads, features // GROUP, GROUP)


def ungrouped(groups: jax.Array, lanes: int = 1) -> jax.Array:
    """``(heads, features)`` again."""
    heads, count, _ = groups.shape
    cut = groups.reshape(heads, count // lanes, lanes, GROUP)
    return jnp.swapaxes(cut, 2, 3).reshape(heads, count * GROUP)


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
