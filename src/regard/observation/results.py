"""From the tensors of passes to the arrays of an observation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from regard.errors import ObservationError
from regard.observation.forward import Layout, Tensors
from regard.types import AttentionMap, Observation

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Batch:
    """The arrays of one pass."""

    outputs: Sequence[Array]
    weights: Sequence[Array]
    layout: Layout


def to_numpy(tensors: Tensors, layout: Layout) -> Batch:
    """Bring the tensors of a pass home."""
    convert = keras.ops.convert_to_numpy
    return Batch(
        [convert(tensor) for tensor in tensors.outputs],
        [convert(tensor) for tensor in tensors.weights],
        layout,
    )


def join(batches: Sequence[Batch]) -> Observation:
    """One observation of all batches, in their order.

    Weights of batches of different lengths are filled up with zeros at the end of the
    axes that differ: a key that is not there has no weight.

    Raises:
        ObservationError: The batches do not fit each other.
    """
    layout = batches[0].layout
    if any(batch.layout.uses != layout.uses for batch in batches):
        raise ObservationError(
            "The model ran its attention layers differently on different batches.",
            fix="Observe the batches one by one with predict_on_batch().",
        )
    outputs = [
        _concatenated(made) for made in zip(*(b.outputs for b in batches), strict=True)
    ]
    weights = [
        _padded(made) for made in zip(*(b.weights for b in batches), strict=True)
    ]
    return Observation(
        keras.tree.pack_sequence_as(layout.structure, outputs),
        {
            use.key: AttentionMap(array, use.axes, use.path, use.kind)
            for use, array in zip(layout.uses, weights, strict=True)
        },
    )


def _columns(rows: Iterable[Sequence[Array]]) -> Iterable[Sequence[Array]]:
    return zip(*rows, strict=True)


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
