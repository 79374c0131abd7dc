"""The many-to-one attention of the package ``attention``."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard._typing import Tensor
from regard._validate import check_choice
from regard.layers.shapes import Shape
from regard.legacy.layers.legacy_attention import (
    LegacyAttention,
    features_of,
    pooled,
)
from regard.ops import additive_scores, masked_softmax, scores

LUONG, BAHDANAU = "luong", "bahdanau"


@keras.saving.register_keras_serializable(
    package="regard", name="legacy.ManyToOneAttention"
)
class ManyToOneAttention(LegacyAttention):
    r"""The ``Attention(units, score)`` of the package ``attention``.

    .. math::
        e_j = h_t^\top W h_j \quad\text{or}\quad
        e_j = v^\top \tanh(W_1^\top h_t + W_2^\top h_j), \qquad
        a = \mathrm{softmax}(e), \qquad c = \sum_j a_j h_j \\
        y = \tanh(W_c^\top [c; h_t])

    with :math:`h_t` the state of the last timestep, padded or not: the original does
    not look at masks. ``"luong"`` is the first score, ``"bahdanau"`` the second.

    Args:
        units: The width of the output :math:`y`. The scores are as wide as the input.
        score: ``"luong"`` or ``"bahdanau"``.
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Call arguments:
        inputs: The states.
        mask: Not looked at.
        return_attention_scores: Whether to return ``(outputs, weights)``.

    Input shape:
        ``(batch, time, features)``.

    Output shape:
        ``(batch, units)``; weights ``(batch, 1, time)``.

    Raises:
        ArgumentError: An unknown score, an input of the wrong shape.

    References:
        Luong, Pham, Manning: Effective approaches to attention-based neural machine
        translation (2015), https://arxiv.org/abs/1508.04025; Bahdanau, Cho, Bengio
        (2014), https://arxiv.org/abs/1409.0473.

    Example:
        >>> ManyToOneAttention(32)(states).shape
        (2, 32)
    """

    original: ClassVar[str] = "Attention"

    def __init__(self, units: int = 128, score: str = LUONG, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.score = check_choice("score", score, (LUONG, BAHDANAU))

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """The weights of the score, then those of the output."""
        features = features_of(input_shape)
        square = (features, features)
        if self.score == LUONG:
            of_score: dict[str, tuple[int, ...]] = {"luong_w": square}
        else:
            of_score = {
                "bahdanau_v": (features, 1),
                "bahdanau_w1": square,
                "bahdanau_w2": square,
            }
        return {**of_score, "attention_vector": (2 * features, self.units)}

    def attend(self, inputs: Any, mask: Any, training: bool | None) -> Any:  # noqa: ARG002 - as the original
        """The output; weights."""
        last = inputs[:, -1:]
        weights = ops.cast(masked_softmax(self._scores(last, inputs)), inputs.dtype)
        weights = self._applied(weights)
        joined = ops.concatenate([pooled(weights, inputs), last[:, 0]], axis=-1)
        outputs = ops.tanh(ops.matmul(joined, self._stored["attention_vector"]))
        return outputs, weights[:, None]

    def _scores(self, last: Tensor, states: Tensor) -> Tensor:
        """``(batch, time)``."""
        stored = self._stored
        if self.score == LUONG:
            return scores.dot(last, ops.matmul(states, stored["luong_w"]))[:, 0]
        query = ops.matmul(last, stored["bahdanau_w1"])
        key = ops.matmul(states, stored["bahdanau_w2"])
        return additive_scores(query, key, stored["bahdanau_v"][:, 0])[:, 0]

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {**super().get_config(), "units": self.units, "score": self.score}
