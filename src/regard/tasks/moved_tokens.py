"""What the tasks that only move tokens have in common."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from regard.errors import ArgumentError
from regard.tasks.checks import check_at_least
from regard.tasks.pairs import SequencePairs
from regard.tasks.sequence_task import SequenceTask
from regard.tasks.tokens import as_tokens
from regard.types import IntArray


@dataclass(frozen=True)
class MovedTokens(SequenceTask):
    """A task whose answer is the source in another order.

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
        check_at_least("cardinality", self.cardinality, 1)
        least, most = self._range
        check_at_least("length", least, 1)
        check_at_least("length", most, least)
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
        """What every length is a multiple of."""
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
