"""The checks of the shapes of inputs and masks."""

from typing import Any

import keras
from keras import tree

from regard._typing import Bool, Float, Shaped, Tensor
from regard.errors import ArgumentError
from regard.ops import as_mask

Shape = tuple[int | None, ...]


def check_features(name: str, shape: Shape) -> int:
    """The number of features of a ``(batch, time, features)`` input."""
    if len(shape) != 3 or shape[-1] is None:
        raise ArgumentError(
            f"'{name}' does not have the shape of a sequence of features.",
            expected="(batch, time, features), with features known",
            received=str(tuple(shape)),
        )
    return shape[-1]


def check_mask(
    name: str,
    mask: Shaped[Tensor, "..."] | None,
    states: Float[Tensor, "batch time features"],
) -> Bool[Tensor, "batch time"] | None:
    """Refuse a mask that is not ``(batch, time)`` for ``(batch, time, features)``."""
    if mask is None:
        return None
    mask = keras.ops.convert_to_tensor(mask)
    wanted, received = tuple(states.shape[:-1]), tuple(mask.shape)
    fits = len(wanted) == len(received) and all(
        None in sizes or sizes[0] == sizes[1]
        for sizes in zip(wanted, received, strict=True)
    )
    if not fits:
        raise ArgumentError(
            f"'{name}' does not fit what it masks.",
            expected=f"the shape {wanted}",
            received=str(received),
            fix="A mask says for each place of the sequence whether it is valid.",
        )
    return keras.ops.cast(mask, "bool")


def check_attention_mask(
    mask: Shaped[Tensor, "..."] | None,
) -> Bool[Tensor, "*outer queries keys"] | None:
    """Refuse a mask that has no axes for queries and keys."""
    if mask is None:
        return None
    mask = as_mask(mask)
    if len(mask.shape) not in {2, 3, 4}:
        raise ArgumentError(
            "'attention_mask' says which query may see which key.",
            expected="([batch, [heads,]] queries, keys)",
            received=str(tuple(mask.shape)),
        )
    return mask


def check_batch(
    name: str, tensors: Any, axes: tuple[str, ...], batch: int | None
) -> None:
    """Refuse what is not of the batch of the memory, or has other axes than it should.

    Args:
        name: What the tensors are to a decoder.
        tensors: A nest of tensors, or None.
        axes: The names of the axes that each should have, the batch first.
        batch: The size of the batch of the memory, None where it is unknown.
    """
    for tensor in tree.flatten(tensors):
        shape = None if tensor is None else tuple(tensor.shape)
        if shape is None or _is_of_batch(shape, batch, len(axes)):
            continue
        raise ArgumentError(
            f"'{name}' does not fit the memory.",
            expected=f"({', '.join(axes)}), with the batch of the memory, {batch}",
            received=str(shape),
        )


def _is_of_batch(shape: Shape, batch: int | None, rank: int) -> bool:
    return len(shape) == rank and (None in {shape[0], batch} or shape[0] == batch)
