"""From raw text to what a model reads."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import numpy.typing as npt

from regard.text.cut_texts import FOREIGN
from regard.text.features import Features, count_texts
from regard.text.joined_texts import Pieces
from regard.text.tokenizer import (
    EncodedText,
    Tokenizer,
    on_all_cores,
    remembering,
    some_at_a_time,
)
from regard.text.word_pieces import MarkedWords, WordPieces, rows_of_word
from regard.types import IntArray

BoolArray = npt.NDArray[np.bool_]
_REMEMBERED = 1 << 16
# In so many characters there are words enough to look all pieces of the vocabulary up.
_MANY = 1 << 19
# So many words at once, for the sake of memory.
_AT_ONCE = 1 << 14


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
        self._prepare(texts)
        return self.tokenizer.encode_each(texts, self.max_length, self._rows)

    def read_joined(self, texts: Sequence[str]) -> tuple[Pieces, BoolArray]:
        """The tokens of all texts side by side, see ``Tokenizer.encode_joined``."""
        self._prepare(texts)
        return self.tokenizer.encode_joined(texts, self.max_length, self._rows)

    def add_features(
        self, texts: Sequence[str], encoded: Sequence[EncodedText]
    ) -> list[EncodedText]:
        """As ``read``, of texts that the tokenizer has encoded already."""
        self._prepare(texts)
        batches = []
        first = 0
        for some in some_at_a_time(texts):
            batches.append((some, encoded[first : first + len(some)]))
            first += len(some)
        return list(chain.from_iterable(on_all_cores(self._with_rows, batches)))

    def _with_rows(
        self, batch: tuple[Sequence[str], Sequence[EncodedText]]
    ) -> list[EncodedText]:
        texts, encoded = batch
        pieces = Pieces.of(
            np.concatenate([each.ids for each in encoded]),
            np.concatenate([each.offsets for each in encoded]),
            np.asarray(list(map(len, encoded)), np.int64),
        )
        rows = np.split(self._rows(texts, pieces), np.cumsum(pieces.counts)[:-1])
        return [
            # A copy, so that the others need not be kept.
            EncodedText(ids.copy(), each.offsets, each.truncated)
            for ids, each in zip(rows, encoded, strict=True)
        ]

    def _prepare(self, texts: Sequence[str]) -> None:
        if self.features.columns and _characters(texts) >= _MANY:
            # Made here, not by each of the threads that read.
            self._known_words  # noqa: B018 - remembered

    def _rows(self, texts: Sequence[str], pieces: Pieces) -> IntArray:
        if not self.features.columns:
            return self.features.rows_of_texts(pieces.ids, pieces.places)
        table, filled = self._word_rows
        ids = pieces.ids
        for id_ in set(ids[np.flatnonzero(~filled.take(ids))].tolist()):
            table[id_, self.features.order :] = self._rows_of_word(id_)
            # Last: another thread may read at the same time.
            filled[id_] = True
        rows: IntArray = table.take(ids, axis=0)
        self.features.add_ngrams(rows, pieces.places)
        unknown = np.flatnonzero(ids == Tokenizer.UNKNOWN_ID)
        if len(unknown):
            self._add_unknown(rows[:, self.features.order :], texts, pieces, unknown)
        return rows

    def _add_unknown(
        self, columns: IntArray, texts: Sequence[str], pieces: Pieces, unknown: IntArray
    ) -> None:
        """Fill the columns of the pieces of words that are not in the vocabulary."""
        owners = np.searchsorted(np.cumsum(pieces.counts), unknown, side="right")
        if (
            "_known_words" in self.__dict__
            and pieces.lower is not None
            and pieces.firsts is not None
        ):
            spans = pieces.spans[unknown] + pieces.firsts[owners][:, None]
            strange = np.flatnonzero(pieces.lower == FOREIGN)
            before = np.searchsorted(strange, spans)
            plain = before[:, 0] == before[:, 1]
            for some in _words_at_a_time(np.flatnonzero(plain)):
                words = MarkedWords(pieces.lower, *spans[some].T)
                columns[unknown[some]] = self._known_words.rows(words)
            unknown, owners = unknown[~plain], owners[~plain]
        starts, ends = pieces.spans[unknown].T.tolist()
        # As they stand in the texts: only a new one is normalised.
        spelled = [
            texts[owner][start:end]
            for owner, start, end in zip(owners.tolist(), starts, ends, strict=True)
        ]
        if spelled:
            numbers = {piece: n for n, piece in enumerate(dict.fromkeys(spelled))}
            of_pieces = np.asarray([self._rows_of_piece(piece) for piece in numbers])
            columns[unknown] = of_pieces[list(map(numbers.__getitem__, spelled))]

    @cached_property
    def _rows_of_piece(self) -> Callable[[str], IntArray]:
        """The rows for a piece of text that is not in the vocabulary."""
        normalise, rows_of = self.tokenizer.normalise, self._rows_of_spelling
        return remembering(lambda piece: rows_of(normalise(piece)), _REMEMBERED)

    def _rows_of_word(self, id_: int) -> IntArray:
        if id_ == Tokenizer.UNKNOWN_ID:
            return np.zeros(self.features.columns, np.int32)
        return self._rows_of_spelling(self.tokenizer.word(id_))

    def _rows_of_spelling(self, word: str) -> IntArray:
        if "_known_words" in self.__dict__:
            return rows_of_word(word, self._known_words.row_of, self.features.columns)
        return self.features.pieces_of(word)

    @cached_property
    def _word_rows(self) -> tuple[IntArray, BoolArray]:
        """The row of each word without n-grams, and whether its pieces were found."""
        features = self.features
        table = np.zeros((features.words, features.width), np.int32)
        table[:, 0] = np.arange(features.words)
        return table, np.zeros(features.words, np.bool_)

    @cached_property
    def _known_words(self) -> WordPieces:
        """The pieces of the words of the vocabulary, and those of all that are plain.

        It takes as long as finding those of some thousand words one by one.
        """
        words = [self.tokenizer.word(id_) for id_ in range(self.features.words)]
        pieces = self.features.word_pieces(words)
        plain = [id_ for id_, word in enumerate(words) if word.isascii() and id_ > 1]
        table, filled = self._word_rows
        marked = MarkedWords.of([words[id_] for id_ in plain])
        table[plain, self.features.order :] = pieces.rows(marked)
        filled[plain] = True
        return pieces


def texts_with(
    tokenizer: Tokenizer, encoded: Sequence[EncodedText], texts: Sequence[str]
) -> Counter[str]:
    """In how many texts each word occurs, by its normalised spelling.

    Args:
        tokenizer: What has read the texts.
        encoded: What it made of them.
        texts: The texts.
    """
    ids = np.concatenate([each.ids for each in encoded])
    owners = np.repeat(np.arange(len(texts)), list(map(len, encoded)))
    found, counts = count_texts(ids, owners)
    counted = {
        tokenizer.word(id_): count
        for id_, count in zip(found.tolist(), counts.tolist(), strict=True)
        if id_ != Tokenizer.UNKNOWN_ID
    }
    of_words = Counter(counted)
    for owner in dict.fromkeys(owners[ids == Tokenizer.UNKNOWN_ID].tolist()):
        each, text = encoded[owner], texts[owner]
        spans = each.offsets[each.ids == Tokenizer.UNKNOWN_ID].tolist()
        of_words.update({tokenizer.normalise(text[start:end]) for start, end in spans})
    return of_words


def _characters(texts: Sequence[str]) -> int:
    return sum(len(text) for text in texts if isinstance(text, str))


def _words_at_a_time(places: IntArray) -> Iterator[IntArray]:
    for start in range(0, len(places), _AT_ONCE):
        yield places[start : start + _AT_ONCE]
