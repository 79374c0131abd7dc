"""What is measured on each text; the gates are made of it."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np

from regard.trust.erasure import (
    Eraser,
    KeyEraser,
    erasure_curves,
    leave_one_out,
    ranks,
)
from regard.trust.side_figures import (
    SOFT_RUNS,
    divergence,
    flip_figures,
    locality_figures,
    same_answer_figures,
    soft_figures,
)
from regard.trust.statistics import tau_b
from regard.trust.subject import Baseline, Subject, entropy, total_variation
from regard.types import FloatArray, IntArray

ATTENTION, LEAVE_ONE_OUT, RANDOM = "attention", "leave_one_out", "random"
CONTRIBUTION = "contribution"
#: Contributions without their sign, as weights have none.
CONTRIBUTION_SIZE = "contribution_size"
#: Random orders, and shuffles of the weights, of each text.
RANDOM_ORDERS, SHUFFLES = 8, 20
_NEXT_TO_NOTHING, _NO_WEIGHT = 0.05, 1e-9
#: The parts that the keys of a text are cut into by their weight.
PARTS = 10


@dataclass(frozen=True, eq=False)
class ErasureMeasurements:
    """What erasing did to each text, by one eraser.

    Args:
        without: By the name of an order, ``(texts, fractions)``: how far the answer
            moved when the highest keys were erased. The random order is the mean of
            its runs.
        alone: The same when all others were erased.
        flipped: By the name of an order, ``(texts, fractions)``: the share of runs in
            which erasing the highest keys changed the label.
        gain: By the name of an order, ``(texts,)``, see ``ErasureCurves``.
        tau: By the name of an order, ``(texts,)``: the rank correlation of attention
            with it; NaN where it is not defined.
        runs: ``without`` and ``alone`` of the random orders by themselves,
            ``(texts, RANDOM_ORDERS, fractions)``.
        tenths: ``(texts, PARTS)``, the mean ``weight`` of a key of each part, and the
            mean ``effect`` of leaving one out; the lightest first, NaN where a text has
            no key in a part.
    """

    without: Mapping[str, FloatArray]
    alone: Mapping[str, FloatArray]
    flipped: Mapping[str, FloatArray]
    gain: Mapping[str, FloatArray]
    tau: Mapping[str, FloatArray]
    runs: Mapping[str, FloatArray]
    tenths: Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class Measurements:
    """What was measured on each text.

    Args:
        texts: ``(texts,)``, the indices of the texts.
        lengths: ``(texts,)``, their numbers of keys.
        evenness: ``(texts,)``, the mean over heads of the entropy of the weights over
            that of even ones, from 0 to 1; NaN for texts of fewer than two keys.
        replay: ``(texts,)``, how far the answer is from the one under the reported
            weights; None where weights cannot be forced.
        moved: ``(texts,)``, the mean total variation under shuffled weights, or None.
        spread: ``(texts,)``, the mean gain of entropy of the answer under shuffled
            weights, in nats, or None.
        apart: ``(texts,)``, how much further the answer is from those under shuffled
            weights than these are from each other, the mean total variation, or None.
        even_gap: ``(texts,)``, the total variation under even weights, or None.
        idle: ``(texts,)``, the share of the weights on keys that add next to nothing:
            those with the smallest contributions, 5 % of all in their sum. None where
            there are no contributions.
        entropy: ``(texts,)``, the entropy of the answer, in nats.
        shuffled_entropy: ``(texts, SHUFFLES)``, the same under each shuffle, or None.
        erasures: What erasing did, by the name of the eraser.
        words: Of models that write: figures of the examined words of each text by name,
            ``(texts, words)``, NaN where there is none; ``group`` is a word's group.
        figures: By name, ``(texts,)``: what is shown and never part of the verdict.
    """

    texts: IntArray
    lengths: IntArray
    evenness: FloatArray
    replay: FloatArray | None
    moved: FloatArray | None
    spread: FloatArray | None
    even_gap: FloatArray | None
    idle: FloatArray | None
    entropy: FloatArray
    shuffled_entropy: FloatArray | None
    erasures: Mapping[str, ErasureMeasurements]
    apart: FloatArray | None = None
    words: Mapping[str, FloatArray] | None = None
    figures: Mapping[str, FloatArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)


def measure(subject: Subject, texts: IntArray, seed: int) -> Measurements:
    """Measure some texts; the same whatever other texts are measured beside them.

    Args:
        subject: The model and its texts.
        texts: ``(texts,)``, the indices of the texts.
        seed: What chance depends on, together with the index of a text.
    """
    baseline = subject.baseline(texts)
    chances = Chances(seed, texts, baseline.lengths, baseline.weights.shape[-1])
    placement, same_answer = _placement(subject, texts, baseline, chances.shuffled)
    erasers = {
        name: Eraser(name, subject, texts, baseline, chances.draws)
        for name in subject.erasers
    }
    erasures = {
        name: measure_erasure(eraser, chances) for name, eraser in erasers.items()
    }
    first = subject.erasers[0]
    return Measurements(
        texts=texts,
        lengths=baseline.lengths,
        evenness=evenness_of(baseline),
        idle=_idle(baseline),
        entropy=entropy(baseline.probabilities),
        **placement,
        erasures=erasures,
        figures={
            **flip_figures(erasures[first].flipped),
            **soft_figures(erasers[first], chances.soft),
            **same_answer,
            **locality_figures(erasers[first], chances.noise),
            **baseline.figures,
        },
    )


@runtime_checkable
class Measuring(Protocol):
    """A subject that measures its texts itself, as one of many answers a text does."""

    def __len__(self) -> int:
        """The number of texts."""

    def measure(self, texts: IntArray, seed: int) -> Measurements:
        """Measure some texts; see ``measure``."""


def join(parts: Sequence[Measurements]) -> Measurements:
    """The measurements of all texts, in the order of the parts."""
    return _joined(parts)


def _joined(parts: Sequence[Any]) -> Any:
    first = parts[0]
    if first is None:
        return None
    if isinstance(first, np.ndarray):
        return np.concatenate(parts)
    if isinstance(first, Mapping):
        return {name: _joined([part[name] for part in parts]) for name in first}
    return type(first)(
        **{
            each.name: _joined([getattr(part, each.name) for part in parts])
            for each in fields(first)
        }
    )


class Chances:
    """The random numbers of each text: they depend on the seed and its index alone.

    Args:
        seed: What they depend on, together with the index of a text.
        texts: ``(texts,)``, the indices.
        lengths: ``(texts,)``, their numbers of keys.
        keys: The number of columns.

    Attributes:
        draws: ``(texts, keys)``, see ``Subject.erased``.
        orders: ``(RANDOM_ORDERS, texts, keys)``, the scores of random orders.
        noise: ``(texts, keys)``, which decides between equal scores.
        shuffled: ``(texts, SHUFFLES, keys)``, the key whose weight each key is given.
        soft: ``(SOFT_RUNS, texts, keys)``, by which keys are erased that are erased
            with some probability.
    """

    def __init__(
        self, seed: int, texts: IntArray, lengths: IntArray, keys: int
    ) -> None:
        self.draws = np.zeros((len(texts), keys))
        self.orders = np.zeros((RANDOM_ORDERS, len(texts), keys))
        self.noise = np.zeros((len(texts), keys))
        self.shuffled = np.zeros((len(texts), SHUFFLES, keys), np.int64)
        self.soft = np.ones((SOFT_RUNS, len(texts), keys))
        for row, (text, length) in enumerate(
            zip(texts.tolist(), lengths.tolist(), strict=True)
        ):
            generator = np.random.default_rng([seed, text])
            self.draws[row, :length] = generator.random(length)
            self.orders[:, row, :length] = generator.random((RANDOM_ORDERS, length))
            self.noise[row, :length] = generator.random(length)
            places = np.argsort(generator.random((SHUFFLES, length)), axis=-1)
            self.shuffled[row, :, :length] = places
            self.soft[:, row, :length] = generator.random((SOFT_RUNS, length))

    def of(self, rows: IntArray) -> "Chances":
        """Those of some texts, some of them perhaps more than once."""
        chances = copy.copy(self)
        for name in ("draws", "noise", "shuffled"):
            setattr(chances, name, getattr(self, name)[rows])
        chances.orders, chances.soft = self.orders[:, rows], self.soft[:, rows]
        return chances


def evenness_of(baseline: Baseline) -> FloatArray:
    """The entropy of the weights over that of even ones; see ``Measurements``."""
    totals = baseline.weights.sum(axis=-1, keepdims=True)
    # Weight may lie on keys that are none of the text; a head may have no weight.
    shares = baseline.weights / np.where(totals > 0, totals, 1)
    heads = np.maximum((totals > 0).sum(axis=(1, 2)), 1)
    of_heads = entropy(shares).sum(axis=1) / heads
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = np.log(baseline.lengths)
        return np.where(baseline.lengths > 1, of_heads / largest, np.nan)


def _idle(baseline: Baseline) -> FloatArray | None:
    """The share of the weights on keys that add next to nothing."""
    if CONTRIBUTION not in baseline.orders:
        return None
    sizes = np.where(baseline.valid, np.abs(baseline.orders[CONTRIBUTION]), 0)
    order = np.argsort(sizes, axis=-1)
    total = sizes.sum(axis=-1, keepdims=True)
    grown = np.take_along_axis(sizes, order, axis=-1).cumsum(axis=-1)
    weights = np.take_along_axis(baseline.weights.mean(axis=1), order, axis=-1)
    on_idle: FloatArray = np.where(grown <= _NEXT_TO_NOTHING * total, weights, 0)
    return on_idle.sum(axis=-1) / np.maximum(weights.sum(axis=-1), _NO_WEIGHT)


def _placement(
    subject: Subject, texts: IntArray, baseline: Baseline, shuffled: IntArray
) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """What forced weights did: the reported ones, shuffled ones, even ones.

    And how different weights may be that give the same answer.
    """
    if baseline.replayed is None:
        unmeasured = "replay", "moved", "spread", "apart", "even_gap"
        return dict.fromkeys((*unmeasured, "shuffled_entropy")), {}
    answers = baseline.probabilities
    rows = np.repeat(np.arange(len(texts)), SHUFFLES)
    places = shuffled.reshape(-1, 1, shuffled.shape[-1])
    weights = baseline.weights[rows]
    # All heads move together: what one head knows of another stays.
    forced = np.take_along_axis(weights, np.broadcast_to(places, weights.shape), -1)
    forced = np.where(baseline.valid[rows][:, None], forced, 0)
    under = subject.forced(texts[rows], forced)
    even = baseline.valid / np.maximum(baseline.lengths, 1)[:, None]
    even = np.broadcast_to(even[:, None], baseline.weights.shape)
    by_text = (len(texts), SHUFFLES)
    moved = total_variation(under, answers[rows]).reshape(by_text)
    shuffled_entropy = entropy(under).reshape(by_text)
    spread = shuffled_entropy - entropy(answers)[:, None]
    distance = divergence(forced, weights).mean(axis=1).reshape(by_text)
    placement: dict[str, FloatArray | None] = {
        "replay": np.abs(baseline.replayed - answers).max(axis=-1),
        "moved": moved.mean(axis=1),
        "spread": spread.mean(axis=1),
        "apart": moved.mean(axis=1) - _between(under.reshape(*by_text, -1)),
        "even_gap": total_variation(subject.forced(texts, even), answers),
        "shuffled_entropy": shuffled_entropy,
    }
    return placement, same_answer_figures(distance, moved)


def _between(answers: FloatArray) -> FloatArray:
    """The mean total variation between different ones of ``(texts, runs, classes)``."""
    runs = answers.shape[1]
    # One run against all at a time: all pairs of many classes take much memory.
    each = [total_variation(answers, answers[:, [run]]) for run in range(runs)]
    return np.asarray(np.sum(each, axis=(0, 2)) / (runs * (runs - 1)))


def measure_erasure(eraser: KeyEraser, chances: Chances) -> ErasureMeasurements:
    """What erasing does to each text.

    Args:
        eraser: The way to erase, and the texts.
        chances: The random numbers of these texts.
    """
    baseline = eraser.baseline
    scores = {
        ATTENTION: baseline.weights.mean(axis=1),
        **baseline.orders,
        LEAVE_ONE_OUT: leave_one_out(eraser),
    }
    if CONTRIBUTION in scores:
        scores[CONTRIBUTION_SIZE] = np.abs(scores[CONTRIBUTION])
    stacked = np.concatenate([np.stack(list(scores.values())), chances.orders])
    noise = np.broadcast_to(chances.noise, stacked.shape)
    places = ranks(stacked, baseline.valid, noise)
    curves = erasure_curves(eraser, places)
    return ErasureMeasurements(
        without=_by_order(curves.without, scores),
        alone=_by_order(curves.alone, scores),
        flipped=_by_order(curves.flipped.astype(float), scores),
        gain=_by_order(curves.gain, scores),
        tau=_correlations(scores, baseline.lengths),
        runs={
            "without": np.moveaxis(curves.without[len(scores) :], 0, 1),
            "alone": np.moveaxis(curves.alone[len(scores) :], 0, 1),
        },
        tenths=_tenths(scores, places[0], baseline),
    )


def _tenths(
    scores: Mapping[str, FloatArray], places: IntArray, baseline: Baseline
) -> dict[str, FloatArray]:
    """Weights and effects of keys, averaged over the parts of a text by weight.

    Args:
        scores: The scores by the name of their order.
        places: ``(texts, keys)``, the place of each key by weight, 0 for the heaviest.
        baseline: The undisturbed answers.
    """
    lengths = np.maximum(baseline.lengths, 1)[:, None]
    part = PARTS - 1 - np.minimum(places * PARTS // lengths, PARTS - 1)
    member = (part[..., None] == np.arange(PARTS)) & baseline.valid[..., None]
    count = np.where(member.any(axis=1), member.sum(axis=1), np.nan)
    values = {"weight": scores[ATTENTION], "effect": scores[LEAVE_ONE_OUT]}
    return {
        name: (each[..., None] * member).sum(axis=1) / count
        for name, each in values.items()
    }


def _by_order(
    values: FloatArray, names: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """The values of each named order, and the mean of the random ones."""
    named = dict(zip(names, values, strict=False))
    return {**named, RANDOM: values[len(names) :].mean(axis=0)}


def _correlations(
    scores: Mapping[str, FloatArray], lengths: IntArray
) -> dict[str, FloatArray]:
    attention = scores[ATTENTION]
    return {
        name: np.array(
            [
                tau_b(attention[row, :length], other[row, :length])
                for row, length in enumerate(lengths.tolist())
            ]
        )
        for name, other in scores.items()
        if name != ATTENTION
    }
