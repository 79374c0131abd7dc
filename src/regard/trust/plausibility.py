"""Plausibility: whether the weights are where people say that the reasons are.

Another question than trust, and no part of the verdict: a model may answer for other
reasons than people would, and its weights then tell the truth by disagreeing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from regard._validate import check_same_length
from regard.errors import ArgumentError, DataError, shown
from regard.metrics import rationale_agreement
from regard.trust.statistics import Interval, bootstrap, mean
from regard.trust.subject import BoolArray
from regard.types import FloatArray, IntArray

#: What is marked in a text: ``(start, end)`` of each part, in characters.
Spans: TypeAlias = tuple[tuple[int, int], ...]

_EXPECTED = (
    "[[start, end], ...] in characters, the end exclusive; or a 0 or 1 for each word "
    "between spaces, [0, 1, 1, ...]; or nothing"
)
_OF_POSITIONS = (
    "a 0 or 1 for each position, [0, 1, 1, ...]; or [[start, end], ...] in positions, "
    "the end exclusive; or nothing"
)


@dataclass(frozen=True)
class Plausibility:
    """How far the weights are where people marked the reasons, means over texts.

    Args:
        mass: The share of the weight on marked tokens, with its interval.
        precision: The area under the curve of precision and recall (AUPRC).
        token_f1: F1 of the heaviest tokens, as many of each text as are marked of all.
        marked: The share of tokens that are marked: the mass of even weights.
        texts: The number of texts with a mark; the others are passed over.
    """

    mass: Interval
    precision: Interval
    token_f1: Interval
    marked: float
    texts: int


def read_marks(gold: Any, text: str, place: str) -> Spans:
    """What is marked in a text, checked.

    Args:
        gold: ``[[start, end], …]`` in characters, the end exclusive; or a number for
            each word between spaces, 1 where it is marked and else 0; None or an empty
            list where nothing is known.
        text: The text.
        place: What the text is called, as an error message begins.

    Raises:
        DataError: It is something else, or does not fit the text.
    """
    if gold is None:
        return ()
    if isinstance(gold, str) or not isinstance(gold, Sequence | np.ndarray):
        raise _wrong(place, f"{gold!r:.60}")
    entries = [each.tolist() if isinstance(each, np.ndarray) else each for each in gold]
    if all(_is_flag(each) for each in entries):
        return _of_words(entries, text, place) if entries else ()
    odd = next(each for each in entries if not _is_flag(each))
    if _is_flag(entries[0]):
        raise _wrong(place, f"{odd!r:.60} among numbers of words")
    spans = tuple(_ends(each, len(text), place, _EXPECTED) for each in entries)
    return tuple((start, end) for start, end in spans if start < end)


def tokens_marked(spans: Spans, offsets: IntArray) -> BoolArray:
    """Whether each token is marked: where a character of it is, ``(tokens,)``.

    Marks beyond what the model read of a text are left out.
    """
    starts, ends = offsets[:, 0], offsets[:, 1]
    marked = np.zeros(len(offsets), bool)
    for start, end in spans:
        marked |= (starts < end) & (ends > start)
    return marked


def positions_marked(gold: Any, count: int, place: str) -> BoolArray:
    """Which positions of a sample are marked, checked.

    Args:
        gold: A number for each position there is, 1 where it is marked and else 0;
            ``[[start, end], …]`` in positions, the end exclusive; None or an empty
            list where nothing is known.
        count: How many positions there are.
        place: What the sample is called, as an error message begins.

    Raises:
        DataError: It is something else, or does not fit.
    """
    marked = np.zeros(count, bool)
    if gold is None:
        return marked
    if isinstance(gold, str) or not isinstance(gold, Sequence | np.ndarray):
        raise _wrong(place, shown(gold), _OF_POSITIONS)
    entries = [each.tolist() if isinstance(each, np.ndarray) else each for each in gold]
    if entries and all(_is_flag(each) for each in entries):
        if len(entries) != count:
            raise DataError(
                f"{place}: the marks do not fit.",
                expected=f"a 0 or 1 for each of its {count} positions",
                received=f"{len(entries)} of them",
            )
        return np.array(entries, bool)
    for each in entries:
        start, end = _ends(each, count, place, _OF_POSITIONS)
        marked[start:end] = True
    return marked


@runtime_checkable
class Markable(Protocol):
    """A subject of whose keys people can say that they are reasons."""

    def marked(self, gold: Sequence[Any]) -> list[BoolArray]:
        """Which keys of each text of the subject are marked.

        Args:
            gold: The marks of all data that were given, also of what is passed over.

        Raises:
            ArgumentError: There are more or fewer.
            DataError: They are no marks.
        """

    def weights(self, texts: IntArray) -> list[FloatArray]:
        """The weight of each key of texts, by their indices; the mean over heads."""


def checked_marks(subject: Any, gold: Sequence[Any]) -> list[BoolArray]:
    """Which keys of each text of a subject are marked.

    Raises:
        ArgumentError: Nobody can mark them, or there are not as many as data.
        DataError: They are no marks, do not fit, or nothing is marked at all.
    """
    if not isinstance(subject, Markable):
        raise ArgumentError(
            "Marks are for texts with a label, or for the positions of a Keras model.",
            expected="no marks for a model that writes",
            fix="Links between the words of pairs are what 'regard evaluate BUNDLE "
            "--alignments' compares its weights with.",
        )
    marks = subject.marked(gold)
    if not any(each.any() for each in marks):
        raise DataError(
            "In none of the texts a word is marked.",
            fix="Mark the words that are reasons, or leave the marks out.",
        )
    return marks


def plausibility(
    weights: Sequence[FloatArray], marks: Sequence[BoolArray], seed: int
) -> Plausibility | None:
    """Weights held against marks; None where no token of any text is marked.

    Args:
        weights: The weight of each token of each text, ``(tokens,)``.
        marks: Whether it is marked.
        seed: What the resamples depend on.
    """
    check_same_length({"weights": weights, "marks": marks})
    pairs = [pair for pair in zip(weights, marks, strict=True) if pair[1].any()]
    if not pairs:
        return None
    share = float(np.mean([tokens.mean() for _, tokens in pairs]))
    # Where everything is marked, everything is taken.
    taken = share if share < 1 else None
    agreements = [rationale_agreement(row, tokens, taken) for row, tokens in pairs]
    mass, precision, token_f1 = (
        bootstrap(
            mean, np.array([getattr(each, name) for each in agreements]), seed=seed
        )
        for name in ("mass", "precision", "token_f1")
    )
    return Plausibility(mass, precision, token_f1, share, len(pairs))


def plausibility_lines(found: Plausibility) -> list[str]:
    """The figures as lines for a terminal."""
    measures = {
        "mass on marked tokens": found.mass,
        "AUPRC": found.precision,
        "token F1": found.token_f1,
    }
    lines = ["Plausibility, another question, never part of the verdict:"]
    lines += [
        f"{name:24}{each.value:>10.3f}  {each.low:.3f} to {each.high:.3f}"
        for name, each in measures.items()
    ]
    even = f"{'marked, of all tokens':24}{found.marked:>10.3f}"
    return [*lines, f"{even}  on {found.texts} texts with marks"]


def _is_flag(entry: Any) -> bool:
    is_number = isinstance(entry, bool | int | float | np.integer)
    return is_number and entry in (0, 1)


def _of_words(flags: Sequence[Any], text: str, place: str) -> Spans:
    words = text.split()
    if len(words) != len(flags):
        raise DataError(
            f"{place}: the marks do not fit the text.",
            expected=f"a 0 or 1 for each of its {len(words)} words between spaces",
            received=f"{len(flags)} of them",
        )
    spans, start = [], 0
    for word, flag in zip(words, flags, strict=True):
        start = text.index(word, start)
        if flag:
            spans.append((start, start + len(word)))
        start += len(word)
    return tuple(spans)


def _ends(entry: Any, length: int, place: str, expected: str) -> tuple[int, int]:
    is_pair = isinstance(entry, Sequence) and not isinstance(entry, str)
    ends = list(entry) if is_pair else []
    if len(ends) != 2 or not all(type(end) is int for end in ends):
        raise _wrong(place, f"{entry!r:.60}", expected)
    start, end = ends
    if not 0 <= start <= end <= length:
        raise DataError(
            f"{place}: a mark lies outside of it.",
            expected=f"0 <= start <= end <= {length}",
            received=f"[{start}, {end}]",
        )
    return start, end


def _wrong(place: str, received: str, expected: str = _EXPECTED) -> DataError:
    return DataError(
        f"{place}: these are no marks.", expected=expected, received=received
    )
