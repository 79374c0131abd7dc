r"""The gradient of the additive score on an NVIDIA GPU: recomputed, never stored.

With ``r = 1 / (1 + ab)`` the derivatives are

.. math::
    \frac{\partial s}{\partial q_d} = \frac{\partial s}{\partial k_d}
    = 4 v_d\, r (1 - r), \qquad \frac{\partial s}{\partial v_d} = 1 - 2 r

One kernel adds up ``upstream * r (1 - r)`` over the rows of the other side, four at a
time, for a tile of rows and features of its own; it runs for the queries and for the
keys, and for the queries it adds up ``upstream * r`` too. Nothing is added by two
programs, so that the result is the same in every run.

Two ``p = 1 + ab`` share a reciprocal, ``1/p = p' / (pp')``. For each (query, key,
feature) the queries take 5.5 multiply-adds and 0.5 reciprocals, the keys 4.5 and 0.5;
the compiled loops have 6.7 and 5.7 instructions. Four to share one would have more
multiplications, and the special-function units wait even so.
"""

import functools

import jax
import jax.numpy as jnp

from regard.ops.additive import jax_gradient
from regard.ops.additive.jax_ranges import FINITE, Range
from regard.ops.additive.pallas_operands import chosen, within
from regard.ops.additive.pallas_sums import sums_over_rows
from regard.ops.additive.pallas_tiles import Array

# The product of two 1 + exp(2x) with x up to this is below exp(85), the largest
# float32 above exp(88).
_SUM = 21.0


@functools.partial(jax.custom_vjp, nondiff_argnums=(4,))
@functools.partial(jax.jit, static_argnums=4)
def gradient(
    query: Array, key: Array, scale: Array, upstream: Array, interpret: bool = False
) -> tuple[Array, Array, Array]:
    """The gradients of query, key and scale for that of the scores.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        scale: ``(heads, features)``.
        upstream: ``(batch, heads, queries, keys)``.
        interpret: Run the kernel as JAX operations, on any device.
    """
    near = jnp.max(jnp.max(query, axis=2) + jnp.max(key, axis=2), axis=-1) <= _SUM
    branch = chosen(near, within(FINITE, query, key))
    of_query, of_key = _factors(branch, query), _factors(branch, key)
    weights = upstream.reshape(-1, *upstream.shape[2:])
    sums = functools.partial(sums_over_rows, branch.reshape(-1, 1), interpret=interpret)
    for_query, rests = sums(of_query, of_key, weights, with_rests=True)
    (for_key,) = sums(of_key, of_query, jnp.swapaxes(weights, 1, 2), with_rests=False)
    of_heads = (*query.shape[:2], -1, query.shape[-1])
    rests = jnp.sum(rests.reshape(of_heads), axis=(0, 2))
    slope = 4.0 * scale[:, None]
    return (
        slope * for_query.reshape(of_heads),
        slope * for_key.reshape(of_heads),
        jnp.sum(upstream, axis=(0, 2, 3))[:, None] - 2.0 * rests,
    )


def _forward(
    query: Array, key: Array, scale: Array, upstream: Array, interpret: bool
) -> tuple[tuple[Array, Array, Array], tuple[Array, ...]]:
    inputs = (query, key, scale, upstream)
    return gradient(*inputs, interpret), inputs


def _backward(
    interpret: bool, inputs: tuple[Array, ...], upstreams: tuple[Array, Array, Array]
) -> tuple[Array, ...]:
    """The second derivative, which is rare, goes through the loops."""
    del interpret
    _, pull = jax.vjp(jax_gradient.gradient, *inputs)
    return pull(upstreams)


gradient.defvjp(_forward, _backward)


def _factors(branch: Array, rows: Array) -> Array:
    direct = (branch == Range.ANY)[:, :, None, None]
    factors = jnp.where(direct, rows, jnp.exp(2.0 * rows))
    return factors.reshape(-1, *rows.shape[2:])
