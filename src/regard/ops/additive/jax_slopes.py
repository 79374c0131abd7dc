"""The terms of the gradient of the additive score on JAX, in three forms.

Which of them is right depends on the numbers, see ``regard.ops.additive.jax_ranges``.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from regard.ops.additive.blocks import WRITTEN_OUT
from regard.ops.additive.jax_terms import capped, sum_of_fractions

Array: TypeAlias = jax.Array
Factors: TypeAlias = tuple[Array, ...]
# From the factors of one side, of up to four rows of the other, and their upstream
# gradients, what the rows add.
Sum: TypeAlias = Callable[[Factors, Sequence[Factors], Sequence[Array]], Array]


class Form(NamedTuple):
    """One way to compute the sums of the gradient.

    Args:
        slopes: The sum of ``upstream * r * (1 - r)``.
        rests: The sum of ``upstream * r``.
        written_out: Up to so many rows there is no loop.
    """

    slopes: Sum
    rests: Sum
    written_out: int


def _slope_terms(own: Factors, four: Sequence[Factors]) -> list[Array]:
    """``1 / (r (1 - r))``."""
    return [2.0 + own[0] * up + own[1] * down for up, down in four]


def _near_slopes(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    return sum_of_fractions(weights, _slope_terms(own, four))


def _far_slopes(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    terms = [capped(term) for term in _slope_terms(own, four)]
    return sum_of_fractions(weights, terms)


def _near_rests(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    return sum_of_fractions(weights, [1.0 + own[0] * up for up, _ in four])


def _far_rests(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    return sum_of_fractions(weights, [capped(1.0 + own[0] * up) for up, _ in four])


def _any_slopes(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    # An exponential that overflows ends at 0, where the slope belongs.
    sums = [2.0 * (own[0] + row) for (row,) in four]
    terms = zip(weights, sums, strict=True)
    return sum(w / (2.0 + jnp.exp(x) + jnp.exp(-x)) for w, x in terms)


def _any_rests(
    own: Factors, four: Sequence[Factors], weights: Sequence[Array]
) -> Array:
    # No exponential that the slopes have too: XLA would store it for both.
    terms = zip(weights, four, strict=True)
    return sum(w * (0.5 - 0.5 * jnp.tanh(own[0] + row)) for w, (row,) in terms)


NEAR = Form(_near_slopes, _near_rests, WRITTEN_OUT)
FAR = Form(_far_slopes, _far_rests, 0)
ANY = Form(_any_slopes, _any_rests, 0)
