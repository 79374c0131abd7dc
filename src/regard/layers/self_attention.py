"""A sequence that looks at itself."""

from typing import Any

import keras

from regard._compat import mask_of
from regard._typing import Float, Shaped, Tensor
from regard.layers.paired import PairedAttention, PairMasks
from regard.layers.shapes import (
    Shape,
    check_attention_mask,
    check_features,
    check_mask,
)


@keras.saving.register_keras_serializable(package="regard")
class SelfAttention(PairedAttention):
    """Attention of each state of a sequence over all of them.

    ``CrossAttention`` with the sequence as query, key and value: the same scores,
    heads, window and masks, and the same arguments.

    Args:
        score: ``"additive"``, ``"concat"``, ``"general"``, ``"dot"`` or
            ``"scaled_dot"``.
        units: The width of the hidden layer of ``"additive"`` and ``"concat"``, of
            each head. None: the number of features.
        num_heads: The number of heads, which share out the features.
        window: The number of states each state sees around its own place; None: all.
            Odd and even widths as in ``CrossAttention``.
        **kwargs: What ``AttentionLayer`` takes.

    Call arguments:
        inputs: The states.
        mask: ``(batch, time)``, True where a state is valid. Comes by itself from a
            layer before that makes a mask.
        attention_mask: ``([batch, [heads,]] time, time)``, True where the state of the
            last axis but one may see that of the last.
        return_attention_scores: Whether to return ``(context, weights)``.
        training: Whether dropout is on.
        use_causal_mask: Whether each state sees those up to its own place only.

    Input shape:
        ``(batch, time, features)``.

    Output shape:
        Context ``(batch, time, features)``; weights ``(batch, num_heads, time,
        time)``. The mask goes on.

    Raises:
        ArgumentError: As ``CrossAttention``.

    References:
        See ``CrossAttention``. As a layer over recurrent states: Cheng, Dong, Lapata:
        Long short-term memory-networks for machine reading (2016),
        https://arxiv.org/abs/1601.06733.

    Example:
        >>> states = keras.random.normal((2, 5, 8))
        >>> SelfAttention("scaled_dot", num_heads=2)(states).shape
        (2, 5, 8)
    """

    def build(self, inputs_shape: Shape) -> None:
        """Make the weights of the score."""
        features = check_features("inputs", inputs_shape)
        self._build_pair(features, features, features)

    def call(  # noqa: PLR0917 - the order Keras's own layers have
        self,
        inputs: Float[Tensor, "batch time features"],
        mask: Shaped[Tensor, "batch time ..."] | None = None,
        attention_mask: Shaped[Tensor, "*outer #time #time"] | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> (
        Float[Tensor, "batch time features"]
        | tuple[
            Float[Tensor, "batch time features"],
            Float[Tensor, "batch heads time time"],
        ]
    ):
        """Look at the sequence itself; see the class for arguments and shapes."""
        check_features("inputs", inputs.shape)
        # Keras fills in `mask` only where there is no other tensor argument.
        mask = mask_of(inputs) if mask is None else mask
        mask = check_mask("mask", mask, inputs)
        attention_mask = check_attention_mask(attention_mask)
        masks = PairMasks(mask, mask, attention_mask, use_causal_mask)
        context, weights = self._attend(inputs, inputs, inputs, masks, training)
        return (context, weights) if return_attention_scores else context

    def compute_output_shape(
        self, inputs_shape: Shape, *, return_attention_scores: bool = False
    ) -> Any:
        """The shape of the context, or of context and weights."""
        batch, time, features = inputs_shape
        context = (batch, time, features)
        weights = (batch, self.num_heads, time, time)
        return (context, weights) if return_attention_scores else context
