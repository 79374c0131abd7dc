"""Poolings with a hyperbolic tangent in their score: of Kaggle kernels, of gists."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard._validate import check_choice
from regard.errors import ArgumentError
from regard.layers.shapes import Shape
from regard.legacy.layers.activations import epsilon_softmax
from regard.legacy.layers.legacy_attention import (
    LegacyAttention,
    features_of,
    pooled,
)
from regard.ops import erase_padding, scores
from regard.ops.precision import widen

#: The listings of ``AttentionWithContext`` that went round.
VARIANTS = ("dot_product", "kdot")


@keras.saving.register_keras_serializable(
    package="regard", name="legacy.KaggleAttention"
)
class KaggleAttention(LegacyAttention):
    r"""The ``Attention(step_dim)`` of the Kaggle kernels: one neuron, a bias a step.

    .. math::
        e_j = \tanh(w^\top h_j + b_j), \qquad
        a_j = \frac{m_j e^{e_j}}{\sum_k m_k e^{e_k} + 10^{-7}}, \qquad
        c = \sum_j a_j h_j

    The bias of each timestep ties the layer to sequences of one length. A sequence of
    padding alone gets attention 0 and context 0.

    Args:
        step_dim: The length of the sequences.
        W_regularizer: Regularizer of ``W``.
        b_regularizer: Regularizer of ``b``.
        W_constraint: Constraint of ``W``.
        b_constraint: Constraint of ``b``.
        bias: Whether there is a bias.
        return_attention: Whether to return ``[context, attention]``, as the published
            listing does unless told otherwise; the first kernel never did.
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Call arguments:
        inputs: The states.
        mask: ``(batch, step_dim)``, True where a state is valid.
        return_attention_scores: Whether to return ``(outputs, weights)``.

    Input shape:
        ``(batch, step_dim, features)``.

    Output shape:
        Context ``(batch, features)``, attention ``(batch, step_dim, 1)``; weights
        ``(batch, 1, step_dim)``.

    Raises:
        ArgumentError: The input has another length, or no known number of features.

    References:
        The equation without ``b_j``: Raffel, Ellis: Feed-forward networks with
        attention can solve some long-term memory problems (2015),
        https://arxiv.org/abs/1512.08756.

    Example:
        >>> context, attention = KaggleAttention(5, return_attention=True)(states)
    """

    original: ClassVar[str] = "Attention"

    def __init__(  # noqa: PLR0917 - the order of the original
        self,
        step_dim: int,
        W_regularizer: Any = None,  # noqa: N803 - the name in the original
        b_regularizer: Any = None,
        W_constraint: Any = None,  # noqa: N803 - the name in the original
        b_constraint: Any = None,
        bias: bool = True,
        return_attention: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            regularizers={"W": W_regularizer, "b": b_regularizer},
            constraints={"W": W_constraint, "b": b_constraint},
            **kwargs,
        )
        self.step_dim = step_dim
        self.bias = bias
        self.return_attention = return_attention

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """``W`` of the features, ``b`` of the timesteps."""
        features = features_of(input_shape)
        if input_shape[1] not in {None, self.step_dim}:
            raise ArgumentError(
                "The layer is tied to sequences of one length.",
                expected=f"{self.step_dim} steps, as 'step_dim' says",
                received=f"{input_shape[1]} steps",
                arguments=["step_dim"],
            )
        return {"W": (features,), **({"b": (self.step_dim,)} if self.bias else {})}

    def attend(self, inputs: Any, mask: Any, training: bool | None) -> Any:  # noqa: ARG002 - alike in training
        """Context, or context and attention; weights."""
        states = erase_padding(inputs, mask)
        scores = widen(ops.matmul(states, self._stored["W"][:, None])[..., 0])
        if self.bias:
            scores = scores + widen(self._stored["b"])
        weights = epsilon_softmax(ops.tanh(scores), mask)
        weights = self._applied(ops.cast(weights, states.dtype))
        context = pooled(weights, states)
        outputs = [context, weights[..., None]] if self.return_attention else context
        return outputs, weights[:, None]

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {
            **super().get_config(),
            "step_dim": self.step_dim,
            "bias": self.bias,
            "return_attention": self.return_attention,
        }


@keras.saving.register_keras_serializable(
    package="regard", name="legacy.AttentionWithContext"
)
class AttentionWithContext(LegacyAttention):
    r"""The ``AttentionWithContext`` of the gists: a hidden layer, a context vector.

    .. math::
        e_j = u^\top \tanh(\hat W h_j + b), \qquad
        a_j = \frac{m_j e^{e_j}}{\sum_k m_k e^{e_k} + 10^{-7}}, \qquad
        c = \sum_j a_j h_j

    Two listings went round under this name, with the same files and other numbers. In
    rows, ``"dot_product"`` computes :math:`h_j W^\top` (its product contracts the last
    axis but one, on TensorFlow), ``"kdot"`` computes :math:`h_j W`.

    Args:
        W_regularizer: Regularizer of ``W``.
        u_regularizer: Regularizer of ``u``.
        b_regularizer: Regularizer of ``b``.
        W_constraint: Constraint of ``W``.
        u_constraint: Constraint of ``u``.
        b_constraint: Constraint of ``b``.
        bias: Whether there is a bias.
        return_coefficients: Whether to return ``[context, attention]``.
        variant: ``"dot_product"`` (the listing with a function of this name, which is
            the widely copied one) or ``"kdot"`` (the earlier one, with ``K.dot``).
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Call arguments:
        inputs: The states.
        mask: ``(batch, time)``, True where a state is valid.
        return_attention_scores: Whether to return ``(outputs, weights)``.

    Input shape:
        ``(batch, time, features)``.

    Output shape:
        Context ``(batch, features)``, attention ``(batch, time, 1)``; weights
        ``(batch, 1, time)``.

    Raises:
        ArgumentError: An unknown variant, an input of the wrong shape.

    References:
        Yang et al.: Hierarchical attention networks for document classification
        (2016), https://aclanthology.org/N16-1174.

    Example:
        >>> AttentionWithContext(variant="kdot")(states).shape
        (2, 8)
    """

    original: ClassVar[str] = "AttentionWithContext"

    def __init__(  # noqa: PLR0917 - the order of the original
        self,
        W_regularizer: Any = None,  # noqa: N803 - the name in the original
        u_regularizer: Any = None,
        b_regularizer: Any = None,
        W_constraint: Any = None,  # noqa: N803 - the name in the original
        u_constraint: Any = None,
        b_constraint: Any = None,
        bias: bool = True,
        return_coefficients: bool = False,
        variant: str = VARIANTS[0],
        **kwargs: Any,
    ) -> None:
        super().__init__(
            regularizers={
                "W": W_regularizer,
                "u": u_regularizer,
                "b": b_regularizer,
            },
            constraints={"W": W_constraint, "u": u_constraint, "b": b_constraint},
            **kwargs,
        )
        self.bias = bias
        self.return_coefficients = return_coefficients
        self.variant = check_choice("variant", variant, VARIANTS)

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """``W``, ``b`` where there is one, ``u``."""
        features = features_of(input_shape)
        bias = {"b": (features,)} if self.bias else {}
        return {"W": (features, features), **bias, "u": (features,)}

    @property
    def kernel(self) -> Any:
        """``W`` as the matrix that states are multiplied with from the left."""
        kernel = ops.convert_to_tensor(self._stored["W"])
        return ops.transpose(kernel) if self.variant == VARIANTS[0] else kernel

    def attend(self, inputs: Any, mask: Any, training: bool | None) -> Any:  # noqa: ARG002 - alike in training
        """Context, or context and attention; weights."""
        states = erase_padding(inputs, mask)
        vector, bias = self._stored["u"][:, None], self._stored.get("b")
        raw = scores.context(states, self.kernel, vector, bias)[:, 0]
        weights = ops.cast(epsilon_softmax(raw, mask), states.dtype)
        weights = self._applied(weights)
        context = pooled(weights, states)
        outputs = [context, weights[..., None]] if self.return_coefficients else context
        return outputs, weights[:, None]

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {
            **super().get_config(),
            "bias": self.bias,
            "return_coefficients": self.return_coefficients,
            "variant": self.variant,
        }
