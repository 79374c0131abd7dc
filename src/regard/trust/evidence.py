"""What a report keeps of the measurements, to be looked at beside its verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from regard.trust.erasure import FRACTIONS
from regard.trust.measurement import (
    ATTENTION,
    CONTRIBUTION,
    RANDOM,
    ErasureMeasurements,
    Measurements,
)
from regard.trust.statistics import Interval, bootstrap, mean
from regard.trust.subject import Passage
from regard.types import FloatArray, IntArray

# The parts from 0 to 1 that texts are counted in by how far their answer moved.
_BINS = 40


@dataclass(frozen=True)
class ErasureCurve:
    """How far answers moved along one order of the keys, means over the texts.

    Args:
        fractions: The shares of keys.
        without: The total variation from the answer, the highest keys erased.
        alone: The same, all but the highest keys erased.
        flipped: The share of texts whose label changed, the highest keys erased.
        without_low: Of random orders the lowest run of ``without``; else empty.
        without_high: The highest run of it.
        alone_low: Of random orders the lowest run of ``alone``; else empty.
        alone_high: The highest run of it.
    """

    fractions: tuple[float, ...]
    without: tuple[float, ...]
    alone: tuple[float, ...]
    flipped: tuple[float, ...]
    without_low: tuple[float, ...] = ()
    without_high: tuple[float, ...] = ()
    alone_low: tuple[float, ...] = ()
    alone_high: tuple[float, ...] = ()


@dataclass(frozen=True)
class Reliability:
    """What keys of little and of much weight do to the answer, tenth by tenth.

    The keys of each text are ranked by weight and cut into ten parts, the lightest
    first; a text of fewer keys has none in some of them.

    Args:
        weight: The mean weight of a key of each part; NaN where there is none.
        effect: The mean total variation from the answer without such a key, with its
            interval over texts.
    """

    weight: tuple[float, ...]
    effect: tuple[Interval, ...]


@dataclass(frozen=True)
class Placement:
    """The answers under the model's own weights, and under shuffled ones.

    Args:
        own: The mean entropy of the answers, in nats.
        shuffled: The same under each shuffle of the weights.
        moved: The number of texts whose answers shuffling moved by so much, the mean
            total variation over shuffles from 0 to 1 in equal parts.
    """

    own: float
    shuffled: tuple[float, ...]
    moved: tuple[int, ...]


@dataclass(frozen=True)
class ShownText:
    """A text as it can be shown, with what the model saw in it.

    Args:
        text: Its characters.
        offsets: Start and end of each token in it, the end exclusive.
        weights: The weight of each token, the mean over heads.
        contributions: What each token adds to the answer, negative where it speaks
            against it; None where it is not known.
        label: The name of the answer, or its number.
        probability: Its probability.
    """

    text: str
    offsets: tuple[tuple[int, int], ...]
    weights: tuple[float, ...]
    contributions: tuple[float, ...] | None
    label: str
    probability: float

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens as they stand in the text."""
        return tuple(self.text[start:end] for start, end in self.offsets)


@dataclass(frozen=True)
class ExaminedText:
    """What one text gave, to look at the best and the worst of them.

    Args:
        text: The index of the text in the data.
        keys: Its number of keys.
        attention: The gain of the order by attention, see ``ErasureCurves``.
        best: The gain of the order that is the best over all texts.
        chance: The mean gain of random orders.
        shown: The text itself, where it was kept.
    """

    text: int
    keys: int
    attention: float
    best: float
    chance: float
    shown: ShownText | None = None


@runtime_checkable
class Showing(Protocol):
    """A subject whose texts can be shown; see ``Subject``.

    Attributes:
        labels: The names of the answers.
    """

    labels: Sequence[str]

    def passages(self, texts: IntArray) -> Sequence[Passage]:
        """The texts with their tokens, by their indices."""


