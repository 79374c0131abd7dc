"""Poolings with a linear score: of ``keras-self-attention``, of a published example."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard._typing import Tensor
from regard._validate import check_choice
from regard.layers.shapes import Shape
from regard.legacy.layers.activations import epsilon_softmax, penalized
from regard.legacy.layers.legacy_attention import (
    LegacyAttention,
    features_of,
    pooled,
)
from regard.legacy.layers.seq_self_attention import VERSIONS
from regard.ops import as_mask, scores
from regard.ops.precision import widen

# What is taken off the logit of a padded step: by version 0.51 of the package, by the
# listing.
_SEQ_PENALTY, _PROB_PENALTY = 1e4, 1e9


@keras.saving.register_keras_serializable(
    package="regard", name="legacy.SeqWeightedAttention"
)
class SeqWeightedAttention(LegacyAttention):
    r"""The ``SeqWeightedAttention`` of ``keras-self-attention``.

    .. math::
        l_j = w^\top h_j + b, \qquad
        a_j = \frac{m_j e^{l_j - \max_k l_k}}{\sum_k m_k e^{l_k - \max l} + 10^{-7}},
        \qquad c = \sum_j a_j h_j

    In version 0.51 the mask :math:`m` is 1 everywhere and :math:`10^4` is taken off the
    logits of padding instead: a sequence of padding alone is weighed as if it were
    valid. In 0.41 :math:`m` is the mask, and such a sequence gets 0.

    Args:
        use_bias: Whether there is a bias.
        return_attention: Whether to return ``[context, attention]``.
        version: ``"0.51"`` or ``"0.41"``: which of the behaviours above.
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Call arguments:
        inputs: The states.
        mask: ``(batch, time)``, True where a state is valid.
        return_attention_scores: Whether to return ``(outputs, weights)``.

    Input shape:
        ``(batch, time, features)``.

    Output shape:
        Context ``(batch, features)``, attention ``(batch, time)``; weights ``(batch,
        1, time)``.

    Raises:
        ArgumentError: An unknown version, an input of the wrong shape.

    References:
        Felbo et al.: Using millions of emoji occurrences to learn any-domain
        representations (2017), https://aclanthology.org/D17-1169.

    Example:
        >>> SeqWeightedAttention()(states).shape
        (2, 8)
    """

    original: ClassVar[str] = "SeqWeightedAttention"

    def __init__(
        self,
        use_bias: bool = True,
        return_attention: bool = False,
        version: str = VERSIONS[0],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.use_bias = use_bias
        self.return_attention = return_attention
        self.version = check_choice("version", version, VERSIONS)

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """``W``, and ``b`` where there is one."""
        bias = {"b": (1,)} if self.use_bias else {}
        return {"W": (features_of(input_shape), 1), **bias}

    def attend(self, inputs: Any, mask: Any, training: bool | None) -> Any:  # noqa: ARG002 - alike in training
        """Context, or context and attention; weights."""
        logits = scores.linear(inputs, self._stored["W"])[:, 0]
        if self.use_bias:
            logits = logits + widen(self._stored["b"])
        weights = ops.cast(self._normalized(logits, mask), inputs.dtype)
        weights = self._applied(weights)
        context = pooled(weights, inputs)
        outputs = [context, weights] if self.return_attention else context
        return outputs, weights[:, None]

    def _normalized(self, logits: Tensor, mask: Tensor | None) -> Tensor:
        if 0 in logits.shape:
            return logits
        if self.version == VERSIONS[0] and mask is not None:
            logits = penalized(logits, ~as_mask(mask), _SEQ_PENALTY)
            mask = None
        peak = ops.max(logits, axis=-1, keepdims=True)
        return epsilon_softmax(logits, mask, peak)

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "return_attention": self.return_attention,
            "version": self.version,
        }


@keras.saving.register_keras_serializable(package="regard", name="legacy.ProbAttention")
class ProbAttention(LegacyAttention):
    r"""``ProbAttention``: a linear score, with the mask as it was meant.

    .. math:: a = \mathrm{softmax}(w^\top h_j - 10^9 p_j), \qquad c = \sum_j a_j h_j

    with :math:`p` 1 at padding. The listing subtracts its mask in a shape that does
    not fit the scores; this is what it was to do. A sequence of padding alone gets the
    same weight everywhere.

    Args:
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Call arguments:
        inputs: The states.
        mask: ``(batch, time)``, True where a state is valid.
        return_attention_scores: Whether to return ``(outputs, weights)``.

    Input shape:
        ``(batch, time, features)``.

    Output shape:
        ``(batch, features)``; weights ``(batch, 1, time)``.

    References:
        The score is that of Raffel, Ellis (2015), https://arxiv.org/abs/1512.08756,
        without its activation.

    Example:
        >>> ProbAttention()(states).shape
        (2, 8)
    """

    original: ClassVar[str] = "ProbAttention"

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """The kernel."""
        return {"kernel": (features_of(input_shape), 1)}

    def attend(self, inputs: Any, mask: Any, training: bool | None) -> Any:  # noqa: ARG002 - alike in training
        """Context; weights."""
        logits = scores.linear(inputs, self._stored["kernel"])[:, 0]
        if mask is not None:
            logits = penalized(logits, ~as_mask(mask), _PROB_PENALTY)
        weights = ops.cast(ops.softmax(widen(logits)), inputs.dtype)
        weights = self._applied(weights)
        return pooled(weights, inputs), weights[:, None]
