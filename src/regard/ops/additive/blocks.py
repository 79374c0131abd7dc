"""The blocks of the loops over features and keys: plain numbers, no tensors."""

from dataclasses import dataclass

# Terms that share one division: the product of four stays finite in float32.
GROUP = 4
# Features, or rows of the other side, in one step of a loop. The code of a step is
# written out in full; with fewer, XLA's CPU compiler runs the loop on one core, with
# more it runs out of registers.
STEP = 16
# Up to so many rows are written out without a loop: what starting a step costs is
# more, in a small problem, than what the step computes.
WRITTEN_OUT = 104
# Features that lie side by side in a vector of the processor.
LANES = 8
# Partial sums, LANES for each score, that may be held at once: 4 MB.
_PARTIAL_SUMS = 1 << 20
# Features whose code is written out without a loop.
_WIDEST = 512
# Keys in a row of the inner loop. A step reads as many rows as it has features, and
# together they fit the first-level cache.
ROW = 152
# Rows whose distance in bytes is near a multiple of this share the same few lines of
# the first-level cache and push each other out of it.
_PAGE = 4096
_LINE = 64
# Rows whose distance is a multiple of this leave most of that cache unused when many of
# them are read side by side.
_FEW_LINES = 512


@dataclass(frozen=True)
class Blocks:
    """``count`` blocks of ``size``, which may reach beyond the end of an axis."""

    count: int
    size: int

    @property
    def total(self) -> int:
        """The length to which the axis is padded."""
        return self.count * self.size


def lanes(scores: int, features: int) -> int:
    """How many features a vector holds: ``LANES``, or 1 where it holds keys.

    Vectors of features need no transposed keys and no loop, but a partial sum in each
    lane of each score. That is for small problems.

    Args:
        scores: Their number.
        features: Their number, too.
    """
    padded = _round_up(features, GROUP * LANES)
    fits = scores * LANES <= _PARTIAL_SUMS and padded <= _WIDEST
    return LANES if fits and 2 * padded <= 3 * features else 1


def feature_blocks(features: int, width: int = 1) -> Blocks:
    """Steps over the features, of whole groups of vectors of ``width``."""
    if width > 1:
        return Blocks(-(-features // (GROUP * width)), GROUP * width)
    if features <= STEP:
        return Blocks(1, _round_up(features, GROUP))
    return Blocks(-(-features // STEP), STEP)


def row_length(features: int) -> int:
    """Numbers from one row of factors to the next, so that rows do not collide."""
    apart = 4 * features % _FEW_LINES or features == 0
    return features if apart else features + _LINE // 4


def row_blocks(rows: int, written_out: int = 0) -> Blocks:
    """Steps over the rows of the other side, in the gradient: one, or of 12 to 20."""
    if rows <= max(written_out, STEP + GROUP):
        return Blocks(1, _round_up(rows, GROUP))
    # What is left after the last whole step is written out once more.
    size = min(STEP + GROUP, STEP, STEP - GROUP, key=lambda size: rows % size)
    return Blocks(-(-rows // size), size)


def key_blocks(keys: int) -> Blocks:
    """Rows of the inner loop over keys, apart from each other in the cache."""
    if keys <= ROW:
        return Blocks(1, keys)
    size = _round_up(-(-keys // -(-keys // ROW)), LANES)
    cut = Blocks(-(-keys // size), size)
    while _collide(4 * cut.total):
        size += LANES
        cut = Blocks(-(-keys // size), size)
    return cut


def _collide(distance: int) -> bool:
    beyond = distance % _PAGE
    return min(beyond, _PAGE - beyond) < 2 * _LINE


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
