"""The weights of a decoder: their shapes, and which part of a step each belongs to."""

from typing import Any

from regard.layers.attention_decoder import attending
from regard.layers.attention_decoder.attending import Memory
from regard.layers.attention_decoder.steps import Plan
from regard.layers.scored import PAIR_SCORES, Sizes
from regard.ops.precision import Tensor
from regard.ops.scan import Part, gates, linear

Shapes = dict[str, tuple[int, ...]]


def cell_shapes(
    plan: Plan, units: int, memory: int, inputs: int | None, symbols: int | None
) -> Shapes:
    """The weights of the recurrence; those called ``…bias`` are biases.

    Args:
        plan: What a step does.
        units: The width of the state.
        memory: The width of the memory.
        inputs: The width of the inputs, None without inputs.
        symbols: The number of symbols that are predicted, or None.
    """
    wide = plan.cell.gates * units
    shapes: Shapes = {"cell_kernel": (units, wide), "bias": (wide,)}
    if plan.cell.states == 1:
        # The candidate of a GRU is reset after its product, so that has its own bias.
        shapes["cell_bias"] = (wide,)
    if inputs is not None:
        shapes["input_kernel"] = (inputs, wide)
    if plan.looks_first:
        shapes["context_kernel"] = (memory, wide)
    if plan.feeds_output:
        shapes["output_gates_kernel"] = (units, wide)
    shapes |= {"output_kernel": (units + memory, units), "output_bias": (units,)}
    if symbols is not None:
        shapes |= {
            "prediction_kernel": (units, symbols),
            "prediction_bias": (symbols,),
            "feedback_kernel": (symbols, wide),
        }
    return shapes


def score_shapes(plan: Plan, units: int, memory: int, hidden: int) -> Shapes:
    """The weights of the score, named as in ``CrossAttention``."""
    return PAIR_SCORES[plan.score].shapes(Sizes(units, memory, hidden, plan.heads))


def parts_of(plan: Plan, at_once: bool = False) -> dict[str, Part]:
    """Everything a step computes that weights or the memory have a part in.

    Args:
        plan: What a step does.
        at_once: Whether many steps are computed beside each other.
    """
    looks = attending.parts_of(plan.score, at_once)
    count = plan.cell.gates
    parts = {"cell": gates(count), "output": linear(), **looks}
    if plan.looks_first:
        parts["context_gates"] = gates(count)
    if plan.feeds_output:
        parts["output_gates"] = gates(count)
    if plan.feedback is not None:
        parts |= {"prediction": linear(), "prediction_gates": gates(count)}
    return parts


def fixed_of(
    plan: Plan, memory: Memory, own: dict[str, Tensor], score: dict[str, Tensor]
) -> dict[str, tuple[Any, ...]]:
    """What stays over the steps, for each of these parts.

    Args:
        plan: What a step does.
        memory: The source.
        own: The weights of ``cell_shapes``.
        score: The weights of ``score_shapes``.
    """
    fixed: dict[str, tuple[Any, ...]] = {
        "cell": (own["cell_kernel"], own.get("cell_bias")),
        "output": (own["output_kernel"], own["output_bias"]),
        **attending.fixed_of(plan.score, memory, score),
    }
    if plan.looks_first:
        fixed["context_gates"] = own["context_kernel"], None
    if plan.feeds_output:
        fixed["output_gates"] = own["output_gates_kernel"], None
    if plan.feedback is not None:
        fixed["prediction"] = own["prediction_kernel"], own["prediction_bias"]
        fixed["prediction_gates"] = own["feedback_kernel"], None
    return fixed
