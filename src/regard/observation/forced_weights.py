"""Weights that are applied in place of a layer's own, on their way into a pass."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt

from regard.errors import ArgumentError
from regard.observation.forward_pass import PassArrays
from regard.types import AttentionMap

#: Weights by the key of the attention that they replace.
Weights: TypeAlias = Mapping[str, AttentionMap | npt.ArrayLike]
Forced: TypeAlias = dict[str, npt.NDArray[np.float32]]


def forced_arrays(attention: Weights | None) -> Forced:
    """The weights as arrays.

    Raises:
        ArgumentError: They are no finite numbers, or come without keys.
    """
    if attention is None:
        return {}
    if not isinstance(attention, Mapping):
        raise ArgumentError(
            "Weights are forced by the keys of the attention that they replace.",
            expected='a mapping such as {"attention_pooling": weights}',
            received=f"an object of the class {type(attention).__name__}",
        )
    return {key: _array(key, weights) for key, weights in attention.items()}


def _array(key: str, weights: Any) -> npt.NDArray[np.float32]:
    if isinstance(weights, AttentionMap):
        weights = weights.weights
    if keras.ops.is_tensor(weights):
        weights = keras.ops.convert_to_numpy(weights)
    is_complex = np.iscomplexobj(weights)
    try:
        array = np.atleast_1d(np.asarray(np.real(weights), np.float32))
    except (TypeError, ValueError):
        array = np.full(1, np.nan, np.float32)
    if is_complex or not np.isfinite(array).all():
        raise ArgumentError(
            f"The weights forced on '{key}' are no finite numbers.",
            expected="an array, or an AttentionMap",
        )
    return array


def count_rows(x: Any) -> int:
    """The number of samples of a batch."""
    return int(keras.tree.flatten(x)[0].shape[0])


def rows_of(forced: Forced, first: int, x: Any) -> Forced:
    """The forced weights of one batch, which begins at row ``first``."""
    if not forced:
        return forced
    rows = slice(first, first + count_rows(x))
    return {key: array[rows] for key, array in forced.items()}


def check_rows(forced: Forced, rows: int) -> None:
    """Refuse weights of more or fewer samples than there are.

    Raises:
        ArgumentError: The numbers differ.
    """
    for key, array in forced.items():
        if len(array) != rows:
            raise ArgumentError(
                f"The weights forced on '{key}' are not those of the samples.",
                expected=f"{rows} rows",
                received=f"{len(array)}",
            )


def check_cut(passes: Sequence[PassArrays], forced: Forced) -> None:
    """Refuse weights on keys and queries that the samples do not have.

    Raises:
        ArgumentError: There is weight beyond the end of a batch.
    """
    start = 0
    for each in passes:
        for call, applied in zip(each.layout.calls, each.weights, strict=True):
            given = forced.get(call.key)
            if given is None:
                continue
            part = given[start : start + len(applied)]
            inside = part[tuple(map(slice, applied.shape))]
            if np.count_nonzero(part) != np.count_nonzero(inside):
                raise ArgumentError(
                    f"The weights forced on '{call.key}' reach beyond its keys.",
                    expected=f"zeros beyond the shape {applied.shape}",
                    received=f"weights of shape {part.shape}",
                )
        start += len(each.weights[0]) if each.weights else 0
