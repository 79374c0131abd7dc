"""What all attention layers share."""

from typing import Any, ClassVar

import keras

from regard.errors import ArgumentError
from regard.ops.precision import Tensor

Shape = tuple[int | None, ...]


class AttentionLayer(keras.layers.Layer):
    """Base of the attention layers: weights of the layer, dropout, configuration.

    A subclass computes its output and its attention weights in ``call`` and returns
    both where ``return_attention_scores`` is set. The computation never depends on
    that argument, so asking for the weights changes no bit of the output.

    Args:
        dropout: The share of attention weights dropped in training, before they are
            applied. The weights that are returned are those before dropout.
        use_bias: Whether a score whose equation has a bias uses it.
        kernel_initializer: Initializer of all weights but biases.
        bias_initializer: Initializer of the biases.
        kernel_regularizer: Regularizer of all weights but biases.
        bias_regularizer: Regularizer of the biases.
        kernel_constraint: Constraint of all weights but biases.
        bias_constraint: Constraint of the biases.
        seed: Seed of the dropout.
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.
    """

    #: The names of the axes of the attention weights.
    weights_axes: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        *,
        dropout: float = 0.0,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.dropout = check_dropout(dropout)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.seed = seed
        self._dropout_layer = keras.layers.Dropout(
            dropout, seed=seed, dtype=self.dtype_policy
        )

    def _add_kernel(self, name: str, shape: tuple[int, ...]) -> Tensor:
        return self.add_weight(
            name=name,
            shape=shape,
            # An initializer object gives the same values each time it is used; a
            # clone draws its own.
            initializer=clone_initializer(self.kernel_initializer),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )

    def _add_bias(self, name: str, shape: tuple[int, ...]) -> Tensor:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=clone_initializer(self.bias_initializer),
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )

    def _drop(self, weights: Tensor, training: bool | None) -> Tensor:
        return self._dropout_layer(weights, training=training)

    def _specs(self, *shapes: Shape) -> Any:
        """One symbolic tensor, or a tuple of several."""
        specs = tuple(keras.KerasTensor(shape, self.compute_dtype) for shape in shapes)
        return specs if len(specs) > 1 else specs[0]

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        initializers, regularizers = keras.initializers, keras.regularizers
        constraints = keras.constraints
        return {
            **super().get_config(),
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "seed": self.seed,
        }


def clone_initializer(initializer: Any) -> Any:
    """A fresh copy of an initializer; a plain function is returned as it is."""
    return initializer.clone() if hasattr(initializer, "clone") else initializer


def check_dropout(dropout: float) -> float:
    """Refuse a dropout that is no share."""
    if not 0 <= dropout < 1:
        raise ArgumentError(
            "The dropout of an attention layer is a share of its weights.",
            expected="a number from 0 up to but not including 1",
            received=repr(dropout),
        )
    return dropout


def check_positive(name: str, number: int | None) -> int | None:
    """Refuse what is no positive whole number; None passes."""
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ArgumentError(
            f"'{name}' is a count.",
            expected="a whole number of at least 1",
            received=repr(number),
        )
    return number


def check_features(name: str, shape: Shape) -> int:
    """The number of features of a ``(batch, time, features)`` input."""
    if len(shape) != 3 or shape[-1] is None:
        raise ArgumentError(
            f"'{name}' does not have the shape of a sequence of features.",
            expected="(batch, time, features), with features known",
            received=str(tuple(shape)),
        )
    return shape[-1]


def check_mask(name: str, mask: Tensor | None, states: Tensor) -> Tensor | None:
    """Refuse a mask that is not ``(batch, time)`` for ``(batch, time, features)``."""
    if mask is None:
        return None
    mask = keras.ops.convert_to_tensor(mask)
    wanted, found = tuple(states.shape[:-1]), tuple(mask.shape)
    fits = len(wanted) == len(found) and all(
        None in pair or pair[0] == pair[1] for pair in zip(wanted, found, strict=True)
    )
    if not fits:
        raise ArgumentError(
            f"'{name}' does not fit what it masks.",
            expected=f"the shape {wanted}",
            received=str(found),
            fix="A mask says for each place of the sequence whether it is valid.",
        )
    return keras.ops.cast(mask, "bool")
