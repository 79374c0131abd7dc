"""A sequence to one vector."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard._typing import Bool, Float, Shaped, Tensor
from regard._validate import check_choice
from regard.layers.attention_layer import ScoredAttention
from regard.layers.score_functions import PAIR_SCORES, STATE_SCORES
from regard.layers.shapes import Shape, check_features, check_mask
from regard.ops import erase_padding, last_valid, masked_softmax

_ALIGNMENTS = ("general", "additive")
_LAST = "last"


@keras.saving.register_keras_serializable(package="regard")
class AttentionPooling(ScoredAttention):
    r"""Attention pooling: the weighted mean of the states of a sequence.

    .. math::
        w = \mathrm{softmax}(s(h_1), \ldots, s(h_n)), \qquad c = \sum_j w_j h_j

    with a score :math:`s` of each head:

    - ``"linear"``: :math:`w^\top h_j`
    - ``"feed_forward"``: :math:`\tanh(w^\top h_j + b)`
    - ``"context"``: :math:`u^\top \tanh(W h_j + b)`
    - ``"gated"``: :math:`w^\top (\tanh(V h_j) \odot \sigma(U h_j))`
    - ``"last"``: the last valid state :math:`h_t` is the query; by ``alignment``
      :math:`h_t^\top W h_j` (``"general"``) or
      :math:`v^\top \tanh(W h_t + U h_j + b)` (``"additive"``)

    Masked states have weight 0 and their content changes nothing. A sequence without
    a valid state has weights 0 and context 0.

    Args:
        score: One of the scores above.
        units: The width of the hidden layer of ``"context"``, ``"gated"`` and
            ``"last"`` with ``alignment="additive"`` (of each head). None: the number
            of features.
        num_heads: The number of heads. Each weighs all features; the contexts are put
            side by side.
        alignment: ``"general"`` or ``"additive"``, read by ``"last"`` only.
        **kwargs: What ``AttentionLayer`` takes: dropout, bias, initializers,
            regularizers, constraints, seed, and what every Keras layer takes.

    Call arguments:
        inputs: The states.
        mask: ``(batch, time)``, True where a state is valid. Comes by itself from a
            layer before that makes a mask; after ``TimeDistributed`` over masked
            sentences a sentence is valid where any of its words is.
        return_attention_scores: Whether to return ``(context, weights)``.
        training: Whether dropout is on.

    Input shape:
        ``(batch, time, features)``.

    Output shape:
        Context ``(batch, num_heads * features)``; weights ``(batch, num_heads,
        time)``. No mask goes on: the time axis is gone.

    Raises:
        ArgumentError: An unknown score or alignment, a count below 1, ``units`` for a
            score without a hidden layer, an input or mask of the wrong shape.

    References:
        Raffel, Ellis (2015), https://arxiv.org/abs/1512.08756 (``"feed_forward"``);
        Yang et al. (2016), https://aclanthology.org/N16-1174 (``"context"``); Ilse,
        Tomczak, Welling (2018), https://arxiv.org/abs/1802.04712 (``"gated"``); Luong,
        Pham, Manning (2015), https://arxiv.org/abs/1508.04025 and Bahdanau, Cho,
        Bengio (2014), https://arxiv.org/abs/1409.0473 (``"last"``).

    Example:
        >>> states = keras.random.normal((2, 5, 8))
        >>> context, weights = AttentionPooling()(states, return_attention_scores=True)
        >>> context.shape, weights.shape
        ((2, 8), (2, 1, 5))
    """

    weights_axes: ClassVar[tuple[str, ...]] = ("batch", "heads", "keys")

    def __init__(
        self,
        score: str = "feed_forward",
        units: int | None = None,
        num_heads: int = 1,
        *,
        alignment: str = "general",
        **kwargs: Any,
    ) -> None:
        last = PAIR_SCORES[check_choice("alignment", alignment, _ALIGNMENTS)]
        table = {**STATE_SCORES, _LAST: last}
        super().__init__(score, table, units, num_heads, **kwargs)
        self.alignment = alignment

    def build(self, input_shape: Shape) -> None:
        """Make the weights of the score."""
        features = check_features("inputs", input_shape)
        self._build_score(features, features)

    def call(
        self,
        inputs: Float[Tensor, "batch time features"],
        mask: Shaped[Tensor, "batch time ..."] | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
    ) -> (
        Float[Tensor, "batch context_features"]
        | tuple[
            Float[Tensor, "batch context_features"],
            Float[Tensor, "batch heads time"],
        ]
    ):
        """Pool the sequence; see the class for arguments and shapes."""
        check_features("inputs", inputs.shape)
        mask = check_mask("mask", mask, inputs)
        states = erase_padding(inputs, mask)
        scores = self._state_scores(states, mask)
        valid = None if mask is None else mask[:, None, :]
        weights = ops.cast(masked_softmax(scores, valid), states.dtype)
        context = ops.matmul(self._drop(weights, training), states)
        context = ops.reshape(context, (-1, self.num_heads * states.shape[-1]))
        return (context, weights) if return_attention_scores else context

    def _state_scores(
        self,
        states: Float[Tensor, "batch time features"],
        mask: Bool[Tensor, "batch time"] | None,
    ) -> Float[Tensor, "batch heads time"]:
        if self.score == _LAST:
            return self._scores(last_valid(states, mask), states)[:, :, 0]
        return self._scores(states)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """None: the axis that was masked is gone."""

    def compute_output_shape(
        self, input_shape: Shape, return_attention_scores: bool = False
    ) -> Any:
        """The shape of the context, or of context and weights."""
        features = check_features("inputs", input_shape)
        batch, time, _ = input_shape
        context = (batch, self.num_heads * features)
        weights = (batch, self.num_heads, time)
        return (context, weights) if return_attention_scores else context

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {**super().get_config(), "alignment": self.alignment}
