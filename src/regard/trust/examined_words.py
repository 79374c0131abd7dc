"""The words of translations that are examined, some of each of two groups."""

from dataclasses import dataclass, fields

import numpy as np

from regard.text import SequenceVocabulary
from regard.text.special_ids import FIRST_ORDINARY_ID
from regard.trust.measurement import ErasureMeasurements
from regard.trust.word_groups import CONTENT, FUNCTION
from regard.trust.writer import Steps
from regard.types import FloatArray, IntArray

#: The most words of a target that are examined, half of them function words. What a
#: pair costs is to read its source again and again, and that serves all of its words;
#: but each has orders of its own.
WORDS = 2
#: So many of the most frequent types are function words, of small vocabularies a tenth.
FUNCTION_TYPES = 100


@dataclass(frozen=True, eq=False)
class ExaminedWords:
    """The examined words of some pairs.

    Args:
        steps: The steps that write them.
        place: ``(words,)``, the place of each among those of its pair.
        group: ``(words,)``.
        pairs: The number of pairs.
    """

    steps: Steps
    place: IntArray
    group: FloatArray
    pairs: int

    def in_places(self, values: FloatArray) -> FloatArray:
        """``(pairs, WORDS)``, NaN where a pair has no word."""
        table = np.full((self.pairs, WORDS), np.nan)
        table[self.steps.pair, self.place] = values
        return table

    def by_pair(self, values: FloatArray) -> FloatArray:
        """The mean over the words of each pair, of those for which it is defined."""
        known = np.isfinite(values)
        total, count = (np.zeros((self.pairs, *values.shape[1:])) for _ in range(2))
        np.add.at(total, self.steps.pair, np.where(known, values, 0))
        np.add.at(count, self.steps.pair, known)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def largest(self, values: FloatArray) -> FloatArray:
        """The largest of each pair."""
        largest = np.zeros(self.pairs)
        np.maximum.at(largest, self.steps.pair, values)
        return largest

    def of_pairs(self, erasure: ErasureMeasurements) -> ErasureMeasurements:
        """The means over the words of each pair."""
        return ErasureMeasurements(
            **{
                each.name: {
                    name: self.by_pair(values)
                    for name, values in getattr(erasure, each.name).items()
                }
                for each in fields(erasure)
            }
        )


def drawn_words(group: FloatArray, noise: FloatArray, among: IntArray) -> list[int]:
    """Up to ``WORDS`` steps, of content and function words as many where there are.

    Args:
        group: ``(steps,)``, the group of each step's word.
        noise: ``(steps,)``, the order of the draw.
        among: The steps that may be drawn; where there is none, the first is.
    """
    order = among[np.argsort(noise[among])]
    halves = [order[group[order] == each][: WORDS // 2] for each in (CONTENT, FUNCTION)]
    first = np.concatenate(halves)
    rest = order[~np.isin(order, first)]
    chosen: list[int] = np.sort(np.concatenate([first, rest])[:WORDS]).tolist()
    return chosen or [0]


def function_ids(vocabulary: SequenceVocabulary) -> IntArray | None:
    """Function words: the most frequent types, and what has no letter or digit.

    None where the symbols are no words.
    """
    if vocabulary.kind != "word":
        return None
    ids = np.arange(FIRST_ORDINARY_ID, len(vocabulary))
    # The most frequent ones come first.
    frequent = ids[: min(FUNCTION_TYPES, len(ids) // 10)]
    signs = [
        each
        for each in ids.tolist()
        if not any(map(str.isalnum, vocabulary.token(each)))
    ]
    return np.union1d(frequent, np.array(signs, np.int64))
