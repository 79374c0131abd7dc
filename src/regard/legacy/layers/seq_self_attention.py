"""The self-attention of the package ``keras-self-attention``."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard._typing import Tensor
from regard._validate import check_choice
from regard.layers.shapes import Shape, any_inside
from regard.legacy.layers.activations import epsilon_softmax, penalized
from regard.legacy.layers.legacy_attention import (
    LegacyAttention,
    features_of,
)
from regard.ops import additive_scores, as_mask, masked_softmax, scores, window_mask
from regard.ops.precision import widen

ADDITIVE, MULTIPLICATIVE = "additive", "multiplicative"
VERSIONS = ("0.51", "0.41")
# What is taken off a score that should not count; the packages are built on it.
_PENALTY = 1e4
# The width that the original writes for "everything before", where none is given.
_UNBOUNDED = 1_000_000_000


@keras.saving.register_keras_serializable(
    package="regard", name="legacy.SeqSelfAttention"
)
class SeqSelfAttention(LegacyAttention):
    r"""The ``SeqSelfAttention`` of ``keras-self-attention``, in both its behaviours.

    .. math::
        e_{ij} = W_a^\top \tanh(W_t^\top h_i + W_x^\top h_j + b_h) + b_a
        \quad\text{or}\quad
        e_{ij} = h_i^\top W_a h_j + b_a, \qquad v_i = \sum_j a_{ij} h_j

    - Version 0.51: :math:`a_i = \mathrm{softmax}_j(e_{ij} - 10^4 o_{ij} - 10^4 p_i
      p_j)`, with :math:`o` 1 outside the window and :math:`p` 1 at padding. A valid
      query does attend to padded keys.
    - Version 0.41: :math:`a_{ij} = q_{ij} / (\sum_k q_{ik} + 10^{-7})` with
      :math:`q_{ij} = (1 - o_{ij}) m_i m_j e^{e_{ij} - \max_k e_{ik}}`, :math:`m` 1 at
      what is valid. A padded query gets 0 everywhere.

    Query ``i`` sees the keys from ``i - width // 2`` to ``i - width // 2 + width - 1``,
    with ``history_only`` from ``i - width + 1`` to ``i``.

    Args:
        units: The width of the hidden layer of ``"additive"``.
        attention_width: The width of the window. None: everything.
        attention_type: ``"additive"`` or ``"multiplicative"``.
        return_attention: Whether to return ``[values, attention]``.
        history_only: Whether the window lies in the past.
        kernel_initializer: Initializer of ``Wt``, ``Wx``, ``Wa``.
        bias_initializer: Initializer of ``bh``, ``ba``.
        kernel_regularizer: Regularizer of ``Wt``, ``Wx``, ``Wa``.
        bias_regularizer: Regularizer of ``bh``, ``ba``.
        kernel_constraint: Constraint of ``Wt``, ``Wx``, ``Wa``.
        bias_constraint: Constraint of ``bh``, ``ba``.
        use_additive_bias: Whether there is ``bh``.
        use_attention_bias: Whether there is ``ba``.
        attention_activation: A function of the scores before the window and the mask.
        attention_regularizer_weight: ``r`` in the loss :math:`r \sum_b \lVert A_b
            A_b^\top - I \rVert^2 / \text{batch}` that the layer adds.
        version: ``"0.51"`` or ``"0.41"``: which of the behaviours above.
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Call arguments:
        inputs: The states.
        mask: ``(batch, time)``, True where a state is valid.
        return_attention_scores: Whether to return ``(outputs, weights)``.

    Input shape:
        ``(batch, time, features)``.

    Output shape:
        Values ``(batch, time, features)``, attention ``(batch, time, time)``; weights
        ``(batch, 1, time, time)``. The mask goes on.

    Raises:
        ArgumentError: An unknown type or version, an input of the wrong shape.

    References:
        Zheng et al.: OpenTag: Open attribute value extraction from product profiles
        (2018), https://arxiv.org/abs/1806.01264. The loss: Lin et al., A structured
        self-attentive sentence embedding (2017), https://arxiv.org/abs/1703.03130.

    Example:
        >>> SeqSelfAttention(attention_width=3)(states).shape
        (2, 5, 8)
    """

    ATTENTION_TYPE_ADD: ClassVar[str] = ADDITIVE
    ATTENTION_TYPE_MUL: ClassVar[str] = MULTIPLICATIVE
    original: ClassVar[str] = "SeqSelfAttention"
    weights_axes: ClassVar[tuple[str, ...]] = ("batch", "heads", "queries", "keys")

    def __init__(  # noqa: PLR0917 - the order of the original
        self,
        units: int = 32,
        attention_width: int | None = None,
        attention_type: str = ADDITIVE,
        return_attention: bool = False,
        history_only: bool = False,
        kernel_initializer: Any = "glorot_normal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_additive_bias: bool = True,
        use_attention_bias: bool = True,
        attention_activation: Any = None,
        attention_regularizer_weight: float = 0.0,
        version: str = VERSIONS[0],
        **kwargs: Any,
    ) -> None:
        super().__init__(
            initializers={"kernel": kernel_initializer, "bias": bias_initializer},
            regularizers={"kernel": kernel_regularizer, "bias": bias_regularizer},
            constraints={"kernel": kernel_constraint, "bias": bias_constraint},
            **kwargs,
        )
        kinds = (ADDITIVE, MULTIPLICATIVE)
        self.units = units
        self.attention_width = attention_width
        self.attention_type = check_choice("attention_type", attention_type, kinds)
        self.return_attention = return_attention
        self.history_only = history_only
        self.use_additive_bias = use_additive_bias
        self.use_attention_bias = use_attention_bias
        self.attention_activation = keras.activations.get(attention_activation)
        self.attention_regularizer_weight = attention_regularizer_weight
        self.version = check_choice("version", version, VERSIONS)

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """Those of the hidden layer, ``Wa``, ``ba``."""
        features = features_of(input_shape)
        shapes: dict[str, tuple[int, ...]] = {"Wa": (features, features)}
        if self.attention_type == ADDITIVE:
            shapes = {"Wt": (features, self.units), "Wx": (features, self.units)}
            shapes |= {"bh": (self.units,)} if self.use_additive_bias else {}
            shapes |= {"Wa": (self.units, 1)}
        return shapes | ({"ba": (1,)} if self.use_attention_bias else {})

    def settings_of(self, name: str) -> str:
        """Kernels share their settings, and so do biases."""
        return "bias" if name.startswith("b") else "kernel"

    def attend(self, inputs: Any, mask: Any, training: bool | None) -> Any:  # noqa: ARG002 - alike in training
        """Values, or values and attention; weights."""
        valid = None if mask is None else as_mask(mask)
        weights = self._normalized(self._scores(inputs), valid)
        weights = self._applied(ops.cast(weights, inputs.dtype))
        self._regularize(weights)
        values = ops.matmul(weights, inputs)
        outputs = [values, weights] if self.return_attention else values
        return outputs, weights[:, None]

    def _scores(self, states: Tensor) -> Tensor:
        """``(batch, queries, keys)``."""
        stored = self._stored
        if self.attention_type == MULTIPLICATIVE:
            logits = scores.dot(ops.matmul(states, stored["Wa"]), states)
        else:
            query = ops.matmul(states, stored["Wt"])
            if self.use_additive_bias:
                query = query + stored["bh"]
            key = ops.matmul(states, stored["Wx"])
            logits = additive_scores(query, key, stored["Wa"][:, 0])
        if self.use_attention_bias:
            logits = logits + widen(stored["ba"])
        return self.attention_activation(logits)

    def _normalized(self, scores: Tensor, valid: Tensor | None) -> Tensor:
        if 0 in scores.shape:
            return scores
        inside = self._window(scores)
        if self.version == VERSIONS[1]:
            allowed = inside
            if valid is not None:
                allowed = inside & valid[:, :, None] & valid[:, None, :]
            peak = ops.max(scores, axis=-1, keepdims=True)
            return epsilon_softmax(scores, allowed, peak)
        scores = penalized(scores, ~inside, _PENALTY)
        if valid is not None:
            both_padded = ~(valid[:, :, None] | valid[:, None, :])
            scores = penalized(scores, both_padded, _PENALTY)
        return masked_softmax(scores)

    def _window(self, scores: Tensor) -> Tensor:
        """``(1, queries, keys)``, True inside the window."""
        steps = ops.shape(scores)[-1]
        if self.attention_width is None and not self.history_only:
            return ops.ones((1, steps, steps), dtype="bool")
        width = self.attention_width or _UNBOUNDED
        return window_mask(steps, steps, width, self.history_only)[None]

    def _regularize(self, weights: Tensor) -> None:
        if not self.attention_regularizer_weight:
            return
        wide = widen(weights)
        products = ops.matmul(wide, ops.swapaxes(wide, 1, 2))
        apart = products - ops.eye(ops.shape(wide)[1], dtype=wide.dtype)
        total = ops.sum(ops.square(apart)) / ops.cast(ops.shape(wide)[0], wide.dtype)
        self.add_loss(self.attention_regularizer_weight * total)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask goes on with the values, not with the attention."""
        previous_mask = any_inside(previous_mask, len(inputs.shape) - 1)
        return [previous_mask, None] if self.return_attention else previous_mask

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        initializers = self._initializers
        return {
            **super().get_config(),
            "units": self.units,
            "attention_width": self.attention_width,
            "attention_type": self.attention_type,
            "return_attention": self.return_attention,
            "history_only": self.history_only,
            "kernel_initializer": keras.initializers.serialize(initializers["kernel"]),
            "bias_initializer": keras.initializers.serialize(initializers["bias"]),
            "use_additive_bias": self.use_additive_bias,
            "use_attention_bias": self.use_attention_bias,
            "attention_activation": keras.activations.serialize(
                self.attention_activation
            ),
            "attention_regularizer_weight": self.attention_regularizer_weight,
            "version": self.version,
        }
