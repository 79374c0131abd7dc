"""Attention from a decoder over an encoder: a layer between both, and a decoder."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard._typing import Tensor
from regard.layers.shapes import Shape, check_features
from regard.legacy.layers.legacy_attention import LegacyAttention, features_of
from regard.ops import additive_scores, masked_softmax
from regard.ops.precision import widen

# The kernels of the context, of the state and of the last output, by their letters.
_ROWS = ("C", "U", "W")


@keras.saving.register_keras_serializable(
    package="regard", name="legacy.AttentionLayer"
)
class AttentionLayer(LegacyAttention):
    r"""The ``AttentionLayer`` over ``[encoder, decoder]``, additive, without masks.

    .. math::
        e_{ij} = \mathrm{softmax}_j(V_a^\top \tanh(h_j W_a + s_i U_a)), \qquad
        c_i = \sum_j e_{ij} h_j

    Padding gets attention as anything else does: the original drops masks silently.

    Args:
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Call arguments:
        inputs: ``[encoder, decoder]``: the states :math:`h`, the states :math:`s`.
        mask: Not looked at.
        return_attention_scores: Whether to return ``(outputs, weights)``.

    Input shape:
        ``(batch, keys, encoder features)`` and ``(batch, queries, decoder features)``.

    Output shape:
        ``(context, energies)``: ``(batch, queries, encoder features)`` and ``(batch,
        queries, keys)``; weights ``(batch, 1, queries, keys)``.

    References:
        Bahdanau, Cho, Bengio: Neural machine translation by jointly learning to align
        and translate (2014), https://arxiv.org/abs/1409.0473; the paper's ``W_a`` and
        ``U_a`` change places.

    Example:
        >>> context, energies = AttentionLayer()([encoded, decoded])
    """

    original: ClassVar[str] = "AttentionLayer"
    weights_axes: ClassVar[tuple[str, ...]] = ("batch", "heads", "queries", "keys")

    def weight_shapes(self, input_shape: Any) -> dict[str, tuple[int, ...]]:
        """``W_a`` of the encoder, ``U_a`` of the decoder, ``V_a``."""
        encoder = check_features("encoder", input_shape[0])
        decoder = check_features("decoder", input_shape[1])
        return {
            "W_a": (encoder, encoder),
            "U_a": (decoder, encoder),
            "V_a": (encoder, 1),
        }

    def attend(self, inputs: Any, mask: Any, training: bool | None) -> Any:  # noqa: ARG002 - as the original
        """Context and energies; weights."""
        encoder, decoder = inputs
        key = ops.matmul(encoder, self._stored["W_a"])
        query = ops.matmul(decoder, self._stored["U_a"])
        scores = additive_scores(query, key, self._stored["V_a"][:, 0])
        weights = self._applied(ops.cast(masked_softmax(scores), encoder.dtype))
        return (ops.matmul(weights, encoder), weights), weights[:, None]


@keras.saving.register_keras_serializable(
    package="regard", name="legacy.AttentionDecoder"
)
class AttentionDecoder(LegacyAttention):
    r"""The ``AttentionDecoder`` of the gists: gates, additive attention, 21 weights.

    .. math::
        a_{tj} &= \mathrm{softmax}_j(V_a^\top \tanh(s_{t-1} W_a + x_j U_a + b_a)),
        \quad c_t = \sum_j a_{tj} x_j \\
        r_t &= \sigma(y_{t-1} W_r + s_{t-1} U_r + c_t C_r + b_r), \quad
        z_t = \sigma(y_{t-1} W_z + s_{t-1} U_z + c_t C_z + b_z) \\
        p_t &= \tanh(y_{t-1} W_p + (r_t \odot s_{t-1}) U_p + c_t C_p + b_p), \quad
        s_t = (1 - z_t) \odot s_{t-1} + z_t \odot p_t \\
        y_t &= \mathrm{softmax}(y_{t-1} W_o + s_{t-1} U_o + c_t C_o + b_o)

    with :math:`s_0 = \tanh(x_1 W_s)` and :math:`y_0 = 0`. The output is made from the
    state before its step, there are as many as inputs, and masks are not looked at.

    Args:
        units: The width of the state.
        output_dim: The number of symbols.
        return_probabilities: Whether to return the attention in place of the outputs,
            as ``(batch, outputs, inputs, 1)``.
        name: The name of the layer, which is that of the class unless given.
        **kwargs: What every Keras layer takes: ``dtype``, ``trainable``.

    Call arguments:
        inputs: The states :math:`x`.
        mask: Not looked at, but passed on.
        return_attention_scores: Whether to return ``(outputs, weights)``.

    Input shape:
        ``(batch, time, features)``.

    Output shape:
        ``(batch, time, output_dim)``; weights ``(batch, 1, time, time)``.

    References:
        Bahdanau, Cho, Bengio: Neural machine translation by jointly learning to align
        and translate (2014), https://arxiv.org/abs/1409.0473, appendix A.

    Example:
        >>> AttentionDecoder(16, 10)(states).shape
        (2, 5, 10)
    """

    original: ClassVar[str] = "AttentionDecoder"
    weights_axes: ClassVar[tuple[str, ...]] = ("batch", "heads", "queries", "keys")

    def __init__(
        self,
        units: int,
        output_dim: int,
        return_probabilities: bool = False,
        name: str = "AttentionDecoder",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.units = units
        self.output_dim = output_dim
        self.return_probabilities = return_probabilities

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """Those of the attention, of the gates ``r`` ``z`` ``p`` ``o``, ``W_s``."""
        features, units = features_of(input_shape), self.units
        shapes: dict[str, tuple[int, ...]] = {
            "V_a": (units,),
            "W_a": (units, units),
            "U_a": (features, units),
            "b_a": (units,),
        }
        rows = dict(zip(_ROWS, (features, units, self.output_dim), strict=True))
        for gate in "rzpo":
            wide = self.output_dim if gate == "o" else units
            shapes |= {f"{letter}_{gate}": (rows[letter], wide) for letter in _ROWS}
            shapes[f"b_{gate}"] = (wide,)
        return {**shapes, "W_s": (features, units)}

    def attend(self, inputs: Any, mask: Any, training: bool | None) -> Any:  # noqa: ARG002 - as the original
        """Outputs, or attention in their place; weights."""
        answers, weights = self.write(inputs, ops.shape(inputs)[1])
        if self.return_probabilities:
            return weights[..., None], weights[:, None]
        return answers, weights[:, None]

    def write(
        self, memory: Tensor, count: Any, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Outputs ``(batch, count, output_dim)``, weights ``(batch, count, time)``.

        Args:
            memory: The states, ``(batch, time, features)``.
            count: The number of outputs.
            mask: ``(batch, time)``, True where a state may be looked at; None: all.
        """
        stored = self._stored
        keys = ops.matmul(memory, stored["U_a"]) + stored["b_a"]
        kernels = {
            gate: ops.concatenate([stored[f"{letter}_{gate}"] for letter in _ROWS])
            for gate in "rzpo"
        }

        # On TensorFlow what a step gives must look like what it carries.
        def step(before: tuple[Tensor, ...], _: Tensor) -> tuple[Any, Any]:
            state, last, _ = before
            query = ops.matmul(state, stored["W_a"])[:, None]
            scores = additive_scores(query, keys, stored["V_a"])[:, 0]
            weights = ops.cast(masked_softmax(scores, mask), memory.dtype)
            context = ops.squeeze(ops.matmul(weights[:, None], memory), 1)
            after, answer = self._advance(kernels, context, state, last)
            carry = (after, answer, weights)
            return carry, carry

        start = ops.tanh(ops.matmul(memory[:, 0], stored["W_s"]))
        last = ops.zeros((ops.shape(memory)[0], self.output_dim), memory.dtype)
        nothing = ops.zeros_like(memory[..., 0])
        _, (_, answers, weights) = ops.scan(
            step, (start, last, nothing), ops.arange(count)
        )
        return ops.swapaxes(answers, 0, 1), ops.swapaxes(weights, 0, 1)

    def _advance(
        self, kernels: dict[str, Tensor], context: Tensor, state: Tensor, last: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The next state and output."""

        def of(gate: str, state: Tensor) -> Tensor:
            joined = ops.concatenate([context, state, last], axis=-1)
            return ops.matmul(joined, kernels[gate]) + self._stored[f"b_{gate}"]

        reset, update = ops.sigmoid(of("r", state)), ops.sigmoid(of("z", state))
        proposal = ops.tanh(of("p", reset * state))
        after = (1.0 - update) * state + update * proposal
        answer = ops.cast(ops.softmax(widen(of("o", state))), state.dtype)
        return after, answer

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:  # noqa: ARG002 - Keras's signature
        """The mask goes on, as Keras passed it on with the original."""
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {
            **super().get_config(),
            "units": self.units,
            "output_dim": self.output_dim,
            "return_probabilities": self.return_probabilities,
        }
