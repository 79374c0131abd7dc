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
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl

from regard._typing import Float, Int
from regard.ops.additive import jax_gradient
from regard.ops.additive.blocks import GROUP
from regard.ops.additive.jax_residuals import FINITE, Branch
from regard.ops.additive.jax_terms import CAP, pad
from regard.ops.additive.pallas_tiles import (
    LANES,
    WARPS,
    Array,
    Ref,
    Tile,
    branch_of,
    call,
    four_of_columns,
    four_of_rows,
    heads_within,
    of_head,
    of_tile,
    piece,
    reciprocals,
    round_up,
)

# ``r = 1 / (1 + ab)`` for a number of its own and two of the other side.
Complements: TypeAlias = Callable[[Array, Sequence[Array]], Sequence[Array]]
# The product of two 1 + exp(2x) with x up to this is below exp(85), the largest
# float32 above exp(88).
_SUM = 21.0
# With both sums about 170 registers a thread.
TILE = Tile(down=4, across=4)
# Terms that share a reciprocal.
_PAIR = 2


@functools.partial(jax.custom_vjp, nondiff_argnums=(4,))
@functools.partial(jax.jit, static_argnums=4)
def gradient(
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
    scale: Float[Array, "heads features"],
    upstream: Float[Array, "batch heads queries keys"],
    interpret: bool = False,
) -> tuple[
    Float[Array, "batch heads queries features"],
    Float[Array, "batch heads keys features"],
    Float[Array, "heads features"],
]:
    """The gradients of query, key and scale for that of the scores.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        scale: ``(heads, features)``.
        upstream: ``(batch, heads, queries, keys)``.
        interpret: Run the kernel as JAX operations, on any device.
    """
    uncapped = jnp.max(jnp.max(query, axis=2) + jnp.max(key, axis=2), axis=-1) <= _SUM
    branch = branch_of(uncapped, heads_within(FINITE, query, key))
    of_query, of_key = _factors(branch, query), _factors(branch, key)
    weights = upstream.reshape(-1, *upstream.shape[2:])
    sums = functools.partial(sums_over_rows, branch.reshape(-1, 1), interpret=interpret)
    for_query, complements = sums(of_query, of_key, weights, with_complements=True)
    (for_key,) = sums(
        of_key, of_query, jnp.swapaxes(weights, 1, 2), with_complements=False
    )
    of_heads = (*query.shape[:2], -1, query.shape[-1])
    complements = jnp.sum(complements.reshape(of_heads), axis=(0, 2))
    slope = 4.0 * scale[:, None]
    return (
        slope * for_query.reshape(of_heads),
        slope * for_key.reshape(of_heads),
        jnp.sum(upstream, axis=(0, 2, 3))[:, None] - 2.0 * complements,
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
    direct = (branch == Branch.TANH)[:, :, None, None]
    factors = jnp.where(direct, rows, jnp.exp(2.0 * rows))
    return factors.reshape(-1, *rows.shape[2:])


def sums_over_rows(
    branch: Int[Array, "count 1"],
    own: Float[Array, "count rows features"],
    other: Float[Array, "count other_rows features"],
    weights: Float[Array, "count rows other_rows"],
    *,
    with_complements: bool,
    interpret: bool,
) -> list[Array]:
    """Add up over the rows of the other side.

    Args:
        branch: The ``Branch``, ``(count, 1)``.
        own: Factors, ``(count, rows, features)``.
        other: Factors, ``(count, other rows, features)``.
        weights: The upstream gradient, ``(count, rows, other rows)``.
        with_complements: Whether the second sum is taken.
        interpret: Run the kernel as JAX operations, on any device.

    Returns:
        Sums of ``weight * r (1 - r)``, ``(count, rows, features)``, and sums of
        ``weight * r`` over the rows of a tile, ``(count, tiles, features)``.
    """
    count, rows, features = own.shape
    tile = TILE.within(rows, features)
    height, width = round_up(rows, tile.rows), round_up(features, tile.columns)
    others = round_up(other.shape[1], GROUP)
    grid = (width // tile.columns, height // tile.rows, count)
    outputs = [
        (jax.ShapeDtypeStruct((count, height, width), jnp.float32), of_tile(tile)),
        (
            jax.ShapeDtypeStruct((count, grid[1], width), jnp.float32),
            pl.BlockSpec((None, None, tile.columns), lambda j, i, b: (b, i, j)),
        ),
    ][: 1 + with_complements]
    sums = call(
        functools.partial(_kernel, tile=tile, interpret=interpret),
        out_shape=[shape for shape, _ in outputs],
        grid=grid,
        in_specs=[
            of_head(1),
            of_tile(tile),
            pl.BlockSpec((None, others, tile.columns), lambda j, _i, b: (b, 0, j)),
            pl.BlockSpec((None, tile.rows, others), lambda _j, i, b: (b, i, 0)),
        ],
        out_specs=[spec for _, spec in outputs],
        interpret=interpret,
    )(
        branch,
        _filled(own, height, width),
        _filled(other, others, width),
        _filled(weights, height, others),
    )
    return [sums[0][:, :rows, :features], *(x[..., :features] for x in sums[1:])]


def _filled(tensor: Array, rows: int, columns: int) -> Array:
    """Zeros at the end of both axes; those of the weights take what they meet out."""
    return pad(pad(tensor, 1, rows), 2, columns)


def _kernel(
    branch: Ref,
    own: Ref,
    other: Ref,
    weights: Ref,
    slopes: Ref,
    *complements: Ref,
    tile: Tile,
    interpret: bool,
) -> None:
    reciprocal = reciprocals(interpret)

    def run(complements_of: Complements) -> None:
        mine = [own[piece(i, j)] for i, j in tile.pieces]

        def step(index: Array, totals: Sequence[Array]) -> Sequence[Array]:
            of_rows = four_of_rows(weights, index, tile)
            rows = four_of_columns(other, index, tile)
            return [
                _more(complements_of, total, number, of_rows[i], rows[j])
                for total, number, (i, j) in zip(totals, mine, tile.pieces, strict=True)
            ]

        zero = jnp.zeros((WARPS, LANES), jnp.float32)
        start = [[zero] * (1 + len(complements))] * len(tile.pieces)
        totals = lax.fori_loop(0, other.shape[0] // GROUP, step, start)
        for (i, j), total in zip(tile.pieces, totals, strict=True):
            slopes[piece(i, j)] = total[0]
        for ref in complements:
            _store_by_column(ref, tile, [total[1] for total in totals])

    lax.switch(
        branch[0],
        [
            lambda: run(functools.partial(_uncapped, reciprocal)),
            lambda: run(functools.partial(_capped, reciprocal)),
            lambda: run(_tanh),
        ],
    )


def _more(
    complements_of: Complements,
    totals: Sequence[Array],
    own: Array,
    weights: Sequence[Array],
    others: Sequence[Array],
) -> list[Array]:
    """The sums of a piece, or the first alone, with four more rows."""
    slope, *complement = totals
    for first in range(0, GROUP, _PAIR):
        pair = slice(first, first + _PAIR)
        for weight, r in zip(
            weights[pair], complements_of(own, others[pair]), strict=True
        ):
            slope += weight * (r - r * r)
            complement = [total + weight * r for total in complement]
    return [slope, *complement]


def _uncapped(
    reciprocal: Callable[[Array], Array], own: Array, others: Sequence[Array]
) -> Sequence[Array]:
    first, second = (1.0 + own * row for row in others)
    shared = reciprocal(first * second)
    return second * shared, first * shared


def _capped(
    reciprocal: Callable[[Array], Array], own: Array, others: Sequence[Array]
) -> Sequence[Array]:
    first, second = (jnp.minimum(1.0 + own * row, CAP) for row in others)
    shared = reciprocal(first * second)
    return second * shared, first * shared


def _tanh(own: Array, others: Sequence[Array]) -> Sequence[Array]:
    return [0.5 - 0.5 * jnp.tanh(own + row) for row in others]


def _store_by_column(ref: Ref, tile: Tile, totals: Sequence[Array]) -> None:
    """Add up what a tile has below each other."""
    for j in range(tile.across):
        column = totals[j :: tile.across]
        total = jnp.sum(sum(column[1:], column[0]), axis=0)
        ref[pl.ds(j * LANES, LANES)] = total
