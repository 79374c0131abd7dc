"""The arrays of old layers, brought to the order and the shapes they have today.

Keras 1 had an array for each gate, the layers of cuDNN have their kernels transposed
and two biases, Theano turned its kernels around.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from regard._hdf5 import Array

# Which of the gates of Keras 1 comes first today: of z, r, h; of i, c, f, o.
_GATES_1 = {"GRU": (0, 1, 2), "LSTM": (0, 2, 1, 3)}
_KERNEL_RANK_1 = 4


def in_todays_layout(
    class_name: str,
    settings: Mapping[str, Any],
    arrays: Sequence[Array],
    backend: str = "unknown",
) -> list[Array]:
    """The arrays of a layer as Keras 3 has them.

    Args:
        class_name: The name of its class today.
        settings: Its settings: of wrappers those of the layer inside.
        arrays: Its arrays in the file.
        backend: What computed them, which may be unknown.

    Returns:
        The arrays; those that are not of an old layout as they are.
    """
    if class_name == "Bidirectional":
        return [
            array
            for (inner, config), share in zip(
                directions(settings), halves(settings, arrays), strict=True
            )
            for array in in_todays_layout(inner, config, share, backend)
        ]
    if class_name == "TimeDistributed":
        inner = settings["layer"]
        return in_todays_layout(inner["class_name"], inner["config"], arrays, backend)
    if class_name in _GATES_1:
        return _recurrent(_GATES_1[class_name], list(arrays))
    if class_name == "Conv1D" and arrays:
        return [_kernel(arrays[0], settings, backend), *arrays[1:]]
    return list(arrays)


def directions(settings: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Class and settings of the layers of a bidirectional one: forward, backward."""
    forward = settings["layer"]
    backward = settings.get("backward_layer") or forward
    return [(each["class_name"], each["config"]) for each in (forward, backward)]


def halves(
    settings: Mapping[str, Any], arrays: Sequence[Any]
) -> tuple[Sequence[Any], Sequence[Any]]:
    """The arrays of a bidirectional layer: those of either direction."""
    middle = len(arrays) // 2
    biased = [config.get("use_bias", True) for _, config in directions(settings)]
    if biased[0] != biased[1]:
        middle = 3 if biased[0] else 2
    return arrays[:middle], arrays[middle:]


def _recurrent(order: Sequence[int], arrays: list[Array]) -> list[Array]:
    """Kernel, recurrent kernel and bias with the gates side by side."""
    count = len(order)
    if len(arrays) == 3 * count:
        arrays = [
            np.concatenate([arrays[3 * gate + kind] for gate in order], axis=-1)
            for kind in range(3)
        ]
    if len(arrays) != 3 or arrays[1].ndim != 2:
        return arrays
    kernel, recurrent, bias = arrays
    if bias.shape != (2 * count * len(recurrent),):
        return arrays
    # cuDNN: of the input and of the state, one after the other.
    both = bias.reshape(2, -1)
    summed = both.sum(axis=0) if count == len(_GATES_1["LSTM"]) else both
    return [_from_cudnn(kernel, count), _from_cudnn(recurrent, count), summed]


def _from_cudnn(kernel: Array, count: int) -> Array:
    """Each gate lies in memory as ``(units, inputs)``, whatever its shape says."""
    gates = np.split(kernel, count, axis=1)
    return np.concatenate([gate.reshape(gate.shape[::-1]).T for gate in gates], axis=1)


def _kernel(kernel: Array, settings: Mapping[str, Any], backend: str) -> Array:
    """``(width, features, filters)``, as one correlates with it."""
    if kernel.ndim == _KERNEL_RANK_1:
        width = settings["kernel_size"]
        width = width[0] if isinstance(width, Sequence) else width
        # The oldest files have the filters first and the width third.
        if (*kernel.shape[:2], kernel.shape[3]) != (width, 1, settings["filters"]):
            kernel = kernel.transpose(2, 3, 1, 0)
        kernel = kernel[:, 0]
    # Theano computes a convolution, the others what is called one.
    return kernel[::-1] if backend == "theano" else kernel
