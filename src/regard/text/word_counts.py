"""How often each word occurs, counted in arrays of all words of many texts."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from regard.text.cut_texts import SHORT, CutTexts, Mask
from regard.text.key_table import Keys, mixed
from regard.text.segmentation import Spans
from regard.types import IntArray

# Of more, those that are the same are put together.
_MOST_KEYS = 1 << 20
_MOST_CHARACTERS = 1 << 22


@dataclass(frozen=True, eq=False)
class CountedTexts:
    """What is in a few texts, see ``CutTexts``.

    Args:
        short: The different keys of pieces of up to eight characters, and how often
            each came.
        long: The same of longer ones.
        pieces: Those that are longer still.
        runs: The runs with other characters.
    """

    short: tuple[Keys, IntArray]
    long: tuple[Keys, IntArray]
    pieces: list[str]
    runs: list[str]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "CountedTexts":
        """Count texts.

        Raises:
            UnicodeError: One of them holds half a surrogate pair.
        """
        cut = CutTexts.of(texts)
        short = np.sort(cut.short_keys()[cut.ends - cut.starts <= SHORT])
        firsts = np.flatnonzero(_changes(short[None]))
        counts = np.diff(firsts, append=len(short))
        long = cut.long_keys()[1]
        return cls(
            (short[None, firsts], counts),
            _summed(long, np.ones(long.shape[1], np.int64)),
            cut.longer()[1],
            cut.run_strings(texts),
        )


class WordCounts:
    """The number of times each normalised word occurs.

    Args:
        split: What cuts strings with other characters than ASCII.
        normalise: The word that a piece of text is.
    """

    def __init__(
        self,
        split: Callable[[Sequence[str]], Iterator[Spans]],
        normalise: Callable[[str], str],
    ) -> None:
        self._split, self._normalise = split, normalise
        self._short, self._long = _KeyCounts(), _KeyCounts()
        self._pieces: Counter[str] = Counter()
        self._runs: Counter[str] = Counter()
        self._characters = 0

    def add(self, counted: CountedTexts) -> None:
        """Add what is in a few texts."""
        self._short.add(counted.short)
        self._long.add(counted.long)
        self._pieces.update(counted.pieces)
        self._runs.update(counted.runs)
        self._characters += sum(map(len, counted.runs))
        if self._characters > _MOST_CHARACTERS:
            self._cut_runs()

    def words(self) -> Counter[str]:
        """What was counted so far."""
        self._cut_runs()
        words: Counter[str] = Counter()
        for piece, count in self._pieces.items():
            words[self._normalise(piece)] += count
        for counts in (self._short, self._long):
            for word, count in counts.spelled():
                words[word] += count
        return words

    def _cut_runs(self) -> None:
        # Many occur more than once.
        for run, spans in zip(self._runs, self._split(list(self._runs)), strict=True):
            count = self._runs[run]
            for start, end in spans:
                self._pieces[run[start:end]] += count
        self._runs, self._characters = Counter(), 0


class _KeyCounts:
    """How often each key came, see ``CutTexts``."""

    def __init__(self) -> None:
        self._held: list[tuple[Keys, IntArray]] = []

    def add(self, counted: tuple[Keys, IntArray]) -> None:
        self._held.append(counted)
        if sum(len(counts) for _, counts in self._held) > _MOST_KEYS:
            self._held = [self._sum()]

    def spelled(self) -> Iterator[tuple[str, int]]:
        if not self._held:
            return
        keys, counts = self._sum()
        width = 8 * len(keys)
        characters = keys.T.astype("<u8").tobytes().decode("ascii")
        for place, count in enumerate(counts.tolist()):
            word = characters[width * place : width * (place + 1)].rstrip("\0")
            # The only piece with such a character is that character.
            yield word or "\0", count

    def _sum(self) -> tuple[Keys, IntArray]:
        keys, counts = zip(*self._held, strict=True)
        return _summed(np.concatenate(keys, axis=1), np.concatenate(counts))


def _summed(keys: Keys, counts: IntArray) -> tuple[Keys, IntArray]:
    """Different keys, and the sums of their counts.

    Keys that share a hash, which is hardly ever, may be there more than once.
    """
    if not len(counts):
        return keys, counts
    order = np.argsort(mixed(keys))
    keys, counts = keys[:, order], counts[order]
    firsts = np.flatnonzero(_changes(keys))
    return keys[:, firsts], np.add.reduceat(counts, firsts)


def _changes(keys: Keys) -> Mask:
    """Where another key begins."""
    changes = np.ones(keys.shape[1], np.bool_)
    changes[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    return changes
