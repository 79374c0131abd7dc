"""Inputs of the additive score, and its gradient by hand."""

import numpy as np


def draw(shape, seed=0, size=1.0, scale=1.0, dtype=np.float32):
    """Query, key and scale; their standard deviations are ``size`` and ``scale``.

    Args:
        shape: The numbers of sequences, heads, queries, keys and features.
        seed: Of the random numbers.
        size: Of the queries and keys.
        scale: Of the scale.
        dtype: The type of all three.
    """
    batch, heads, queries, keys, features = shape
    random = np.random.default_rng(seed)
    return (
        (size * random.normal(size=(batch, heads, queries, features))).astype(dtype),
        (size * random.normal(size=(batch, heads, keys, features))).astype(dtype),
        (scale * random.normal(size=(heads, features))).astype(dtype),
    )


def exact_gradients(query, key, scale, upstream):
    """The gradients of query, key and scale for that of the scores, in float64."""
    query, key, scale, upstream = map(np.float64, (query, key, scale, upstream))
    tangents = np.tanh(query[:, :, :, None] + key[:, :, None])
    slope = upstream[..., None] * scale[:, None, None] * (1 - tangents**2)
    by_scale = (upstream[..., None] * tangents).sum((0, 2, 3))
    return slope.sum(3), slope.sum(2), by_scale
