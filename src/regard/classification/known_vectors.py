"""The vectors of the words that a classifier knows."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from regard._files import unreadable
from regard._validate import check_path
from regard.errors import ArgumentError, DataError
from regard.text import Tokenizer
from regard.text.vector_file import read_vectors
from regard.text.word_vectors import WordVectors
from regard.training.checkpoint import digest
from regard.types import FloatArray, IntArray

#: Word vectors, or the path of a file of them.
VectorSource: TypeAlias = WordVectors | str | PathLike[str]
# A word that is one in a thousand of all counts half (Arora et al. 2017).
_USUAL = 1e-3
# What the words have that no text of the training holds.
_UNSEEN_MARKS = "_\ufffd"


@dataclass(frozen=True, eq=False)
class KnownVectors:
    """The vector of each word that a classifier knows.

    Args:
        table: ``(words, width)``, by the id of the word and of length 1; 0 for words
            without one.
        learned: How many ids are those of the training; the words from there on are in
            the vectors alone.
    """

    table: FloatArray
    learned: int

    @classmethod
    def of(
        cls, source: VectorSource, tokenizer: Tokenizer, most: int
    ) -> tuple[Tokenizer, "KnownVectors"]:
        """The vectors of the words of a tokenizer, and one that knows more words.

        The words it does not know, first ones of the source first, are added as far as
        there is room. A word is looked for as it is normalised, in lower case, and else
        the first one that becomes it counts.

        Args:
            source: Where the vectors are.
            tokenizer: The words of the training.
            most: The most ids there may be.

        Raises:
            DataError: The file cannot be read, or has none of the words.
        """
        choice = _Choice(tokenizer, most)
        if isinstance(source, WordVectors):
            name = "word vectors"
            chosen = [choice.keep(word) for word in source.words]
            words = [
                word
                for word, is_kept in zip(source.words, chosen, strict=True)
                if is_kept
            ]
            values = source.values[np.asarray(chosen, np.bool_)]
        else:
            path = Path(source)
            name = path.name
            words, values = read_vectors(path, choice.keep)
        size = tokenizer.vocabulary_size
        table = np.zeros((size + len(choice.added), values.shape[1]), np.float32)
        for place, word in enumerate(words):
            id_, is_itself = choice.id_of(word)
            if is_itself or not table[id_].any():
                table[id_] = values[place]
        # A vector of zeros is none.
        if not table[:size].any():
            raise DataError(
                f"None of the words of the texts has a vector in the {name}.",
                expected="vectors of words of the language of the texts",
                received=f"such words as {', '.join(map(repr, words[:5]))}"
                if words
                else None,
            )
        lengths = np.linalg.norm(table, axis=1, keepdims=True)
        table /= np.where(lengths > 0, lengths, 1)
        return tokenizer.extended(choice.added), cls(table, size)

    @property
    def _has(self) -> npt.NDArray[np.bool_]:
        """Which words have a vector, ``(words,)``."""
        return np.asarray(self.table.any(axis=1))

    def save(self, path: Path) -> None:
        """Store it."""
        with path.open("wb") as file:
            np.savez(file, table=self.table, learned=self.learned)

    @classmethod
    def load(cls, path: Path) -> "KnownVectors":
        """What ``save`` stored."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(stored["table"], int(stored["learned"]))

    @property
    def counts(self) -> dict[str, int]:
        """How many words of the texts have a vector, and how many others are known."""
        return {
            "words_with_vectors": int(self._has[: self.learned].sum()),
            "other_words": len(self.table) - self.learned,
        }

    @property
    def digest(self) -> str:
        """The SHA-256 of the vectors, in hexadecimal digits."""
        return digest([self.table])

    def weighted(self, documents: Sequence[IntArray]) -> FloatArray:
        r"""What a text is the mean of, ``(words, width)``.

        .. math:: u_w = \frac{a}{a + p_w} (v_w - \bar v)

        with :math:`p_w` the share of the word in the texts and :math:`\bar v` the mean
        of the vectors of their words: frequent words say little, and a word without a
        vector is as all of them are on the mean.

        Args:
            documents: The rows of the features of each text, the word first.

        References:
            Arora et al.: A simple but tough-to-beat baseline for sentence embeddings
            (2017), https://openreview.net/forum?id=SyK00v5xx.
        """
        counts = np.zeros(len(self.table))
        for document in documents:
            np.add.at(counts, document[:, 0], 1)
        has = self._has
        seen = has & (counts > 0)
        if not seen.any():
            return np.zeros_like(self.table)
        shares = counts / counts.sum()
        weights = (_USUAL / (_USUAL + shares))[:, None]
        moved = weights * (self.table - self.table[seen].mean(axis=0))
        return np.where(has[:, None], moved, 0).astype(np.float32)

    def components(self, most: int) -> FloatArray:
        """The vectors in their principal directions, ``(words, most)`` at most.

        The directions are those of the words of the training; numbers are of a mean
        square of 1, and 0 for words without a vector.
        """
        has = self._has
        own = self.table[: self.learned][has[: self.learned]]
        mean = own.mean(axis=0)
        centred = own - mean
        _, directions = np.linalg.eigh(centred.T @ centred)
        turned = (self.table - mean) @ directions[:, ::-1][:, :most]
        turned[~has] = 0
        scale = np.sqrt(np.square(turned[: self.learned][has[: self.learned]]).mean())
        return (turned / (scale or 1.0)).astype(np.float32)


