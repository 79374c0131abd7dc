"""The residuals of the score on JAX: computed once, and used again by its gradient.

They are the factors of queries and keys, and the bounds that say which form of the
score is right for the numbers at hand. That choice depends on values and not on shapes.
It is made on the device, by a conditional of which one branch runs; finding it reads
queries and keys once, for the score and for its gradient together.
"""

import enum
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from regard._typing import Bool, Float, Int
from regard.ops.additive.blocks import row_length
from regard.ops.additive.jax_terms import grouped, pad

Array: TypeAlias = jax.Array

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


class Branch(enum.IntEnum):
    """The branches, cheapest first; each is right wherever those before it are."""

    UNCAPPED = 0  # no product of four overflows
    CAPPED = 1  # the factors are finite, their products have to be capped
    TANH = 2  # nothing is known: NaN and infinity may be among them


class FeatureMaxima(NamedTuple):
    """The largest absolute value of each feature, ``(heads, features)``; NaN stays."""

    query: Array
    key: Array


class Residuals(NamedTuple):
    """The inputs and what is known of them; ``O((queries + keys) * features)``.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        scale: ``(heads, features)``.
        of_query: The factors of the queries, in rows that may be longer than these.
        of_key: The factors of the keys, likewise.
        maxima: Of queries and keys.
    """

    query: Array
    key: Array
    scale: Array
    of_query: Array
    of_key: Array
    maxima: FeatureMaxima


def compute_residuals(
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
    scale: Float[Array, "heads features"],
    *,
    spread: bool = True,
) -> Residuals:
    """The residuals of these inputs, which are read once.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        scale: ``(heads, features)``.
        spread: Whether rows of factors are ``row_length`` long, as the gradient wants
            them, which reads many of them side by side. The score does not.
    """
    maxima = feature_maxima(query, key)
    of_query, of_key = (factors(rows, spread=spread) for rows in (query, key))
    return Residuals(query, key, scale, of_query, of_key, maxima)


def feature_maxima(
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
) -> FeatureMaxima:
    """The maxima over batch and time."""
    return FeatureMaxima(_maximum(query), _maximum(key))


def factors(
    rows: Float[Array, "batch heads rows features"], *, spread: bool = False
) -> Float[Array, "batch heads rows _"]:
    """``exp(2 rows)``; where that is not finite or 0, a number that is not used.

    Args:
        rows: ``(batch, heads, rows, features)``.
        spread: Whether a row of the result is ``row_length`` long. What lies behind
            the features is not read by anyone.
    """
    if spread:
        rows = pad(rows, -1, row_length(rows.shape[-1]))
    return jnp.exp(2.0 * jnp.clip(rows, -FINITE, FINITE))


def score_branch(
    maxima: FeatureMaxima, scale: Float[Array, "heads features"], lanes: int = 1
) -> Int[Array, ""]:
    """The branch for the score whose groups are cut by ``lanes``."""
    relative, _, _ = relative_scale(scale, lanes)
    # ln(P) is at most this, where P is what regard.ops.additive.jax_scores divides by.
    growth = grouped(jax.nn.softplus(2.0 * (maxima.query + maxima.key)), lanes)
    bound = jnp.sum(growth - jnp.log(jnp.abs(relative)), axis=-1)
    uncapped = jnp.all(bound <= _PRODUCT) & _within(_SCALED, maxima)
    return _branch(uncapped, maxima, scale)


def gradient_branch(
    maxima: FeatureMaxima, scale: Float[Array, "heads features"]
) -> Int[Array, ""]:
    """The branch for the gradient, whose terms grow to both sides."""
    return _branch(jnp.all(maxima.query + maxima.key <= _SLOPE), maxima, scale)


def relative_scale(
    scale: Float[Array, "heads features"], lanes: int = 1
) -> tuple[
    Float[Array, "heads groups 4"],
    Bool[Array, "heads groups 4"],
    Float[Array, "heads groups 1"],
]:
    """The scale of each feature relative to the largest of its group.

    Args:
        scale: ``(heads, features)``, whole groups.
        lanes: As for ``grouped``.

    Returns:
        The relative scale, 1 where it is negligible; where it is not; and the largest
        scale, ``(heads, groups, 1)``. The first two are ``(heads, groups, 4)``.
    """
    groups = grouped(scale, lanes)
    highest = jnp.max(groups, axis=-1, keepdims=True)
    lowest = jnp.min(groups, axis=-1, keepdims=True)
    lead = jnp.where(highest >= -lowest, highest, lowest)
    relative = groups / jnp.where(lead == 0.0, 1.0, lead)
    kept = jnp.abs(relative) > NEGLIGIBLE
    return jnp.where(kept, relative, 1.0), kept, lead


def _maximum(
    rows: Float[Array, "batch heads rows features"],
) -> Float[Array, "heads features"]:
    # Squares and their maximum are one pass over the rows, absolute values two. A
    # square that overflows is beyond every limit, as is the value.
    return jnp.sqrt(jnp.max(rows * rows, axis=(0, 2)))


def _branch(uncapped: Array, maxima: FeatureMaxima, scale: Array) -> Array:
    # Comparisons with NaN are False, so that NaN ends in the last branch.
    finite = _within(FINITE, maxima) & jnp.all(jnp.isfinite(scale))
    factored = jnp.where(uncapped, Branch.UNCAPPED, Branch.CAPPED)
    return jnp.where(finite, factored, Branch.TANH)


def _within(limit: float, maxima: FeatureMaxima) -> Array:
    return jnp.all((maxima.query <= limit) & (maxima.key <= limit))
