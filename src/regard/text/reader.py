"""From raw text to what a model reads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from regard.text.encoded import Encoded
from regard.text.features import Features
from regard.text.tokenizer import Tokenizer


@dataclass(frozen=True, eq=False)
class Reader:
    """Cuts texts into tokens and looks the features of each token up.

    Args:
        tokenizer: Text to words.
        features: Words to rows of the embedding.
        max_length: The most tokens kept of one text.
    """

    tokenizer: Tokenizer
    features: Features
    max_length: int

    def read(self, texts: Sequence[str]) -> list[Encoded]:
        """Each text with ``ids`` of shape ``(tokens, features.width)``."""
        encoded = self.tokenizer.encode(texts, self.max_length)
        return [
            replace(one, ids=self.features.rows(one.ids, self.spelled(one, text)))
            for one, text in zip(encoded, texts, strict=True)
        ]

    def spelled(self, encoded: Encoded, text: str) -> list[str]:
        """The normalised spelling of each token, where features depend on it."""
        if not self.features.columns:
            return []
        return spelling(self.tokenizer, encoded, text)


def spelling(tokenizer: Tokenizer, encoded: Encoded, text: str) -> list[str]:
    """The normalised spelling of each token, unknown words included."""
    return [
        tokenizer.normalise(piece)
        if id_ == Tokenizer.UNKNOWN_ID
        else tokenizer.word(id_)
        for id_, piece in zip(encoded.ids.tolist(), encoded.pieces(text), strict=True)
    ]
