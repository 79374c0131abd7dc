"""Words and the vectors that were learned of other texts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Self

import numpy as np

from regard._validate import check_count, check_path
from regard.errors import ArgumentError, listed
from regard.text.vector_file import read_vectors
from regard.types import FloatArray


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and the vector of each, as ``TextClassifier.fit(vectors=...)`` takes them.

    Args:
        words: The words, all different, the most frequent ones first.
        values: ``(words, width)``, float32.

    Raises:
        ArgumentError: There is not one finite vector for each word.

    Example:
        >>> vectors = regard.text.WordVectors.read("glove.6B.100d.txt", most=50_000)
        >>> vectors["film"] @ vectors["movie"]
    """

    words: Sequence[str]
    values: FloatArray

    def __post_init__(self) -> None:
        words = tuple(self.words)
        values = np.asarray(self.values)
        numbers = values.dtype.kind in "fiu"
        if values.ndim != 2 or not numbers or len(values) != len(words):
            raise ArgumentError(
                "Word vectors are a row of numbers for each word.",
                expected=f"an array ({len(words)}, width)",
                received=f"one of {values.dtype} of shape {values.shape}",
            )
        values = values.astype(np.float32, copy=False)
        # No array of as many truth values is made.
        if values.size and not np.isfinite([values.min(), values.max()]).all():
            raise ArgumentError("Not all of these vectors are finite numbers.")
        if len(set(words)) < len(words):
            twice = [word for word, count in Counter(words).items() if count > 1]
            raise ArgumentError(f"Some words are there twice: {listed(twice)}.")
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "values", values)

    @classmethod
    def read(
        cls,
        path: str | PathLike[str],
        *,
        words: Iterable[str] | None = None,
        most: int | None = None,
    ) -> Self:
        """Read a file of GloVe, word2vec (text or binary) or fastText (``.vec``).

        The file is streamed, packed by gzip, bzip2, xz or as the one file of a zip
        archive or not at all, and the vectors of the words that are kept alone are
        parsed. Of a word that is there twice the first vector counts. A word may hold
        spaces, as in files of GloVe; bytes that are not UTF-8 become U+FFFD.

        Args:
            path: The file. A first line of two whole numbers says how many words there
                are and how many numbers each has, as that of word2vec and fastText; a
                file without one is that of GloVe.
            words: Those that are kept, as they are spelled in the file; None: all.
            most: Of those the first so many; None: all.

        Raises:
            ArgumentError: It is no path, or ``most`` no number.
            DataError: There is no such file, it is none of these, or it is damaged or
                ends too early; the message says in which line.
        """
        file = Path(check_path("path", path))
        left = None if most is None else check_count("most", most)
        wanted = None if words is None else set(words)
        known: set[str] = set()

        def keep(word: str) -> bool:
            full = left is not None and len(known) == left
            if full or word in known or (wanted is not None and word not in wanted):
                return False
            known.add(word)
            return True

        return cls(*read_vectors(file, keep))

    @property
    def width(self) -> int:
        """The number of numbers of a word."""
        return int(self.values.shape[1])

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._places

    def __getitem__(self, word: str) -> FloatArray:
        vector: FloatArray = self.values[self._places[word]]
        return vector

    def __repr__(self) -> str:
        return f"WordVectors({len(self):,} words, width {self.width})"

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}
