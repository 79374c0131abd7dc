"""Queries of one sequence that look at the keys of another."""

from typing import Any

import keras
from keras import ops

from regard._compat import attach_mask
from regard._typing import Bool, Float, Shaped, Tensor
from regard.errors import ArgumentError
from regard.layers.paired import PairedAttention, PairMasks
from regard.layers.shapes import (
    Shape,
    check_attention_mask,
    check_features,
    check_mask,
)


@keras.saving.register_keras_serializable(package="regard")
class CrossAttention(PairedAttention):
    r"""Attention of each query over the keys of another sequence.

    .. math:: w_i = \mathrm{softmax}_j(s(q_i, k_j)), \qquad c_i = \sum_j w_{ij} v_j

    with a score :math:`s` of each head:

    - ``"additive"``: :math:`v^\top \tanh(W q_i + U k_j + b)`
    - ``"concat"``: :math:`v^\top \tanh(W [q_i; k_j] + b)`
    - ``"general"``: :math:`q_i^\top W k_j`
    - ``"dot"``: :math:`q_i^\top k_j`, without weights
    - ``"scaled_dot"``: :math:`q_i^\top k_j / \sqrt{d}`, without weights

    The heads share out the features of ``value``, so the context has as many features
    as ``value`` whatever their number. For ``"dot"`` and ``"scaled_dot"`` they share
    out those of query and key in the same way; the other scores give each head weights
    of its own over all features of query and key. Values are not projected.

    A masked key has weight 0 and its content changes nothing. A masked query, and a
    query that may see no valid key, has weights 0 and context 0.

    Args:
        score: One of the scores above.
        units: The width of the hidden layer of ``"additive"`` and ``"concat"``, of
            each head. None: the number of features of ``key``.
        num_heads: The number of heads.
        window: The number of keys a query sees around its own place, which is that of
            the key of the same index. Query ``i`` sees the keys from ``i - window //
            2`` to ``i - window // 2 + window - 1``: an odd window reaches equally far
            to both sides, an even one a step further into the past. With
            ``use_causal_mask`` those from ``i - window + 1`` to ``i``. None: all keys.
        **kwargs: What ``AttentionLayer`` takes: dropout, bias, initializers,
            regularizers, constraints, seed, and what every Keras layer takes.

    Call arguments:
        query: What looks.
        value: What the context is made of.
        key: What the queries are compared with. None: ``value``.
        query_mask: ``(batch, queries)``, True where a query is valid. This and the
            next two come by themselves from layers that make masks.
        value_mask: ``(batch, keys)``.
        key_mask: ``(batch, keys)``; a place has to be valid in both.
        attention_mask: ``([batch, [heads,]] queries, keys)``, True where a query may
            see a key.
        return_attention_scores: Whether to return ``(context, weights)``.
        training: Whether dropout is on.
        use_causal_mask: Whether each query sees the keys up to its own place only.

    Input shape:
        Query ``(batch, queries, query_features)``, value ``(batch, keys,
        value_features)``, key ``(batch, keys, key_features)``.

    Output shape:
        Context ``(batch, queries, value_features)``; weights ``(batch, num_heads,
        queries, keys)``. The mask of the query goes on.

    Raises:
        ArgumentError: An unknown score, a count below 1, ``units`` for a score without
            a hidden layer, numbers of features that do not fit the score or the heads,
            an input or mask of the wrong shape.

    References:
        Bahdanau, Cho, Bengio (2014), https://arxiv.org/abs/1409.0473 (``"additive"``);
        Luong, Pham, Manning (2015), https://arxiv.org/abs/1508.04025 (``"dot"``,
        ``"general"``, ``"concat"``); Vaswani et al. (2017),
        https://arxiv.org/abs/1706.03762 (``"scaled_dot"``).

    Example:
        >>> target = keras.random.normal((2, 3, 8))
        >>> source = keras.random.normal((2, 5, 6))
        >>> attend = CrossAttention()
        >>> context, weights = attend(target, source, return_attention_scores=True)
        >>> context.shape, weights.shape
        ((2, 3, 6), (2, 1, 3, 5))
    """

    def build(
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> None:
        """Make the weights of the score."""
        key_shape = key_shape or value_shape
        if (
            None not in (key_shape[1], value_shape[1])
            and key_shape[1] != value_shape[1]
        ):
            raise ArgumentError(
                "Each key stands for a value.",
                expected=f"as many keys as values: {value_shape[1]}",
                received=str(key_shape[1]),
            )
        self._build_pair(
            check_features("query", query_shape),
            check_features("key", key_shape),
            check_features("value", value_shape),
        )

    def call(  # noqa: PLR0917 - the order of keras.layers.MultiHeadAttention
        self,
        query: Float[Tensor, "batch queries query_features"],
        value: Float[Tensor, "batch keys features"],
        key: Float[Tensor, "batch keys key_features"] | None = None,
        query_mask: Shaped[Tensor, "batch queries ..."] | None = None,
        value_mask: Shaped[Tensor, "batch keys ..."] | None = None,
        key_mask: Shaped[Tensor, "batch keys ..."] | None = None,
        attention_mask: Shaped[Tensor, "*outer #queries #keys"] | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> (
        Float[Tensor, "batch queries features"]
        | tuple[
            Float[Tensor, "batch queries features"],
            Float[Tensor, "batch heads queries keys"],
        ]
    ):
        """Look at the keys; see the class for arguments and shapes."""
        key = value if key is None else key
        for name, states in (("query", query), ("value", value), ("key", key)):
            check_features(name, states.shape)
        query_mask = check_mask("query_mask", query_mask, query)
        masks = PairMasks(
            query_mask,
            _both(
                check_mask("value_mask", value_mask, value),
                check_mask("key_mask", key_mask, key),
            ),
            check_attention_mask(attention_mask),
            use_causal_mask,
        )
        context, weights = self._attend(query, key, value, masks, training)
        if query_mask is not None:
            # Keras hands on the mask that travels with the query, but not one that
            # was passed as an argument.
            attach_mask(context, query_mask)
        return (context, weights) if return_attention_scores else context

    def compute_output_shape(
        self,
        query_shape: Shape,
        value_shape: Shape,
        key_shape: Shape | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        """The shape of the context, or of context and weights."""
        batch, queries, _ = query_shape
        keys = (key_shape or value_shape)[1]
        context = (batch, queries, value_shape[-1])
        weights = (batch, self.num_heads, queries, keys)
        return (context, weights) if return_attention_scores else context


def _both(
    value_mask: Bool[Tensor, "batch keys"] | None,
    key_mask: Bool[Tensor, "batch keys"] | None,
) -> Bool[Tensor, "batch keys"] | None:
    if value_mask is None or key_mask is None:
        return key_mask if value_mask is None else value_mask
    return ops.logical_and(value_mask, key_mask)
