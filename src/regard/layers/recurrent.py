"""The recurrent layers of Keras, faster on JAX and PyTorch."""

import importlib
from typing import Any

import keras
from keras import ops, tree

from regard._backend import backend_name
from regard._typing import Float, Shaped, Tensor
from regard.layers.shapes import mask_of_places
from regard.ops import project
from regard.ops.scan import CELLS, Cell, gates, split_gates, unroll
from regard.ops.scan.step import Step


class _FastLoop:
    """Replaces the loop of a Keras recurrent layer where it computes the same."""

    #: The cell's name in ``regard.ops.scan``.
    _cell_name: str

    def call(
        self,
        sequences: Float[Tensor, "batch time features"],
        initial_state: Any = None,
        mask: Shaped[Tensor, "batch time ..."] | None = None,
        training: bool = False,
    ) -> Any:
        """Run over the sequences, as the layer of Keras does."""
        layer: Any = self
        run: Any = super().call  # type: ignore[misc]
        mask = mask_of_places(mask, sequences)
        if sequences.shape[1] != 0:
            return run(sequences, initial_state, mask, training)
        # Keras looks at the first step, so there is one that is only padding.
        padding = ops.pad(sequences, ((0, 0), (0, 1), (0, 0)))
        mask = ops.zeros(ops.shape(padding)[:2], "bool")
        results = run(padding, initial_state, mask, training)
        if not layer.return_sequences:
            return results
        if not layer.return_state:
            return results[:, :0]
        outputs, *states = results
        return outputs[:, :0], *states

    def compute_mask(self, sequences: Any, mask: Any) -> Any:
        """The mask of the steps, where they go on."""
        layer: Any = super()
        mask = tree.flatten(mask)[0]
        return layer.compute_mask(
            sequences, mask_of_places(mask, tree.flatten(sequences)[0])
        )

    def inner_loop(
        self,
        sequences: Float[Tensor, "batch time features"],
        initial_state: Any,
        mask: Shaped[Tensor, "batch time"] | None,
        training: bool = False,
    ) -> Any:
        """The loop over time: last output, all outputs and the last state."""
        if isinstance(mask, (tuple, list)):
            (mask,) = mask
        done = None
        if self._computes_the_same(training):
            loop = {"jax": self._scan, "torch": self._fused}.get(backend_name())
            done = loop and loop(sequences, tuple(initial_state), mask)
        if done is None:
            slow: Any = super()
            done = slow.inner_loop(sequences, initial_state, mask, training)
        return done

    def _computes_the_same(self, training: bool) -> bool:
        layer: Any = self
        cell = layer.cell
        drops = training and (cell.dropout or cell.recurrent_dropout)
        return (
            cell.activation is keras.activations.tanh
            and cell.recurrent_activation is keras.activations.sigmoid
            and getattr(cell, "reset_after", True)
            and not (drops or layer.unroll)
        )

    def _scan(
        self,
        sequences: Float[Tensor, "batch time features"],
        state: tuple[Float[Tensor, "batch units"], ...],
        mask: Shaped[Tensor, "batch time"] | None,
    ) -> tuple[
        Float[Tensor, "batch units"],
        Float[Tensor, "batch time units"],
        list[Float[Tensor, "batch units"]],
    ]:
        layer: Any = self
        gate_inputs, recurrent_bias = _gate_inputs(layer, sequences)
        valid = None if mask is None else ops.swapaxes(mask, 0, 1)
        if layer.go_backwards:
            gate_inputs = ops.flip(gate_inputs, 0)
            valid = None if valid is None else ops.flip(valid, 0)
        kernel = ops.cast(layer.cell.recurrent_kernel, gate_inputs.dtype)
        cell = CELLS[self._cell_name]
        after, outputs = unroll(
            _step_of(cell),
            {"cell": gates(cell.gates)},
            {"cell": (kernel, recurrent_bias)},
            state,
            split_gates(gate_inputs, cell.gates),
            marks=() if valid is None else (valid[..., None],),
        )
        if valid is not None and layer.zero_output_for_mask:
            outputs = ops.where(valid[..., None], outputs, 0.0)
        return outputs[-1], ops.swapaxes(outputs, 0, 1), list(after)

    def _fused(
        self,
        sequences: Float[Tensor, "batch time features"],
        state: tuple[Float[Tensor, "batch units"], ...],
        mask: Shaped[Tensor, "batch time"] | None,
    ) -> Any:
        """The recurrence of PyTorch itself; None where it has no such tensors."""
        layer: Any = self
        cell = layer.cell
        on_torch = importlib.import_module("regard.ops.scan.torch_recurrence")
        weights = [cell.kernel, cell.recurrent_kernel]
        weights += [cell.bias] if cell.use_bias else []
        return on_torch.recurrence(
            self._cell_name,
            sequences,
            state,
            mask,
            [ops.cast(weight, layer.compute_dtype) for weight in weights],
            go_backwards=layer.go_backwards,
            zero_output_for_mask=layer.zero_output_for_mask,
        )


@keras.saving.register_keras_serializable(package="regard")
class GRU(_FastLoop, keras.layers.GRU):
    """``keras.layers.GRU``, with the same weights and numbers and a faster gradient.

    On JAX the gradient of its weights is one product over all steps (see
    ``regard.ops.scan.unroll``); on PyTorch, on a processor, the steps are those of
    ``torch.nn.GRU``. With dropout in training, recurrent dropout, other activations or
    ``unroll=True``, and elsewhere, it runs as Keras runs it.

    Args:
        *args: What ``keras.layers.GRU`` takes, in its order.
        **kwargs: The same by name.
    """

    _cell_name = "gru"


@keras.saving.register_keras_serializable(package="regard")
class LSTM(_FastLoop, keras.layers.LSTM):
    """``keras.layers.LSTM``, with the same weights and numbers and a faster gradient.

    See ``GRU``.

    Args:
        *args: What ``keras.layers.LSTM`` takes, in its order.
        **kwargs: The same by name.
    """

    _cell_name = "lstm"


def _gate_inputs(
    layer: Any, sequences: Float[Tensor, "batch time features"]
) -> tuple[Float[Tensor, "time batch gates"], Float[Tensor, " gates"] | None]:
    """The gates as far as the inputs make them; the bias of the recurrent kernel."""
    cell = layer.cell
    dtype = layer.compute_dtype
    product = project(ops.swapaxes(sequences, 0, 1), ops.cast(cell.kernel, dtype))
    if not cell.use_bias:
        return product, None
    bias = ops.cast(cell.bias, dtype)
    if len(bias.shape) == 1:
        return product + bias, None
    return product + bias[0], bias[1]


def _step_of(cell: Cell) -> Step:
    def step(apply: Any, state: Any, gate_inputs: Any, marks: Any, _: Any) -> Any:
        after = cell.advance(gate_inputs, apply("cell", state[0]), state)
        if marks:
            pairs = zip(after, state, strict=True)
            after = tuple(ops.where(marks[0], new, old) for new, old in pairs)
        return after, after[0]

    return step
