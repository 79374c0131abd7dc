"""A step repeated over time on JAX, with a gradient results for recurrences.

Automatic differentiation of ``lax.scan`` keeps every intermediate value of a step and
adds the gradients of weights up inside the loop: for each step a product of ``batch``
rows, and a sum as large as the weights. Here a step keeps its carry and the results
of its parts (products and the like). The backward loop computes the elementwise rest
again, takes the gradient of what moves, and hands out the gradient of each part's
result. What stays gets its gradient from these, for all steps at once.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from regard.ops.scan.step import Nest, Step, StepPart, bind_parts


def unroll(
    step: Step,
    parts: Mapping[str, StepPart],
    arguments: tuple[Nest, Nest, Nest, Nest, Nest],
) -> tuple[Nest, Nest]:
    """Run a step over time, as ``regard.ops.scan.unroll`` promises.

    Args:
        step: The step.
        parts: Its parts.
        arguments: The fixed operands, carry, inputs, marks and constants.
    """

    @jax.custom_vjp
    def run(
        fixed: Mapping[str, Nest],
        carry: Nest,
        inputs: Nest,
        marks: Nest,
        constants: Nest,
    ) -> tuple[Nest, Nest]:
        apply = bind_parts(parts, fixed)

        def body(carry: Nest, at: Nest) -> tuple[Nest, Nest]:
            return step(apply, carry, *at, constants)

        return lax.scan(body, carry, (inputs, marks))

    def forward(*arguments: Nest) -> tuple[Nest, Nest]:
        return _with_residuals(step, parts, arguments)

    def backward(residuals: Nest, upstream: Nest) -> tuple[Nest, ...]:
        return _gradients(step, parts, residuals, upstream)

    run.defvjp(forward, backward)
    return run(*arguments)


def _with_residuals(
    step: Step,
    parts: Mapping[str, StepPart],
    arguments: tuple[Nest, ...],
) -> tuple[Nest, Nest]:
    """The loop, and of each step what it started from and the results of its parts."""
    fixed, carry, inputs, marks, constants = arguments
    plain = bind_parts(parts, fixed)

    def body(carry: Nest, at: Nest) -> tuple[Nest, Nest]:
        results: dict[str, Nest] = {}

        def apply(name: str, moving: jax.Array) -> Nest:
            results[name] = plain(name, moving)
            return results[name]

        after, outputs = step(apply, carry, *at, constants)
        return after, (outputs, carry, results)

    after, (outputs, carries, results) = lax.scan(body, carry, (inputs, marks))
    return (after, outputs), (fixed, carries, results, inputs, marks, constants)


def _gradients(
    step: Step, parts: Mapping[str, StepPart], residuals: Nest, upstream: Nest
) -> tuple[Nest, ...]:
    """The gradients of the arguments of ``run``."""
    fixed, carries, results, inputs, marks, constants = residuals
    known = {name: _with_result(part.at_step) for name, part in parts.items()}
    # What is summed up in the loop, by part; the others have no place in it.
    summed = {
        name: fixed[name] for name, part in parts.items() if part.over_steps is None
    }
    moves, stays = _split(summed)

    def body(upstream_carry: Nest, at: Nest) -> tuple[Nest, Nest]:
        upstream_carry, sums = upstream_carry
        carry, results, inputs, marks, upstream_outputs = at

        def again(
            carry: Nest, inputs: Nest, error: Nest, moves: list[Any]
        ) -> tuple[Nest, Nest]:
            inner = _join(summed, moves, stays)
            moved: dict[str, jax.Array] = {}

            def apply(name: str, moving: jax.Array) -> Nest:
                moved[name] = moving
                if name in inner:
                    return known[name](moving, inner[name], results[name])
                outer = lax.stop_gradient(fixed[name])
                result = known[name](moving, outer, results[name])
                return jax.tree.map(jnp.add, error[name], result)

            return step(apply, carry, inputs, marks, constants), moved

        # The gradient of an error of 0 added to a part is that of its result.
        error = jax.tree.map(jnp.zeros_like, results)
        _, pull, moved = jax.vjp(again, carry, inputs, error, moves, has_aux=True)
        before, for_inputs, for_results, more = pull((upstream_carry, upstream_outputs))
        sums = [total + new for total, new in zip(sums, more, strict=True)]
        return (before, sums), (for_inputs, moved, for_results)

    after, outputs = upstream
    start = after, [jnp.zeros_like(leaf) for leaf in moves]
    steps = (carries, results, inputs, marks, outputs)
    (carry, sums), by_step = lax.scan(body, start, steps, reverse=True)
    for_inputs, moved, for_results = by_step
    nothing = [np.zeros(leaf.shape, jax.dtypes.float0) for leaf in stays]
    for_fixed = {
        name: _over_steps(parts[name], moved[name], fixed[name], for_results[name])
        if name in moved
        else None
        for name in fixed
    } | _join(summed, sums, nothing)
    return for_fixed, carry, for_inputs, None, None


def _split(nest: Nest) -> tuple[list[Any], list[Any]]:
    """The leaves that have a gradient, and those that have none."""
    leaves = jax.tree.leaves(nest)
    moves = [leaf for leaf in leaves if _has_gradient(leaf)]
    return moves, [leaf for leaf in leaves if not _has_gradient(leaf)]


def _has_gradient(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def _join(like: Nest, moves: list[Any], stays: list[Any]) -> Nest:
    """The nest that ``_split`` took apart."""
    moving, staying = iter(moves), iter(stays)
    leaves, tree = jax.tree.flatten(like)
    return tree.unflatten(
        next(moving if _has_gradient(leaf) else staying) for leaf in leaves
    )


def _with_result(function: Callable[[Any, Nest], Any]) -> Callable[..., Any]:
    """A function whose result is at hand, with its own gradient."""

    @jax.custom_vjp
    def known(moving: Any, fixed: Nest, result: Any) -> Any:  # noqa: ARG001 - see forward
        return result

    def forward(moving: Any, fixed: Nest, result: Any) -> tuple[Any, Nest]:
        return result, (moving, fixed)

    def backward(residuals: Nest, upstream: Any) -> tuple[Any, Nest, None]:
        _, pull = jax.vjp(function, *residuals)
        return *pull(upstream), None

    known.defvjp(forward, backward)
    return known


def _over_steps(part: StepPart, moved: Any, fixed: Nest, upstream: Any) -> Nest:
    over_steps = part.over_steps
    if over_steps is None:
        return None
    _, pull = jax.vjp(lambda fixed: over_steps(moved, fixed), fixed)
    return pull(upstream)[0]
