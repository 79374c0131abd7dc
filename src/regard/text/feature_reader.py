"""From raw text to what a model reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from regard.text.features import Features
from regard.text.joined_texts import Pieces
from regard.text.tokenizer import EncodedText, Tokenizer, remembering
from regard.types import IntArray

BoolArray = npt.NDArray[np.bool_]
_REMEMBERED = 1 << 16


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
        return self.tokenizer.encode_each(texts, self.max_length, self._rows)

    def _rows(self, texts: Sequence[str], pieces: Pieces) -> IntArray:
        rows = self.features.rows_of_texts(pieces.ids, pieces.places)
        if self.features.columns:
            self._add_pieces(rows, texts, pieces)
        return rows

    def _add_pieces(self, rows: IntArray, texts: Sequence[str], pieces: Pieces) -> None:
        """Fill the columns of pieces of each token's spelling."""
        table, filled = self._word_pieces
        ids, columns = pieces.ids, rows[:, self.features.order :]
        for id_ in np.unique(ids[~filled[ids]]).tolist():
            if id_ != Tokenizer.UNKNOWN_ID:
                table[id_] = self.features.pieces_of(self.tokenizer.word(id_))
                # Last: another thread may read at the same time.
                filled[id_] = True
        columns[:] = table[ids]
        unknown = np.flatnonzero(ids == Tokenizer.UNKNOWN_ID)
        if not len(unknown):
            return
        owners = np.repeat(np.arange(len(texts)), pieces.counts)[unknown].tolist()
        starts, ends = pieces.spans[unknown].T.tolist()
        # As they stand in the texts: only a new one is normalised.
        spelled = [
            texts[owner][start:end]
            for owner, start, end in zip(owners, starts, ends, strict=True)
        ]
        numbers = {piece: n for n, piece in enumerate(dict.fromkeys(spelled))}
        of_pieces = np.asarray([self._rows_of_piece(piece) for piece in numbers])
        columns[unknown] = of_pieces[list(map(numbers.__getitem__, spelled))]

    @cached_property
    def _rows_of_piece(self) -> Callable[[str], IntArray]:
        """The rows for a piece of text that is not in the vocabulary."""
        normalise, pieces_of = self.tokenizer.normalise, self.features.pieces_of
        return remembering(lambda piece: pieces_of(normalise(piece)), _REMEMBERED)

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
