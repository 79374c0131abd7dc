"""The additive score of a few queries at a time, as a decoder asks for it."""

import importlib
from typing import Any, NamedTuple, TypeAlias

import keras
from keras import ops

from regard.ops.additive.dispatch import plain_scores
from regard.ops.precision import Tensor, widen

#: Keys of a sequence, ready for many queries.
PreparedKeys: TypeAlias = Any


class _PlainKeys(NamedTuple):
    key: Tensor


def prepare_keys(key: Tensor) -> PreparedKeys:
    """Do once for each sequence what all steps of a decoder share.

    Args:
        key: ``(batch, heads, keys, features)``, projected.

    Returns:
        What ``additive_step_scores`` takes; a tuple of tensors, so that it can be
        carried through a loop.
    """
    key = widen(key)
    if _has_own_steps(key):
        return _on_jax().prepare_keys(key)
    return _PlainKeys(key)


def additive_step_scores(query: Tensor, keys: PreparedKeys, scale: Tensor) -> Tensor:
    r"""Scores of one query, or a few, against keys that stay.

    .. math:: s_j = \sum_d v_d \tanh(q_d + k_{jd})

    On JAX a step takes a multiply-add and a division for each (key, feature) and no
    hyperbolic tangent, and its gradient keeps the query alone: through ``T`` steps
    ``(T, features)`` and not ``(T, keys, features)``.

    Args:
        query: ``(batch, heads, [queries,] features)``, projected.
        keys: What ``prepare_keys`` made.
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


def _has_own_steps(key: Tensor) -> bool:
    return (
        keras.backend.backend() == "jax"
        and not isinstance(key, keras.KerasTensor)
        and keras.backend.standardize_dtype(key.dtype) == "float32"
    )


def _on_jax() -> Any:
    return importlib.import_module("regard.ops.additive.jax_steps")
