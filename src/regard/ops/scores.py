"""Score functions: how well each key fits a query, before any softmax.

Notation: ``h`` are the states that a sequence is pooled from; ``q`` and ``k`` query
and key. Kernels of several heads stand side by side in one matrix, so that the usual
initializers see the right fan in and fan out. All scores come back in float32 or
wider: rounding to half precision before the softmax costs accuracy and range.
"""

import math

from keras import ops

from regard._typing import Float, Tensor
from regard.ops.additive import additive_scores
from regard.ops.linear import split_heads
from regard.ops.precision import finite_product, widen

__all__ = [
    "additive",
    "concat",
    "context",
    "dot",
    "feed_forward",
    "gated",
    "general",
    "linear",
    "scaled_dot",
]


def linear(
    states: Float[Tensor, "batch keys features"],
    kernel: Float[Tensor, "features heads"],
) -> Float[Tensor, "batch heads keys"]:
    r"""A weight for each feature: :math:`s_j = w^\top h_j`.

    Args:
        states: ``h``, ``(batch, keys, features)``.
        kernel: ``w``, ``(features, heads)``.

    Returns:
        ``(batch, heads, keys)``.
    """
    return ops.swapaxes(ops.matmul(widen(states), widen(kernel)), 1, 2)


def feed_forward(
    states: Float[Tensor, "batch keys features"],
    kernel: Float[Tensor, "features heads"],
    bias: Float[Tensor, " heads"] | None = None,
) -> Float[Tensor, "batch heads keys"]:
    r"""A single neuron: :math:`s_j = \tanh(w^\top h_j + b)`.

    Args:
        states: ``h``, ``(batch, keys, features)``.
        kernel: ``w``, ``(features, heads)``.
        bias: ``b``, ``(heads,)``.

    Returns:
        ``(batch, heads, keys)``.

    References:
        Raffel, Ellis: Feed-forward networks with attention can solve some long-term
        memory problems (2015), https://arxiv.org/abs/1512.08756. The paper's
        ``W_hc``, ``b_hc`` are ``kernel``, ``bias``.
    """
    scores = linear(states, kernel)
    if bias is not None:
        scores = scores + widen(bias)[:, None]
    return ops.tanh(scores)


def context(
    states: Float[Tensor, "batch keys features"],
    kernel: Float[Tensor, "features units"],
    vector: Float[Tensor, "units heads"],
    bias: Float[Tensor, " units"] | None = None,
) -> Float[Tensor, "batch heads keys"]:
    r"""A hidden layer against a context vector: :math:`s_j = u^\top \tanh(W h_j + b)`.

    Args:
        states: ``h``, ``(batch, keys, features)``.
        kernel: ``W``, ``(features, units)``, shared by the heads.
        vector: ``u``, ``(units, heads)``.
        bias: ``b``, ``(units,)``.

    Returns:
        ``(batch, heads, keys)``.

    References:
        Yang et al.: Hierarchical attention networks for document classification
        (2016), https://aclanthology.org/N16-1174. The paper's ``W_w``, ``b_w``,
        ``u_w`` are ``kernel``, ``bias``, ``vector``. With several heads: Lin et al., A
        structured self-attentive sentence embedding (2017),
        https://arxiv.org/abs/1703.03130.
    """
    hidden = widen(ops.matmul(states, kernel))
    if bias is not None:
        hidden = hidden + widen(bias)
    return linear(ops.tanh(hidden), vector)


def gated(
    states: Float[Tensor, "batch keys features"],
    tanh_kernel: Float[Tensor, "features units"],
    sigmoid_kernel: Float[Tensor, "features units"],
    vector: Float[Tensor, "units heads"],
) -> Float[Tensor, "batch heads keys"]:
    r"""A gated hidden layer: :math:`s_j = w^\top (\tanh(V h_j) \odot \sigma(U h_j))`.

    Args:
        states: ``h``, ``(batch, keys, features)``.
        tanh_kernel: ``V``, ``(features, units)``, shared by the heads.
        sigmoid_kernel: ``U``, ``(features, units)``, shared by the heads.
        vector: ``w``, ``(units, heads)``.

    Returns:
        ``(batch, heads, keys)``.

    References:
        Ilse, Tomczak, Welling: Attention-based deep multiple instance learning (2018),
        https://arxiv.org/abs/1802.04712, equation 9.
    """
    hidden = ops.tanh(widen(ops.matmul(states, tanh_kernel)))
    gate = ops.sigmoid(widen(ops.matmul(states, sigmoid_kernel)))
    return linear(hidden * gate, vector)


