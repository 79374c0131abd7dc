"""Recurrences: a step repeated over time, with a gradient made for it."""

from regard.ops.scan.step import (
    CELLS,
    Cell,
    StepPart,
    bind_parts,
    gates,
    linear,
    split_gates,
)
from regard.ops.scan.unroll import unroll, unroll_while

__all__ = [
    "CELLS",
    "Cell",
    "StepPart",
    "bind_parts",
    "gates",
    "linear",
    "split_gates",
    "unroll",
    "unroll_while",
]
