"""The base classes of the attention layers."""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import keras
from keras import tree

from regard._typing import Float, Tensor
from regard._validate import check_choice, check_count, check_share
from regard.errors import ArgumentError
from regard.layers.score_functions import ScoreFunction, ScoreSizes
from regard.layers.shapes import check_travelling_masks


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
        self.dropout = check_share("dropout", dropout, of="an attention layer")
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

    def _add_weights(
        self, shapes: Mapping[str, tuple[int, ...]], prefix: str = ""
    ) -> dict[str, Tensor]:
        """Make weights of these names and shapes; those called ``…bias`` are biases."""
        return {
            name: self._add_bias(prefix + name, shape)
            if name.endswith("bias")
            else self._add_kernel(prefix + name, shape)
            for name, shape in shapes.items()
        }

    def _add_score_weights(
        self, score: ScoreFunction, sizes: ScoreSizes, prefix: str = ""
    ) -> dict[str, Tensor]:
        """Make the weights of a score, without its bias where none is used."""
        shapes = score.weight_shapes(sizes)
        if not self.use_bias:
            shapes.pop("bias", None)
        return self._add_weights(shapes, prefix)

    def _add_kernel(
        self, name: str, shape: tuple[int, ...], initializer: Any = None
    ) -> Tensor:
        return self.add_weight(
            name=name,
            shape=shape,
            # An initializer object gives the same values each time it is used; a
            # clone draws its own.
            initializer=clone_initializer(initializer or self.kernel_initializer),
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

    def _drop(
        self, weights: Float[Tensor, "*shape"], training: bool | None
    ) -> Float[Tensor, "*shape"]:
        return self._dropout_layer(weights, training=training)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic outputs of a call.

        Their shapes are those of ``compute_output_shape``, whose first arguments are
        the shapes of the first arguments of ``call``.
        """
        call, output_shape = map(
            inspect.signature, (self.call, self.compute_output_shape)
        )
        arguments = call.bind(*args, **kwargs).arguments
        check_travelling_masks(arguments.values())
        shapes = [
            None if (tensor := arguments.get(name)) is None else tuple(tensor.shape)
            for name, of in zip(call.parameters, output_shape.parameters, strict=False)
            if of.endswith("_shape")
        ]
        observed = arguments.get("return_attention_scores", False)
        outputs = self.compute_output_shape(*shapes, return_attention_scores=observed)
        return tree.map_shape_structure(
            lambda shape: keras.KerasTensor(shape, self.compute_dtype), outputs
        )

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


class ScoredAttention(AttentionLayer):
    """An attention layer whose score is chosen from a table.

    Args:
        score: The name of the score.
        table: The scores by name.
        units: The width of the score's hidden layer.
        num_heads: The number of heads.
        **kwargs: What ``AttentionLayer`` takes.
    """

    def __init__(
        self,
        score: str,
        table: Mapping[str, ScoreFunction],
        units: int | None,
        num_heads: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.score = check_choice("score", score, table)
        self._score_function = table[score]
        self.units = check_optional_count("units", units)
        self.num_heads = check_count("num_heads", num_heads)
        if units is not None and not self._score_function.has_units:
            raise ArgumentError(
                f"The score '{score}' has no hidden layer.",
                expected="units=None",
                received=f"units={units}",
            )

    def _build_score(self, query: int, key: int) -> None:
        """Make the weights of the score for so many query and key features."""
        sizes = ScoreSizes(query, key, self.units or key, self.num_heads)
        self._score_weights = self._add_score_weights(self._score_function, sizes)

    def _scores(
        self, *inputs: Float[Tensor, "batch *heads _time _features"]
    ) -> Float[Tensor, "batch _heads *queries _keys"]:
        return self._score_function.function(*inputs, **self._score_weights)

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {
            **super().get_config(),
            "score": self.score,
            "units": self.units,
            "num_heads": self.num_heads,
        }


def check_optional_count(name: str, value: int | None) -> int | None:
    """Refuse what is neither None nor a whole number of at least 1."""
    return None if value is None else check_count(name, value)


def clone_initializer(initializer: Any) -> Any:
    """A fresh copy of an initializer; a plain function is returned as it is."""
    return initializer.clone() if hasattr(initializer, "clone") else initializer
