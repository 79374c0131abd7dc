"""The checks of the shapes of inputs and masks."""

from collections.abc import Iterable
from typing import Any

import keras
from keras import tree

from regard import _compat
from regard._typing import Bool, Float, Shaped, Tensor
from regard.errors import ArgumentError
from regard.ops import as_mask

Shape = tuple[int | None, ...]


# What helps where an input has so many axes and should be a sequence of features.
_OTHER_RANKS = {
    2: "Two axes are a single vector for each example. A recurrent layer before this "
    "one gives a vector for each place with return_sequences=True; the features of a "
    "single vector are weighed by FeatureAttention.",
    4: "keras.layers.TimeDistributed applies a layer to each sequence of several.",
}


def check_features(name: str, shape: Shape) -> int:
    """The number of features of a ``(batch, time, features)`` input."""
    if len(shape) != 3 or shape[-1] is None:
        raise ArgumentError(
            f"'{name}' does not have the shape of a sequence of features.",
            expected="(batch, time, features), with features known",
            received=str(tuple(shape)),
            fix=_OTHER_RANKS.get(len(shape)),
        )
    return shape[-1]


def check_vector(name: str, shape: Shape) -> int:
    """The number of features of a ``(batch, features)`` input."""
    if len(shape) != 2 or shape[-1] is None:
        raise ArgumentError(
            f"'{name}' does not have the shape of a vector of features.",
            expected="(batch, features), with features known",
            received=str(tuple(shape)),
            fix="The places of a sequence are weighed by AttentionPooling."
            if len(shape) == 3
            else None,
        )
    return shape[-1]


def check_mask(
    name: str,
    mask: Shaped[Tensor, "..."] | None,
    states: Float[Tensor, "batch time features"],
) -> Bool[Tensor, "batch time"] | None:
    """Refuse a mask that is not ``(batch, time)`` for ``(batch, time, features)``.

    One that travels with the states may have more axes, see ``mask_of_places``.
    """
    if mask is None:
        return None
    mask = keras.ops.convert_to_tensor(mask_of_places(mask, states))
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
            fix="A mask says for each place of the sequence whether it is valid."
            + (_MASKING if len(received) > len(wanted) else ""),
        )
    return keras.ops.cast(mask, "bool")


def mask_of_places(
    mask: Shaped[Tensor, "batch time ..."] | None,
    states: Float[Tensor, "batch time features"],
) -> Shaped[Tensor, "batch time ..."] | None:
    """The mask that travels with states, for their places alone.

    ``keras.layers.TimeDistributed`` hands on the mask of what it read, with the axes
    that its layer took away: for the sentences of a text the mask of their words. A
    place is valid where anything in it is, as it was in Keras 2. A mask that does not
    travel with the states stays as it is: who passes one knows what it is of.
    """
    if mask is None or mask is not _compat.mask_of(states):
        return mask
    return any_inside(mask, len(states.shape) - 1)


def any_inside(
    mask: Shaped[Tensor, "..."] | None, axes: int
) -> Shaped[Tensor, "..."] | None:
    """A mask of so many axes: valid is what holds anything valid on the others."""
    if mask is None or len(mask.shape) <= axes:
        return mask
    return keras.ops.any(mask, axis=tuple(range(axes, len(mask.shape))))


def check_travelling_masks(arguments: Iterable[Any]) -> None:
    """Refuse a symbolic tensor whose mask a layer of Keras before took for another.

    Keras's own layers do not reduce the mask of words to that of sentences: a recurrent
    one with as many units as a sentence has words runs, and computes something else.
    """
    for tensor in arguments:
        if not isinstance(tensor, keras.KerasTensor):
            continue
        mask = _compat.mask_of(tensor)
        if mask is None or len(mask.shape) < len(tensor.shape):
            continue
        for operation in _compat.operations_before(tensor):
            if isinstance(operation, keras.layers.TimeDistributed):
                break
            if _misreads(operation):
                raise ArgumentError(
                    f"The layer '{operation.name}' is given a mask that is not of its "
                    "places: TimeDistributed hands on the mask of what it read.",
                    expected=f"a mask of {len(tensor.shape) - 1} axes",
                    received=f"one of {len(mask.shape)}, {tuple(mask.shape)}",
                    fix=_MASKING.strip(),
                )


_MASKING = (
    " After TimeDistributed, keras.layers.Masking() makes the mask of the steps: the "
    "context of a step that is only padding is 0."
)


def _misreads(operation: Any) -> bool:
    """Whether it is a layer of Keras that reads masks as ``(batch, time)``."""
    layer = getattr(operation, "forward_layer", operation)
    readers = (
        keras.layers.RNN,
        keras.layers.MultiHeadAttention,
        keras.layers.GroupQueryAttention,
        keras.layers.Attention,
    )
    ours = type(layer).__module__.startswith("regard.")
    return isinstance(layer, readers) and not ours


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
