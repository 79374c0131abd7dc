"""One look of a decoder at its source: what is done once, and what at each step."""

import math
from typing import Any, NamedTuple

from keras import ops

from regard.ops import project, split_heads
from regard.ops.additive import additive_scores, additive_step_scores, prepare_keys
from regard.ops.precision import Tensor, widen
from regard.ops.scan import Part, linear

#: The scores a decoder can look with.
SCORES = ("additive", "general", "dot", "scaled_dot")


class Memory(NamedTuple):
    """A source, ready to be looked at by many steps.

    Args:
        keys: What queries are compared with, as the score wants it.
        values: What the context is made of, ``(batch, heads, keys, features)``.
        mask: ``(batch, keys)``, True where a key is valid, or None.
    """

    keys: Any
    values: Tensor
    mask: Tensor | None


def prepare(
    score: str,
    heads: int,
    memory: Tensor,
    mask: Tensor | None,
    weights: dict[str, Tensor],
) -> Memory:
    """Do once for a source what all steps share.

    Args:
        score: One of ``SCORES``.
        heads: The number of heads.
        memory: ``(batch, keys, features)``; 0 where masked.
        mask: ``(batch, keys)`` or None.
        weights: The weights of the score.
    """
    values = split_heads(memory, heads)
    if score == "additive":
        projected = project(memory, weights["key_kernel"])
        return Memory(prepare_keys(split_heads(projected, heads)), values, mask)
    if score == "general":
        # q W k of all steps: W k is taken once.
        kernel = ops.reshape(weights["kernel"], (-1, heads, memory.shape[-1]))
        keys = ops.einsum("bkd,qhd->bhkq", widen(memory), widen(kernel))
    else:
        keys = widen(split_heads(memory, heads))
        if score == "scaled_dot":
            keys = keys / math.sqrt(keys.shape[-1])
    return Memory(keys, values, mask)


def parts_of(score: str, at_once: bool = False) -> dict[str, Part]:
    """The parts of a look, by name: ``query`` (additive only), scores and context.

    Args:
        score: One of ``SCORES``.
        at_once: Whether many queries look beside each other.
    """
    if score != "additive":
        return {"scores": Part(_products, _over(_products)), "context": _CONTEXT}
    # A step finds the slopes of its scores in any case: adding up those of the keys
    # costs less than finding them once more for all steps.
    scores = Part(_additive_at_once if at_once else _additive_steps, None)
    return {"query": linear(), "scores": scores, "context": _CONTEXT}


def fixed_of(
    score: str, memory: Memory, weights: dict[str, Tensor]
) -> dict[str, tuple[Any, ...]]:
    """What stays, for each of these parts."""
    fixed: dict[str, tuple[Any, ...]] = {"context": (memory.values,)}
    if score != "additive":
        return {**fixed, "scores": (memory.keys,)}
    query = weights["query_kernel"], weights.get("bias")
    return {**fixed, "query": query, "scores": (memory.keys, weights["scale"])}


def share_query(score: str, heads: int, query: Tensor) -> Tensor:
    """``(batch, [queries,] features)`` to ``(batch, [queries,] heads, features)``."""
    if score == "general":
        return ops.repeat(ops.expand_dims(query, -2), heads, axis=-2)
    lead = tuple(-1 if size is None else size for size in query.shape[:-1])
    if lead.count(-1) > 1:
        lead = tuple(ops.shape(query)[:-1])
    return ops.reshape(query, (*lead, heads, query.shape[-1] // heads))


def _products(query: Tensor, fixed: tuple[Tensor, ...]) -> Tensor:
    (keys,) = fixed
    query = widen(query)
    # As in ``_context``: without copies of the keys.
    keys = ops.swapaxes(keys, 2, 3)
    if len(query.shape) == 3:
        return ops.squeeze(ops.matmul(query[:, :, None], keys), 2)
    return ops.swapaxes(ops.matmul(ops.swapaxes(query, 1, 2), keys), 1, 2)


def _additive_steps(query: Tensor, fixed: tuple[Any, Tensor]) -> Tensor:
    """For few queries: from the factors of the keys."""
    if len(query.shape) == 3:
        return additive_step_scores(query, *fixed)
    scores = additive_step_scores(ops.swapaxes(query, 1, 2), *fixed)
    return ops.swapaxes(scores, 1, 2)


def _additive_at_once(query: Tensor, fixed: tuple[Any, Tensor]) -> Tensor:
    """For many queries: in blocks."""
    keys, scale = fixed
    scores = additive_scores(ops.swapaxes(query, 1, 2), keys.key, scale)
    return ops.swapaxes(scores, 1, 2)


def _context(weights: Tensor, fixed: tuple[Tensor, ...]) -> Tensor:
    (values,) = fixed
    weights = ops.cast(weights, values.dtype)
    # Products as they lie in memory: for an einsum, XLA copies the values in each step.
    if len(weights.shape) == 3:
        heads = ops.squeeze(ops.matmul(weights[:, :, None], values), 2)
    else:
        heads = ops.matmul(ops.swapaxes(weights, 1, 2), values)
        heads = ops.swapaxes(heads, 1, 2)
    lead = tuple(ops.shape(heads)[:-2])
    return ops.reshape(heads, (*lead, values.shape[1] * values.shape[3]))


def _over(function: Any) -> Any:
    """Of queries beside each other, the function of steps one after the other."""

    def over_steps(moving: Tensor, fixed: Any) -> Tensor:
        return ops.swapaxes(function(ops.swapaxes(moving, 0, 1), fixed), 0, 1)

    return over_steps


_CONTEXT = Part(_context, _over(_context))
