"""A task from sequence to sequence as a learning problem, and its models."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from regard import legacy
from regard._typing import Tensor
from regard.comparison.problem import LearningProblem, Solver, TrainingSamples
from regard.comparison.results import Budget
from regard.layers import LSTM, AttentionDecoder
from regard.layers.shapes import Shape
from regard.tasks import SequencePairs, SequenceTask
from regard.types import FloatArray, IntArray

# Symbol 0 ends a sequence and fills what follows, 1 is one that was never seen.
_END, _UNKNOWN, _FIRST = 0, 1, 2
#: The symbols and lengths are those of so many pairs, and of all that are drawn.
_SEED = 2**31 - 1
# In the published decoder the gates and the first state start as orthogonal matrices.
_ORTHOGONAL = ("W_s", *(f"{letter}_{gate}" for letter in "CUW" for gate in "rzpo"))


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


class SequenceProblem(LearningProblem[SequencePairs]):
    """A task from sequence to sequence.

    Args:
        task: The task.
        looked_at: How many pairs are drawn to find its symbols and lengths.
    """

    models: tuple[str, ...] = tuple(SEQUENCE_MODELS)
    usual_models: tuple[str, ...] = ("none", "published", "additive")

    def __init__(self, task: SequenceTask, looked_at: int) -> None:
        self.task = task
        pairs = task.sample(looked_at, seed=_SEED)
        tokens = {token for text in (*pairs.sources, *pairs.targets) for token in text}
        self.symbols = {
            token: number for number, token in enumerate(sorted(tokens), _FIRST)
        }
        self.tokens = {number: token for token, number in self.symbols.items()}
        lengths = {len(target) for target in pairs.targets}
        self.fixed = len(lengths) == 1 and len({*map(len, pairs.sources)}) == 1
        # One more for the end, where the length is part of the answer.
        self.steps = max(lengths) + (not self.fixed)
        self.keys = max(map(len, pairs.sources))

    def draw(self, count: int, seed: int) -> SequencePairs:
        """Fresh pairs."""
        return self.task.sample(count, seed=seed)

    def arrays(self, pairs: SequencePairs) -> TrainingSamples:
        """Symbols, ``(pairs, keys)`` and ``(pairs, steps)``."""
        targets = self._numbers(pairs.targets, self.steps)
        ends = np.array([len(target) for target in pairs.targets])[:, None]
        mask = np.arange(self.steps) < ends + (not self.fixed)
        sources = self._numbers(pairs.sources, self.keys)
        return TrainingSamples(sources, targets, mask.astype(np.float32))

    def _numbers(self, texts: tuple[tuple[str, ...], ...], length: int) -> IntArray:
        numbers = np.full((len(texts), length), _END, np.int32)
        for row, text in zip(numbers, texts, strict=True):
            # A pair longer than any that was looked at is cut, and answered wrongly.
            for place, token in enumerate(text[:length]):
                row[place] = self.symbols.get(token, _UNKNOWN)
        return numbers

    def model(self, name: str, budget: Budget) -> Solver:
        """A fresh model."""
        symbols = len(self.symbols) + _FIRST
        dimensions = SequenceDimensions(symbols, self.steps, self.keys, budget.units)
        return SEQUENCE_MODELS[name](dimensions)

    def losses(self, targets: Tensor, outputs: Tensor) -> Tensor:
        """The cross-entropy of each symbol, in nats."""
        symbols = ops.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype)
        # A probability of 0 in float32 has a logarithm that ends a training.
        return -ops.log(ops.maximum(ops.sum(symbols * outputs, axis=-1), 1e-7))

    def accuracy(self, outputs: FloatArray, pairs: SequencePairs) -> float:
        """The share of sequences that are right as a whole."""
        answers = [self._text(row) for row in outputs.argmax(axis=-1)]
        return self.task.score(answers, pairs).accuracy

    def _text(self, numbers: IntArray) -> list[str]:
        ended = np.flatnonzero(numbers == _END)
        kept = numbers if self.fixed or not len(ended) else numbers[: ended[0]]
        return [self.tokens.get(int(number), "") for number in kept]

    def on_gold(self, weights: FloatArray, pairs: SequencePairs) -> float | None:
        """The mean attention on the gold source position."""
        if pairs.alignment is None or not any(pairs.alignment):
            return None
        return self.task.attention_on_gold(weights.mean(axis=1), pairs)
