"""What is in pairs of texts before they are learned from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Any

from regard._label_values import trimmed
from regard._validate import check_same_length
from regard.data.summary import (
    Lengths,
    Summary,
    counted,
    damaged,
    has_lost,
    listed_texts,
    repeats,
    said,
)

# The share of pairs with two equal sides above which it is said.
_IDENTICAL = 0.1
# A side is so many times longer than is usual, and longer than so many characters.
_TIMES, _SHORT = 4, 40


@dataclass(frozen=True, repr=False)
class PairsSummary(Summary):
    """What is in pairs of texts.

    Args:
        rows: The number of pairs.
        source_words: The lengths of the sources in words between spaces.
        target_words: The lengths of the targets.
        empty_sources: The sources that are missing or empty.
        empty_targets: The targets that are missing or empty.
        identical: The pairs whose sides are the same.
        repeated: The pairs that are there before.
        problems: What looks wrong.
    """

    source_words: Lengths
    target_words: Lengths
    empty_sources: int
    empty_targets: int
    identical: int

    @classmethod
    def of(cls, sources: Iterable[Any], targets: Iterable[Any]) -> "PairsSummary":
        """Sum pairs up; ``None``, NaN and ``""`` are missing.

        Raises:
            ArgumentError: There are not as many of both.
            DataError: A side is no text.
        """
        left, right = listed_texts(sources, "Source"), listed_texts(targets, "Target")
        check_same_length({"sources": left, "targets": right})
        whole = [
            (trimmed(a), trimmed(b))
            for a, b in zip(left, right, strict=True)
            if a and b
        ]
        identical = sum(a == b for a, b in whole)
        repeated = len(whole) - len(set(whole))
        uneven = _uneven(whole)
        empty = len(left) - len(whole)
        lost = sum(has_lost(a + b) for a, b in whole)
        problems = [
            *said(empty, "pair has", "pairs have", "an empty side", is_cleaned=True),
            *repeats(repeated, len(left), "pairs"),
            *said(
                uneven,
                "pair has",
                "pairs have",
                f"a side {_TIMES} times longer or "
                "shorter than is usual here: do the sides belong together?",
            ),
            *damaged(lost, "pair has", "pairs have"),
        ]
        if identical > _IDENTICAL * len(left):
            problems += said(identical, "pair has", "pairs have", "two equal sides")
        return cls(
            rows=len(left),
            source_words=Lengths.of([len(text.split()) for text in left if text]),
            target_words=Lengths.of([len(text.split()) for text in right if text]),
            empty_sources=left.count(""),
            empty_targets=right.count(""),
            identical=identical,
            repeated=repeated,
            problems=tuple(problems),
        )

    def _lines(self) -> list[str]:
        return [
            f"{self.rows:,} pairs",
            f"{'words in a source':24}{self.source_words}",
            f"{'words in a target':24}{self.target_words}",
            *counted("empty sources", self.empty_sources),
            *counted("empty targets", self.empty_targets),
            *counted("the same on both sides", self.identical),
            *counted("there before", self.repeated),
        ]


def _uneven(pairs: Sequence[tuple[str, str]]) -> int:
    """The pairs whose sides have other lengths than the other pairs let expect."""
    ratios = [len(target) / len(source) for source, target in pairs]
    usual = median_low(ratios) if ratios else 1.0
    return sum(
        max(ratio / usual, usual / ratio) > _TIMES and max(map(len, pair)) > _SHORT
        for ratio, pair in zip(ratios, pairs, strict=True)
    )