def erasure_curves_of(erasure: ErasureMeasurements) -> dict[str, ErasureCurve]:
    """The curves of one eraser, by the name of an order."""
    curves = {}
    for name in erasure.gain:
        ends: dict[str, Any] = {}
        if name == RANDOM:
            for side, runs in erasure.runs.items():
                over_texts = runs.mean(axis=0)
                ends[f"{side}_low"] = _rounded(over_texts.min(axis=0))
                ends[f"{side}_high"] = _rounded(over_texts.max(axis=0))
        curves[name] = ErasureCurve(
            FRACTIONS,
            _means(erasure.without[name]),
            _means(erasure.alone[name]),
            _means(erasure.flipped[name]),
            **ends,
        )
    return curves


def reliability_of(erasure: ErasureMeasurements, seed: int) -> Reliability:
    """How the effect of keys goes with their weight.

    Args:
        erasure: The measurements of all texts by one eraser.
        seed: What the resamples depend on.
    """
    weights, effects = erasure.tenths["weight"], erasure.tenths["effect"]
    intervals = []
    for column in effects.T:
        known = column[np.isfinite(column)]
        of = bootstrap(mean, known, seed=seed) if len(known) else None
        ends = (of.value, of.low, of.high) if of else (np.nan,) * 3
        intervals.append(Interval(*_rounded(np.array(ends))))
    known = np.isfinite(weights)
    total = np.where(known, weights, 0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        means = total / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    return Reliability(_rounded(means), tuple(intervals))


def placement_of(measured: Measurements) -> Placement | None:
    """The answers under own and shuffled weights; None where they cannot be forced."""
    if measured.shuffled_entropy is None or measured.moved is None:
        return None
    counts, _ = np.histogram(np.clip(measured.moved, 0, 1), _BINS, (0, 1))
    return Placement(
        float(f"{measured.entropy.mean():.6g}"),
        _rounded(measured.shuffled_entropy.mean(axis=0)),
        tuple(counts.tolist()),
    )


def examined_texts(
    measured: Measurements, gain: Mapping[str, FloatArray], best: str
) -> tuple[ExaminedText, ...]:
    """What each text gave.

    Args:
        measured: The measurements of all texts.
        gain: The gains by the name of an order, see ``ErasureMeasurements``.
        best: The name of the best order.
    """
    gains = (_rounded(gain[name]) for name in (ATTENTION, best, RANDOM))
    rows = zip(measured.texts.tolist(), measured.lengths.tolist(), *gains, strict=True)
    return tuple(ExaminedText(*row) for row in rows)


def shown_texts(subject: Any, texts: Sequence[int]) -> dict[int, ShownText]:
    """Texts as they can be shown, by their indices; none where a subject has no words.

    Args:
        subject: The model and its texts.
        texts: The indices of the texts.
    """
    if not texts or not isinstance(subject, Showing):
        return {}
    indices = np.array(texts)
    # The subject's own methods beside those that show.
    examined: Any = subject
    baseline = examined.baseline(indices)
    parts = baseline.orders.get(CONTRIBUTION)
    shown = {}
    for row, (text, passage) in enumerate(
        zip(texts, subject.passages(indices), strict=True)
    ):
        length = baseline.lengths[row]
        answer = baseline.probabilities[row]
        added = None if parts is None else _rounded(parts[row, :length])
        shown[text] = ShownText(
            passage.text,
            tuple((start, end) for start, end in passage.offsets.tolist()),
            _rounded(baseline.weights[row, :, :length].mean(axis=0)),
            added,
            str(subject.labels[int(answer.argmax())]),
            float(f"{answer.max():.6g}"),
        )
    return shown


def side_figures_of(measured: Measurements) -> dict[str, float]:
    """The means of what is shown beside the verdict, NaN where none is defined."""
    known = {name: each[np.isfinite(each)] for name, each in measured.figures.items()}
    return {
        name: float(f"{each.mean():.6g}") if len(each) else np.nan
        for name, each in known.items()
    }


def _means(values: FloatArray) -> tuple[float, ...]:
    return tuple(values.mean(axis=0).tolist())


def _rounded(values: FloatArray) -> tuple[float, ...]:
    """Numbers to six digits, as they stand in a file."""
    return tuple(float(f"{value:.6g}") for value in values.tolist())
