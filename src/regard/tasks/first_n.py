"""The first numbers of a sequence."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from regard.errors import ArgumentError
from regard.tasks.checks import check_at_least
from regard.tasks.pairs import SequencePairs
from regard.tasks.sequence_task import SequenceTask
from regard.tasks.tokens import as_tokens


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
        check_at_least("n", self.n, 1)
        check_at_least("length", self.length, 1)
        check_at_least("cardinality", self.cardinality, 1)
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
