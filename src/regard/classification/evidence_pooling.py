"""What each token says, and attention on what agrees with the whole of a text."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard._typing import Float, Shaped, Tensor
from regard.layers import AttentionLayer
from regard.layers.shapes import Shape, check_features, check_mask
from regard.ops import erase_padding, masked_softmax, mean_valid
from regard.ops.precision import widen


@keras.saving.register_keras_serializable(package="regard")
class Evidence(keras.layers.Layer):
    r"""What the state of a token says for and against each class.

    .. math::
        e_t = B \tanh(W h_t / B)

    No token says more than the bound :math:`B`: with a text whose loudest token is an
    exception the others have a say, and a model is not the surer the louder it is.

    Args:
        classes: The number of classes.
        kernel_initializer: The initializer of ``W``.
        **kwargs: What every Keras layer takes.

    Attributes:
        kernel: ``W``, ``(features, classes)``, in nats.
        bound: ``B`` in nats, a weight that is not trained; 10 until it is assigned.

    Call arguments:
        inputs: The states.

    Input shape:
        ``(batch, time, features)``.

    Output shape:
        ``(batch, time, classes)``, in nats. A mask goes on.
    """

    def __init__(
        self, classes: int, kernel_initializer: Any = "glorot_uniform", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.classes = classes
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Make the kernel and the bound."""
        self.kernel = self.add_weight(
            shape=(check_features("inputs", input_shape), self.classes),
            initializer=self.kernel_initializer,
            name="kernel",
        )
        self.bound = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(10.0),
            trainable=False,
            name="bound",
        )

    def call(
        self, inputs: Float[Tensor, "batch time features"]
    ) -> Float[Tensor, "batch time classes"]:
        """The evidence; see the class for shapes."""
        bound = ops.cast(self.bound, inputs.dtype)
        return bound * ops.tanh(ops.matmul(inputs, self.kernel) / bound)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the evidence."""
        return (*input_shape[:-1], self.classes)

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {
            **super().get_config(),
            "classes": self.classes,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable(package="regard")
class EvidencePooling(AttentionLayer):
    r"""Logits out of the evidence of tokens, by attention on what speaks for them.

    .. math::
        q = \mathrm{softmax}\left(b + \frac{1}{n} \sum_t e_t\right), \qquad
        w = \mathrm{softmax}(s), \quad
        s_t = \lambda \sum_k \left(q_k - \frac{1}{K}\right) e_{tk}, \qquad
        z = b + \sum_t w_t e_t

    The evidence :math:`e_{tk}` of a token is what it would add to the logit of class
    ``k``. All tokens together make a first guess :math:`q`; the attention is the higher
    the more a token speaks for it. So :math:`w_t e_t` is exactly what the token adds to
    the logits, and the order of the weights is that of what is added to the label, as
    long as the guess is sure of it. Of two classes the label is always that of the
    guess: more weight on the evidence of one sign moves the mean to that side.

    Args:
        **kwargs: What ``AttentionLayer`` takes: dropout, the initializer, regularizer
            and constraint of the bias, seed, and what every Keras layer takes.

    Attributes:
        sharpness: :math:`\lambda`, per nat, a weight that is not trained; 1 until it is
            assigned. At 0 the attention is even.

    Call arguments:
        inputs: The evidence in nats.
        mask: ``(batch, time)``, True where there is a token. Comes by itself from a
            layer before that makes a mask.
        return_attention_scores: Whether to return ``(logits, weights)``.
        training: Whether dropout is on.

    Input shape:
        ``(batch, time, classes)``.

    Output shape:
        Logits ``(batch, classes)``, of no token the bias; weights ``(batch, 1, time)``.
        No mask goes on: the time axis is gone.

    Raises:
        ArgumentError: An input or a mask of the wrong shape.
    """

    weights_axes: ClassVar[tuple[str, ...]] = ("batch", "heads", "keys")
    #: The number of heads.
    num_heads = 1

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: Shape) -> None:
        """Make the bias and the sharpness."""
        classes = check_features("inputs", input_shape)
        self.bias = self._add_bias("bias", (classes,))
        self.sharpness = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="sharpness"
        )

    def call(
        self,
        inputs: Float[Tensor, "batch time classes"],
        mask: Shaped[Tensor, "batch time ..."] | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
    ) -> (
        Float[Tensor, "batch classes"]
        | tuple[Float[Tensor, "batch classes"], Float[Tensor, "batch 1 time"]]
    ):
        """Pool the evidence; see the class for arguments and shapes."""
        mask = check_mask("mask", mask, inputs)
        evidence = erase_padding(inputs, mask)
        bias = ops.cast(self.bias, evidence.dtype)
        scores = self._agreement(widen(evidence), mask)
        valid = None if mask is None else mask[:, None, :]
        weights = ops.cast(masked_softmax(scores, valid), evidence.dtype)
        added = ops.matmul(self._drop(weights, training), evidence)
        logits = ops.squeeze(added, 1) + bias
        return (logits, weights) if return_attention_scores else logits

    def _agreement(
        self,
        evidence: Float[Tensor, "batch time classes"],
        mask: Shaped[Tensor, "batch time"] | None,
    ) -> Float[Tensor, "batch 1 time"]:
        guess = ops.softmax(mean_valid(evidence, mask) + widen(self.bias))
        for_it = guess - 1 / evidence.shape[-1]
        return widen(self.sharpness) * ops.matmul(for_it, ops.swapaxes(evidence, 1, 2))

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """None: the axis that was masked is gone."""

    def compute_output_shape(
        self, input_shape: Shape, return_attention_scores: bool = False
    ) -> Any:
        """The shape of the logits, or of logits and weights."""
        batch, time, classes = input_shape
        logits, weights = (batch, classes), (batch, 1, time)
        return (logits, weights) if return_attention_scores else logits


@keras.saving.register_keras_serializable(package="regard")
class LabelEvidencePooling(EvidencePooling):
    r"""As ``EvidencePooling`` where each label is a question of its own.

    .. math::
        w_{k} = \mathrm{softmax}(s_{k}), \quad s_{tk} = \frac{\lambda}{2} e_{tk}, \qquad
        z_k = b_k + \sum_t w_{tk} e_{tk}

    Each label has an attention of its own, which prefers the tokens that speak for it:
    one of many is enough for a text to have a label, and against it speaks that there
    is none. So :math:`w_{tk} e_{tk}` is exactly what a token adds to the logit of label
    ``k``.

    Args:
        **kwargs: What ``EvidencePooling`` takes.

    Attributes:
        sharpness: :math:`\lambda`, per nat, a weight that is not trained; 1 until it is
            assigned. At 0 the attention is even.

    Call arguments:
        inputs: The evidence in nats.
        mask: ``(batch, time)``, True where there is a token. Comes by itself from a
            layer before that makes a mask.
        return_attention_scores: Whether to return ``(logits, weights)``.
        training: Whether dropout is on.

    Input shape:
        ``(batch, time, labels)``.

    Output shape:
        Logits ``(batch, labels)``, of no token the bias; weights ``(batch, labels,
        time)``. No mask goes on: the time axis is gone.

    Raises:
        ArgumentError: An input or a mask of the wrong shape.
    """

    def call(
        self,
        inputs: Float[Tensor, "batch time labels"],
        mask: Shaped[Tensor, "batch time ..."] | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
    ) -> (
        Float[Tensor, "batch labels"]
        | tuple[Float[Tensor, "batch labels"], Float[Tensor, "batch labels time"]]
    ):
        """Pool the evidence; see the class for arguments and shapes."""
        mask = check_mask("mask", mask, inputs)
        evidence = ops.swapaxes(erase_padding(inputs, mask), 1, 2)
        scores = widen(self.sharpness) / 2 * widen(evidence)
        valid = None if mask is None else mask[:, None, :]
        weights = ops.cast(masked_softmax(scores, valid), evidence.dtype)
        added = ops.sum(self._drop(weights, training) * evidence, axis=-1)
        logits = added + ops.cast(self.bias, evidence.dtype)
        return (logits, weights) if return_attention_scores else logits

    def compute_output_shape(
        self, input_shape: Shape, return_attention_scores: bool = False
    ) -> Any:
        """The shape of the logits, or of logits and weights."""
        batch, time, labels = input_shape
        logits, weights = (batch, labels), (batch, labels, time)
        return (logits, weights) if return_attention_scores else logits
