"""Recurrent layers as nodes of ONNX, for sequences of any length.

PyTorch follows the loop of Keras step by step, for one number of steps. ONNX has whole
recurrent layers: while a model is followed, each of its layers is one operation, which
is written as one node. A node knows no masks but sequences that end at different steps,
so what a mask leaves of a sequence is moved to its front, read, and put back.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import torch
from keras import activations
from onnxscript import opset18 as op

from regard import _compat
from regard.errors import ExportError

# The gates of Keras in the order of ONNX.
_GATES = {"rnn": (0,), "gru": (0, 1, 2), "lstm": (0, 3, 1, 2)}
_LAYERS = {
    keras.layers.SimpleRNN: "rnn",
    keras.layers.GRU: "gru",
    keras.layers.LSTM: "lstm",
}
_ACTIVATIONS = {
    activations.tanh: "Tanh",
    activations.sigmoid: "Sigmoid",
    activations.relu: "Relu",
}


# It is followed, and never run.
_NAME = "regard::recurrence"
torch.library.define(
    _NAME,
    "(str cell, str functions, bool reset_after, Tensor inputs, Tensor[] weights, "
    "Tensor lengths, Tensor[] before) -> (Tensor, Tensor, Tensor)",
)


@torch.library.register_fake(_NAME)
def _(*arguments: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """All outputs and the last of each state, as far as their shapes."""
    _, _, _, inputs, weights, *_ = arguments
    time, batch, _ = inputs.shape
    state = (1, batch, weights[1].shape[-1])
    new = inputs.new_empty
    return new((time, *state)), new(state), new(state)


def _node(*arguments: Any) -> tuple[Any, Any, Any]:
    cell, functions, reset_after, inputs, weights, lengths, before = arguments
    settings = {
        "hidden_size": int(weights[1].shape[-1]),
        "activations": functions.split(),
    }
    given = inputs, *weights, lengths, *before
    if cell == "lstm":
        outputs, hidden, memory = op.LSTM(*given, **settings)
        return outputs, hidden, memory
    if cell == "gru":
        settings["linear_before_reset"] = int(reset_after)
    outputs, hidden = {"gru": op.GRU, "rnn": op.RNN}[cell](*given, **settings)
    return outputs, hidden, op.Identity(hidden)


#: What the exporter of PyTorch writes for the operation.
TRANSLATIONS = {torch.ops.regard.recurrence.default: _node}


@contextmanager
def recurrence_as_nodes(model: keras.Model) -> Iterator[None]:
    """Let each recurrent layer of a model be one operation, while it is followed.

    Raises:
        ExportError: One computes what no recurrent layer of ONNX does.
    """
    layers = {
        id(layer): (layer, cell)
        for layer in _compat.layers_below(model)
        for kind, cell in _LAYERS.items()
        if isinstance(layer, kind)
    }
    functions = {key: _functions(*pair) for key, pair in layers.items()}
    # Through ``__dict__``: Keras and PyTorch track what is set as an attribute.
    try:
        for key, (layer, cell) in layers.items():
            layer.__dict__["inner_loop"] = partial(_loop, layer, cell, functions[key])
        yield
    finally:
        for layer, _ in layers.values():
            layer.__dict__.pop("inner_loop", None)


def _functions(layer: Any, cell: str) -> str:
    """The activations of a layer, in the order of ONNX."""
    state = layer.cell.activation
    gates = [] if cell == "rnn" else [layer.cell.recurrent_activation]
    wanted = [*gates, state, state] if cell == "lstm" else [*gates, state]
    unknown = [each for each in wanted if each not in _ACTIVATIONS]
    if unknown or layer.stateful:
        what = (
            "keeps its state from batch to batch"
            if layer.stateful
            else (f"has the activation {getattr(unknown[0], '__name__', unknown[0])}")
        )
        raise ExportError(
            f"The model cannot be exported to ONNX: the layer '{layer.name}' {what}.",
            expected="tanh, sigmoid or relu, and no state from one batch to the next",
            fix="Export it to StableHLO." if unknown else None,
        )
    return " ".join(_ACTIVATIONS[each] for each in wanted)


def _loop(
    layer: Any,
    cell: str,
    functions: str,
    *,
    sequences: torch.Tensor,
    initial_state: Sequence[torch.Tensor],
    mask: Any = None,
    training: bool = False,  # noqa: ARG001 - Keras gives it
) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """What Keras's loop over time gives: last output, all outputs and the state."""
    (mask,) = mask if isinstance(mask, list | tuple) else (mask,)
    cast = partial(keras.ops.cast, dtype=layer.compute_dtype)
    inputs = cast(sequences)
    if layer.go_backwards:
        inputs, mask = inputs.flip(1), None if mask is None else mask.flip(1)
    weights = _weights(layer.cell, cell, cast)
    before = [cast(each)[None] for each in initial_state]
    batch, time, features = inputs.shape
    if mask is None:
        lengths = torch.full((batch,), time, dtype=torch.int32, device=inputs.device)
    else:
        mask = mask.bool()
        counts = mask.sum(1)
        front = _valid_first(mask, time)[..., None].expand(-1, -1, features)
        inputs = torch.gather(inputs, 1, front)
        # A runtime may read one step at least.
        lengths = counts.clamp(min=1).to(torch.int32)
    reset_after = bool(getattr(layer.cell, "reset_after", False))
    outputs, *last = torch.ops.regard.recurrence(
        cell, functions, reset_after, inputs.transpose(0, 1), weights, lengths, before
    )
    outputs = outputs[:, 0].transpose(0, 1)
    after = [each[0] for each in last[: len(before)]]
    if mask is not None:
        outputs = _repeated(outputs, mask)
        empty = (counts == 0)[:, None]
        after = [
            torch.where(empty, first[0], each)
            for first, each in zip(before, after, strict=True)
        ]
        if layer.zero_output_for_mask:
            outputs = torch.where(mask[..., None], outputs, 0.0)
    return outputs[:, -1], outputs, after


def _weights(cell: Any, name: str, cast: Any) -> list[torch.Tensor]:
    """Kernel, recurrent kernel and both biases as ONNX has them."""
    kernel, recurrent = (
        _reordered(name, cast(each)).t()[None]
        for each in (cell.kernel, cell.recurrent_kernel)
    )
    if cell.use_bias:
        bias = cast(cell.bias)
        # Only a GRU that is reset after its product has two.
        pair = bias if bias.dim() == 2 else torch.stack([bias, torch.zeros_like(bias)])
    else:
        pair = kernel.new_zeros((2, kernel.shape[1]))
    return [kernel, recurrent, _reordered(name, pair).reshape(1, -1)]


def _reordered(name: str, weight: torch.Tensor) -> torch.Tensor:
    order = _GATES[name]
    units = weight.shape[-1] // len(order)
    gates = [weight[..., gate * units : (gate + 1) * units] for gate in order]
    return torch.cat(gates, dim=-1)


def _valid_first(mask: torch.Tensor, time: int) -> torch.Tensor:
    """The places of each sequence, those that a mask leaves first, in their order."""
    steps = torch.arange(time, device=mask.device)
    order = torch.where(mask, steps, steps + time).sort(1).values
    return torch.where(order >= time, order - time, order)


def _repeated(outputs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """For each step the output of the valid one it is, or that was before it."""
    read = mask.long().cumsum(1) - 1
    at = read.clamp(min=0)[..., None].expand(-1, -1, outputs.shape[-1])
    return torch.where((read >= 0)[..., None], torch.gather(outputs, 1, at), 0.0)
