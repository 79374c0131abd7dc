r"""The gradient of the additive score on JAX: recomputed, blocked, never stored.

With ``r = 1 / (1 + ab)`` the derivatives are

.. math::
    \frac{\partial s}{\partial q_d} = \frac{\partial s}{\partial k_d}
    = 4 v_d\, r (1 - r), \qquad \frac{\partial s}{\partial v_d} = 1 - 2r

and ``r (1 - r) = 1 / (2 + ab + 1/(ab))``, so that all three are sums of fractions over
the rows of one side, and four of them share a division. Each sum recomputes its terms:
XLA's CPU compiler does not keep one loop with two sums, and would store the terms.

Here the inner loop runs over features, and the sum over rows is written out.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from regard._typing import Float
from regard.ops.additive.blocks import GROUP, WRITTEN_OUT, row_blocks
from regard.ops.additive.jax_residuals import (
    Residuals,
    compute_residuals,
    gradient_branch,
)
from regard.ops.additive.jax_terms import block, capped, sum_of_fractions

Array: TypeAlias = jax.Array
Factors: TypeAlias = tuple[Array, ...]
# From the factors of one side, of up to four rows of the other, and their upstream
# gradients, what the rows add.
RowSum: TypeAlias = Callable[[Factors, Sequence[Factors], Sequence[Array]], Array]


class GradientTerms(NamedTuple):
    """The terms of the gradient in one form, as sums over up to four rows.

    Args:
        slopes: The sum of ``upstream * r * (1 - r)``.
        complements: The sum of ``upstream * r``.
        written_out: Up to so many rows there is no loop.
    """

    slopes: RowSum
    complements: RowSum
    written_out: int


def gradient(
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
    scale: Float[Array, "heads features"],
    upstream: Float[Array, "batch heads queries keys"],
) -> tuple[
    Float[Array, "batch heads queries features"],
    Float[Array, "batch heads keys features"],
    Float[Array, "heads features"],
]:
    """The gradients of query, key and scale for that of the scores."""
    return gradient_from(compute_residuals(query, key, scale), upstream)


@jax.jit
def gradient_from(
    residuals: Residuals, upstream: Float[Array, "batch heads queries keys"]
) -> tuple[
    Float[Array, "batch heads queries features"],
    Float[Array, "batch heads keys features"],
    Float[Array, "heads features"],
]:
    """The same from the residuals of the forward pass."""
    query, key, scale = residuals[:3]

    def of_factors(terms: GradientTerms) -> Callable[[], tuple[Array, Array, Array]]:
        of_query, of_key = residuals.of_query, residuals.of_key
        return lambda: _sums(
            terms, (of_query, 1.0 / of_query), (of_key, 1.0 / of_key), scale, upstream
        )

    def of_rows() -> tuple[Array, Array, Array]:
        return _sums(TANH_TERMS, (query,), (key,), scale, upstream)

    for_query, for_key, complements = lax.switch(
        gradient_branch(residuals.maxima, scale),
        [of_factors(UNCAPPED_TERMS), of_factors(CAPPED_TERMS), of_rows],
    )
    # Summed up here: within a branch XLA makes one reduction of all terms, and stores
    # them for it.
    for_scale = jnp.sum(upstream, (0, 2, 3))[:, None] - 2.0 * jnp.sum(
        complements, (0, 2)
    )
    return for_query, for_key, for_scale


def _sums(
    terms: GradientTerms,
    of_query: Factors,
    of_key: Factors,
    scale: Array,
    upstream: Array,
) -> tuple[Array, Array, Array]:
    """The gradients of queries and keys; the sums over keys of ``upstream * r``."""
    # Turned once: the rows that are added up come before those they are added to.
    by_key = jnp.swapaxes(upstream, 2, 3)
    add_up = functools.partial(
        _sum_over_rows, written_out=terms.written_out, features=scale.shape[-1]
    )
    for_query = add_up(of_query, of_key, by_key, terms.slopes)
    for_key = add_up(of_key, of_query, upstream, terms.slopes)
    complements = add_up(of_query, of_key, by_key, terms.complements)
    slope = 4.0 * scale[:, None]
    return slope * for_query, slope * for_key, complements


def _sum_over_rows(
    own: Factors,
    other: Factors,
    upstream: Float[Array, "batch heads other_rows rows"],
    row_sum: RowSum,
    *,
    written_out: int,
    features: int,
) -> Float[Array, "batch heads rows features"]:
    """Add up ``terms`` over the rows of the other side.

    Args:
        own: Each ``(batch, heads, rows, features)``, or longer in the last axis.
        other: Each ``(batch, heads, other rows, features)``, likewise.
        upstream: ``(batch, heads, other rows, rows)``.
        row_sum: Maps up to four of them to what they add.
        written_out: Up to so many other rows there is no loop.
        features: Their number.

    Returns:
        ``(batch, heads, rows, features)``.
    """

    def add(total: Array, factors: Factors, weights: Array) -> Array:
        # Cut here, where it is a way of reading; before the loop it would be a copy.
        mine = tuple(x[..., :features] for x in own)
        for first in range(0, weights.shape[2], GROUP):
            places = range(first, min(first + GROUP, weights.shape[2]))
            four = [
                tuple(x[:, :, at, None, :features] for x in factors) for at in places
            ]
            of_four = [weights[:, :, at, :, None] for at in places]
            total = total + row_sum(mine, four, of_four)
        return total

    def step(index: Array, total: Array) -> Array:
        *factors, weights = (block(x, index, size, 2) for x in (*other, upstream))
        return add(total, tuple(factors), weights)

    size = row_blocks(upstream.shape[2], written_out).size
    whole = upstream.shape[2] // size
    total = jnp.zeros((*own[0].shape[:3], features), own[0].dtype)
    if whole > 1:
        total = lax.fori_loop(0, whole, step, total)
    covered = whole * size if whole > 1 else 0
    *factors, weights = (x[:, :, covered:] for x in (*other, upstream))
    return add(total, tuple(factors), weights)


def _slope_terms(own: Factors, four: Sequence[Factors]) -> list[Array]:
    """``1 / (r (1 - r))``."""
    return [2.0 + own[0] * up + own[1] * down for up, down in four]


def _uncapped_slopes(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    return sum_of_fractions(weights, _slope_terms(own, four))


def _capped_slopes(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    terms = [capped(term) for term in _slope_terms(own, four)]
    return sum_of_fractions(weights, terms)


def _uncapped_complements(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    # r = (1/a) / (1/a + b): a term is an addition, where 1 + ab is a product as well.
    return own[1] * sum_of_fractions(weights, [own[1] + up for up, _ in four])


def _capped_complements(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    return sum_of_fractions(weights, [capped(1.0 + own[0] * up) for up, _ in four])


def _tanh_slopes(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    # An exponential that overflows ends at 0, where the slope belongs.
    sums = [2.0 * (own[0] + row) for (row,) in four]
    terms = zip(weights, sums, strict=True)
    return sum(w / (2.0 + jnp.exp(x) + jnp.exp(-x)) for w, x in terms)


def _tanh_complements(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    # No exponential that the slopes have too: XLA would store it for both.
    terms = zip(weights, four, strict=True)
    return sum(w * (0.5 - 0.5 * jnp.tanh(own[0] + row)) for w, (row,) in terms)


UNCAPPED_TERMS = GradientTerms(_uncapped_slopes, _uncapped_complements, WRITTEN_OUT)
CAPPED_TERMS = GradientTerms(_capped_slopes, _capped_complements, 0)
TANH_TERMS = GradientTerms(_tanh_slopes, _tanh_complements, 0)
