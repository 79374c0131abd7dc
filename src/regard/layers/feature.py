"""Attention over the features of one vector."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard._typing import Float, Shaped, Tensor
from regard.layers.attention_layer import AttentionLayer
from regard.layers.shapes import Shape, check_mask, check_vector
from regard.ops import erase_padding, masked_softmax
from regard.ops.precision import widen


@keras.saving.register_keras_serializable(package="regard")
class FeatureAttention(AttentionLayer):
    r"""A gate that shares attention out among the features of its input.

    .. math:: w = \mathrm{softmax}(W^\top x + b), \qquad y = w \odot x

    The keys are the features. A masked feature has weight 0 and counts as 0 where the
    others are scored from it, so its content changes nothing.

    Args:
        **kwargs: What ``AttentionLayer`` takes: dropout, bias, initializers,
            regularizers, constraints, seed, and what every Keras layer takes.

    Call arguments:
        inputs: The features.
        mask: ``(batch, features)``, True where a feature is valid, or ``(batch,)``,
            True where all are: so ``TimeDistributed`` hands on the mask of a sequence.
        return_attention_scores: Whether to return ``(outputs, weights)``.
        training: Whether dropout is on.

    Input shape:
        ``(batch, features)``. For a sequence use ``keras.layers.TimeDistributed``.

    Output shape:
        ``(batch, features)``; weights ``(batch, 1, features)``.

    Raises:
        ArgumentError: An input or mask of the wrong shape, or the number of features
            is unknown.

    Example:
        >>> toy = keras.Sequential([
        ...     keras.Input((4,)),
        ...     FeatureAttention(use_bias=False),
        ...     keras.layers.Dense(16),
        ...     FeatureAttention(use_bias=False),
        ...     keras.layers.Dense(1),
        ... ])
        >>> toy.count_params()
        369
    """

    weights_axes: ClassVar[tuple[str, ...]] = ("batch", "heads", "keys")

    def build(self, input_shape: Shape) -> None:
        """Make the kernel and the bias of the scores."""
        features = check_vector("inputs", input_shape)
        self.kernel = self._add_kernel("kernel", (features, features))
        self.bias = self._add_bias("bias", (features,)) if self.use_bias else None

    def call(
        self,
        inputs: Float[Tensor, "batch features"],
        mask: Shaped[Tensor, "batch ..."] | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
    ) -> (
        Float[Tensor, "batch features"]
        | tuple[Float[Tensor, "batch features"], Float[Tensor, "batch 1 features"]]
    ):
        """Weigh the features; see the class for arguments and shapes."""
        check_vector("inputs", inputs.shape)
        if mask is not None:
            mask = ops.convert_to_tensor(mask)
            if len(mask.shape) == 1:
                mask = ops.broadcast_to(mask[:, None], ops.shape(inputs))
            mask = check_mask("mask", mask, inputs[..., None])
            inputs = erase_padding(inputs[..., None], mask)[..., 0]
        weights = masked_softmax(self._feature_scores(inputs), mask)
        weights = ops.cast(weights, inputs.dtype)
        outputs = self._drop(weights, training) * inputs
        return (outputs, weights[:, None]) if return_attention_scores else outputs

    def _feature_scores(
        self, inputs: Float[Tensor, "batch features"]
    ) -> Float[Tensor, "batch features"]:
        scores = ops.matmul(widen(inputs), widen(self.kernel))
        return scores if self.bias is None else scores + widen(self.bias)

    def compute_output_shape(
        self, input_shape: Shape, return_attention_scores: bool = False
    ) -> Any:
        """The shape of the outputs, or of outputs and weights."""
        shape = tuple(input_shape)
        weights = (shape[0], 1, shape[1])
        return (shape, weights) if return_attention_scores else shape
