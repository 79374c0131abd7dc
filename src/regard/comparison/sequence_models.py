"""The models that are compared on tasks from sequence to sequence."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import keras
from keras import ops

from regard.comparison.problem import Solver
from regard.comparison.published import PublishedDecoder
from regard.layers import LSTM, AttentionDecoder
from regard.ops.precision import Tensor


class Sizes(NamedTuple):
    """What a task and a budget leave to no model to choose.

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
        sizes: The sizes.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = LSTM(sizes.units)
        self.decoder = LSTM(sizes.units, return_sequences=True)
        self.answer = keras.layers.Dense(sizes.symbols, activation="softmax")

    def call(self, inputs: Tensor, targets: Tensor | None = None) -> tuple[Tensor, ...]:
        """Answers ``(batch, steps, symbols)``."""
        del targets
        symbols, valid = _symbols(inputs, self.sizes)
        last = self.encoder(symbols, mask=valid)
        repeated = ops.repeat(last[:, None], self.sizes.steps, axis=1)
        return (self.answer(self.decoder(repeated)),)


class WithAttention(Solver):
    """The states of an encoder, and a decoder that looks at them.

    Args:
        sizes: The sizes.
        score: The score of the decoder's attention.
    """

    def __init__(self, sizes: Sizes, score: str = "additive") -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = LSTM(sizes.units, return_sequences=True)
        self.decoder = AttentionDecoder(
            sizes.units,
            score=score,
            output_units=sizes.symbols,
            output_length=sizes.steps,
        )

    def call(self, inputs: Tensor, targets: Tensor | None = None) -> tuple[Tensor, ...]:
        """Answers ``(batch, steps, symbols)``, weights ``(batch, 1, steps, keys)``."""
        symbols, valid = _symbols(inputs, self.sizes)
        memory, mask = self.seen(self.encoder(symbols, mask=valid), valid)
        answers, weights = self.decoder(
            memory,
            targets=targets,
            memory_mask=mask,
            return_attention_scores=True,
        )
        return answers, self.spread(weights, valid)

    def seen(self, memory: Tensor, valid: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the decoder may look at."""
        return memory, valid

    def spread(self, weights: Tensor, valid: Tensor) -> Tensor:
        """The weights over all keys."""
        del valid
        return weights


class Published(Solver):
    """The states of an encoder, and the decoder that was published with them.

    Args:
        sizes: The sizes.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = LSTM(sizes.units, return_sequences=True)
        self.decoder = PublishedDecoder(sizes.units, sizes.symbols, sizes.steps)

    def call(self, inputs: Tensor, targets: Tensor | None = None) -> tuple[Tensor, ...]:
        """Answers ``(batch, steps, symbols)``, weights ``(batch, 1, steps, keys)``."""
        del targets
        symbols, valid = _symbols(inputs, self.sizes)
        answers, weights = self.decoder(self.encoder(symbols, mask=valid), valid)
        return answers, weights[:, None]


class Uniform(WithAttention):
    """Attention that is the same on every position: the decoder sees their mean."""

    def seen(self, memory: Tensor, valid: Tensor) -> tuple[Tensor, None]:
        """The mean of the states alone."""
        share = self._share(valid, memory.dtype)
        return ops.sum(memory * share[..., None], axis=1, keepdims=True), None

    def spread(self, weights: Tensor, valid: Tensor) -> Tensor:
        """What each position has of that mean."""
        return weights * self._share(valid, weights.dtype)[:, None, None]

    def _share(self, valid: Tensor, dtype: str) -> Tensor:
        marks = ops.cast(valid, dtype)
        return marks / ops.sum(marks, axis=1, keepdims=True)


def _symbols(inputs: Tensor, sizes: Sizes) -> tuple[Tensor, Tensor]:
    return ops.one_hot(inputs, sizes.symbols), ops.not_equal(inputs, 0)


SEQUENCE_MODELS: dict[str, Callable[[Sizes], Solver]] = {
    "none": WithoutAttention,
    "published": Published,
    "uniform": Uniform,
    "additive": WithAttention,
    "general": partial(WithAttention, score="general"),
    "dot": partial(WithAttention, score="dot"),
    "scaled_dot": partial(WithAttention, score="scaled_dot"),
}
