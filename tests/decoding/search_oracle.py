"""Searches done the slow way: a model is only ever called on whole sequences."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import keras
import numpy as np

import regard
from regard.translation.seq2seq import Seq2Seq

BEGIN, END = 2, 3
LONGEST_SOURCE = 8


def tiny(target_symbols: int = 6, **settings) -> Seq2Seq:
    """A model that was not trained, but is sure of some things."""
    settings = {"units": 8, "embedding_units": 6, "dropout": 0.0, "seed": 0} | settings
    model = Seq2Seq(9, target_symbols, **settings)
    generator = np.random.default_rng(1)
    for variable in model.trainable_variables:
        value = keras.ops.convert_to_numpy(variable)
        scale = 0.5 if value.ndim > 1 else 0.2
        variable.assign(value + scale * generator.normal(size=value.shape))
    return model


def sources(*lengths: int, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.integers(4, 9, length).astype("int32") for length in lengths]


@dataclass(frozen=True)
class Scored:
    """The figures of one sequence by a model, its end included."""

    symbols: tuple[int, ...]
    finished: bool
    log_probability: float
    weights: np.ndarray

    def coverage(self) -> float:
        """The penalty of Wu et al., without its factor."""
        return float(np.log(np.minimum(self.weights.sum(axis=0), 1)).sum())

    def score(self, alpha: float = 0.0, beta: float = 0.0) -> float:
        norm = ((5 + len(self.weights)) / 6) ** alpha
        return self.log_probability / norm + beta * self.coverage()


class Oracle:
    """Scores sequences by teacher forcing.

    Args:
        model: The model.
        steps: The most symbols of a sequence.
    """

    def __init__(self, model: Seq2Seq, steps: int) -> None:
        self._observed = regard.observe(model)
        self.steps = steps

    def logits(self, source: np.ndarray, written: Sequence[Sequence[int]]):
        """Logits ``(sequences, steps, symbols)`` and weights, averaged over heads."""
        previous = np.zeros((len(written), self.steps), "int32")
        previous[:, 0] = BEGIN
        for row, symbols in enumerate(written):
            previous[row, 1 : len(symbols) + 1] = symbols[: self.steps - 1]
        padded = np.zeros((len(written), LONGEST_SOURCE), "int32")
        padded[:, : len(source)] = source
        observation = self._observed.predict(
            [padded, previous], batch_size=len(written), verbose=0
        )
        weights = observation.attention["decoder"].weights.mean(axis=1)
        return np.asarray(observation.outputs, "float64"), weights[..., : len(source)]

    def score(
        self, source: np.ndarray, written: Sequence[tuple[Sequence[int], bool]]
    ) -> list[Scored]:
        """Score sequences, each with whether it ends."""
        logits, weights = self.logits(source, [symbols for symbols, _ in written])
        highest = logits.max(axis=-1, keepdims=True)
        total = np.log(np.exp(logits - highest).sum(-1, keepdims=True)) + highest
        gains = logits - total
        scored = []
        for row, (symbols, finished) in enumerate(written):
            whole = [*symbols, END] if finished else list(symbols)
            log_probability = gains[row, np.arange(len(whole)), whole].sum()
            of_row = weights[row, : len(whole)]
            scored.append(
                Scored(tuple(symbols), finished, float(log_probability), of_row)
            )
        return scored


def every_sequence(
    symbols: Sequence[int], steps: int
) -> Iterator[tuple[tuple[int, ...], bool]]:
    """All sequences of at most ``steps`` symbols, and whether they end."""
    for length in range(steps):
        yield from ((written, True) for written in product(symbols, repeat=length))
    yield from ((written, False) for written in product(symbols, repeat=steps))


def exhaustive(
    oracle: Oracle,
    source: np.ndarray,
    may: Callable[[tuple[int, ...], bool], bool],
    rank: Callable[[Scored], float],
    symbols: Sequence[int] = (1, 4, 5),
) -> list[Scored]:
    """Every sequence that may be, those that end first, then by rank."""
    everything = list(every_sequence(symbols, oracle.steps))
    scored = oracle.score(source, everything)
    kept = [each for each in scored if may(each.symbols, each.finished)]
    return sorted(kept, key=lambda each: (not each.finished, -rank(each)))
