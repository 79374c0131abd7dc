"""The pieces of the spelling of words, of one word or of many at once.

A word is marked at its ends, and its pieces are all strings of three, four and five
characters of that. A model keeps the known ones by digests of 63 bits. Making one takes
as long as looking up a hundred pieces by number: where there are many words, digests
are made of the pieces of the vocabulary, and of others only if they could be known.
"""

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from regard.text.cut_texts import Bytes, numbers_of
from regard.text.key_table import Keys, KeyTable
from regard.types import IntArray

#: The lengths of the pieces of a word, its boundaries counted as characters.
PIECES = (3, 4, 5)
_BEGIN, _END = b"<>"
_NOTHING = 0
_REMEMBERED = 1 << 18
# A number is a piece and, in its highest byte, how long that is.
_LENGTH, _CHARACTERS = 56, 7
_MASKS = np.asarray([(1 << 8 * n) - 1 for n in range(_CHARACTERS)], np.uint64)


class MarkedWords:
    """Words of ASCII characters, marked at their ends, one after the other.

    Args:
        characters: Those of all words.
        starts: ``(words,)``, where each begins there.
        ends: ``(words,)``, where it ends.
    """

    def __init__(self, characters: Bytes, starts: IntArray, ends: IntArray) -> None:
        self.sizes = ends - starts + 2
        self.firsts = np.cumsum(self.sizes) - self.sizes
        before = np.repeat(starts - 1 - self.firsts, self.sizes)
        before += np.arange(len(before))
        # Room to read the last number from.
        self.characters = np.zeros(len(before) + _CHARACTERS, np.uint8)
        characters.take(before, mode="clip", out=self.characters[: len(before)])
        self.characters[self.firsts] = _BEGIN
        self.characters[self.firsts + self.sizes - 1] = _END

    @classmethod
    def of(cls, words: Sequence[str]) -> "MarkedWords":
        """Those of strings."""
        sizes = np.asarray(list(map(len, words)), np.int64)
        ends = np.cumsum(sizes)
        characters = np.frombuffer("".join([*words, " "]).encode("ascii"), np.uint8)
        return cls(characters, ends - sizes, ends)

    def pieces(self) -> tuple[Keys, IntArray]:
        """The number of each piece, and the place of its word, in the words' order."""
        # Of a marked word of m characters there are m - 2, m - 3 and m - 4 pieces.
        counts = np.where(self.sizes > len("<a>"), 3 * self.sizes - 9, 0)
        owners = np.repeat(np.arange(len(counts)), counts)
        sizes, place = self.sizes[owners], np.arange(len(owners))
        place -= np.repeat(np.cumsum(counts) - counts, counts)
        longer, longest = place >= sizes - 2, place >= 2 * sizes - 5
        start = place - longer * (sizes - 2) - longest * (sizes - 3)
        lengths = PIECES[0] + longer.astype(np.intp) + longest
        numbers = numbers_of(self.characters)[self.firsts[owners] + start]
        numbers &= _MASKS[lengths]
        numbers |= lengths.astype(np.uint64) << np.uint64(_LENGTH)
        return numbers, owners


class WordPieces:
    """The rows of the pieces that a model knows, found for many words at once.

    Args:
        known: The row of each known piece.
        others: The row of any other piece, 0 of one that is not known; None: no other
            is known.
        columns: The most pieces that are read of a word.
    """

    def __init__(
        self,
        known: Mapping[str, int],
        others: Callable[[str], int] | None,
        columns: int,
    ) -> None:
        self._columns, self.is_whole = columns, others is None
        #: The row of a piece, 0 of one that is not known.
        self.row_of = others or (lambda piece: known.get(piece, _NOTHING))
        plain, _ = split(known)
        rows = [*map(known.__getitem__, plain), _NOTHING]
        self._rows = np.asarray(rows, np.int32)
        self._table = KeyTable(numbers_of_pieces(plain)[:, None])

    @classmethod
    def of(
        cls, row_of: Mapping[int, int], columns: int, vocabulary: Iterable[str]
    ) -> "WordPieces":
        """Those of a vocabulary, of all of whose pieces digests are made.

        Args:
            row_of: The row of each known piece, by its digest.
            columns: The most pieces that are read of a word.
            vocabulary: Words that most of the known pieces are in.
        """
        plain, strange = split(vocabulary)
        pieces = spellings(distinct(MarkedWords.of(plain).pieces()[0]))
        # A word of other characters has pieces without them, too.
        seen = {*pieces, *(piece for word in strange for piece in pieces_of(word))}
        digests = {piece: digest(piece) for piece in seen}
        if set(digests.values()).issuperset(row_of):
            # No other piece can be known; many of these are not.
            known = {
                piece: row_of[each] for piece, each in digests.items() if each in row_of
            }
            return cls(known, None, columns)
        rows = {piece: row_of.get(each, _NOTHING) for piece, each in digests.items()}
        return cls(rows, remembered_rows(row_of), columns)

    def rows(self, words: MarkedWords) -> IntArray:
        """The rows of the pieces of words, ``(words, columns)``, filled up with 0."""
        numbers, owners = words.pieces()
        places = self._table.find(numbers[None])
        of_pieces = self._rows[places]
        if not self.is_whole:
            new = np.flatnonzero(places < 0)
            asked, which = np.unique(numbers[new], return_inverse=True)
            answers = list(map(self.row_of, spellings(asked)))
            of_pieces[new] = np.asarray(answers, np.int32)[which]
        known = np.flatnonzero(of_pieces)
        of_pieces, owners = of_pieces[known], owners[known]
        counts = np.bincount(owners, minlength=len(words.sizes))
        firsts = np.cumsum(counts) - counts
        columns = np.arange(len(known)) - np.repeat(firsts, counts)
        rows = np.zeros((len(counts), self._columns), np.int32)
        fitting = np.flatnonzero(columns < self._columns)
        rows[owners[fitting], columns[fitting]] = of_pieces[fitting]
        crowded = np.flatnonzero(counts > self._columns)
        if len(crowded):
            chosen = [spread(n, self._columns) for n in counts[crowded].tolist()]
            rows[crowded] = of_pieces[firsts[crowded][:, None] + np.asarray(chosen)]
        return rows


