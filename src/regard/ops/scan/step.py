"""The step of a recurrence: its cell, and the parts it computes from its weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from keras import ops

from regard._typing import Float, Tensor
from regard.ops.linear import project
from regard.ops.products import products_asked, products_in

#: A nest of tensors: tuples, named tuples and dictionaries.
Nest: TypeAlias = Any
#: Computes the named part for what moves.
Apply: TypeAlias = Callable[[str, Tensor], Nest]
#: From a part's apply, the carry, the inputs and the marks of a step and what is
#: constant: the next carry, and the outputs of the step.
Step: TypeAlias = Callable[..., tuple[Nest, Nest]]
#: The state of a cell: its output comes first.
State: TypeAlias = tuple[Tensor, ...]
#: Products with the weights of a cell, each ``(…, units)``.
Gates: TypeAlias = tuple[Tensor, ...]


@dataclass(frozen=True)
class StepPart:
    """A part of a step: a function of what moves with the steps and of what stays.

    The gradient of what stays is a sum over all steps. Where a part can be computed
    for all steps at once, that sum is one operation after the loop instead of one in
    each step.

    Args:
        at_step: Maps ``moving (batch, …)`` and what stays to ``(batch, …)``, or to a
            nest of such.
        over_steps: The same function of ``(time, batch, …)``, to ``(time, batch, …)``.
            None: there is none that is cheaper than a sum over the steps.
    """

    at_step: Callable[[Tensor, Nest], Nest]
    over_steps: Callable[[Tensor, Nest], Nest] | None


def bind_parts(parts: Mapping[str, StepPart], fixed: Mapping[str, Nest]) -> Apply:
    """The ``apply`` of a step outside of a loop."""
    return lambda name, moving: parts[name].at_step(moving, fixed[name])


def linear() -> StepPart:
    """``x W + b``, where ``(W, b)`` stays and ``b`` may be None.

    Its products are those asked for where the part is made: a loop finds its gradient
    elsewhere.
    """
    function = _as_asked(_linear)
    return StepPart(function, function)


def gates(count: int) -> StepPart:
    """``x W + b`` as a tuple of ``count`` gates, each ``(…, units)``.

    XLA's loops over several slices of one step of a stored sequence are some seven
    times slower than over as many sequences: a step is kept gate by gate.
    """

    def split(moving: Tensor, fixed: Nest) -> Gates:
        return split_gates(_linear(moving, fixed), count)

    function = _as_asked(split)
    return StepPart(function, function)


def _as_asked(
    function: Callable[[Tensor, Nest], Nest],
) -> Callable[[Tensor, Nest], Nest]:
    """The function with the products that are asked for here, wherever it is called."""
    asked = products_asked()

    def compute(moving: Tensor, fixed: Nest) -> Nest:
        with products_in(asked):
            return function(moving, fixed)

    return compute


def split_gates(joined: Float[Tensor, "*outer features"], count: int) -> Gates:
    """``(…, count * units)`` as a tuple of ``(…, units)``."""
    return tuple(ops.split(joined, count, axis=-1))


def _linear(moving: Tensor, fixed: Nest) -> Tensor:
    kernel, bias = fixed
    product = project(moving, kernel)
    return product if bias is None else product + bias


@dataclass(frozen=True)
class Cell:
    """A recurrent cell, without its products: what is left is elementwise.

    Args:
        gates: How many times its units the width of its products is.
        states: How many tensors its state has; the first is its output.
        advance: Maps the gates that come from outside, those that come from the output
            before, and the state to the next state.
    """

    gates: int
    states: int
    advance: Callable[[Gates, Gates, State], State]


def gru(outer: Gates, own: Gates, state: State) -> State:
    r"""A gated recurrent unit, as Keras computes it with ``reset_after=True``.

    .. math::
        z, r = \sigma(g_z + o_z), \sigma(g_r + o_r), \qquad
        h' = z h + (1 - z) \tanh(g_h + r\, o_h)

    Args:
        outer: ``g``, from outside of the cell.
        own: ``o``, from its output before.
        state: ``(h,)``.

    References:
        Cho et al.: Learning phrase representations using RNN encoder-decoder for
        statistical machine translation (2014), https://arxiv.org/abs/1406.1078.
    """
    (before,) = state
    update, reset, candidate = outer
    own_update, own_reset, own_candidate = own
    keep = ops.sigmoid(update + own_update)
    new = ops.tanh(candidate + ops.sigmoid(reset + own_reset) * own_candidate)
    return (new + keep * (before - new),)


def lstm(outer: Gates, own: Gates, state: State) -> State:
    r"""A long short-term memory, with the gates in the order of Keras.

    .. math::
        c' = \sigma(f)\, c + \sigma(i) \tanh(g), \qquad h' = \sigma(o) \tanh(c')

    Args:
        outer: Summands of ``i``, ``f``, ``g`` and ``o`` from outside of the cell.
        own: Those from its output before.
        state: ``(h, c)``.

    References:
        Hochreiter, Schmidhuber: Long short-term memory (1997),
        https://doi.org/10.1162/neco.1997.9.8.1735; with the forget gate of Gers,
        Schmidhuber, Cummins (2000), https://doi.org/10.1162/089976600300015015.
    """
    _, memory = state
    enter, forget, candidate, leave = map(ops.add, outer, own)
    memory = ops.sigmoid(forget) * memory + ops.sigmoid(enter) * ops.tanh(candidate)
    return ops.sigmoid(leave) * ops.tanh(memory), memory


#: The cells by name.
CELLS = {"gru": Cell(3, 1, gru), "lstm": Cell(4, 2, lstm)}
