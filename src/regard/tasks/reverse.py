"""A sequence from its end to its beginning."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from regard.tasks.moved_tokens import MovedTokens
from regard.types import IntArray


@dataclass(frozen=True)
class Reverse(MovedTokens):
    """Turn the source round: ``w1 w2 ... wn`` gives ``wn ... w2 w1``.

    Settings, errors and the source are those of ``MovedTokens``.

    Example:
        >>> pairs = Reverse(length=3, cardinality=10).sample(1, seed=0)
        >>> pairs.source_texts, pairs.target_texts
        (['8 6 5'], ['5 6 8'])
    """

    name: ClassVar[str] = "reverse"

    def _order(self, length: int) -> IntArray:
        return np.arange(length)[::-1]
