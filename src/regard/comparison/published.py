"""The decoder with attention that the baseline of ``first-n`` was published against."""

from typing import Any

import keras
from keras import ops

from regard.layers.base import Shape
from regard.ops import masked_softmax, project
from regard.ops.precision import Tensor


class PublishedDecoder(keras.layers.Layer):
    r"""A gated decoder with additive attention that is fed its own probabilities.

    .. math::
        w_{tj} &= \mathrm{softmax}_j(v_a^\top \tanh(s_{t-1} W_a + x_j U_a + b_a)),
        \quad c_t = \sum_j w_{tj} x_j \\
        r_t &= \sigma(y_{t-1} W_r + s_{t-1} U_r + c_t C_r + b_r), \quad
        z_t = \sigma(y_{t-1} W_z + s_{t-1} U_z + c_t C_z + b_z) \\
        p_t &= \tanh(y_{t-1} W_p + (r_t \odot s_{t-1}) U_p + c_t C_p + b_p), \quad
        s_t = (1 - z_t) \odot s_{t-1} + z_t \odot p_t \\
        y_t &= \mathrm{softmax}(y_{t-1} W_o + s_{t-1} U_o + c_t C_o + b_o)

    with :math:`s_0 = \tanh(x_1 W_s)` and :math:`y_0 = 0`. Unlike in
    ``AttentionDecoder``, a prediction is made from the state before its step.

    Args:
        units: The width of the state.
        symbols: The number of symbols.
        steps: How many are predicted.

    References:
        The gates: Bahdanau, Cho, Bengio (2014), https://arxiv.org/abs/1409.0473,
        appendix A.
    """

    def __init__(self, units: int, symbols: int, steps: int) -> None:
        super().__init__()
        self.units, self.symbols, self.steps = units, symbols, steps
        self.kernels: dict[str, list[Any]] = {}
        self.biases: dict[str, Any] = {}

    def build(self, memory_shape: Shape) -> None:
        """Make the weights."""
        features = memory_shape[-1] or 0
        wide = self.units
        self.first = self._kernel("first", features, wide)
        self.query = self._kernel("query", wide, wide, "glorot_uniform")
        self.key = self._kernel("key", features, wide, "glorot_uniform")
        self.query_bias = self._bias("query_bias", wide)
        self.scale = self._kernel("scale", wide, 1, "glorot_uniform")
        for name in ("reset", "update", "proposal", "answer"):
            size = self.symbols if name == "answer" else wide
            self.kernels[name] = [
                self._kernel(f"{name}_{of}", rows, size)
                for of, rows in (
                    ("told", self.symbols),
                    ("state", wide),
                    ("context", features),
                )
            ]
            self.biases[name] = self._bias(f"{name}_bias", size)

    def _kernel(
        self, name: str, rows: int, columns: int, how: str = "orthogonal"
    ) -> Any:
        return self.add_weight(name=name, shape=(rows, columns), initializer=how)

    def _bias(self, name: str, size: int) -> Any:
        return self.add_weight(name=name, shape=(size,), initializer="zeros")

    def call(self, memory: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities ``(batch, steps, symbols)``, weights ``(batch, steps, keys)``.

        Args:
            memory: ``(batch, keys, features)``.
            valid: ``(batch, keys)``, True where a key is one.
        """
        keys = project(memory, self.key) + self.query_bias
        kernels = {name: ops.concatenate(of) for name, of in self.kernels.items()}

        def step(before: tuple[Tensor, Tensor], _: Tensor) -> tuple[Any, Any]:
            state, told = before
            sums = ops.tanh(ops.matmul(state, self.query)[:, None] + keys)
            weights = masked_softmax(project(sums, self.scale)[..., 0], valid)
            context = ops.sum(weights[..., None] * memory, axis=1)
            after, answer = self._advance(kernels, told, state, context)
            return (after, answer), (answer, weights)

        start = ops.tanh(ops.matmul(memory[:, 0], self.first))
        told = ops.zeros((ops.shape(memory)[0], self.symbols), memory.dtype)
        _, (answers, weights) = ops.scan(step, (start, told), ops.arange(self.steps))
        return ops.swapaxes(answers, 0, 1), ops.swapaxes(weights, 0, 1)

    def _advance(
        self, kernels: dict[str, Tensor], told: Tensor, state: Tensor, context: Tensor
    ) -> tuple[Tensor, Tensor]:
        def of(name: str, state: Tensor) -> Tensor:
            seen = ops.concatenate([told, state, context], axis=-1)
            return ops.matmul(seen, kernels[name]) + self.biases[name]

        reset, update = (
            ops.sigmoid(of("reset", state)),
            ops.sigmoid(of("update", state)),
        )
        proposal = ops.tanh(of("proposal", reset * state))
        after = (1.0 - update) * state + update * proposal
        return after, ops.softmax(of("answer", state))