def rows_of_word(word: str, row_of: Callable[[str], int], columns: int) -> IntArray:
    """The rows of the known pieces of one word, ``(columns,)``, filled up with 0.

    Args:
        word: Its normalised spelling.
        row_of: The row of a piece, 0 of one that is not known.
        columns: The most pieces that are read.
    """
    known = [row for piece in pieces_of(word) if (row := row_of(piece)) != _NOTHING]
    if len(known) > columns:
        known = [known[place] for place in spread(len(known), columns)]
    rows = np.zeros(columns, np.int32)
    rows[: len(known)] = known
    return rows


def remembered_rows(row_of: Mapping[int, int]) -> Callable[[str], int]:
    """The row of a piece by that of its digest.

    Words share their pieces, and a digest takes long.
    """
    return lru_cache(_REMEMBERED)(lambda piece: row_of.get(digest(piece), _NOTHING))


def frequent_pieces(texts_of: Mapping[str, int], least: int) -> dict[str, int]:
    """The pieces that occur in enough texts, and their digests.

    Args:
        texts_of: In how many texts each word occurs. A text with two words that share
            a piece counts twice.
        least: In how many texts a piece has to occur.
    """
    plain, others = split(texts_of)
    numbers, owners = MarkedWords.of(plain).pieces()
    pieces, which = np.unique(numbers, return_inverse=True)
    # Each piece once of each word.
    pairs = distinct((which * len(plain) + owners).view(np.uint64)).view(np.int64)
    texts = np.asarray([texts_of[word] for word in plain], np.float64)
    sums = np.bincount(pairs // max(len(plain), 1), texts[pairs % max(len(plain), 1)])
    counts = Counter(dict(zip(spellings(pieces), sums.tolist(), strict=True)))
    for word in others:
        for piece in set(pieces_of(word)):
            counts[piece] += texts_of[word]
    return {piece: digest(piece) for piece, count in counts.items() if count >= least}


def piece_keys(word: str) -> IntArray:
    """The digests of the pieces of a word, in order; none for a single character."""
    return np.asarray(list(map(digest, pieces_of(word))), np.int64)


def pieces_of(word: str) -> list[str]:
    """The pieces of a word, the shortest ones first."""
    if len(word) < 2:
        return []
    marked = f"<{word}>"
    return [
        marked[start : start + length]
        for length in PIECES
        for start in range(len(marked) - length + 1)
    ]


@lru_cache
def spread(count: int, columns: int) -> list[int]:
    """Places that are spread over the word: beginning and end say most."""
    places: list[int] = np.linspace(0, count - 1, columns).round().astype(int).tolist()
    return places


def digest(piece: str) -> int:
    """A number of 63 bits; Python's own hash differs from process to process."""
    content = hashlib.blake2b(piece.encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(content, "little") >> 1


def spellings(numbers: Keys) -> list[str]:
    """The pieces that have the numbers."""
    characters = numbers.astype("<u8").tobytes().decode("latin-1")
    lengths = (numbers >> np.uint64(_LENGTH)).tolist()
    return [
        characters[start : start + length]
        for start, length in zip(itertools.count(0, 8), lengths)
    ]


def numbers_of_pieces(pieces: Sequence[str]) -> Keys:
    """The reverse of ``spellings``."""
    numbers = (
        int.from_bytes(piece.encode("ascii"), "little") | len(piece) << _LENGTH
        for piece in pieces
    )
    return np.fromiter(numbers, np.uint64, len(pieces))


def split(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those of ASCII characters alone, and the others."""
    plain: list[str] = []
    others: list[str] = []
    for word in words:
        (plain if word.isascii() else others).append(word)
    return plain, others


def distinct(numbers: Keys) -> Keys:
    """The different ones, sorted."""
    # ``np.unique`` goes through a table of hashes, which takes twenty times as long.
    ordered = np.sort(numbers)
    new = np.ones(len(ordered), np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new]
