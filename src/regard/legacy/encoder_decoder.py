"""The attention layer between an encoder and a decoder."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard.layers.base import check_features
from regard.legacy.base import LegacyAttention
from regard.ops import additive_scores, masked_softmax


@keras.saving.register_keras_serializable(
    package="regard", name="legacy.AttentionLayer"
)
class AttentionLayer(LegacyAttention):
    r"""The ``AttentionLayer`` over ``[encoder, decoder]``, additive, without masks.

    .. math::
        e_{ij} = \mathrm{softmax}_j(V_a^\top \tanh(h_j W_a + s_i U_a)), \qquad
        c_i = \sum_j e_{ij} h_j

    Padding gets attention as anything else does: the original drops masks silently.

    Args:
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Call arguments:
        inputs: ``[encoder, decoder]``: the states :math:`h`, the states :math:`s`.
        mask: Not looked at.
        return_attention_scores: Whether to return ``(outputs, weights)``.

    Input shape:
        ``(batch, keys, encoder features)`` and ``(batch, queries, decoder features)``.

    Output shape:
        ``(context, energies)``: ``(batch, queries, encoder features)`` and ``(batch,
        queries, keys)``; weights ``(batch, 1, queries, keys)``.

    References:
        Bahdanau, Cho, Bengio: Neural machine translation by jointly learning to align
        and translate (2014), https://arxiv.org/abs/1409.0473; the paper's ``W_a`` and
        ``U_a`` change places.

    Example:
        >>> context, energies = AttentionLayer()([encoded, decoded])
    """

    original: ClassVar[str] = "AttentionLayer"
    weights_axes: ClassVar[tuple[str, ...]] = ("batch", "heads", "queries", "keys")

    def weight_shapes(self, input_shape: Any) -> dict[str, tuple[int, ...]]:
        """``W_a`` of the encoder, ``U_a`` of the decoder, ``V_a``."""
        encoder = check_features("encoder", input_shape[0])
        decoder = check_features("decoder", input_shape[1])
        return {
            "W_a": (encoder, encoder),
            "U_a": (decoder, encoder),
            "V_a": (encoder, 1),
        }

    def attend(self, inputs: Any, mask: Any, training: bool | None) -> Any:  # noqa: ARG002 - as the original
        """Context and energies; weights."""
        encoder, decoder = inputs
        key = ops.matmul(encoder, self._stored["W_a"])
        query = ops.matmul(decoder, self._stored["U_a"])
        scores = additive_scores(query, key, self._stored["V_a"][:, 0])
        weights = ops.cast(masked_softmax(scores), encoder.dtype)
        return (ops.matmul(weights, encoder), weights), weights[:, None]
