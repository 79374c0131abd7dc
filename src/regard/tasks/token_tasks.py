"""Tasks that repeat tokens: the first ones, or all of them in some order."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from regard._validate import check_count, wrong_value
from regard.errors import ArgumentError
from regard.tasks.pairs import SequencePairs, as_tokens
from regard.tasks.sequence_task import SequenceTask
from regard.types import IntArray


@dataclass(frozen=True)
class FirstN(SequenceTask):
    """Repeat the first ``n`` integers, then 0 up to the length of the source.

    The integers are drawn evenly from 0 to ``cardinality - 1``. 0 is both the padding
    of the answer and an integer that can be drawn, as in the experiment of old that
    set an LSTM with attention against one without. The first ``n`` target tokens have
    a gold source, the padding none.

    Args:
        length: The number of integers.
        n: How many of them are the answer.
        cardinality: The number of different integers.

    Raises:
        ArgumentError: ``n`` is greater than ``length``, or a setting is below 1.

    References:
        - [Brownlee, 2017](https://machinelearningmastery.com/encoder-decoder-attention-sequence-to-sequence-prediction-keras/)

    Example:
        >>> pairs = FirstN(length=5, n=2).sample(1, seed=0)
        >>> pairs.source_texts, pairs.target_texts
        (['42 31 25 13 15'], ['42 31 0 0 0'])
    """

    name: ClassVar[str] = "first-n"

    length: int = 5
    n: int = 2
    cardinality: int = 50

    def __post_init__(self) -> None:
        check_count("n", self.n, of=f"the task '{self.name}'")
        check_count("length", self.length, of=f"the task '{self.name}'")
        check_count("cardinality", self.cardinality, of=f"the task '{self.name}'")
        if self.n > self.length:
            raise ArgumentError(
                "The answer cannot be longer than the source.",
                expected=f"n of at most length={self.length}",
                received=f"n={self.n}",
            )

    def _draw(self, count: int, generator: np.random.Generator) -> SequencePairs:
        sources = generator.integers(self.cardinality, size=(count, self.length))
        targets = np.where(np.arange(self.length) < self.n, sources, 0)
        gold = tuple((position, position) for position in range(self.n))
        return SequencePairs(as_tokens(sources), as_tokens(targets), (gold,) * count)


@dataclass(frozen=True)
class MovedTokens(SequenceTask):
    """A task whose answer is the source in some order.

    Each target token has one gold source position: where it stood.

    Args:
        length: The number of tokens, or the least and the greatest number; each
            possible length is equally frequent.
        cardinality: The number of different tokens, ``"0"`` to ``cardinality - 1``,
            drawn evenly.

    Raises:
        ArgumentError: A length is out of range, or a setting below 1.

    References:
        - [Pruthi et al., 2020](https://arxiv.org/abs/1909.07913), section 4
    """

    length: int | tuple[int, int] = 10
    cardinality: int = 100

    def __post_init__(self) -> None:
        check_count("cardinality", self.cardinality, of=f"the task '{self.name}'")
        if isinstance(self.length, tuple) and len(self.length) != 2:
            expected = "a whole number, or the least and the greatest of a range"
            of = f"the task '{self.name}'"
            raise wrong_value("length", self.length, expected, of=of)
        least, most = self._range
        check_count("length", least, of=f"the task '{self.name}'")
        check_count("length", most, least=least, of=f"the task '{self.name}'")
        if not self._lengths().size:
            raise ArgumentError(
                f"The task '{self.name}' has no source of this length.",
                expected=f"a multiple of {self._step()}",
                received=f"length={self.length}",
            )

    @property
    def _range(self) -> tuple[int, int]:
        if isinstance(self.length, tuple):
            return self.length
        return self.length, self.length

    def _step(self) -> int:
        """The number that every length is a multiple of."""
        return 1

    def _lengths(self) -> IntArray:
        least, most = self._range
        lengths = np.arange(least, most + 1)
        return lengths[lengths % self._step() == 0]

    @abstractmethod
    def _order(self, length: int) -> IntArray:
        """The source position of each target token."""

    def _draw(self, count: int, generator: np.random.Generator) -> SequencePairs:
        lengths = generator.choice(self._lengths(), size=count)
        most = int(lengths.max())
        numbers = as_tokens(generator.integers(self.cardinality, size=(count, most)))
        orders = {
            length: self._order(length).tolist() for length in set(lengths.tolist())
        }
        gold = {length: tuple(enumerate(order)) for length, order in orders.items()}
        sources = tuple(row[:n] for row, n in zip(numbers, lengths, strict=True))
        return SequencePairs(
            sources,
            tuple(tuple(source[i] for i in orders[len(source)]) for source in sources),
            tuple(gold[len(source)] for source in sources),
        )


@dataclass(frozen=True)
class Copy(MovedTokens):
    """Repeat the source: ``w1 w2 w3`` gives ``w1 w2 w3``.

    Settings, errors and the source are those of ``MovedTokens``.

    Example:
        >>> pairs = Copy(length=3, cardinality=10).sample(1, seed=0)
        >>> pairs.source_texts, pairs.target_texts
        (['8 6 5'], ['8 6 5'])
    """

    name: ClassVar[str] = "copy"

    def _order(self, length: int) -> IntArray:
        return np.arange(length)


@dataclass(frozen=True)
class Reverse(MovedTokens):
    """Turn the source round: ``w1 w2 w3`` gives ``w3 w2 w1``.

    Settings, errors and the source are those of ``MovedTokens``.

    Example:
        >>> pairs = Reverse(length=3, cardinality=10).sample(1, seed=0)
        >>> pairs.source_texts, pairs.target_texts
        (['8 6 5'], ['5 6 8'])
    """

    name: ClassVar[str] = "reverse"

    def _order(self, length: int) -> IntArray:
        return np.arange(length)[::-1]


@dataclass(frozen=True)
class BigramFlip(MovedTokens):
    """Exchange neighbours: ``w1 w2 w3 w4`` gives ``w2 w1 w4 w3``.

    The length is even; of a range only the even lengths are drawn.

    Settings, errors and the source are those of ``MovedTokens``.

    Example:
        >>> pairs = BigramFlip(length=4, cardinality=10).sample(1, seed=0)
        >>> pairs.source_texts, pairs.target_texts
        (['8 6 5 2'], ['6 8 2 5'])
    """

    name: ClassVar[str] = "bigram-flip"

    def _step(self) -> int:
        return 2

    def _order(self, length: int) -> IntArray:
        return np.arange(length).reshape(-1, 2)[:, ::-1].ravel()
