r"""The additive score on an NVIDIA GPU: a kernel written in Pallas, for Triton.

With ``a = exp(2q)`` and ``b = exp(2k)``, taken once for each row outside the kernel,

.. math::
    \sum_d v_d \tanh(q_d + k_d) = \sum_d v_d - 2 \sum_d \frac{v_d}{1 + a_d b_d}

A feature with a negative scale changes sides, ``v tanh(x) = -v tanh(-x)``, so that all
terms are positive. Divided by its scale relative to the largest of its group of four,
``w``, a denominator is ``P = 1/w + (a/w) b``, and four of them share a reciprocal:

.. math::
    \frac1{P_1} + \frac1{P_2} + \frac1{P_3} + \frac1{P_4}
    = \frac{(P_1 + P_2) P_3 P_4 + (P_3 + P_4) P_1 P_2}{P_1 P_2 P_3 P_4}

Those are 13 multiply-adds and a reciprocal for four (query, key, feature): 3.25 and
0.25 for each, where a tanh takes two of the special-function units, which do an eighth
as many a clock. With what loads them, the compiled loop has 4.2 instructions for each.
Where a product could overflow, a cap makes that 5.2; where a factor could, the tanh
itself is taken. The sums stay in registers: memory is that of scores and factors.
"""

import functools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from regard._typing import Float
from regard.ops.additive import jax_scores
from regard.ops.additive.blocks import GROUP
from regard.ops.additive.jax_terms import CAP
from regard.ops.additive.pallas_gradient import gradient
from regard.ops.additive.pallas_tiles import (
    LANES,
    WARPS,
    Array,
    Ref,
    Tile,
    call,
    four_of_columns,
    four_of_rows,
    of_head,
    of_tile,
    piece,
    reciprocals,
    score_operands,
)

# From the largest scale of a group, the numbers of its features, of rows and of
# columns, what the group adds to a piece.
GroupSum: TypeAlias = Callable[
    [Array, Sequence[Array], Sequence[Array], Sequence[Array]], Array
]
# About 170 registers a thread: a multiprocessor has 12 warps to choose from.
TILE = Tile(down=8, across=4)
# More than a tile each way, and not whole tiles, in features neither.
_TRIAL_SHAPES = (1, 1, 70, 18), (1, 1, 300, 18), (1, 18)
_TRIAL_TOLERANCE = 1e-4


