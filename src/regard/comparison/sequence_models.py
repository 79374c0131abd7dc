"""The models that are compared on tasks from sequence to sequence."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import keras
from keras import ops

from regard import legacy
from regard.comparison.problem import Solver
from regard.layers import LSTM, AttentionDecoder
from regard.layers.shapes import Shape
from regard.ops.precision import Tensor


class SequenceDimensions(NamedTuple):
    """The dimensions that a task and a budget give every model.

    Args:
        symbols: The number of symbols; 0 is padding.
        steps: The length of the targets.
        keys: The length of the sources.
        units: The width of the recurrent layers.
    """

    symbols: int
    steps: int
    keys: int
    units: int


class WithoutAttention(Solver):
    """The last state of an encoder, given to every step of a decoder.

    Args:
        dimensions: Those of the task and the budget.
    """

    def __init__(self, dimensions: SequenceDimensions) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.encoder = LSTM(dimensions.units)
        self.decoder = LSTM(dimensions.units, return_sequences=True)
        self.answer = keras.layers.Dense(dimensions.symbols, activation="softmax")

    def call(self, inputs: Tensor, targets: Tensor | None = None) -> tuple[Tensor, ...]:
        """Answers ``(batch, steps, symbols)``."""
        del targets
        symbols, valid = _symbols(inputs, self.dimensions)
        last = self.encoder(symbols, mask=valid)
        repeated = ops.repeat(last[:, None], self.dimensions.steps, axis=1)
        return (self.answer(self.decoder(repeated)),)


class WithAttention(Solver):
    """The states of an encoder, and a decoder that looks at them.

    Args:
        dimensions: Those of the task and the budget.
        score: The score of the decoder's attention.
    """

    def __init__(self, dimensions: SequenceDimensions, score: str = "additive") -> None:
        super().__init__()
        self.dimensions = dimensions
        self.encoder = LSTM(dimensions.units, return_sequences=True)
        self.decoder = AttentionDecoder(
            dimensions.units,
            score=score,
            output_units=dimensions.symbols,
            output_length=dimensions.steps,
        )

    def call(self, inputs: Tensor, targets: Tensor | None = None) -> tuple[Tensor, ...]:
        """Answers ``(batch, steps, symbols)``, weights ``(batch, 1, steps, keys)``."""
        symbols, valid = _symbols(inputs, self.dimensions)
        memory, mask = self.attended(self.encoder(symbols, mask=valid), valid)
        answers, weights = self.decoder(
            memory,
            targets=targets,
            memory_mask=mask,
            return_attention_scores=True,
        )
        return answers, self.spread(weights, valid)

    def attended(self, memory: Tensor, valid: Tensor) -> tuple[Tensor, Tensor | None]:
        """The states that the decoder attends to, and their mask."""
        return memory, valid

    def spread(self, weights: Tensor, valid: Tensor) -> Tensor:
        """The weights over all keys."""
        del valid
        return weights


# What starts as an orthogonal matrix: the gates and the first state.
_ORTHOGONAL = ("W_s", *(f"{letter}_{gate}" for letter in "CUW" for gate in "rzpo"))


class PublishedDecoder(keras.layers.Layer):
    """``regard.legacy.AttentionDecoder`` for any number of steps, with a mask.

    Unlike in ``regard.layers.AttentionDecoder``, a prediction is made from the state
    before its step.

    Args:
        units: The width of the state.
        symbols: The number of symbols.
        steps: How many are predicted.
    """

    def __init__(self, units: int, symbols: int, steps: int) -> None:
        super().__init__()
        self.supports_masking = True
        self.steps = steps
        first = dict.fromkeys(_ORTHOGONAL, "orthogonal")
        self.decoder = legacy.AttentionDecoder(units, symbols, initializers=first)

    def build(self, memory_shape: Shape) -> None:
        """Make the weights."""
        self.decoder.build(memory_shape)

    def call(self, memory: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities ``(batch, steps, symbols)``, weights ``(batch, steps, keys)``.

        Args:
            memory: ``(batch, keys, features)``.
            valid: ``(batch, keys)``, True where a key is one.
        """
        return self.decoder.write(memory, self.steps, valid)

    def compute_mask(self, *_: object) -> None:
        """None: there is an answer for each step, whatever the keys."""


class Published(Solver):
    """The states of an encoder, and the decoder that was published with them.

    Args:
        dimensions: Those of the task and the budget.
    """

    def __init__(self, dimensions: SequenceDimensions) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.encoder = LSTM(dimensions.units, return_sequences=True)
        self.decoder = PublishedDecoder(
            dimensions.units, dimensions.symbols, dimensions.steps
        )

    def call(self, inputs: Tensor, targets: Tensor | None = None) -> tuple[Tensor, ...]:
        """Answers ``(batch, steps, symbols)``, weights ``(batch, 1, steps, keys)``."""
        del targets
        symbols, valid = _symbols(inputs, self.dimensions)
        answers, weights = self.decoder(self.encoder(symbols, mask=valid), valid)
        return answers, weights[:, None]


class Uniform(WithAttention):
    """Attention that is the same on every position: the decoder sees their mean."""

    def attended(self, memory: Tensor, valid: Tensor) -> tuple[Tensor, None]:
        """The mean of the states alone."""
        share = self._share(valid, memory.dtype)
        return ops.sum(memory * share[..., None], axis=1, keepdims=True), None

    def spread(self, weights: Tensor, valid: Tensor) -> Tensor:
        """The share of each position in that mean."""
        return weights * self._share(valid, weights.dtype)[:, None, None]

    def _share(self, valid: Tensor, dtype: str) -> Tensor:
        marks = ops.cast(valid, dtype)
        return marks / ops.sum(marks, axis=1, keepdims=True)


def _symbols(inputs: Tensor, dimensions: SequenceDimensions) -> tuple[Tensor, Tensor]:
    return ops.one_hot(inputs, dimensions.symbols), ops.not_equal(inputs, 0)


SEQUENCE_MODELS: dict[str, Callable[[SequenceDimensions], Solver]] = {
    "none": WithoutAttention,
    "published": Published,
    "uniform": Uniform,
    "additive": WithAttention,
    "general": partial(WithAttention, score="general"),
    "dot": partial(WithAttention, score="dot"),
    "scaled_dot": partial(WithAttention, score="scaled_dot"),
}