def digest_of(source: VectorSource) -> str:
    """The SHA-256 of vectors or of their file, in hexadecimal digits.

    Raises:
        DataError: The file cannot be read.
    """
    if isinstance(source, WordVectors):
        words = "\0".join(source.words).encode("utf-8", "replace")
        return digest([np.frombuffer(words, np.uint8), source.values])
    path = Path(source)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


class _Choice:
    """Which words of a file are kept.

    Attributes:
        added: The words that the tokenizer does not know.
    """

    def __init__(self, tokenizer: Tokenizer, most: int) -> None:
        self._tokenizer = tokenizer
        first, size = Tokenizer.UNKNOWN_ID + 1, tokenizer.vocabulary_size
        self._ids = {tokenizer.word(id_): id_ for id_ in range(first, size)}
        self._room = max(most - size, 0)
        self._size = size
        self._kept: dict[str, bool] = {}
        self.added: dict[str, int] = {}

    def keep(self, word: str) -> bool:
        """Whether the vector of the next word of the file is."""
        form = self._tokenizer.normalise(word)
        is_itself = form == word
        if form in self._kept and (self._kept[form] or not is_itself):
            return False
        if form not in self._ids and form not in self.added:
            if len(self.added) == self._room or not self._may_come(form):
                return False
            self.added[form] = self._size + len(self.added)
        self._kept[form] = is_itself
        return True

    def id_of(self, word: str) -> tuple[int, bool]:
        """The id of a word that is kept, and whether it is written as it is here."""
        form = self._tokenizer.normalise(word)
        id_ = self._ids.get(form)
        return self.added[form] if id_ is None else id_, form == word

    def _may_come(self, form: str) -> bool:
        """Whether a text can hold the word: some files have phrases and marks."""
        is_plain = not any(mark in form for mark in _UNSEEN_MARKS)
        return is_plain and self._tokenizer.is_word(form)


def checked_source(vectors: Any) -> VectorSource | None:
    """Check what was given as word vectors.

    Raises:
        ArgumentError: It is neither vectors nor a path.
    """
    if vectors is None or isinstance(vectors, WordVectors):
        return vectors
    try:
        return check_path("vectors", vectors)
    except ArgumentError as error:
        raise ArgumentError(
            "'vectors' has a wrong value.",
            expected="the path of a file of word vectors, or regard.text.WordVectors",
            received=error.received,
            fix="Of vectors of another program make WordVectors(words, values).",
            arguments=["vectors"],
        ) from None


def check_frozen(settings: Mapping[str, Any], vectors: VectorSource | None) -> None:
    """Refuse to freeze vectors where there are none.

    Raises:
        ArgumentError: There are none.
    """
    if vectors is None and settings.get("freeze_vectors"):
        raise ArgumentError(
            "There are no vectors to freeze.",
            expected="word vectors beside 'freeze_vectors'",
            fix="Give them: fit(..., vectors='glove.6B.100d.txt').",
            arguments=["freeze_vectors", "vectors"],
            elsewhere="Give them too, or leave it out.",
        )
