"""Masks: True is a place that may be seen."""

import functools

from keras import ops

from regard._typing import Bool, Float, Int, Shaped, Tensor


def as_mask(mask: Shaped[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
    """A mask as a tensor of booleans, from lists, arrays or numbers."""
    return ops.cast(ops.convert_to_tensor(mask), "bool")


def causal_mask(
    queries: int | Tensor, keys: int | Tensor
) -> Bool[Tensor, "queries keys"]:
    """Each query sees the keys up to its own place.

    Args:
        queries: The number of queries.
        keys: The number of keys.

    Returns:
        ``(queries, keys)``, True where ``j <= i``.
    """
    return _offsets(queries, keys) <= 0


def window_mask(
    queries: int | Tensor, keys: int | Tensor, width: int, causal: bool = False
) -> Bool[Tensor, "queries keys"]:
    """Each query sees ``width`` keys around its own place.

    Query ``i`` sees the keys from ``i - width // 2`` to ``i - width // 2 + width - 1``:
    an odd width reaches equally far to both sides, an even one a step further into
    the past. Where ``causal``, the window ends at the query's own place: from
    ``i - width + 1`` to ``i``. At the ends of the sequence the window is cut. With
    keys of another sequence, query ``i`` and key ``i`` are taken to be at the same
    place.

    Args:
        queries: The number of queries.
        keys: The number of keys.
        width: The number of keys in a window, at least 1.
        causal: Whether the window lies in the past only.

    Returns:
        ``(queries, keys)``, True inside the window.
    """
    offsets = _offsets(queries, keys)
    first = 1 - width if causal else -(width // 2)
    return ops.logical_and(offsets >= first, offsets < first + width)


def _offsets(queries: int | Tensor, keys: int | Tensor) -> Int[Tensor, "queries keys"]:
    """``(queries, keys)``: how far key ``j`` lies after query ``i``."""
    places = ops.arange(keys, dtype="int32")
    return ops.expand_dims(places, 0) - ops.expand_dims(
        ops.arange(queries, dtype="int32"), 1
    )


def join_masks(
    query_mask: Shaped[Tensor, "batch queries"] | None,
    key_mask: Shaped[Tensor, "batch keys"] | None,
    *others: Shaped[Tensor, "..."] | None,
) -> Bool[Tensor, "..."] | None:
    """One mask for scores ``(batch, heads, queries, keys)``, True where all are.

    Args:
        query_mask: ``(batch, queries)`` or None.
        key_mask: ``(batch, keys)`` or None.
        *others: ``([batch, [heads,]] queries, keys)`` or None.

    Returns:
        What broadcasts to the scores, or None where no mask is given.
    """
    masks = [_with_heads(as_mask(mask)) for mask in others if mask is not None]
    if key_mask is not None:
        masks.append(as_mask(key_mask)[:, None, None, :])
    if query_mask is not None:
        masks.append(as_mask(query_mask)[:, None, :, None])
    return functools.reduce(ops.logical_and, masks) if masks else None


def _with_heads(mask: Bool[Tensor, "..."]) -> Bool[Tensor, "..."]:
    return ops.expand_dims(mask, 1) if len(mask.shape) == 3 else mask


def erase_padding(
    states: Float[Tensor, "batch time features"],
    mask: Shaped[Tensor, "batch time"] | None,
) -> Float[Tensor, "batch time features"]:
    """Put 0 where the mask is False.

    A weight of 0 does not hide NaN or infinity, in the sum or in the gradient; this
    does.

    Args:
        states: ``(batch, time, features)``.
        mask: ``(batch, time)`` or None.
    """
    if mask is None:
        return states
    return ops.where(as_mask(mask)[..., None], states, ops.zeros_like(states))


def last_valid(
    states: Float[Tensor, "batch time features"],
    mask: Shaped[Tensor, "batch time"] | None,
) -> Float[Tensor, "batch 1 features"]:
    """The last state of each sequence that the mask does not hide.

    Args:
        states: ``(batch, time, features)``.
        mask: ``(batch, time)`` or None. In a row without a valid step the first state
            is taken, and zeros where there is no step at all.

    Returns:
        ``(batch, 1, features)``.
    """
    if states.shape[1] is None or states.shape[1] == 0:
        # With a row of zeros there is always one to take.
        states = ops.pad(states, ((0, 0), (1, 0), (0, 0)))
        mask = None if mask is None else ops.pad(as_mask(mask), ((0, 0), (1, 0)))
    if mask is None:
        return states[:, -1:]
    steps = ops.arange(ops.shape(states)[1], dtype="int32")
    last = ops.max(ops.where(as_mask(mask), steps, 0), axis=1)
    return ops.take_along_axis(states, last[:, None, None], axis=1)


def mean_valid(
    states: Float[Tensor, "batch time features"],
    mask: Shaped[Tensor, "batch time"] | None,
) -> Float[Tensor, "batch 1 features"]:
    """The mean of the states of each sequence that the mask does not hide.

    Args:
        states: ``(batch, time, features)``.
        mask: ``(batch, time)`` or None. A row without a valid step has zeros.

    Returns:
        ``(batch, 1, features)``.
    """
    if mask is None:
        steps = ops.cast(ops.shape(states)[1], states.dtype)
        total = ops.sum(states, axis=1, keepdims=True)
        return total / ops.maximum(steps, 1)
    valid = ops.cast(as_mask(mask), states.dtype)[..., None]
    total = ops.sum(erase_padding(states, mask), axis=1, keepdims=True)
    return total / ops.maximum(ops.sum(valid, axis=1, keepdims=True), 1)
