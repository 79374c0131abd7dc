"""Integers as tokens."""

from regard.tasks.pairs import Tokens
from regard.types import IntArray


def as_tokens(numbers: IntArray) -> tuple[Tokens, ...]:
    """Rows of integers as rows of their decimal numerals."""
    return tuple(tuple(map(str, row)) for row in numbers.tolist())
