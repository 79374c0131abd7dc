"""One observed forward pass: its tensors, what they are, and the arrays they become."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from regard.errors import ObservationError
from regard.observation.discovery import Selection, out_of_reach
from regard.observation.hooks import CapturedWeights, recording
from regard.runtime import backend
from regard.types import AttentionMap, Observation

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LayerCall:
    """One call of an observed layer: its key in the result, and what its weights are.

    Args:
        key: The path, and from the second call of a layer on the number of the call.
        path: The path of the layer.
        layer_class: The name of its class.
        axes: A name for each axis of the weights.
    """

    key: str
    path: str
    layer_class: str
    axes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PassLayout:
    """The meaning of the tensors of a pass: known once it was traced.

    Args:
        structure: The structure of the model's outputs.
        calls: The calls of the observed layers, in the order of their weights.
    """

    structure: Any
    calls: tuple[LayerCall, ...]


@dataclass(frozen=True, eq=False)
class PassTensors:
    """The tensors of a pass, of a backend: flat outputs and the weights."""

    outputs: Sequence[Any]
    weights: Sequence[Any]


@dataclass(frozen=True, eq=False)
class PassArrays:
    """The arrays of a pass over one batch, and what they are."""

    outputs: Sequence[Array]
    weights: Sequence[Array]
    layout: PassLayout


def observed_call(
    call: Callable[[], Any], selection: Selection, is_trapped: Callable[[Any], bool]
) -> tuple[PassTensors, PassLayout]:
    """Run a model once and take the weights out of it.

    Args:
        call: Runs the model.
        selection: The layers that are observed.
        is_trapped: Whether a tensor belongs to a function inside the pass, such as the
            body of a loop, so that it cannot be given back.

    Raises:
        ObservationError: Weights are trapped inside the pass.
    """
    with recording(selection) as recorder:
        outputs = call()
    captured = recorder.captured
    _refuse_trapped(captured, is_trapped)
    tensors = PassTensors(keras.tree.flatten(outputs), [c.weights for c in captured])
    structure = keras.tree.map_structure(lambda _: 0, outputs)
    return tensors, PassLayout(structure, _layer_calls(captured))


def to_arrays(tensors: PassTensors, layout: PassLayout) -> PassArrays:
    """Bring the tensors of a pass home."""
    outputs, weights = backend().to_numpy((tensors.outputs, tensors.weights))
    return PassArrays(outputs, weights, layout)


def join(passes: Sequence[PassArrays]) -> Observation:
    """One observation of the passes over all batches, in their order.

    Weights of batches of different lengths are filled up with zeros at the end of the
    axes that differ: a key that is not there has no weight.

    Raises:
        ObservationError: The batches do not fit each other.
    """
    layout = passes[0].layout
    if any(each.layout.calls != layout.calls for each in passes):
        raise ObservationError(
            "The model ran its attention layers differently on different batches.",
            fix="Observe the batches one by one with predict_on_batch().",
        )
    outputs = [
        _concatenated(parts)
        for parts in zip(*(each.outputs for each in passes), strict=True)
    ]
    weights = [
        _padded(parts) for parts in zip(*(each.weights for each in passes), strict=True)
    ]
    return Observation(
        keras.tree.pack_sequence_as(layout.structure, outputs),
        {
            call.key: AttentionMap(array, call.axes, call.path, call.layer_class)
            for call, array in zip(layout.calls, weights, strict=True)
        },
    )


def _refuse_trapped(
    captured: Sequence[CapturedWeights], is_trapped: Callable[[Any], bool]
) -> None:
    paths = dict.fromkeys(each.hook_point.path for each in captured)
    trapped = dict.fromkeys(
        each.hook_point.path for each in captured if is_trapped(each.weights)
    )
    if trapped:
        raise out_of_reach(
            list(trapped), [path for path in paths if path not in trapped]
        )


def _layer_calls(captured: Sequence[CapturedWeights]) -> tuple[LayerCall, ...]:
    counts: dict[str, int] = {}
    calls = []
    for each in captured:
        path = each.hook_point.path
        counts[path] = number = counts.get(path, 0) + 1
        key = path if number == 1 else f"{path}#{number}"
        name = type(each.hook_point.layer).__name__
        calls.append(LayerCall(key, path, name, each.axes))
    return tuple(calls)


def _concatenated(arrays: Sequence[Array]) -> Array:
    if len(arrays) == 1:
        return arrays[0]
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        raise ObservationError(
            "The outputs of the batches have different shapes.",
            expected="outputs of one shape besides the batch",
            received=", ".join(map(str, sorted(shapes))),
            fix="Pad the inputs to one length or observe them batch by batch.",
        )
    return np.concatenate(arrays)


def _padded(arrays: Sequence[Array]) -> Array:
    if len(arrays) == 1:
        return arrays[0]
    longest = np.max([array.shape[1:] for array in arrays], axis=0)
    if all(array.shape[1:] == tuple(longest) for array in arrays):
        return np.concatenate(arrays)
    rows = sum(len(array) for array in arrays)
    joined = np.zeros((rows, *longest), arrays[0].dtype)
    start = 0
    for array in arrays:
        inside = tuple(slice(size) for size in array.shape[1:])
        joined[start : start + len(array)][(slice(None), *inside)] = array
        start += len(array)
    return joined
