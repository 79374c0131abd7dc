"""What the Pallas kernels of the additive score share: tiles and reciprocals.

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
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from regard.ops.additive.blocks import GROUP

Array: TypeAlias = jax.Array
# A part of an array in the memory of the device, as a kernel sees it.
Ref: TypeAlias = jax.Array

WARPS = 4
LANES = 32

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


def up(length: int, multiple: int) -> int:
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
    (found,) = plgpu.elementwise_inline_asm(
        "rcp.approx.ftz.f32 $0, $1;",
        args=[x],
        constraints="=f,f",
        pack=1,
        result_shape_dtypes=[jax.ShapeDtypeStruct(x.shape, x.dtype)],
    )
    return found
