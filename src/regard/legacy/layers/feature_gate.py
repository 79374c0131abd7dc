"""The softmax gate over features."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard.errors import ArgumentError
from regard.layers.shapes import Shape
from regard.legacy.layers.legacy_attention import LegacyAttention
from regard.ops import masked_softmax


@keras.saving.register_keras_serializable(package="regard", name="legacy.Att")
class Att(LegacyAttention):
    r"""The ``Att`` gate: a dense layer without bias, a softmax, a product.

    .. math:: w = \mathrm{softmax}(W^\top x), \qquad y = w \odot x

    In old files it is three layers of Keras, and ``load_model`` makes it one again.
    ``regard.layers.FeatureAttention`` is the same with a bias.

    The listing is a function of three arguments that gives a tensor, and so is this
    class with ``inputs``: ``Att(att_dim, inputs, name)`` is :math:`y`, and the layer
    ``name`` of the model gives :math:`w`, which the code around the listing looks at.

    Args:
        att_dim: The number of features, which is that of the input.
        inputs: The features, to apply a gate to them at once. None: a layer.
        name: The name of the layer.
        product: Whether to return the product, or :math:`w` alone.
        **kwargs: What every Keras layer takes: ``dtype``, ``trainable``.

    Call arguments:
        inputs: The features.
        return_attention_scores: Whether to return ``(outputs, weights)``.

    Input shape:
        ``(batch, features)``, or of sequences ``(batch, time, features)``.

    Output shape:
        That of the input; weights ``(batch, 1, features)``, or ``(batch, 1, time,
        features)``.

    Raises:
        ArgumentError: The input has another number of features.

    References:
        As attention over the variables of a vector: Wang et al.: Residual attention
        network for image classification (2017), https://arxiv.org/abs/1704.06904, has
        the gate with a sigmoid.

    Example:
        >>> Att(8)(features).shape
        (2, 8)
        >>> gated = Att(8, features, "attention_vec")
    """

    original: ClassVar[str] = "Att"

    def __new__(
        cls, att_dim: int, inputs: Any = None, name: str | None = None, **kwargs: Any
    ) -> Any:
        """A layer, or where there are inputs the features gated by a new one."""
        if inputs is None:
            return super().__new__(cls, att_dim, name=name, **kwargs)
        weights = cls(att_dim, name=name, product=False, **kwargs)(inputs)
        return keras.layers.Multiply()([inputs, weights])

    def __init__(
        self,
        att_dim: int,
        inputs: None = None,  # noqa: ARG002 - None wherever there is a layer
        name: str | None = None,
        *,
        product: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.att_dim = att_dim
        self.product = product

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """The kernel."""
        if len(input_shape) not in {2, 3} or input_shape[-1] != self.att_dim:
            raise ArgumentError(
                "The gate has a weight for each feature of its input.",
                expected=f"(batch, {self.att_dim}) or (batch, time, {self.att_dim}), "
                "as 'att_dim' says",
                received=str(tuple(input_shape)),
            )
        return {"kernel": (self.att_dim, self.att_dim)}

    def build(self, input_shape: Shape) -> None:
        """Make the kernel; a sequence has a query for each of its steps."""
        super().build(input_shape)
        if len(input_shape) > 2:
            axes = ("batch", "heads", "queries", "keys")
            self.weights_axes = axes  # type: ignore[misc]  # of this layer alone

    def attend(self, inputs: Any, mask: Any, training: bool | None) -> Any:  # noqa: ARG002 - alike in training
        """The gated features, or weights alone; weights."""
        scores = ops.matmul(inputs, self._stored["kernel"])
        weights = self._applied(masked_softmax(scores))
        return weights * inputs if self.product else weights, weights[:, None]

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:  # noqa: ARG002 - Keras's signature
        """The mask goes on, as the three layers passed it on."""
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {
            **super().get_config(),
            "att_dim": self.att_dim,
            "product": self.product,
        }