def dot(
    query: Float[Tensor, "batch ... queries features"],
    key: Float[Tensor, "batch ... keys features"],
) -> Float[Tensor, "batch ... queries keys"]:
    r"""The dot product: :math:`s_{ij} = q_i^\top k_j`.

    Args:
        query: ``q``, ``(batch, [heads,] queries, features)``.
        key: ``k``, ``(batch, [heads,] keys, features)``.

    Returns:
        ``(batch, [heads,] queries, keys)``.

    References:
        Luong, Pham, Manning: Effective approaches to attention-based neural machine
        translation (2015), https://arxiv.org/abs/1508.04025.
    """
    return finite_product(widen(query), ops.swapaxes(widen(key), -1, -2))


def scaled_dot(
    query: Float[Tensor, "batch ... queries features"],
    key: Float[Tensor, "batch ... keys features"],
) -> Float[Tensor, "batch ... queries keys"]:
    r"""The scaled dot product: :math:`s_{ij} = q_i^\top k_j / \sqrt{d}`.

    Args:
        query: ``q``, ``(batch, [heads,] queries, d)``.
        key: ``k``, ``(batch, [heads,] keys, d)``.

    Returns:
        ``(batch, [heads,] queries, keys)``.

    References:
        Vaswani et al.: Attention is all you need (2017),
        https://arxiv.org/abs/1706.03762.
    """
    return dot(query, key) / math.sqrt(query.shape[-1])


def general(
    query: Float[Tensor, "batch queries query_features"],
    key: Float[Tensor, "batch keys key_features"],
    kernel: Float[Tensor, "query_features hidden"],
) -> Float[Tensor, "batch heads queries keys"]:
    r"""A bilinear form: :math:`s_{ij} = q_i^\top W k_j`, with a ``W`` of each head.

    Args:
        query: ``q``, ``(batch, queries, query_features)``.
        key: ``k``, ``(batch, keys, key_features)``.
        kernel: ``W``, ``(query_features, heads * key_features)``.

    Returns:
        ``(batch, heads, queries, keys)``.

    References:
        Luong, Pham, Manning (2015), https://arxiv.org/abs/1508.04025, "general". The
        paper's ``h_t``, ``h_s`` are query and key.
    """
    heads = kernel.shape[-1] // key.shape[-1]
    projected = split_heads(ops.matmul(widen(query), widen(kernel)), heads)
    return dot(projected, ops.expand_dims(key, 1))


def additive(
    query: Float[Tensor, "batch queries query_features"],
    key: Float[Tensor, "batch keys key_features"],
    query_kernel: Float[Tensor, "query_features hidden"],
    key_kernel: Float[Tensor, "key_features hidden"],
    scale: Float[Tensor, "heads units"],
    *,
    bias: Float[Tensor, " hidden"] | None = None,
) -> Float[Tensor, "batch heads queries keys"]:
    r"""A hidden layer: :math:`s_{ij} = v^\top \tanh(W q_i + U k_j + b)`.

    Args:
        query: ``q``, ``(batch, queries, query_features)``.
        key: ``k``, ``(batch, keys, key_features)``.
        query_kernel: ``W``, ``(query_features, heads * units)``.
        key_kernel: ``U``, ``(key_features, heads * units)``.
        scale: ``v``, ``(heads, units)``.
        bias: ``b``, ``(heads * units,)``.

    Returns:
        ``(batch, heads, queries, keys)``.

    References:
        Bahdanau, Cho, Bengio (2014), https://arxiv.org/abs/1409.0473. The paper's
        ``W_a``, ``U_a``, ``v_a`` are ``query_kernel``, ``key_kernel``, ``scale``; it
        has no bias.
    """
    heads = scale.shape[0]
    query = ops.matmul(query, query_kernel)
    if bias is not None:
        query = ops.add(query, bias)
    key = ops.matmul(key, key_kernel)
    return additive_scores(split_heads(query, heads), split_heads(key, heads), scale)


def concat(
    query: Float[Tensor, "batch queries query_features"],
    key: Float[Tensor, "batch keys key_features"],
    kernel: Float[Tensor, "both_features hidden"],
    scale: Float[Tensor, "heads units"],
    *,
    bias: Float[Tensor, " hidden"] | None = None,
) -> Float[Tensor, "batch heads queries keys"]:
    r"""A hidden layer over both: :math:`s_{ij} = v^\top \tanh(W [q_i; k_j] + b)`.

    One matrix times two stacked vectors is the sum of its two parts times each, so
    this is ``additive`` with ``W`` cut between them. Only the initial values differ.

    Args:
        query: ``q``, ``(batch, queries, query_features)``.
        key: ``k``, ``(batch, keys, key_features)``.
        kernel: ``W``, ``(query_features + key_features, heads * units)``.
        scale: ``v``, ``(heads, units)``.
        bias: ``b``, ``(heads * units,)``.

    Returns:
        ``(batch, heads, queries, keys)``.

    References:
        Luong, Pham, Manning (2015), https://arxiv.org/abs/1508.04025, "concat"; it has
        no bias.
    """
    cut = query.shape[-1]
    kernel = ops.convert_to_tensor(kernel)
    return additive(query, key, kernel[:cut], kernel[cut:], scale, bias=bias)
