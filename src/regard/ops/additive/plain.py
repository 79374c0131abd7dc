"""The additive score as its formula stands: what every fast path must equal."""

from keras import ops

from regard.ops.precision import Tensor


def scores(query: Tensor, key: Tensor, scale: Tensor) -> Tensor:
    """``(batch, heads, queries, keys)``; holds all hyperbolic tangents at once.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        scale: ``(heads, features)``.
    """
    tangents = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
    return ops.sum(ops.multiply(tangents, ops.expand_dims(scale, (-2, -3))), axis=-1)
