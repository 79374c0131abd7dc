"""Texts side by side in one array of bytes, cut into pieces all at once.

Where all characters are ASCII, the rules of ``segmentation`` come to a few comparisons
of neighbours, which NumPy makes for a million characters in the time that an expression
takes for a few thousand. A piece that touches other characters belongs to a run that
the library has to cut, with everything between the spaces around it: no piece reaches
across a space.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regard.text.key_table import Keys
from regard.types import IntArray

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

#: Words of up to so many characters are one number, or three.
SHORT, LONG = 8, 24
#: What stands for a character that is not ASCII.
FOREIGN = 128
_APOSTROPHE, _UNDERSCORE, _BLANK, _CASE = map(ord, "'_  ")
# Of these the pieces between two spaces do not depend on what is beyond them. Among the
# others are characters that join with whatever follows, a space too.
_FAR, _SAFE_AGAIN, _UNSAFE_AGAIN = 0x600, 0x2000, 0x2C00
# The first n bytes of a number, little end first.
_FIRST = np.asarray([(1 << 8 * n) - 1 for n in range(SHORT + 1)], np.uint64)


@dataclass(frozen=True, eq=False)
class CutTexts:
    """Texts, and where their pieces are.

    Args:
        lower: ``(characters,)``, those of all texts in lower case, a space after each
            text; 128 for one that is not ASCII.
        firsts: ``(texts,)``, where each text begins.
        starts: ``(pieces,)``, where each piece begins that is of ASCII characters.
        ends: ``(pieces,)``, where it ends.
        runs: ``(runs, 2)``, where the runs begin and end that are not cut.
    """

    lower: Bytes
    firsts: IntArray
    starts: IntArray
    ends: IntArray
    runs: IntArray

    @classmethod
    def of(cls, texts: Sequence[str]) -> "CutTexts":
        """Cut texts.

        Raises:
            UnicodeError: One of them holds half a surrogate pair.
        """
        characters = [_characters(text) for text in texts]
        # A space after each, and room to read the last word from.
        joined = np.frombuffer(b" ".join([*characters, bytes(LONG)]), np.uint8)
        sizes = np.fromiter(map(len, characters), np.int64, len(texts)) + 1
        word, space = _kinds(joined)
        runs = _foreign_runs(joined, space)
        for start, end in runs.tolist():
            word[start:end] = False
            space[start:end] = True
        starts, ends = _cut(joined, word, space)
        return cls(_lower(joined), np.cumsum(sizes) - sizes, starts, ends, runs)

    def run_strings(self, texts: Sequence[str]) -> list[str]:
        """The runs as they stand in the texts."""
        owners = np.searchsorted(self.firsts, self.runs[:, 0], side="right") - 1
        within = self.runs - self.firsts[owners][:, None]
        return [
            texts[owner][start:end]
            for owner, (start, end) in zip(
                owners.tolist(), within.tolist(), strict=True
            )
        ]

    def short_keys(self) -> Keys:
        """A number for each piece: its characters, or the first eight of them."""
        sizes = np.minimum(self.ends - self.starts, SHORT)
        numbers: Keys = numbers_of(self.lower)[self.starts] & _FIRST[sizes]
        return numbers

    def long_keys(self) -> tuple[IntArray, Keys]:
        """Which pieces have nine to 24 characters, and three numbers for each."""
        sizes = self.ends - self.starts
        chosen = np.flatnonzero(sizes > SHORT)
        sizes = sizes[chosen]
        chosen, sizes = chosen[sizes <= LONG], sizes[sizes <= LONG]
        numbers, starts = numbers_of(self.lower), self.starts[chosen]
        keys = np.empty((LONG // SHORT, len(chosen)), np.uint64)
        for n, key in enumerate(keys):
            rest = np.clip(sizes - SHORT * n, 0, SHORT)
            key[:] = numbers[starts + SHORT * n] & _FIRST[rest]
        return chosen, keys

    def longer(self) -> tuple[IntArray, list[str]]:
        """Which pieces have even more, and their spelling in lower case."""
        chosen = np.flatnonzero(self.ends - self.starts > LONG)
        spans = zip(self.starts[chosen].tolist(), self.ends[chosen].tolist())  # noqa: B905 - of one length
        return chosen, [
            self.lower[start:end].tobytes().decode("ascii") for start, end in spans
        ]


def numbers_of(characters: Bytes) -> Keys:
    """The eight bytes from each place on, as a number, but from the last seven."""
    return np.ndarray(len(characters) - 7, "<u8", characters.data, strides=(1,))


def _characters(text: str) -> bytes:
    """A byte for each character: itself, or 128.

    Where a piece of one may depend on what is beyond a space, none of it is itself.
    """
    if text.isascii():
        return text.encode("ascii")
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    safe = (codes < _FAR) | ((codes >= _SAFE_AGAIN) & (codes < _UNSAFE_AGAIN))
    if not safe.all():
        return bytes([FOREIGN]) * len(text)
    return np.minimum(codes, FOREIGN).astype(np.uint8).tobytes()


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
    space[-LONG:] = True
    return word, space


def _lower(joined: Bytes) -> Bytes:
    capital = joined - ord("A") < 26
    lower: Bytes = joined + capital.view(np.uint8) * np.uint8(_CASE)
    return lower


def _foreign_runs(joined: Bytes, space: Mask) -> IntArray:
    """Where the runs without a space begin and end that hold another character."""
    places = np.flatnonzero(joined == FOREIGN)
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
