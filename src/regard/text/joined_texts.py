"""The pieces of many texts, cut and looked up all at once."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from regard.text.cut_texts import SHORT, Bytes, CutTexts
from regard.text.key_table import KeyTable
from regard.text.special_ids import UNKNOWN_ID
from regard.types import IntArray

#: The spans of the pieces of one string, and their ids.
Foreign = tuple[Sequence[tuple[int, int]], Sequence[int]]


class Pieces(NamedTuple):
    """The pieces of several texts, one after the other.

    Args:
        ids: ``(pieces,)``, int32.
        spans: ``(pieces, 2)``, int32: start and end within the piece's own text.
        counts: ``(texts,)``, how many pieces each text has.
        places: ``(pieces,)``, how many come before each in its own text.
        lower: The characters of all texts, see ``CutTexts``; None where another rule
            than ours makes a piece a word.
        firsts: ``(texts,)``, where each text begins there.
    """

    ids: IntArray
    spans: IntArray
    counts: IntArray
    places: IntArray
    lower: Bytes | None = None
    firsts: IntArray | None = None

    @classmethod
    def of(
        cls,
        ids: IntArray,
        spans: IntArray,
        counts: IntArray,
        cut: CutTexts | None = None,
    ) -> "Pieces":
        """With the places that follow from the counts."""
        firsts = np.repeat(np.cumsum(counts) - counts, counts)
        pieces = cls(ids, spans, counts, np.arange(len(ids)) - firsts)
        return pieces._replace(lower=cut.lower, firsts=cut.firsts) if cut else pieces

    def shortened(self, most: int) -> "Pieces":
        """The first ``most`` of each text."""
        if self.counts.max(initial=0) <= most:
            return self
        kept = np.flatnonzero(self.places < most)
        return self._replace(
            ids=self.ids.take(kept),
            spans=self.spans.take(kept, axis=0),
            counts=np.minimum(self.counts, most),
            places=self.places.take(kept),
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
        vocabulary: Mapping[str, int],
        cut: Callable[[Sequence[str]], Sequence[Foreign]],
        id_of: Callable[[str], int],
    ) -> None:
        self._cut, self._id_of = cut, id_of
        words = [word for word in vocabulary if word.isascii() and word.lower() == word]
        ids = np.asarray([vocabulary[word] or UNKNOWN_ID for word in words], np.int32)
        spelled = CutTexts.of(words)
        # A word that is cut is none that a piece can be.
        ends = spelled.firsts + np.asarray(list(map(len, words)), np.int64)
        owners = np.searchsorted(spelled.firsts, spelled.starts, side="right") - 1
        whole = spelled.starts == spelled.firsts[owners]
        whole &= spelled.ends == ends[owners]
        chosen, keys = spelled.long_keys()
        kept = whole[chosen]
        self._long = KeyTable(keys.T[kept])
        self._long_ids = _or_unknown(ids[owners[chosen[kept]]])
        whole &= spelled.ends - spelled.starts <= SHORT
        self._short = KeyTable(spelled.short_keys()[whole, None])
        self._short_ids = _or_unknown(ids[owners[whole]])

    def pieces(self, texts: Sequence[str]) -> Pieces:
        """Cut texts.

        Raises:
            UnicodeError: One of them holds half a surrogate pair.
        """
        cut = CutTexts.of(texts)
        starts, ends, ids = cut.starts, cut.ends, self._look_up(cut)
        if len(cut.runs):
            more = self._foreign(cut, texts)
            starts, ends, ids = _merged((starts, ends, ids), more)
        counts = np.diff(np.searchsorted(starts, [*cut.firsts, len(cut.lower)]))
        spans = np.empty((len(starts), 2), np.int32)
        within = np.repeat(cut.firsts, counts)
        np.subtract(starts, within, out=spans[:, 0], casting="unsafe")
        np.subtract(ends, within, out=spans[:, 1], casting="unsafe")
        return Pieces.of(ids, spans, counts, cut)

    def _look_up(self, cut: CutTexts) -> IntArray:
        ids: IntArray = self._short_ids[self._short.find(cut.short_keys()[None])]
        longer, keys = cut.long_keys()
        ids[longer] = self._long_ids[self._long.find(keys)]
        places, spelled = cut.longer()
        ids[places] = list(map(self._id_of, spelled))
        return ids

    def _foreign(
        self, cut: CutTexts, texts: Sequence[str]
    ) -> tuple[IntArray, IntArray, IntArray]:
        spans: list[tuple[int, int]] = []
        ids: list[int] = []
        counts = []
        for run_spans, run_ids in self._cut(cut.run_strings(texts)):
            spans += run_spans
            ids += run_ids
            counts.append(len(run_ids))
        placed = np.asarray(spans, np.int64).reshape(-1, 2)
        placed += np.repeat(cut.runs[:, 0], counts)[:, None]
        return placed[:, 0], placed[:, 1], np.asarray(ids, np.int32)


def _or_unknown(ids: IntArray) -> IntArray:
    """The ids of words, and a last one for what is no word."""
    return np.append(ids, np.int32(UNKNOWN_ID))


def _merged(
    some: tuple[IntArray, IntArray, IntArray], more: tuple[IntArray, IntArray, IntArray]
) -> tuple[IntArray, IntArray, IntArray]:
    """Both in the order of their starts."""
    at = np.searchsorted(some[0], more[0])
    starts, ends, ids = (
        np.insert(one, at, other) for one, other in zip(some, more, strict=True)
    )
    return starts, ends, ids
