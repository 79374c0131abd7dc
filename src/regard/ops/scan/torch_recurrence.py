"""A whole recurrent layer by PyTorch's own recurrence, which runs without Python.

It knows no masks but sequences that end at different steps. What a mask leaves of a
sequence is moved to its front, read as so many steps, and put back where it came from.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from regard._typing import Bool, Float, Int, Shaped
from regard.ops.scan.step import State
from regard.ops.scan.torch_unroll import are_plain

# The gates of Keras in the order of PyTorch.
_GATES = {"gru": (1, 0, 2), "lstm": (0, 1, 2, 3)}


class Outcome(NamedTuple):
    """What Keras's loop over time gives.

    Args:
        last: The output of the last step, ``(batch, units)``.
        outputs: ``(batch, time, units)``.
        state: The state after it.
    """

    last: Float[torch.Tensor, "batch units"]
    outputs: Float[torch.Tensor, "batch time units"]
    state: list[Float[torch.Tensor, "batch units"]]


def recurrence(
    cell: str,
    sequences: Float[torch.Tensor, "batch time features"],
    state: State,
    mask: Shaped[torch.Tensor, "batch time"] | None,
    weights: Sequence[torch.Tensor],
    *,
    go_backwards: bool,
    zero_output_for_mask: bool,
) -> Outcome | None:
    """Read sequences as ``keras.layers.GRU`` or ``LSTM`` does on PyTorch.

    Args:
        cell: ``"gru"``, with its candidate reset after the product, or ``"lstm"``.
        sequences: ``(batch, time, features)``.
        state: The first state, each ``(batch, units)``.
        mask: True where a step is valid. Others leave the state as it is and repeat
            the output before, which is 0 at first.
        weights: Kernel, recurrent kernel and, where there is one, bias, as Keras has
            them.
        go_backwards: Whether the last step is read first.
        zero_output_for_mask: Whether the output is 0 where the mask is False.

    Returns:
        None where it was not measured, or cannot run: elsewhere than on a processor,
        without steps, in a program that is being compiled or vectorised.
    """
    tensors = [sequences, *state, *weights]
    if 0 in sequences.shape[:2] or not are_plain([*tensors, mask]):
        return None
    if any(tensor.device.type != "cpu" for tensor in tensors):
        return None
    if go_backwards:
        sequences = sequences.flip(1)
        mask = None if mask is None else mask.flip(1)
    dtype = weights[0].dtype
    sequences = sequences.to(dtype)
    before = [each.to(dtype) for each in state]
    parameters = _parameters(cell, weights)
    if mask is None or bool((mask := mask.bool()).all()):
        outputs, after = _run(cell, sequences, before, parameters)
        return Outcome(outputs[:, -1], outputs, after)
    outputs, after = _read_masked(cell, sequences, before, parameters, mask)
    if zero_output_for_mask:
        outputs = torch.where(mask[..., None], outputs, 0.0)
    return Outcome(outputs[:, -1], outputs, after)


def _parameters(cell: str, weights: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The weights as PyTorch has them: kernels transposed, two biases."""
    kernels, biases = list(weights[:2]), list(weights[2:])
    if biases:
        (bias,) = biases
        # An LSTM of Keras has one bias, for the sum.
        pair = bias.dim() == 2
        biases = [bias[0], bias[1]] if pair else [bias, torch.zeros_like(bias)]
    return [_reordered(cell, each).t().contiguous() for each in kernels] + [
        _reordered(cell, each) for each in biases
    ]


def _reordered(cell: str, weight: torch.Tensor) -> torch.Tensor:
    order = _GATES[cell]
    gates = weight.chunk(len(order), dim=-1)
    return torch.cat([gates[gate] for gate in order], dim=-1)


def _run(
    cell: str,
    sequences: torch.Tensor | PackedSequence,
    state: Sequence[torch.Tensor],
    parameters: list[torch.Tensor],
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """All steps: the outputs as the sequences lie, and the last state."""
    run: Any = {"gru": torch.gru, "lstm": torch.lstm}[cell]
    layers = [each[None] for each in state]
    before = layers[0] if cell == "gru" else tuple(layers)
    # One layer, no dropout, and the gradient if there is to be one.
    how = (len(parameters) == 4, 1, 0.0, torch.is_grad_enabled(), False)
    given: tuple[Any, ...]
    if isinstance(sequences, PackedSequence):
        given = sequences.data, sequences.batch_sizes, before, parameters, *how
    else:
        given = sequences, before, parameters, *how, True
    outputs, *after = run(*given)
    return outputs, [each[0] for each in after]


def _read_masked(
    cell: str,
    sequences: Float[torch.Tensor, "batch time features"],
    before: Sequence[torch.Tensor],
    parameters: list[torch.Tensor],
    mask: Bool[torch.Tensor, "batch time"],
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Outputs, repeated where the mask is False, and the last state."""
    counts = mask.sum(1)
    steps = torch.arange(mask.shape[1])
    if not bool((mask == (steps < counts[:, None])).all()):
        # The valid steps first, in their order.
        front = (~mask).to(torch.uint8).argsort(dim=1, stable=True)
        sequences = torch.take_along_dim(sequences, front[..., None], dim=1)
    # PyTorch reads one step at least.
    packed = pack_padded_sequence(
        sequences, counts.clamp(min=1), batch_first=True, enforce_sorted=False
    )
    rows = packed.sorted_indices
    state = [each[rows] for each in before]
    data, after = _run(cell, packed, state, parameters)
    outputs, _ = pad_packed_sequence(
        packed._replace(data=data), batch_first=True, total_length=mask.shape[1]
    )
    empty = (counts == 0)[:, None]
    last = [each[packed.unsorted_indices] for each in after]
    last = [torch.where(empty, *pair) for pair in zip(before, last, strict=True)]
    return _repeated(outputs, mask), last


def _repeated(
    outputs: Float[torch.Tensor, "batch time units"],
    mask: Bool[torch.Tensor, "batch time"],
) -> Float[torch.Tensor, "batch time units"]:
    """For each step the output of the valid one it is, or that was before it."""
    read: Int[torch.Tensor, "batch time"] = mask.cumsum(1) - 1
    at = read.clamp(min=0)[..., None]
    return torch.where(
        (read >= 0)[..., None], torch.take_along_dim(outputs, at, dim=1), 0.0
    )
