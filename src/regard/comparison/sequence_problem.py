"""A task from sequence to sequence as a learning problem."""

import numpy as np
from keras import ops

from regard.comparison.problem import LearningProblem, Solver, TrainingSamples
from regard.comparison.results import Budget
from regard.comparison.sequence_models import SEQUENCE_MODELS, SequenceDimensions
from regard.ops.precision import Tensor
from regard.tasks import SequencePairs, SequenceTask
from regard.types import FloatArray, IntArray

# Symbol 0 ends a sequence and fills what follows, 1 is one that was never seen.
_END, _UNKNOWN, _FIRST = 0, 1, 2
#: The symbols and lengths are those of so many pairs, and of all that are drawn.
_SEED = 2**31 - 1


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
