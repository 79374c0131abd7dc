"""The probability attention of a published example."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard.layers.base import Shape
from regard.legacy.base import LegacyAttention, features_of, pooled
from regard.legacy.normalising import penalised
from regard.ops import as_mask, scores
from regard.ops.precision import widen

# What the listing takes off the score of a padded step.
_PENALTY = 1e9


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
            logits = penalised(logits, ~as_mask(mask), _PENALTY)
        weights = ops.cast(ops.softmax(widen(logits)), inputs.dtype)
        return pooled(weights, inputs), weights[:, None]
