"""The additive score, the one place where it is computed, and what is built on it."""

from regard.ops.additive.context import additive_context
from regard.ops.additive.dispatch import Implementation, choose
from regard.ops.additive.score import (
    additive_path,
    additive_scores,
    additive_step_scores,
    prepare_keys,
)

__all__ = [
    "Implementation",
    "additive_context",
    "additive_path",
    "additive_scores",
    "additive_step_scores",
    "choose",
    "prepare_keys",
]
