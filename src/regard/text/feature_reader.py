"""From raw text to what a model reads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from regard.text.features import Features
from regard.text.tokenizer import EncodedText, Tokenizer
from regard.types import IntArray

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FeatureReader:
    """Cuts texts into tokens and looks the features of each token up.

    Args:
        tokenizer: Text to words.
        features: Words to rows of the embedding.
        max_length: The most tokens kept of one text.
    """

    tokenizer: Tokenizer
    features: Features
    max_length: int

    def read(self, texts: Sequence[str]) -> list[EncodedText]:
        """Each text with ``ids`` of shape ``(tokens, features.width)``."""
        encoded = self.tokenizer.encode(texts, self.max_length)
        return [
            replace(tokens, ids=self._rows(tokens, text))
            for tokens, text in zip(encoded, texts, strict=True)
        ]

    def _rows(self, encoded: EncodedText, text: str) -> IntArray:
        rows = self.features.rows(encoded.ids)
        if self.features.columns:
            rows[:, self.features.order :] = self._pieces(encoded, text)
        return rows

    def _pieces(self, encoded: EncodedText, text: str) -> IntArray:
        table, filled = self._word_pieces
        ids = encoded.ids
        rows = table[ids]
        for place in np.flatnonzero(~filled[ids]).tolist():
            id_ = int(ids[place])
            if id_ == Tokenizer.UNKNOWN_ID:
                start, end = encoded.offsets[place].tolist()
                word = self.tokenizer.normalise(text[start:end])
                rows[place] = self.features.pieces_of(word)
            else:
                word = self.tokenizer.word(id_)
                table[id_] = rows[place] = self.features.pieces_of(word)
                # Last: another thread may read at the same time.
                filled[id_] = True
        return rows

    @cached_property
    def _word_pieces(self) -> tuple[IntArray, BoolArray]:
        """The pieces of each word of the vocabulary, and whether they were found."""
        words, columns = self.features.words, self.features.columns
        return np.zeros((words, columns), np.int32), np.zeros(words, np.bool_)


def spelling(tokenizer: Tokenizer, encoded: EncodedText, text: str) -> list[str]:
    """The normalised spelling of each token, unknown words included."""
    return [
        tokenizer.normalise(piece)
        if id_ == Tokenizer.UNKNOWN_ID
        else tokenizer.word(id_)
        for id_, piece in zip(encoded.ids.tolist(), encoded.pieces(text), strict=True)
    ]
