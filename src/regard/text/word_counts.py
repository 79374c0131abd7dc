"""How often each word occurs, counted in arrays of all words of many texts."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from regard.text.cut_texts import SHORT, CutTexts
from regard.text.key_table import Keys, mixed
from regard.text.segmentation import Spans
from regard.types import IntArray

# Of more, those that are the same are put together.
_MOST_KEYS = 1 << 20
_MOST_CHARACTERS = 1 << 22


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

    def add(self, cut: CutTexts, texts: Sequence[str]) -> None:
        """Count what a few texts were cut into."""
        self._short.add(cut.short_keys()[cut.ends - cut.starts <= SHORT][None])
        self._long.add(cut.long_keys()[1])
        self._pieces.update(cut.longer()[1])
        runs = cut.run_strings(texts)
        self._runs.update(runs)
        self._characters += sum(map(len, runs))
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

    def add(self, keys: Keys) -> None:
        self._held.append(_summed(keys, np.ones(keys.shape[1], np.int64)))
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
    new = np.ones(len(counts), np.bool_)
    new[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    firsts = np.flatnonzero(new)
    return keys[:, firsts], np.add.reduceat(counts, firsts)
