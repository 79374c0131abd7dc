"""How the loops over features and keys are cut: plain numbers, no tensors."""

from dataclasses import dataclass

# Terms that share one division: the product of four stays finite in float32.
GROUP = 4
# Features, or rows of the other side, in one step of a loop. The code of a step is
# written out in full; with fewer, XLA's CPU compiler runs the loop on one core, with
# more it runs out of registers.
STEP = 16
# Keys in a row of the inner loop. A step reads as many rows as it has features, and
# together they fit the first-level cache.
ROW = 152
# Rows whose distance in bytes is near a multiple of this share the same few lines of
# the first-level cache and push each other out of it.
_PAGE = 4096
_LINE = 64
_LANES = 8


@dataclass(frozen=True)
class Blocks:
    """``count`` blocks of ``size``, which may reach beyond the end of an axis."""

    count: int
    size: int

    @property
    def total(self) -> int:
        """The length to which the axis is padded."""
        return self.count * self.size


def feature_blocks(features: int) -> Blocks:
    """Steps over the features, of whole groups."""
    if features <= STEP:
        return Blocks(1, _up(features, GROUP))
    return Blocks(-(-features // STEP), STEP)


def row_blocks(rows: int) -> Blocks:
    """Steps over the rows of the other side, in the gradient: of 12 to 20 rows."""
    if rows <= STEP + GROUP:
        return Blocks(1, _up(rows, GROUP))
    sizes = (STEP + GROUP, STEP, STEP - GROUP)
    return min((Blocks(-(-rows // size), size) for size in sizes), key=_padded_length)


def key_blocks(keys: int) -> Blocks:
    """Rows of the inner loop over keys, apart from each other in the cache."""
    if keys <= ROW:
        return Blocks(1, keys)
    size = _up(-(-keys // -(-keys // ROW)), _LANES)
    found = Blocks(-(-keys // size), size)
    while _collide(4 * found.total):
        size += _LANES
        found = Blocks(-(-keys // size), size)
    return found


def _collide(distance: int) -> bool:
    beyond = distance % _PAGE
    return min(beyond, _PAGE - beyond) < 2 * _LINE


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _padded_length(blocks: Blocks) -> int:
    return blocks.total
