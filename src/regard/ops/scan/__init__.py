"""Recurrences: a step repeated over time, with a gradient made for it."""

from regard.ops.scan.cells import CELLS, Cell
from regard.ops.scan.parts import Part, gates, linear, split_gates
from regard.ops.scan.unroll import applying, unroll

__all__ = [
    "CELLS",
    "Cell",
    "Part",
    "applying",
    "gates",
    "linear",
    "split_gates",
    "unroll",
]