@jax.jit
def scores(
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
    scale: Float[Array, "heads features"],
) -> Float[Array, "batch heads queries keys"]:
    """The scores by the kernel where there is a GPU for it, else by the loops.

    A program may be compiled for another device than the first: for that the loops
    are kept, and only what it is compiled for is taken into it.

    Args:
        query: ``(batch, heads, queries, features)``, float32.
        key: ``(batch, heads, keys, features)``, float32.
        scale: ``(heads, features)``, float32.

    Returns:
        ``(batch, heads, queries, keys)``.
    """
    return lax.platform_dependent(
        query, key, scale, cuda=kernel_scores, default=jax_scores.scores
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
@functools.partial(jax.jit, static_argnums=3)
def kernel_scores(
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
    scale: Float[Array, "heads features"],
    interpret: bool = False,
) -> Float[Array, "batch heads queries keys"]:
    """The scores by the kernel.

    Args:
        query: ``(batch, heads, queries, features)``, float32.
        key: ``(batch, heads, keys, features)``, float32.
        scale: ``(heads, features)``, float32.
        interpret: Run the kernel as JAX operations, on any device.

    Returns:
        ``(batch, heads, queries, keys)``.
    """
    batch, heads, queries, _ = query.shape
    keys = key.shape[2]
    tile = TILE.within(queries, keys)
    operands = score_operands(query, key, scale, tile)
    features = operands.left.shape[2]
    result = call(
        functools.partial(
            _kernel, tile=tile, shape=(queries, keys), interpret=interpret
        ),
        out_shape=jax.ShapeDtypeStruct((batch * heads, queries, keys), jnp.float32),
        grid=(pl.cdiv(keys, tile.columns), pl.cdiv(queries, tile.rows), batch * heads),
        in_specs=[
            *(of_head(numbers.shape[1]) for numbers in operands[:4]),
            pl.BlockSpec((None, tile.rows, features), lambda _j, i, b: (b, i, 0)),
            pl.BlockSpec((None, features, tile.columns), lambda j, _i, b: (b, 0, j)),
        ],
        out_specs=of_tile(tile),
        interpret=interpret,
    )(*operands)
    return result.reshape(batch, heads, queries, keys)


def _forward(
    query: Array, key: Array, scale: Array, interpret: bool
) -> tuple[Array, tuple[Array, Array, Array]]:
    return kernel_scores(query, key, scale, interpret), (query, key, scale)


def _backward(
    interpret: bool, inputs: tuple[Array, Array, Array], upstream: Array
) -> tuple[Array, Array, Array]:
    return gradient(*inputs, upstream, interpret)


kernel_scores.defvjp(_forward, _backward)


def _kernel(  # noqa: PLR0917 - Pallas passes arrays by position
    branch: Ref,
    constant: Ref,
    of_groups: Ref,
    of_features: Ref,
    left: Ref,
    right: Ref,
    result: Ref,
    *,
    tile: Tile,
    shape: tuple[int, int],
    interpret: bool,
) -> None:
    reciprocal = reciprocals(interpret)
    # Where the tile starts; asked for here, as a branch cannot when interpreted.
    start = pl.program_id(1) * tile.rows, pl.program_id(0) * tile.columns
    store = functools.partial(_store, result, tile, start, shape)

    def sums(group_sum: GroupSum) -> Sequence[Array]:
        def step(group: Array, totals: Sequence[Array]) -> Sequence[Array]:
            rows = four_of_rows(left, group, tile)
            columns = four_of_columns(right, group, tile)
            own = [of_features[group * GROUP + n] for n in range(GROUP)]
            lead = of_groups[group]
            return tuple(
                total + group_sum(lead, own, rows[i], columns[j])
                for total, (i, j) in zip(totals, tile.pieces, strict=True)
            )

        zeros = (jnp.zeros((WARPS, LANES), jnp.float32),) * len(tile.pieces)
        return lax.fori_loop(0, of_groups.shape[0], step, zeros)

    def factored(cap: Callable[[Array], Array]) -> None:
        totals = sums(functools.partial(_fractions, cap, reciprocal))
        whole = constant[0]
        store([whole - 2.0 * total for total in totals])

    lax.switch(
        branch[0],
        [
            lambda: factored(lambda p: p),
            lambda: factored(lambda p: jnp.minimum(p, CAP)),
            lambda: store(sums(_tangents)),
        ],
    )


def _fractions(
    cap: Callable[[Array], Array],
    reciprocal: Callable[[Array], Array],
    lead: Array,
    *numbers: Sequence[Array],
) -> Array:
    p1, p2, p3, p4 = (cap(w + a * b) for w, a, b in zip(*numbers, strict=True))
    low, high = p1 * p2, p3 * p4
    numerator = (p1 + p2) * high + (p3 + p4) * low
    return lead * (numerator * reciprocal(low * high))


def _tangents(lead: Array, *numbers: Sequence[Array]) -> Array:
    del lead
    terms = [v * jnp.tanh(q + k) for v, q, k in zip(*numbers, strict=True)]
    return sum(terms[1:], terms[0])


def _store(
    result: Ref,
    tile: Tile,
    start: tuple[Array, Array],
    shape: tuple[int, int],
    totals: Sequence[Array],
) -> None:
    """Write the pieces; the last tiles reach beyond the result."""
    for (i, j), total in zip(tile.pieces, totals, strict=True):
        rows = start[0] + i * WARPS + lax.broadcasted_iota(jnp.int32, total.shape, 0)
        columns = start[1] + j * LANES + lax.broadcasted_iota(jnp.int32, total.shape, 1)
        mask = (rows < shape[0]) & (columns < shape[1])
        plgpu.store(result.at[piece(i, j)], total, mask=mask)


@functools.cache
def fault(interpret: bool = False) -> str | None:
    """Why the kernels are not to be used here, where they are not.

    A kernel depends on the device, its driver and the compiler that JAX came with, more
    than other code does: what cannot be compiled, or is wrong, must not reach a user.
    The first call takes a few seconds; the answer is kept.

    Args:
        interpret: Run the kernels as JAX operations, on any device.
    """
    random = np.random.default_rng(0)
    rows = [random.normal(size=shape) for shape in _TRIAL_SHAPES]
    try:
        results = _trial_results(
            [np.asarray(row, np.float32) for row in rows], interpret
        )
    except Exception as error:  # noqa: BLE001 - whatever a compiler or driver raises
        return f"they failed with {type(error).__name__}: {str(error)[:200]}"
    deviation = max(
        float(np.max(np.abs(result - exact)) / np.max(np.abs(exact)))
        for result, exact in zip(results, _expected_results(*rows), strict=True)
    )
    if deviation < _TRIAL_TOLERANCE:
        return None
    return f"they were wrong by {deviation:.1e} in a trial"


def _trial_results(rows: list[np.ndarray], interpret: bool) -> list[np.ndarray]:
    def compute(*rows: Array) -> tuple[Array, ...]:
        scores, pull = jax.vjp(lambda *x: kernel_scores(*x, interpret), *rows)
        return scores, *pull(jnp.cos(scores))

    # Compiled by hand: the caller may itself be under a trace, which this stays out of.
    results = jax.jit(compute).lower(*rows).compile()(*rows)
    return [np.asarray(result, np.float64) for result in results]


def _expected_results(
    query: np.ndarray, key: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, ...]:
    tangents = np.tanh(query[0, 0][:, None] + key[0, 0])
    scores = tangents @ scale[0]
    upstream = np.cos(scores)
    slopes = upstream[..., None] * scale[0] * (1.0 - tangents**2)
    of_scale = np.einsum("qk,qkd->d", upstream, tangents)
    return (
        scores[None, None],
        slopes.sum(1)[None, None],
        slopes.sum(0)[None, None],
        of_scale[None],
    )
