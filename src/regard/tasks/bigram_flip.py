"""Neighbours exchanged."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from regard.tasks.moved_tokens import MovedTokens
from regard.types import IntArray


@dataclass(frozen=True)
class BigramFlip(MovedTokens):
    """Exchange neighbours: ``w1 w2 w3 w4 ...`` gives ``w2 w1 w4 w3 ...``.

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
