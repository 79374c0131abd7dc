"""What each kind of vocabulary does with a text."""

from collections.abc import Sequence
from typing import Protocol

from regard.text.sequences.encoded import EncodedSequence


class Codec(Protocol):
    """Cuts texts into tokens with ids, and joins tokens again."""

    def encode(self, text: str, form: str) -> EncodedSequence:
        """Cut ``text``; ``form``, of the same length, is what is looked up."""

    def join(self, tokens: Sequence[str]) -> str:
        """The text that the tokens make."""
