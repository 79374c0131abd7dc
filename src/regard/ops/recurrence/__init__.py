"""Recurrences: a step repeated over time, with a gradient made for it."""

from regard.ops.recurrence.cells import CELLS, Cell
from regard.ops.recurrence.parts import Part, linear
from regard.ops.recurrence.unroll import applying, unroll

__all__ = ["CELLS", "Cell", "Part", "applying", "linear", "unroll"]
