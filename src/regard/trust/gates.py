"""The gates: effect sizes with intervals, each able to say that it cannot tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from regard.trust.erasure import best_order
from regard.trust.measurement import (
    ATTENTION,
    CONTRIBUTION,
    CONTRIBUTION_SIZE,
    RANDOM,
    ErasureMeasurements,
    Measurements,
)
from regard.trust.statistics import Interval, bootstrap, mean, ratio_of_means
from regard.types import FloatArray

#: The largest difference of probabilities that numerics explain.
REPLAY = 1e-3
EVENNESS, ROOM, WORDS, MISLEADING = 0.99, 0.05, 0.5, 0.15
MOVED, SPREAD, SURER, APART = 0.05, 0.01, 0.55, 0.02
#: The least share by which contributions have to do better than attention, without
#: their sign, and the share of the weights that may be on what adds next to nothing.
AHEAD, IDLE = 0.1, 0.5
# Entropies that differ by rounding alone, in nats.
_SAME = 1e-5


class Outcome(StrEnum):
    """Where the interval of a quantity lies."""

    ABOVE = "above"
    BELOW = "below"
    UNDECIDED = "undecided"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Gate:
    """A quantity with its interval, beside the bound it is held to.

    Args:
        name: The name of the quantity.
        interval: Its estimate and 95 % interval; None where it was not measured.
        bound: The number it is compared with.
        texts: The number of texts it was measured on.
    """

    name: str
    interval: Interval | None
    bound: float
    texts: int

    @property
    def outcome(self) -> Outcome:
        """Whether the whole interval lies above the bound, or below, or neither."""
        return self.against(self.bound)

    def against(self, bound: float) -> Outcome:
        """As ``outcome``, for another bound."""
        if self.interval is None:
            return Outcome.NOT_MEASURED
        if self.interval.low > bound:
            return Outcome.ABOVE
        # On the bound is not above it: a quantity that is constant may lie there.
        return Outcome.BELOW if self.interval.high <= bound else Outcome.UNDECIDED

    @property
    def needed(self) -> int | None:
        """About how many texts would decide, where so many did not.

        The width of an interval falls with the root of the number of texts.
        """
        if self.outcome is not Outcome.UNDECIDED or self.interval is None:
            return None
        distance = abs(self.interval.value - self.bound)
        width = (self.interval.high - self.interval.low) / 2
        if not np.isfinite(width) or distance == 0:
            return None
        return int(np.ceil(self.texts * (width / distance) ** 2))


def measure_gates(measured: Measurements, seed: int) -> dict[str, Gate]:
    """The gates that do not depend on how keys are erased.

    Args:
        measured: The measurements of all texts.
        seed: What the resamples depend on.
    """
    count = len(measured)
    evenness = measured.evenness[np.isfinite(measured.evenness)]
    return {
        "replay": Gate("replay", _largest(measured.replay), REPLAY, count),
        "evenness": Gate("evenness", _mean(evenness, seed), EVENNESS, len(evenness)),
        "moved": Gate("moved", _mean(measured.moved, seed), MOVED, count),
        "spread": Gate("spread", _mean(measured.spread, seed), SPREAD, count),
        "apart": Gate("apart", _mean(measured.apart, seed), APART, count),
        "surer": Gate("surer", _mean(_surer(measured), seed), SURER, count),
        "idle": Gate("idle", _mean(measured.idle, seed), IDLE, count),
    }


def _surer(measured: Measurements) -> FloatArray | None:
    """The share of shuffles under which the answer is less certain, of each text.

    Entropies differ so much between texts that ``spread`` can seldom be told from 0;
    this is a half where the place of the weights does not matter.
    """
    shuffled = measured.shuffled_entropy
    if shuffled is None:
        return None
    own = measured.entropy[:, None]
    less = np.isclose(shuffled, own, rtol=0, atol=_SAME) / 2 + (shuffled > own + _SAME)
    shares: FloatArray = less.mean(axis=1)
    return shares


def erasure_gates(erasure: ErasureMeasurements, seed: int) -> dict[str, Gate]:
    """The gates of one eraser.

    Args:
        erasure: The measurements of all texts by that eraser.
        seed: What the resamples depend on.
    """
    gain = {name: each for name, each in erasure.gain.items() if name != RANDOM}
    chance = erasure.gain[RANDOM]
    best = gain[best_order(gain)] - chance
    count = len(chance)
    room = bootstrap(mean, best, seed=seed)
    gates = {"room": Gate("room", room, ROOM, count)}
    gates["words"] = _share("words", gain[ATTENTION] - chance, best, WORDS, seed)
    if CONTRIBUTION in gain:
        theirs = gain[CONTRIBUTION] - chance
        gates[CONTRIBUTION] = _share(CONTRIBUTION, theirs, best, WORDS, seed)
        # Their sign puts what speaks against the answer last, which no weights can:
        # that alone is a lead of a quarter where texts say both.
        ahead = gain[CONTRIBUTION_SIZE] - gain[ATTENTION]
        gates["ahead"] = _share("ahead", ahead, best, AHEAD, seed)
    return gates


def _share(
    name: str, above: FloatArray, best: FloatArray, bound: float, seed: int
) -> Gate:
    """A gain as a share of the best order's."""
    share = bootstrap(ratio_of_means, above, best, seed=seed)
    return Gate(name, share if np.isfinite(share.value) else None, bound, len(best))


def _mean(values: FloatArray | None, seed: int) -> Interval | None:
    if values is None or not len(values):
        return None
    return bootstrap(mean, values, seed=seed)


def _largest(values: FloatArray | None) -> Interval | None:
    """The largest value: one text whose weights are not those used is one too many."""
    if values is None or not len(values):
        return None
    largest = float(values.max())
    return Interval(largest, largest, largest)


Gates = Mapping[str, Gate]
