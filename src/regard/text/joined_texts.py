"""Texts side by side in one array, cut into pieces and looked up all at once.

Where all characters are ASCII, the rules of ``segmentation`` come to a few comparisons
of neighbours, which NumPy makes for a million characters in the time that an expression
takes for a few thousand. A piece that touches other characters is cut by the library,
together with everything between the spaces around it: no piece reaches across a space.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from regard.text.key_table import Keys, KeyTable
from regard.text.special_ids import UNKNOWN_ID
from regard.types import IntArray

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
#: The spans of the pieces of one string, and their ids.
Foreign = tuple[Sequence[tuple[int, int]], Sequence[int]]

SPACES = "\t\n\v\f\r "
# What stands for a character that is not ASCII.
_FOREIGN = 128
_APOSTROPHE, _UNDERSCORE, _BLANK, _CASE = map(ord, "'_  ")
# Of these the pieces between two spaces do not depend on what is beyond them. Among the
# others are characters that join with whatever follows, a space too.
_FAR, _SAFE_AGAIN, _UNSAFE_AGAIN = 0x600, 0x2000, 0x2C00
# Words of up to so many characters are looked up as one number, or as three.
_SHORT, _LONG = 8, 24


# The first n bytes of a number, little end first.
_FIRST = np.asarray([(1 << 8 * n) - 1 for n in range(_SHORT + 1)], np.uint64)


class Pieces(NamedTuple):
    """The pieces of several texts, one after the other.

    Args:
        ids: ``(pieces,)``, int32.
        spans: ``(pieces, 2)``, int32: start and end within the piece's own text.
        counts: ``(texts,)``, how many pieces each text has.
        places: ``(pieces,)``, how many come before each in its own text.
    """

    ids: IntArray
    spans: IntArray
    counts: IntArray
    places: IntArray

    @classmethod
    def of(cls, ids: IntArray, spans: IntArray, counts: IntArray) -> "Pieces":
        """With the places that follow from the counts."""
        firsts = np.repeat(np.cumsum(counts) - counts, counts)
        return cls(ids, spans, counts, np.arange(len(ids)) - firsts)

    def shortened(self, most: int) -> "Pieces":
        """The first ``most`` of each text."""
        if self.counts.max(initial=0) <= most:
            return self
        kept = np.flatnonzero(self.places < most)
        return Pieces(
            self.ids.take(kept),
            self.spans.take(kept, axis=0),
            np.minimum(self.counts, most),
            self.places.take(kept),
        )


class JoinedTexts:
    """Cuts and looks up the pieces of texts.

    Args:
        vocabulary: The ids of words, normalised.
        cut: What cuts strings with other characters than ASCII, and looks up the
            pieces.
        id_of: What looks up one piece.
    """

    def __init__(
        self,
        vocabulary: dict[str, int],
        cut: Callable[[Sequence[str]], Sequence[Foreign]],
        id_of: Callable[[str], int],
    ) -> None:
        self._cut, self._id_of = cut, id_of
        characters = {chr(code): id_of(chr(code).lower()) for code in range(128)}
        words = {word: id_ for word, id_ in vocabulary.items() if _is_word(word)}
        words |= {each: id_ for each, id_ in characters.items() if id_ != UNKNOWN_ID}
        self._short = _table(words, 1, _SHORT)
        self._long = _table(words, _SHORT + 1, _LONG)

    def pieces(self, texts: Sequence[str]) -> Pieces:
        """Cut texts.

        Raises:
            UnicodeError: One of them holds half a surrogate pair.
        """
        characters = [_characters(text) for text in texts]
        # A space after each, and room to read the last word from.
        joined = np.frombuffer(b" ".join([*characters, bytes(_LONG)]), np.uint8)
        sizes = np.fromiter(map(len, characters), np.int64, len(texts)) + 1
        firsts = np.cumsum(sizes) - sizes
        word, space = _kinds(joined)
        foreign = _foreign_runs(joined, space)
        for start, end in foreign.tolist():
            word[start:end] = False
            space[start:end] = True
        starts, ends = _cut(joined, word, space)
        ids = self._look_up(joined, starts, ends)
        if len(foreign):
            more = self._foreign(texts, firsts, foreign)
            starts, ends, ids = _merged((starts, ends, ids), more)
        counts = np.diff(np.searchsorted(starts, [*firsts, len(joined)]))
        spans = np.empty((len(starts), 2), np.int32)
        within = np.repeat(firsts, counts)
        np.subtract(starts, within, out=spans[:, 0], casting="unsafe")
        np.subtract(ends, within, out=spans[:, 1], casting="unsafe")
        return Pieces.of(ids, spans, counts)

    def _look_up(self, joined: Bytes, starts: IntArray, ends: IntArray) -> IntArray:
        lower = _lower(joined)
        # The eight bytes from each place on, as a number.
        numbers = np.ndarray(len(lower) - 7, "<u8", lower.data, strides=(1,))
        sizes = ends - starts
        short = numbers[starts] & _FIRST[np.minimum(sizes, _SHORT)]
        ids = _ids(self._short, short[None])
        longer = np.flatnonzero(sizes > _SHORT)
        longer = longer[sizes[longer] <= _LONG]
        ids[longer] = _ids(self._long, _long_keys(numbers, starts, sizes, longer))
        for place in np.flatnonzero(sizes > _LONG).tolist():
            piece = lower[starts[place] : ends[place]].tobytes().decode("ascii")
            ids[place] = self._id_of(piece)
        return ids

    def _foreign(
        self, texts: Sequence[str], firsts: IntArray, runs: IntArray
    ) -> tuple[IntArray, IntArray, IntArray]:
        owners = np.searchsorted(firsts, runs[:, 0], side="right") - 1
        strings = [
            texts[owner][start - first : end - first]
            for owner, first, (start, end) in zip(
                owners.tolist(), firsts[owners].tolist(), runs.tolist(), strict=True
            )
        ]
        spans: list[tuple[int, int]] = []
        ids: list[int] = []
        counts = []
        for run_spans, run_ids in self._cut(strings):
            spans += run_spans
            ids += run_ids
            counts.append(len(run_ids))
        placed = np.asarray(spans, np.int64).reshape(-1, 2)
        placed += np.repeat(runs[:, 0], counts)[:, None]
        return placed[:, 0], placed[:, 1], np.asarray(ids, np.int32)


def _table(
    words: dict[str, int], least: int, most: int
) -> tuple[KeyTable, npt.NDArray[np.int32]]:
    """The words of some lengths, and their ids; the last one is of what is no word."""
    chosen = [word for word in words if least <= len(word) <= most]
    spelled = np.zeros((len(chosen), -(-most // _SHORT) * _SHORT), np.uint8)
    for row, word in zip(spelled, chosen, strict=True):
        row[: len(word)] = np.frombuffer(word.encode("ascii"), np.uint8)
    ids = [*(words[word] or UNKNOWN_ID for word in chosen), UNKNOWN_ID]
    return KeyTable(spelled.view("<u8")), np.asarray(ids, np.int32)


def _ids(table: tuple[KeyTable, npt.NDArray[np.int32]], keys: Keys) -> IntArray:
    found: IntArray = table[1][table[0].find(keys)]
    return found


def _characters(text: str) -> bytes:
    """A byte for each character: itself, or 128.

    Where a piece of one may depend on what is beyond a space, none of it is itself.
    """
    if text.isascii():
        return text.encode("ascii")
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    safe = (codes < _FAR) | ((codes >= _SAFE_AGAIN) & (codes < _UNSAFE_AGAIN))
    if not safe.all():
        return bytes([_FOREIGN]) * len(text)
    return np.minimum(codes, _FOREIGN).astype(np.uint8).tobytes()


def _kinds(joined: Bytes) -> tuple[Mask, Mask]:
    """Which characters are those of words, and which are white space.

    What follows the last text is white space as well.
    """
    # Of bytes, a comparison with what would be negative fails: it is a large one.
    word = (joined | _CASE) - ord("a") < 26
    word |= joined - ord("0") < 10
    word |= joined == _UNDERSCORE
    space = joined - ord("\t") < 5
    space |= joined == _BLANK
    space[-_LONG:] = True
    return word, space


def _lower(joined: Bytes) -> Bytes:
    capital = joined - ord("A") < 26
    lower: Bytes = joined + capital.view(np.uint8) * np.uint8(_CASE)
    return lower


def _foreign_runs(joined: Bytes, space: Mask) -> IntArray:
    """Where the runs without a space begin and end that hold another character."""
    places = np.flatnonzero(joined == _FOREIGN)
    if not len(places):
        return np.empty((0, 2), np.int64)
    spaces = np.concatenate([[-1], np.flatnonzero(space)])
    after = np.searchsorted(spaces, places)
    after = after[np.diff(after, prepend=-1) > 0]
    return np.stack([spaces[after - 1] + 1, spaces[after]], axis=1)


def _cut(joined: Bytes, word: Mask, space: Mask) -> tuple[IntArray, IntArray]:
    """Starts and ends of words, and of every other character that is no space."""
    # An apostrophe between two characters of words is one of theirs.
    inner = joined[1:-1] == _APOSTROPHE
    inner &= word[:-2]
    inner &= word[2:]
    word[1:-1] |= inner
    alone = ~(word | space)
    starts, ends = alone.copy(), alone
    starts[0] |= word[0]
    # After a character of no word, and before one.
    starts[1:] |= word[1:] > word[:-1]
    ends[:-1] |= word[:-1] > word[1:]
    return np.flatnonzero(starts), np.flatnonzero(ends) + 1


def _long_keys(
    numbers: Keys, starts: IntArray, sizes: IntArray, chosen: IntArray
) -> Keys:
    keys = np.empty((_LONG // _SHORT, len(chosen)), np.uint64)
    for n, key in enumerate(keys):
        rest = np.clip(sizes[chosen] - _SHORT * n, 0, _SHORT)
        key[:] = numbers[starts[chosen] + _SHORT * n] & _FIRST[rest]
    return keys


def _merged(
    some: tuple[IntArray, IntArray, IntArray], more: tuple[IntArray, IntArray, IntArray]
) -> tuple[IntArray, IntArray, IntArray]:
    """Both in the order of their starts."""
    at = np.searchsorted(some[0], more[0])
    starts, ends, ids = (
        np.insert(one, at, other) for one, other in zip(some, more, strict=True)
    )
    return starts, ends, ids


def _is_word(word: str) -> bool:
    """Whether a piece of ASCII characters can be it."""
    parts = word.split("'")
    return (
        word.isascii()
        and word == word.lower()
        and all(part and part.replace("_", "a").isalnum() for part in parts)
    )
