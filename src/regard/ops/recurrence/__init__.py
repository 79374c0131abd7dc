"""Recurrences: a step repeated over time, with a gradient made for it."""

from regard.ops.recurrence.cells import CELLS, Cell
from regard.ops.recurrence.parts import Part, gates, linear, split_gates
from regard.ops.recurrence.unroll import applying, unroll

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
