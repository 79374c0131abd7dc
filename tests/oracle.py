"""The operations of ``regard.ops`` once more in float64 NumPy: the oracle of the tests.

Written element by element from the equations, and not from the code it is held
against: slow, and easy to check by eye. Names, arguments and shapes are those of
``regard.ops``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]


def masked_softmax(scores: Array, mask: Array | None = None, axis: int = -1) -> Vector:
    """``1 / (sum of exp(s_j - s_i))`` over the valid entries of each row."""
    rows = np.moveaxis(np.asarray(scores, np.float64), axis, -1)
    valid = np.ones(rows.shape, bool)
    if mask is not None:
        valid = np.moveaxis(np.broadcast_to(mask, np.shape(scores)), axis, -1)
    weights = np.zeros(rows.shape)
    for row in np.ndindex(rows.shape[:-1]):
        kept = np.flatnonzero(valid[row])
        for i in kept:
            with np.errstate(over="ignore"):  # 1 / infinity is the 0 that is meant
                weights[(*row, i)] = 1 / np.exp(rows[row][kept] - rows[(*row, i)]).sum()
    return np.moveaxis(weights, -1, axis)


def additive_scores(query: Array, key: Array, scale: Array) -> Vector:
    """``sum of v_d tanh(q_d + k_d)``, with or without an axis for the heads."""
    scores = np.zeros((*query.shape[:-1], key.shape[-2]))
    for *outer, i, j in np.ndindex(scores.shape):
        v = scale if np.ndim(scale) == 1 else scale[outer[1]]
        total = 0.0
        for d in range(query.shape[-1]):
            total += float(v[d]) * np.tanh(
                float(query[(*outer, i, d)]) + float(key[(*outer, j, d)])
            )
        scores[(*outer, i, j)] = total
    return scores


def linear(states: Array, kernel: Array) -> Vector:
    """``w.h``."""
    return _each_state(states, kernel.shape[1], lambda head, h: kernel[:, head] @ h)


def feed_forward(states: Array, kernel: Array, bias: Array | None = None) -> Vector:
    """``tanh(w.h + b)``."""
    heads = kernel.shape[1]
    b = np.zeros(heads) if bias is None else bias
    return _each_state(
        states, heads, lambda head, h: np.tanh(kernel[:, head] @ h + b[head])
    )


def context(
    states: Array, kernel: Array, vector: Array, bias: Array | None = None
) -> Vector:
    """``u.tanh(W h + b)``."""
    b = np.zeros(kernel.shape[1]) if bias is None else bias
    return _each_state(
        states,
        vector.shape[1],
        lambda head, h: vector[:, head] @ np.tanh(kernel.T @ h + b),
    )


def gated(
    states: Array, tanh_kernel: Array, sigmoid_kernel: Array, vector: Array
) -> Vector:
    """``w.(tanh(V h) * sigmoid(U h))``."""

    def score(head: int, h: Vector) -> float:
        gate = 1.0 / (1.0 + np.exp(-(sigmoid_kernel.T @ h)))
        return float(vector[:, head] @ (np.tanh(tanh_kernel.T @ h) * gate))

    return _each_state(states, vector.shape[1], score)


def dot(query: Array, key: Array, heads: int = 1) -> Vector:
    """``q.k`` of the features of each head."""
    size = query.shape[-1] // heads

    def score(head: int, q: Vector, k: Vector) -> float:
        own = slice(head * size, (head + 1) * size)
        return float(q[own] @ k[own])

    return _each_pair(query, key, heads, score)


def scaled_dot(query: Array, key: Array, heads: int = 1) -> Vector:
    """``q.k / sqrt(d)`` of the ``d`` features of each head."""
    return dot(query, key, heads) / np.sqrt(query.shape[-1] // heads)


def general(query: Array, key: Array, kernel: Array) -> Vector:
    """``q.W k``."""
    size = key.shape[-1]

    def score(head: int, q: Vector, k: Vector) -> float:
        return float(q @ kernel[:, head * size : (head + 1) * size] @ k)

    return _each_pair(query, key, kernel.shape[1] // size, score)


def additive(
    query: Array,
    key: Array,
    query_kernel: Array,
    key_kernel: Array,
    scale: Array,
    *,
    bias: Array | None = None,
) -> Vector:
    """``v.tanh(W q + U k + b)``."""
    return concat(query, key, np.vstack([query_kernel, key_kernel]), scale, bias=bias)


def concat(
    query: Array,
    key: Array,
    kernel: Array,
    scale: Array,
    *,
    bias: Array | None = None,
) -> Vector:
    """``v.tanh(W [q; k] + b)``."""
    heads, units = scale.shape
    b = np.zeros(heads * units) if bias is None else bias

    def score(head: int, q: Vector, k: Vector) -> float:
        hidden = np.tanh(np.concatenate([q, k]) @ kernel + b)
        return float(scale[head] @ hidden[head * units : (head + 1) * units])

    return _each_pair(query, key, heads, score)


def causal_mask(queries: int, keys: int) -> npt.NDArray[np.bool_]:
    """Key ``j`` is seen by query ``i`` where ``j <= i``."""
    return np.array([[j <= i for j in range(keys)] for i in range(queries)])


def window_mask(
    queries: int, keys: int, width: int, causal: bool = False
) -> npt.NDArray[np.bool_]:
    """Query ``i`` sees the ``width`` keys that are listed for it."""
    seen = np.zeros((queries, keys), bool)
    for i in range(queries):
        first = i - width + 1 if causal else i - width // 2
        for j in range(first, first + width):
            if 0 <= j < keys:
                seen[i, j] = True
    return seen


def attend(weights: Array, value: Array) -> Vector:
    """Contexts side by side, each head over its own share of the values' features.

    Args:
        weights: ``(batch, heads, queries, keys)``.
        value: ``(batch, keys, features)``; what has weight 0 is not looked at.

    Returns:
        ``(batch, queries, features)``.
    """
    batch, heads, queries, keys = weights.shape
    size = value.shape[-1] // heads
    result = np.zeros((batch, queries, value.shape[-1]))
    for b, head, i, j in np.ndindex(batch, heads, queries, keys):
        if weights[b, head, i, j]:
            own = slice(head * size, (head + 1) * size)
            result[b, i, own] += weights[b, head, i, j] * value[b, j, own]
    return result


def pool(weights: Array, states: Array) -> Vector:
    """Contexts side by side, each head over all features.

    Args:
        weights: ``(batch, heads, keys)``.
        states: ``(batch, keys, features)``; what has weight 0 is not looked at.

    Returns:
        ``(batch, heads * features)``.
    """
    batch, heads, keys = weights.shape
    result = np.zeros((batch, heads, states.shape[-1]))
    for b, head, j in np.ndindex(batch, heads, keys):
        if weights[b, head, j]:
            result[b, head] += weights[b, head, j] * states[b, j]
    return result.reshape(batch, -1)


def _each_state(
    states: Array, heads: int, score: Callable[[int, Vector], Any]
) -> Vector:
    """``(batch, heads, keys)`` of ``score(head, state)``."""
    batch, keys, _ = states.shape
    scores = np.zeros((batch, heads, keys))
    for b, head, j in np.ndindex(scores.shape):
        scores[b, head, j] = score(head, states[b, j].astype(np.float64))
    return scores


def _each_pair(
    query: Array, key: Array, heads: int, score: Callable[[int, Vector, Vector], Any]
) -> Vector:
    """``(batch, heads, queries, keys)`` of ``score(head, query, key)``."""
    scores = np.zeros((query.shape[0], heads, query.shape[1], key.shape[1]))
    for b, head, i, j in np.ndindex(scores.shape):
        q, k = query[b, i].astype(np.float64), key[b, j].astype(np.float64)
        scores[b, head, i, j] = score(head, q, k)
    return scores
