"""A step repeated over time."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops, tree

from regard import _compat
from regard._backend import backend_name
from regard.ops.scan.step import Nest, Step, StepPart, bind_parts


def unroll(
    step: Step,
    parts: Mapping[str, StepPart],
    fixed: Mapping[str, Nest],
    carry: Nest,
    inputs: Nest,
    *,
    marks: Nest = (),
    constants: Nest = (),
) -> tuple[Nest, Nest]:
    r"""Run a step over time.

    On JAX it has a gradient of its own: of each step the carry and the parts are
    kept, the rest of it is computed again, and the gradient of what stays is taken
    once for all steps. With :math:`y_t = x_t W` that is :math:`dW = X^\top dY`, one
    product of ``(time * batch)`` rows, where automatic differentiation adds up
    ``time`` products in its loop. On PyTorch the calls of the first step are repeated
    without what Keras does around them.

    Args:
        step: Called with ``apply``, the carry, the step's inputs, its marks and the
            constants; returns the next carry and the outputs of the step. Everything
            it differentiates goes through its arguments, and each part is applied
            once, by ``apply(name, moving)``.
        parts: The parts by name.
        fixed: The operands that stay, for each part.
        carry: The state that the first step starts from.
        inputs: ``(time, batch, …)``, floating. Gradients flow.
        marks: ``(time, …)``, of any type. No gradients flow.
        constants: The same in all steps. No gradients flow.

    Returns:
        The last carry, and the outputs ``(time, batch, …)``.
    """
    arguments = fixed, carry, inputs, marks, constants
    if tree.flatten(inputs)[0].shape[0] == 0:
        return _no_steps(step, parts, arguments)
    done: tuple[Nest, Nest] | None = None
    backend = backend_name()
    if backend in {"jax", "torch"} and not _symbolic(carry, inputs, dict(fixed)):
        made_for_it = importlib.import_module(f"regard.ops.scan.{backend}_unroll")
        done = made_for_it.unroll(step, parts, arguments)
    return done or _plain(step, parts, arguments)


def unroll_while(
    step: Callable[[Any, Nest], tuple[Nest, Nest]],
    goes_on: Callable[[Any, Nest], Any],
    carry: Nest,
    blank: Nest,
    *,
    constants: Nest,
    begin: int = 0,
) -> tuple[Nest, Nest, Any]:
    """Run a step as long as something is left to do.

    On PyTorch the calls of the first step are repeated, and outputs are put together
    once at the end: what is written into a tensor at a place that is itself a tensor
    costs there as much as a step does.

    Args:
        step: Called with the number of the step and the carry; returns the next carry
            and the outputs of the step. It does the same in every step.
        goes_on: Called with both; returns whether there is a step, one boolean.
        carry: What the first step starts from.
        blank: Outputs ``(most, …)`` of as many steps as there are at most, 0; those of
            steps before the first are kept.
        constants: The tensors that both read besides.
        begin: The number of the first step.

    Returns:
        The last carry, the outputs ``(count or more, …)``, and the number of steps.
    """
    start = ops.convert_to_tensor(begin, "int32")
    done: tuple[Nest, Nest, Any] | None = None
    if backend_name() == "torch":
        on_torch = importlib.import_module("regard.ops.scan.torch_unroll")
        done = on_torch.unroll_while(step, goes_on, (start, carry), blank, constants)
    if done is not None:
        return done

    def body(number: Any, carry: Nest, before: Nest) -> tuple[Any, Nest, Nest]:
        carry, outputs = step(number, carry)

        def write(tensor: Any, output: Any) -> Any:
            place = (number, *[0] * len(output.shape))
            return ops.slice_update(tensor, place, output[None])

        return number + 1, carry, tree.map_structure(write, before, outputs)

    number, carry, outputs = ops.while_loop(
        lambda number, carry, _: goes_on(number, carry), body, (start, carry, blank)
    )
    return carry, outputs, number


def _plain(
    step: Step,
    parts: Mapping[str, StepPart],
    arguments: tuple[Nest, Nest, Nest, Nest, Nest],
) -> tuple[Nest, Nest]:
    fixed, carry, inputs, marks, constants = arguments
    apply = bind_parts(parts, fixed)

    def body(both: Nest, at: Nest) -> tuple[Nest, Nest]:
        after = step(apply, both[0], at[0], at[1], constants)
        return after, after

    # TensorFlow's scan wants of a step what it carries, so outputs are carried too.
    first = tree.map_structure(lambda tensor: tensor[0], (inputs, marks))
    _, like = step(apply, carry, *first, constants)
    blank = tree.map_structure(ops.zeros_like, like)
    (carry, _), (_, outputs) = _compat.scan(body, (carry, blank), (inputs, marks))
    return carry, outputs


def _no_steps(
    step: Step,
    parts: Mapping[str, StepPart],
    arguments: tuple[Nest, Nest, Nest, Nest, Nest],
) -> tuple[Nest, Nest]:
    """The carry as it came, and outputs of the shape of a step but without any."""
    fixed, carry, inputs, marks, constants = arguments
    at = tree.map_structure(
        lambda tensor: ops.zeros(ops.shape(tensor)[1:], tensor.dtype), (inputs, marks)
    )
    _, like = step(bind_parts(parts, fixed), carry, *at, constants)
    outputs = tree.map_structure(lambda output: ops.expand_dims(output, 0)[:0], like)
    return carry, outputs


def _symbolic(*nests: Nest) -> bool:
    return any(isinstance(leaf, keras.KerasTensor) for leaf in tree.flatten(nests))
