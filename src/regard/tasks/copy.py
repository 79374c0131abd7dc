"""The same sequence once more."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from regard.tasks.moved_tokens import MovedTokens
from regard.types import IntArray


@dataclass(frozen=True)
class Copy(MovedTokens):
    """Repeat the source: ``w1 w2 ... wn`` gives ``w1 w2 ... wn``.

    Settings, errors and the source are those of ``MovedTokens``.

    Example:
        >>> pairs = Copy(length=3, cardinality=10).sample(1, seed=0)
        >>> pairs.source_texts, pairs.target_texts
        (['8 6 5'], ['8 6 5'])
    """

    name: ClassVar[str] = "copy"

    def _order(self, length: int) -> IntArray:
        return np.arange(length)
