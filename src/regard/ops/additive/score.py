"""The additive score of projected rows, of all or of a few queries at a time."""

import importlib
from typing import Any, NamedTuple, TypeAlias

import keras
from keras import ops

from regard._backend import backend_name
from regard._typing import Float, Tensor
from regard.errors import ArgumentError
from regard.ops.additive.dispatch import Implementation, choose, plain_scores
from regard.ops.precision import widen

#: Keys of a sequence, ready for many queries.
PreparedKeys: TypeAlias = Any


def additive_scores(
    query: Float[Tensor, "*outer queries features"],
    key: Float[Tensor, "*outer keys features"],
    scale: Float[Tensor, "... features"],
) -> Float[Tensor, "*outer queries keys"]:
    r"""Additive attention scores of rows that are projected already.

    .. math:: s_{ij} = \sum_d v_d \tanh(q_{id} + k_{jd})

    On JAX, TensorFlow and PyTorch neither the result nor the gradient of a problem of
    any size holds the hyperbolic tangents of all ``(i, j, d)``: memory is
    ``O(queries * keys + (queries + keys) * features)``. ``additive_path`` says how a
    problem is computed. The result is within ``4e-6`` of the exact one relative to
    the sum of ``|v|``, for any finite input; NaN in a row gives NaN in its scores.

    Args:
        query: ``(batch, [heads,] queries, features)``.
        key: ``(batch, [heads,] keys, features)``.
        scale: ``v``, ``(features,)``, or ``(heads, features)`` for a scale of each
            head.

    Returns:
        ``(batch, [heads,] queries, keys)``, in float32 or wider: half precision is
        widened on the way in and not narrowed before the softmax.

    Raises:
        ArgumentError: Shapes that do not belong together.

    References:
        Bahdanau, Cho, Bengio: Neural machine translation by jointly learning to align
        and translate (2014), https://arxiv.org/abs/1409.0473. The paper's
        ``v_a^T tanh(W_a s + U_a h)`` with ``q = W_a s`` and ``k = U_a h``.
    """
    rows = with_heads(query, key, scale)
    scores = choose(*rows).scores(*rows)
    return scores if len(query.shape) == 4 else ops.squeeze(scores, 1)


def additive_path(
    query: Float[Tensor, "*outer queries features"],
    key: Float[Tensor, "*outer keys features"],
    scale: Float[Tensor, "... features"],
) -> Implementation:
    """How ``additive_scores`` computes these, and why so."""
    return choose(*with_heads(query, key, scale))


def prepare_keys(key: Float[Tensor, "batch heads keys features"]) -> PreparedKeys:
    """Do once for each sequence what all steps of a decoder share.

    Args:
        key: ``(batch, heads, keys, features)``, projected.

    Returns:
        The keys as ``additive_step_scores`` takes them: a tuple of tensors, so that it
        can be carried through a loop.
    """
    key = widen(key)
    if _has_own_steps(key):
        return _on_jax().prepare_keys(key)
    return _PlainKeys(key)


def additive_step_scores(
    query: Float[Tensor, "batch heads *queries features"],
    keys: PreparedKeys,
    scale: Float[Tensor, "heads features"],
) -> Float[Tensor, "batch heads *queries keys"]:
    r"""Scores of one query, or a few, against keys that stay.

    .. math:: s_j = \sum_d v_d \tanh(q_d + k_{jd})

    On JAX a step takes a multiply-add and a division for each (key, feature) and no
    hyperbolic tangent, and its gradient keeps the query alone: through ``T`` steps
    ``(T, features)`` and not ``(T, keys, features)``.

    Args:
        query: ``(batch, heads, [queries,] features)``, projected.
        keys: From ``prepare_keys``.
        scale: ``(heads, features)``.

    Returns:
        ``(batch, heads, [queries,] keys)``, in float32 or wider.
    """
    query, scale = widen(query), widen(scale)
    if len(query.shape) == 3:
        return ops.squeeze(additive_step_scores(query[:, :, None], keys, scale), 2)
    if isinstance(keys, _PlainKeys):
        return plain_scores(query, keys.key, scale)
    return _on_jax().step_scores(query, keys, scale)


def with_heads(
    query: Float[Tensor, "*outer queries features"],
    key: Float[Tensor, "*outer keys features"],
    scale: Float[Tensor, "... features"],
) -> tuple[
    Float[Tensor, "batch heads queries features"],
    Float[Tensor, "batch heads keys features"],
    Float[Tensor, "heads features"],
]:
    """Widened, with an axis of heads in all three, after a check of the shapes."""
    query, key, scale = widen(query), widen(key), widen(scale)
    check_shapes(query, key, scale)
    if len(query.shape) == 3:
        query, key = ops.expand_dims(query, 1), ops.expand_dims(key, 1)
    if len(scale.shape) == 1:
        scale = ops.broadcast_to(scale, (query.shape[1], scale.shape[0]))
    return query, key, scale


def check_shapes(query: Tensor, key: Tensor, scale: Tensor) -> None:
    """Raise what explains it where shapes do not belong together."""
    shapes = tuple(query.shape), tuple(key.shape), tuple(scale.shape)
    if not _belong_together(*shapes):
        raise ArgumentError(
            "The shapes of query, key and scale do not belong together.",
            expected="(batch, [heads,] queries, features), (batch, [heads,] keys, "
            "features) and ([heads,] features)",
            received=", ".join(map(str, shapes)),
        )


def _belong_together(
    query: tuple[int | None, ...],
    key: tuple[int | None, ...],
    scale: tuple[int | None, ...],
) -> bool:
    if len(query) not in {3, 4} or len(key) != len(query):
        return False
    pairs = [*zip(query[:-2], key[:-2], strict=True), (query[-1], key[-1])]
    if len(scale) == 2 and len(query) == 4:
        pairs.append((scale[0], query[1]))
    elif len(scale) != 1:
        return False
    pairs.append((scale[-1], query[-1]))
    return all(a == b or a is None or b is None for a, b in pairs)


class _PlainKeys(NamedTuple):
    key: Tensor


def _has_own_steps(key: Tensor) -> bool:
    return (
        backend_name() == "jax"
        and not isinstance(key, keras.KerasTensor)
        and keras.backend.standardize_dtype(key.dtype) == "float32"
    )


def _on_jax() -> Any:
    return importlib.import_module("regard.ops.additive.jax_scores")
