"""Which form of the score is right for the numbers at hand, on JAX.

The choice depends on values and not on shapes. It is made on the device, by a
conditional of which one branch runs; finding it reads queries and keys once.
"""

import enum

import jax
import jax.numpy as jnp

from regard.ops.additive.blocks import GROUP

# A feature whose scale is smaller than this part of its group's largest adds nothing
# that float32 could show in the sum.
NEGLIGIBLE = 1e-7
# Up to here exp(2x) and exp(-2x) are finite and not 0 in float32.
FINITE = 40.0
# Up to here they still are when divided by a relative scale of NEGLIGIBLE.
_SCALED = 30.0
# The logarithm of the largest float32 is 88.7; a sum of four fractions is at most
# four times the largest product of its denominators.
_PRODUCT = 85.0
# The product of four 2 + exp(2x) + exp(-2x) with |x| up to this is below _PRODUCT.
_SLOPE = 10.0


class Range(enum.IntEnum):
    """The branches, cheapest first; each is right wherever those before it are."""

    NEAR = 0  # no product of four overflows
    FAR = 1  # the factors are finite, their products have to be capped
    ANY = 2  # nothing is known: NaN and infinity may be among them


def score_range(query: jax.Array, key: jax.Array, scale: jax.Array) -> jax.Array:
    """The branch for the score."""
    sums = _highest(query) + _highest(key)
    # ln(P) is at most this, where P is what regard.ops.additive.jax_scores divides by.
    bound = _by_group(jax.nn.softplus(2.0 * sums) - _relative_logarithm(scale))
    near = jnp.all(bound <= _PRODUCT) & _within(_SCALED, query, key)
    return _branch(near, query, key, scale)


def slope_range(query: jax.Array, key: jax.Array, scale: jax.Array) -> jax.Array:
    """The branch for the gradient, whose terms grow to both sides."""
    near = jnp.all(_highest(jnp.abs(query)) + _highest(jnp.abs(key)) <= _SLOPE)
    return _branch(near, query, key, scale)


def relative_scale(scale: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The scale of each feature relative to the largest of its group.

    Args:
        scale: ``(heads, features)``, whole groups.

    Returns:
        The relative scale, 1 where it is negligible; where it is not; and the largest
        scale, ``(heads, groups, 1)``. The first two are ``(heads, groups, 4)``.
    """
    grouped = scale.reshape(scale.shape[0], -1, GROUP)
    largest = jnp.argmax(jnp.abs(grouped), axis=-1, keepdims=True)
    lead = jnp.take_along_axis(grouped, largest, axis=-1)
    relative = grouped / jnp.where(lead == 0.0, 1.0, lead)
    kept = jnp.abs(relative) > NEGLIGIBLE
    return jnp.where(kept, relative, 1.0), kept, lead


def _branch(
    near: jax.Array, query: jax.Array, key: jax.Array, scale: jax.Array
) -> jax.Array:
    # Comparisons with NaN are False, so that NaN ends in the last branch.
    far = _within(FINITE, query, key) & jnp.all(jnp.isfinite(scale))
    return jnp.where(far, jnp.where(near, Range.NEAR, Range.FAR), Range.ANY)


def _relative_logarithm(scale: jax.Array) -> jax.Array:
    relative, _, _ = relative_scale(scale)
    return jnp.log(jnp.abs(relative)).reshape(scale.shape)


def _by_group(of_features: jax.Array) -> jax.Array:
    heads, features = of_features.shape
    return jnp.sum(of_features.reshape(heads, features // GROUP, GROUP), axis=-1)


def _highest(tensor: jax.Array) -> jax.Array:
    """``(heads, features)``, over batch and time."""
    return jnp.max(tensor, axis=(0, 2))


def _within(limit: float, *tensors: jax.Array) -> jax.Array:
    return jnp.max(jnp.stack([jnp.max(jnp.abs(x)) for x in tensors])) <= limit
