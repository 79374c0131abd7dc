"""Attention made by hand: a layer whose output is a softmax, by which others weigh."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from regard import _compat
from regard.errors import ArgumentError, ObservationError, shown
from regard.observation.adapters import Adapter

#: Patterns for the paths of layers, or what their axes are by pattern: the axis of the
#: keys, or a name for each axis.
SoftmaxChoice: TypeAlias = str | Iterable[str] | Mapping[str, int | Iterable[str]]
#: The axis of the keys, a name for each axis, or None where it is not said.
Axes: TypeAlias = int | tuple[str, ...] | None

_KEYS = "keys"
# How far a row of weights in half precision may be from a sum of 1.
_TOLERANCE = 1e-2
# What turns weights and repeats them on their way to what they weigh.
_PASSING = {
    *("Permute", "Reshape", "RepeatVector", "Flatten", "Dropout", "Lambda"),
    *("Transpose", "ExpandDims", "Repeat", "Squeeze", "BroadcastTo"),
}


def choice_of(softmax: SoftmaxChoice) -> dict[str, Axes]:
    """What was chosen, by pattern.

    Raises:
        ArgumentError: An axis is neither a number nor names with one for the keys.
    """
    if isinstance(softmax, str):
        return {softmax: None}
    if not isinstance(softmax, Mapping):
        return dict.fromkeys(softmax)
    chosen: dict[str, Axes] = {}
    for pattern, axes in softmax.items():
        if isinstance(axes, int):
            chosen[pattern] = axes
            continue
        names = () if isinstance(axes, str) else tuple(axes)
        if _KEYS not in names or names[0] != "batch" or len(set(names)) < len(names):
            raise ArgumentError(
                f"The axes of the softmax '{pattern}' are not named.",
                expected="the number of the axis of the keys, or a name for each axis "
                "as in ('batch', 'keys', 'heads')",
                received=shown(axes),
            )
        chosen[pattern] = names
    return chosen


def softmax_axis(layer: Any) -> int | None:
    """The axis over which the output of a layer is a softmax; None: it is none."""
    activation = getattr(layer, "activation", None)
    if isinstance(layer, keras.layers.RNN):
        return None
    if activation is keras.activations.softmax:
        return -1
    for each in (layer, activation):
        # A layer, or the operation that keras.ops.softmax is in a functional model.
        if type(each).__name__ == "Softmax":
            axes = np.atleast_1d(getattr(each, "axis", ()))
            return int(axes[0]) if len(axes) == 1 else None
    return None


def adapter_for(layer: Any, path: str, axes: Axes) -> Adapter:
    """The way that the output of a layer is taken as attention weights.

    Args:
        layer: A layer, or another operation of a functional model.
        path: Its path.
        axes: What its axes are, as far as that was said.
    """
    if isinstance(axes, tuple):
        return Adapter("call", _output, _checked(axes, path), force=_given)
    axis = softmax_axis(layer) if axes is None else axes
    elementwise = _multiplies(layer)
    if axis is None:
        finish = _by_their_sums(path, elementwise)
        return Adapter("call", _output, _numbered, finish)
    capture, names = _keys_last(axis, path), _ordered(axis, elementwise)
    return Adapter("call", capture, names, force=_put_back(axis))


def _output(_: Any, method: Callable[..., Any], call: Any) -> tuple[Any, Any]:
    result = method(*call.args, **call.kwargs)
    return result, result


def _keys_last(axis: int, path: str) -> Callable[..., tuple[Any, Any]]:
    """Takes the output with the keys as its last axis, and one of heads."""

    def capture(_: Any, method: Callable[..., Any], call: Any) -> tuple[Any, Any]:
        result = method(*call.args, **call.kwargs)
        rank = len(result.shape)
        if not 0 < (axis + rank if axis < 0 else axis) < rank:
            raise ArgumentError(
                f"The output of '{path}' has no such axis of keys.",
                expected=f"an axis from 1 to {rank - 1}",
                received=str(axis),
            )
        weights = ops.moveaxis(result, axis, -1)
        return result, ops.expand_dims(weights, 1) if rank == 2 else weights

    return capture


def _given(_: Any, call: Any, weights: Any) -> Any:  # noqa: ARG001 - replaces it
    return weights


def _put_back(axis: int) -> Callable[..., Any]:
    """Puts weights with the keys last in the place of an output."""

    def force(layer: Any, call: Any, weights: Any) -> Any:
        # Of the class: the layer's own is watched.
        output = type(layer).call(layer, *call.args, **call.kwargs)
        rank = len(output.shape)
        given = ops.squeeze(weights, 1) if rank == 2 else weights
        return ops.moveaxis(given, -1, axis)

    return force


def _ordered(axis: int, elementwise: bool) -> Callable[[Any, int], tuple[str, ...]]:
    """The names of the axes once the keys are the last."""

    def axes(_: Any, rank: int) -> tuple[str, ...]:
        return _names(rank, elementwise or axis not in {-1, rank - 1})

    return axes


def _names(rank: int, of_heads: bool) -> tuple[str, ...]:
    """Names for weights whose keys are the last axis.

    Args:
        rank: The number of axes.
        of_heads: Whether one axis beside batch and keys is that of heads: where each
            place of it has a distribution by which it weighs its own features. It is
            that of queries otherwise.
    """
    if rank == 3:
        return ("batch", "heads" if of_heads else "queries", _KEYS)
    between = tuple(f"axis_{index}" for index in range(1, rank - 3))
    return ("batch", *between, "heads", "queries", _KEYS)[-rank:]


def _numbered(_: Any, rank: int) -> tuple[str, ...]:
    return ("batch", *(f"axis_{index}" for index in range(1, rank)))


def _checked(
    names: tuple[str, ...], path: str
) -> Callable[[Any, int], tuple[str, ...]]:
    def axes(_: Any, rank: int) -> tuple[str, ...]:
        if rank != len(names):
            raise ArgumentError(
                f"The names of the axes do not fit the output of '{path}'.",
                expected=f"{rank} names",
                received=shown(names),
            )
        return names

    return axes


def _by_their_sums(path: str, elementwise: bool) -> Callable[..., Any]:
    """Finds the axis of the keys: the one over which the weights sum to 1."""

    def finish(
        weights: npt.NDArray[Any], axes: tuple[str, ...]
    ) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
        numbered = [at for at, name in enumerate(axes) if name.startswith("axis_")]
        wide = weights.astype(np.float64)
        fitting = [at for at in numbered if _sums_to_one(wide, at)]
        if len(fitting) != 1:
            found = ", ".join(str(at) for at in fitting)
            raise ObservationError(
                f"It is not plain which axis of the output of '{path}' is over the "
                "keys.",
                expected="one axis over which the weights sum to 1",
                received=f"several, {found}" if fitting else "none",
                fix=f"Say it, softmax={{'{path}': 1}}, or observe the softmax itself.",
            )
        (keys,) = fitting
        outer = axes[: numbered[0]]
        names = _names(1 + len(numbered), elementwise or keys != numbered[-1])
        return np.moveaxis(weights, keys, -1), (*outer, *names[1:])

    return finish


def _sums_to_one(weights: npt.NDArray[Any], axis: int) -> bool:
    sums = weights.sum(axis=axis)
    # Rows of zeros fill up batches that are shorter than others.
    rows = np.abs(weights).max(axis=axis, initial=0) > 0
    return bool(rows.any() and (np.abs(sums[rows] - 1) < _TOLERANCE).all())


def _multiplies(layer: Any) -> bool:
    """Whether the output goes on to a product of elements, in a functional model."""
    waiting, seen = [layer], set()
    while waiting:
        for operation in _compat.operations_after(waiting.pop()):
            name = type(operation).__name__
            if name == "Multiply":
                return True
            if name in _PASSING and id(operation) not in seen:
                seen.add(id(operation))
                waiting.append(operation)
    return False
