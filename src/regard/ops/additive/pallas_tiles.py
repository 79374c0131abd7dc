"""The tiles of the Pallas kernels of the additive score, and what fills them.

Triton chooses which thread holds which number of a tile, and moves what lies elsewhere
through shared memory. The kernels leave it no choice: they work on pieces with one
number a thread, ``WARPS`` rows of ``LANES`` columns, and a program holds a few pieces
below and beside each other. What belongs to a row of a piece is one number for all
threads of a warp, what belongs to a column one for each of them, and each thread loads
its own: the first-level cache hands one line to all.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from regard._typing import Bool, Float, Int
from regard.ops.additive.blocks import GROUP
from regard.ops.additive.jax_residuals import Branch, relative_scale
from regard.ops.additive.jax_terms import pad

Array: TypeAlias = jax.Array
# A part of an array in the memory of the device, as a kernel sees it.
Ref: TypeAlias = jax.Array

WARPS = 4
LANES = 32
# Up to here exp(2x), divided by the least relative scale that is kept, is finite.
_FACTORS = 30.0
# The logarithm of the largest float32 is 88.7; what is added up of four is at most four
# times the product of their denominators.
_PRODUCT = 85.0

call = functools.partial(
    pl.pallas_call, compiler_params=plgpu.CompilerParams(num_warps=WARPS, num_stages=1)
)


class Tile(NamedTuple):
    """The pieces of a program: ``down`` below each other, ``across`` beside each other.

    More of them need fewer loads for each product, and more registers.
    """

    down: int
    across: int

    @property
    def rows(self) -> int:
        """Rows of a tile."""
        return self.down * WARPS

    @property
    def columns(self) -> int:
        """Columns of a tile."""
        return self.across * LANES

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """The place of each piece."""
        return [(i, j) for i in range(self.down) for j in range(self.across)]

    def within(self, rows: int, columns: int) -> "Tile":
        """The same, no larger than ``rows`` by ``columns`` need."""
        down, across = pl.cdiv(rows, WARPS), pl.cdiv(columns, LANES)
        return Tile(min(self.down, down), min(self.across, across))


def piece(i: int, j: int) -> tuple[pl.Slice, pl.Slice]:
    """Where piece ``(i, j)`` of a tile lies."""
    return pl.ds(i * WARPS, WARPS), pl.ds(j * LANES, LANES)


def of_head(size: int) -> pl.BlockSpec:
    """All ``size`` numbers of a head of a batch."""
    return pl.BlockSpec((None, size), lambda _j, _i, b: (b, 0))


def of_tile(tile: Tile) -> pl.BlockSpec:
    """The tile of program ``(j, i)`` of a head of a batch."""
    return pl.BlockSpec((None, tile.rows, tile.columns), lambda j, i, b: (b, i, j))


def four_of_rows(ref: Ref, index: Array, tile: Tile) -> list[list[Array]]:
    """Columns ``4 index`` and the next three, ``(WARPS, 1)`` each, by row of pieces."""
    columns = pl.ds(index * GROUP, GROUP)
    return [
        lax.split(ref[pl.ds(i * WARPS, WARPS), columns], (1,) * GROUP, axis=1)
        for i in range(tile.down)
    ]


def four_of_columns(ref: Ref, index: Array, tile: Tile) -> list[list[Array]]:
    """Rows ``4 index`` and the next three, ``(1, LANES)`` each, by column of pieces."""
    rows = [index * GROUP + n for n in range(GROUP)]
    return [
        [ref[row, pl.ds(j * LANES, LANES)][None] for row in rows]
        for j in range(tile.across)
    ]


def round_up(length: int, multiple: int) -> int:
    """``length``, rounded up."""
    return pl.cdiv(length, multiple) * multiple


def reciprocals(interpret: bool) -> Callable[[Array], Array]:
    """``1 / x`` to one ulp in a single instruction, of the special-function units.

    A division takes about eight: it also minds denominators at the ends of the range,
    and none here comes near them.
    """
    return _divided if interpret else _approximated


def _divided(x: Array) -> Array:
    return 1.0 / x


def _approximated(x: Array) -> Array:
    (reciprocal,) = plgpu.elementwise_inline_asm(
        "rcp.approx.ftz.f32 $0, $1;",
        args=[x],
        constraints="=f,f",
        pack=1,
        result_shape_dtypes=[jax.ShapeDtypeStruct(x.shape, x.dtype)],
    )
    return reciprocal


class ScoreOperands(NamedTuple):
    """The arrays that the kernel reads, ``count`` being the heads of the whole batch.

    Args:
        branch: The ``Branch``, ``(count, 1)``.
        constant: The minuend of the terms, ``(count, 1)``.
        of_groups: The largest scale of each group, ``(count, groups)``.
        of_features: ``1/w``, ``(count, features)``; for ``Branch.TANH`` the scale.
        left: ``a/w``, ``(count, queries, features)``; for ``Branch.TANH`` the queries.
        right: ``b``, ``(count, features, keys)``; for ``Branch.TANH`` the keys.
    """

    branch: Array
    constant: Array
    of_groups: Array
    of_features: Array
    left: Array
    right: Array


def score_operands(
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
    scale: Float[Array, "heads features"],
    tile: Tile,
) -> ScoreOperands:
    """Prepared by row, before any pair: features fill groups, the rest fills tiles."""
    size = round_up(query.shape[-1], GROUP)
    query, key, scale = (pad(tensor, -1, size) for tensor in (query, key, scale))
    query, key, scale = _with_positive_scale(query, key, scale)
    relative, kept, lead = relative_scale(scale)
    inverse = (1.0 / relative).reshape(scale.shape)
    # A negligible feature has a weight of 0, hence P = 1: it adds the lead once.
    weight = jnp.where(kept.reshape(scale.shape), inverse, 0.0)
    constant = jnp.sum(
        jnp.where(kept, scale.reshape(kept.shape), 2.0 * lead), axis=(1, 2)
    )
    branch = _branch(query, key, scale, inverse)
    direct = (branch == Branch.TANH)[:, :, None, None]
    left = jnp.where(direct, query, jnp.exp(2.0 * query) * weight[:, None])
    right = jnp.where(direct, key, jnp.exp(2.0 * key))
    operands = ScoreOperands(
        branch[:, :, None],
        jnp.broadcast_to(constant[:, None], (*branch.shape, 1)),
        jnp.broadcast_to(lead[:, :, 0], (*branch.shape, size // GROUP)),
        jnp.where(direct[..., 0], scale, inverse),
        pad(left, 2, round_up(left.shape[2], tile.rows)),
        jnp.swapaxes(pad(right, 2, round_up(right.shape[2], tile.columns)), 2, 3),
    )
    return ScoreOperands(*(x.reshape(-1, *x.shape[2:]) for x in operands))


def _with_positive_scale(
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
    scale: Float[Array, "heads features"],
) -> tuple[
    Float[Array, "batch heads queries features"],
    Float[Array, "batch heads keys features"],
    Float[Array, "heads features"],
]:
    """``v tanh(x) = -v tanh(-x)``."""
    sign = jnp.where(scale < 0.0, -1.0, 1.0)[:, None]
    return query * sign, key * sign, jnp.abs(scale)


def _branch(query: Array, key: Array, scale: Array, inverse: Array) -> Array:
    """The ``Branch`` for each head of a batch, so that one row slows down no other."""
    sums = jnp.max(query, axis=2) + jnp.max(key, axis=2)
    # ln(P) is at most this.
    bound = jax.nn.softplus(2.0 * sums) + jnp.log(inverse)
    of_groups = jnp.sum(bound.reshape(*bound.shape[:2], -1, GROUP), axis=-1)
    uncapped = jnp.max(of_groups, axis=-1) <= _PRODUCT
    finite = heads_within(_FACTORS, query, key) & jnp.all(jnp.isfinite(scale), axis=-1)
    return branch_of(uncapped, finite)


def heads_within(
    limit: float,
    query: Float[Array, "batch heads queries features"],
    key: Float[Array, "batch heads keys features"],
) -> Bool[Array, "batch heads"]:
    """Which heads of a batch hold no number beyond a limit, and no NaN."""
    of_query, of_key = (jnp.max(jnp.abs(rows), (2, 3)) for rows in (query, key))
    # Each by itself: comparisons with NaN are False, whatever a maximum makes of it.
    return (of_query <= limit) & (of_key <= limit)


def branch_of(
    uncapped: Bool[Array, "batch heads"], finite: Bool[Array, "batch heads"]
) -> Int[Array, "batch heads"]:
    """The ``Branch``; ``uncapped`` counts where ``finite`` holds."""
    factored = jnp.where(uncapped, Branch.UNCAPPED, Branch.CAPPED)
    return jnp.where(finite, factored, Branch.TANH)
