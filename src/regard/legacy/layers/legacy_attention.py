"""The base of the layers of old models."""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from regard._typing import Tensor
from regard.layers.attention_layer import clone_initializer
from regard.layers.shapes import Shape, any_inside, check_features

_EMPTY: Mapping[str, Any] = {}


class LegacyAttention(keras.layers.Layer):
    """Base of the layers of old models: weights by their old names, one call.

    A subclass says which weights it has and computes in ``attend`` what the original
    returned, and its attention weights in the axes of ``weights_axes``.

    Args:
        initializers: The initializer of each weight; ``glorot_uniform`` for matrices
            and zeros for what is called ``b…``, where none is given.
        regularizers: The regularizer of each weight that has one.
        constraints: The constraint of each weight that has one.
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.
    """

    #: The name of the class in the files of its time.
    original: ClassVar[str]
    #: The names of the axes of the attention weights.
    weights_axes: ClassVar[tuple[str, ...]] = ("batch", "heads", "keys")

    def __init__(
        self,
        *,
        initializers: Mapping[str, Any] = _EMPTY,
        regularizers: Mapping[str, Any] = _EMPTY,
        constraints: Mapping[str, Any] = _EMPTY,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self._initializers = _resolved(keras.initializers.get, initializers)
        self._regularizers = _resolved(keras.regularizers.get, regularizers)
        self._constraints = _resolved(keras.constraints.get, constraints)

    def weight_shapes(self, input_shape: Any) -> dict[str, tuple[int, ...]]:
        """The shape of each weight, in the order of the old files.

        Args:
            input_shape: The shape of the input, or a list of the shapes of several.
        """
        raise NotImplementedError

    def attend(self, inputs: Any, mask: Any, training: bool | None) -> Any:
        """The outputs of the original, and the attention weights."""
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        shapes = self.weight_shapes(input_shape)
        self._stored = {name: self._add(name, shape) for name, shape in shapes.items()}

    def _add(self, name: str, shape: tuple[int, ...]) -> Tensor:
        kind = self.settings_of(name)
        default = "zeros" if name.startswith("b_") or name == "b" else "glorot_uniform"
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=clone_initializer(self._initializers.get(kind, default)),
            regularizer=self._regularizers.get(kind),
            constraint=self._constraints.get(kind),
        )

    def settings_of(self, name: str) -> str:
        """Under which name the settings of a weight are kept."""
        return name

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
    ) -> Any:
        """The outputs of the original, and on request the attention weights.

        Args:
            inputs: See the class.
            mask: See the class. Comes by itself from a layer before that makes one.
            return_attention_scores: Whether to return ``(outputs, weights)`` with the
                weights in the axes that all layers of this library have.
            training: Whether the layer is being trained.
        """
        if not isinstance(inputs, list | tuple):
            # As Keras 2 handed on the mask of what TimeDistributed had read.
            mask = any_inside(mask, max(1, len(inputs.shape) - 1))
        outputs, weights = self.attend(inputs, mask, training)
        return (outputs, weights) if return_attention_scores else outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic outputs of a call, found by tracing it."""
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs, which ``TimeDistributed`` asks for."""
        inputs = keras.tree.map_shape_structure(
            lambda shape: keras.KerasTensor(shape, self.compute_dtype), input_shape
        )
        return keras.tree.map_structure(
            lambda output: output.shape, self.compute_output_spec(inputs)
        )

    def _applied(self, weights: Tensor) -> Tensor:
        """The weights as they are applied; other ones can be forced in here."""
        return weights

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: what comes out has no time axis, or the original passed no mask on."""

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        regularizers, constraints = self._regularizers, self._constraints
        return {
            **super().get_config(),
            **_serialized("regularizer", keras.regularizers.serialize, regularizers),
            **_serialized("constraint", keras.constraints.serialize, constraints),
        }


def _resolved(get: Any, identifiers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: get(identifier) for name, identifier in identifiers.items()}


def _serialized(
    kind: str, serialize: Any, objects: Mapping[str, Any]
) -> dict[str, Any]:
    return {f"{name}_{kind}": serialize(each) for name, each in objects.items()}


def features_of(input_shape: Shape) -> int:
    """The number of features of the one input."""
    return check_features("inputs", input_shape)


def pooled(weights: Tensor, states: Tensor) -> Tensor:
    r"""The weighted sum of the states, :math:`\sum_j w_j h_j`.

    Args:
        weights: ``(batch, time)``.
        states: ``(batch, time, features)``.
    """
    product = keras.ops.matmul(weights[:, None, :], states)
    return keras.ops.squeeze(product, 1)
