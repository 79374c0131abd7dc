"""Recurrent cells, without their products: what is left is elementwise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from keras import ops

from regard.ops.precision import Tensor

#: The state of a cell: its output comes first.
State: TypeAlias = tuple[Tensor, ...]
Gates: TypeAlias = tuple[Tensor, ...]


@dataclass(frozen=True)
class Cell:
    """A recurrent cell.

    Args:
        gates: How many times its units the width of its products is.
        states: How many tensors its state has; the first is its output.
        advance: Maps what comes from outside, what comes from the output before, both
            a tuple of gates ``(…, units)``, and the state to the next state.
    """

    gates: int
    states: int
    advance: Callable[[Gates, Gates, State], State]


def gru(given: Gates, own: Gates, state: State) -> State:
    r"""A gated recurrent unit, as Keras computes it with ``reset_after=True``.

    .. math::
        z, r = \sigma(g_z + o_z), \sigma(g_r + o_r), \qquad
        h' = z h + (1 - z) \tanh(g_h + r\, o_h)

    References:
        Cho et al.: Learning phrase representations using RNN encoder-decoder for
        statistical machine translation (2014), https://arxiv.org/abs/1406.1078.
    """
    (before,) = state
    update, reset, candidate = given
    own_update, own_reset, own_candidate = own
    keep = ops.sigmoid(update + own_update)
    new = ops.tanh(candidate + ops.sigmoid(reset + own_reset) * own_candidate)
    return (new + keep * (before - new),)


def lstm(given: Gates, own: Gates, state: State) -> State:
    r"""A long short-term memory, with the gates in the order of Keras.

    .. math::
        c' = \sigma(f)\, c + \sigma(i) \tanh(g), \qquad h' = \sigma(o) \tanh(c')

    References:
        Hochreiter, Schmidhuber: Long short-term memory (1997),
        https://doi.org/10.1162/neco.1997.9.8.1735; with the forget gate of Gers,
        Schmidhuber, Cummins (2000), https://doi.org/10.1162/089976600300015015.
    """
    _, memory = state
    enter, forget, candidate, leave = map(ops.add, given, own)
    memory = ops.sigmoid(forget) * memory + ops.sigmoid(enter) * ops.tanh(candidate)
    return ops.sigmoid(leave) * ops.tanh(memory), memory


#: The cells by name.
CELLS = {"gru": Cell(3, 1, gru), "lstm": Cell(4, 2, lstm)}
