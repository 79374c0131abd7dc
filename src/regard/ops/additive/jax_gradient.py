r"""The gradient of the additive score on JAX: recomputed, blocked, never stored.

With ``r = 1 / (1 + ab)`` the derivatives are

.. math::
    \frac{\partial s}{\partial q_d} = \frac{\partial s}{\partial k_d}
    = 4 v_d\, r (1 - r), \qquad \frac{\partial s}{\partial v_d} = 1 - 2 r

and ``r (1 - r) = 1 / (2 + ab + 1/(ab))``, so that all three are sums of fractions over
the rows of one side, and four of them share a division. Each sum recomputes its terms:
XLA's CPU compiler does not keep one loop with two sums, and would store the terms.

Here the inner loop runs over features, and the sum over rows is written out.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from regard.ops.additive.blocks import GROUP, Blocks, row_blocks
from regard.ops.additive.jax_ranges import slope_range
from regard.ops.additive.jax_terms import block, capped, pad, sum_of_fractions

Factors: TypeAlias = tuple[jax.Array, ...]
# From the factors of one side, of four rows of the other, and their upstream
# gradients, what the four add.
Sum: TypeAlias = Callable[[Factors, Sequence[Factors], Sequence[jax.Array]], jax.Array]


class Form(NamedTuple):
    """One way to compute the sums of the gradient.

    Args:
        factors: What is taken of a row once.
        slopes: The sum of ``upstream * r * (1 - r)``.
        rests: The sum of ``upstream * r``.
    """

    factors: Callable[[jax.Array], Factors]
    slopes: Sum
    rests: Sum


@jax.jit
def gradient(
    query: jax.Array, key: jax.Array, scale: jax.Array, upstream: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The gradients of query, key and scale for that of the scores."""
    branches = [_of_form(form) for form in (_NEAR, _FAR, _ANY)]
    chosen = slope_range(query, key, scale)
    return lax.switch(chosen, branches, query, key, scale, upstream)


def _of_form(form: Form) -> Callable[..., tuple[jax.Array, jax.Array, jax.Array]]:
    def branch(
        query: jax.Array, key: jax.Array, scale: jax.Array, upstream: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        of_query, of_key = form.factors(query), form.factors(key)
        # Turned once: the rows that are added up come before those they are added to.
        by_key = jnp.swapaxes(upstream, 2, 3)
        for_query = _sum_over_rows(of_query, of_key, by_key, form.slopes)
        for_key = _sum_over_rows(of_key, of_query, upstream, form.slopes)
        rests = _sum_over_rows(of_query, of_key, by_key, form.rests)
        for_scale = jnp.sum(upstream, (0, 2, 3))[:, None] - 2.0 * jnp.sum(rests, (0, 2))
        slope = 4.0 * scale[:, None]
        return slope * for_query, slope * for_key, for_scale

    return branch


def _sum_over_rows(
    own: Factors, other: Factors, upstream: jax.Array, terms: Sum
) -> jax.Array:
    """Add up ``terms`` over the rows of the other side.

    Args:
        own: Each ``(batch, heads, rows, features)``.
        other: Each ``(batch, heads, other rows, features)``.
        upstream: ``(batch, heads, other rows, rows)``.
        terms: Maps four of them to what they add.

    Returns:
        ``(batch, heads, rows, features)``.
    """
    blocks = row_blocks(upstream.shape[2])
    if upstream.shape[2] < blocks.size:
        other = tuple(pad(factor, 2, blocks.size) for factor in other)
        upstream = pad(upstream, 2, blocks.size)

    def step(index: jax.Array, total: jax.Array) -> jax.Array:
        factors = [block(factor, index, blocks.size, 2) for factor in other]
        weights = _new_rows(upstream, index, blocks)
        for first in range(0, blocks.size, GROUP):
            places = range(first, first + GROUP)
            four = [tuple(x[:, :, at, None] for x in factors) for at in places]
            of_four = [weights[:, :, at, :, None] for at in places]
            total = total + terms(own, four, of_four)
        return total

    return lax.fori_loop(0, blocks.count, step, jnp.zeros_like(own[0]))


def _new_rows(upstream: jax.Array, index: jax.Array, blocks: Blocks) -> jax.Array:
    """A block of the upstream gradient, 0 for rows that the last block has had.

    The last block is moved back until it ends with the axis, as slices in JAX are.
    That costs less than lengthening all that is cut.
    """
    weights = block(upstream, index, blocks.size, 2)
    excess = blocks.total - upstream.shape[2]
    if not excess:
        return weights
    repeated = index * blocks.size - (upstream.shape[2] - blocks.size)
    places = lax.broadcasted_iota(jnp.int32, weights.shape, 2)
    return jnp.where(places >= repeated, weights, 0.0)


def _two_factors(rows: jax.Array) -> Factors:
    up = jnp.exp(2.0 * rows)
    return up, 1.0 / up


def _slope_terms(own: Factors, four: Sequence[Factors]) -> list[jax.Array]:
    """``1 / (r (1 - r))``."""
    return [2.0 + own[0] * up + own[1] * down for up, down in four]


def _near_slopes(
    own: Factors, four: Sequence[Factors], weights: Sequence[jax.Array]
) -> jax.Array:
    return sum_of_fractions(weights, _slope_terms(own, four))


def _far_slopes(
    own: Factors, four: Sequence[Factors], weights: Sequence[jax.Array]
) -> jax.Array:
    terms = [capped(term) for term in _slope_terms(own, four)]
    return sum_of_fractions(weights, terms)


def _near_rests(
    own: Factors, four: Sequence[Factors], weights: Sequence[jax.Array]
) -> jax.Array:
    return sum_of_fractions(weights, [1.0 + own[0] * up for up, _ in four])


def _far_rests(
    own: Factors, four: Sequence[Factors], weights: Sequence[jax.Array]
) -> jax.Array:
    return sum_of_fractions(weights, [capped(1.0 + own[0] * up) for up, _ in four])


def _any_slopes(
    own: Factors, four: Sequence[Factors], weights: Sequence[jax.Array]
) -> jax.Array:
    terms = zip(weights, four, strict=True)
    return sum(w * 0.25 * (1.0 - jnp.tanh(own[0] + row) ** 2) for w, (row,) in terms)


def _any_rests(
    own: Factors, four: Sequence[Factors], weights: Sequence[jax.Array]
) -> jax.Array:
    terms = zip(weights, four, strict=True)
    return sum(w * (0.5 - 0.5 * jnp.tanh(own[0] + row)) for w, (row,) in terms)


_NEAR = Form(_two_factors, _near_slopes, _near_rests)
_FAR = Form(_two_factors, _far_slopes, _far_rests)
_ANY = Form(lambda rows: (rows,), _any_slopes, _any_rests)
