"""The additive score, the one place where it is computed."""

from keras import ops

from regard.ops.precision import Tensor, widen


def additive_scores(query: Tensor, key: Tensor, scale: Tensor) -> Tensor:
    r"""Additive attention scores of rows that are projected already.

    .. math:: s_{ij} = \sum_d v_d \tanh(q_{id} + k_{jd})

    Args:
        query: ``(batch, [heads,] queries, features)``.
        key: ``(batch, [heads,] keys, features)``.
        scale: ``v``, ``(features,)``, or ``(heads, features)`` for a scale of each
            head.

    Returns:
        ``(batch, [heads,] queries, keys)``, in float32 or wider: half precision is
        widened on the way in and not narrowed before the softmax.

    References:
        Bahdanau, Cho, Bengio: Neural machine translation by jointly learning to align
        and translate (2014), https://arxiv.org/abs/1409.0473. The paper's
        ``v_a^T tanh(W_a s + U_a h)`` with ``q = W_a s`` and ``k = U_a h``.
    """
    query = ops.expand_dims(widen(query), -2)
    key = ops.expand_dims(widen(key), -3)
    scale = widen(scale)
    if len(scale.shape) == 2:
        scale = ops.expand_dims(scale, (-2, -3))
    return ops.sum(scale * ops.tanh(query + key), axis=-1)
