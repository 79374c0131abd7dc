"""What a step computes from something that moves and something that stays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from keras import ops

from regard.ops.linear import project
from regard.ops.precision import Tensor

#: A nest of tensors: tuples, named tuples and dictionaries.
Nest: TypeAlias = Any


@dataclass(frozen=True)
class Part:
    """A function of what moves with the steps and of what stays the same.

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


def _linear(moving: Tensor, fixed: Nest) -> Tensor:
    kernel, bias = fixed
    product = project(moving, kernel)
    return product if bias is None else product + bias


def gates(count: int) -> Part:
    """``x W + b`` as a tuple of ``count`` gates, each ``(…, units)``.

    XLA's loops over several slices of one step of a stored sequence are some seven
    times slower than over as many sequences: a step is kept gate by gate.
    """

    def split(moving: Tensor, fixed: Nest) -> tuple[Tensor, ...]:
        return split_gates(_linear(moving, fixed), count)

    return Part(split, split)


def split_gates(joined: Tensor, count: int) -> tuple[Tensor, ...]:
    """``(…, count * units)`` as a tuple of ``(…, units)``."""
    return tuple(ops.split(joined, count, axis=-1))


def linear() -> Part:
    """``x W + b``, where ``(W, b)`` stays and ``b`` may be None."""
    return Part(_linear, _linear)
