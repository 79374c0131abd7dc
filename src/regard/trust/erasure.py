"""Curves of erasing: how the answer changes as keys go in some order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from regard.trust.subject import Baseline, BoolArray, Subject, total_variation
from regard.types import FloatArray, IntArray

#: How far answers moved, and whether their labels changed.
Effects: TypeAlias = tuple[FloatArray, BoolArray]
#: The shares of the keys that are erased, or kept alone.
FRACTIONS = (0.05, 0.1, 0.2, 0.5)
#: Longer texts are erased in so many parts where each key would have its turn.
MOST_PARTS = 64


@dataclass(frozen=True, eq=False)
class ErasureCurves:
    """How far the answer moved along one or several orders of the keys.

    Args:
        without: ``(orders, texts, fractions)``, the total variation from the answer
            when the highest keys are erased.
        alone: The same when all but the highest keys are erased.
        flipped: ``(orders, texts, fractions)``, whether erasing changed the label.
        gain: ``(orders, texts)``, the mean of ``without - alone`` over the fractions;
            fractions that come to the same number of keys count once.
    """

    without: FloatArray
    alone: FloatArray
    flipped: BoolArray
    gain: FloatArray


class KeyEraser(Protocol):
    """Erases keys of some texts, and says what that did to the answers.

    Attributes:
        baseline: The undisturbed answers to the texts.
    """

    @property
    def baseline(self) -> Baseline: ...  # noqa: D102 - see above

    def effects(self, rows: IntArray, keep: BoolArray) -> Effects:
        """What erasing does to the answers to some of the texts.

        Args:
            rows: ``(rows,)``, places in the texts of ``baseline``.
            keep: ``(rows, keys)``, True where a key stays.

        Returns:
            ``(rows,)`` each: how far the answer moved, the total variation; whether its
            label changed.
        """


@dataclass(frozen=True, eq=False)
class Eraser:
    """One way to erase keys of some texts.

    Args:
        name: The way, one of ``Subject.erasers``.
        subject: The model and its texts.
        texts: ``(texts,)``, the texts that are erased from.
        baseline: Their undisturbed answers.
        draws: ``(texts, keys)``, see ``Subject.erased``.
    """

    name: str
    subject: Subject
    texts: IntArray
    baseline: Baseline
    draws: FloatArray

    def effects(self, rows: IntArray, keep: BoolArray) -> Effects:
        """See ``KeyEraser``."""
        answers = self.subject.erased(
            self.texts[rows], keep, self.name, self.draws[rows]
        )
        undisturbed = self.baseline.probabilities[rows]
        changed = answers.argmax(axis=-1) != undisturbed.argmax(axis=-1)
        return total_variation(answers, undisturbed), changed


def ranks(scores: FloatArray, valid: BoolArray, noise: FloatArray) -> IntArray:
    """The place of each key, 0 for the highest score; keys that are none come last.

    Args:
        scores: ``(..., texts, keys)``.
        valid: ``(texts, keys)``.
        noise: ``(..., texts, keys)``, which decides between equal scores. Sorted by
            their index, uniform weights would test where words stand.
    """
    lowest = np.where(valid, -scores, np.inf)
    order = np.lexsort((noise, lowest), axis=-1)
    return np.argsort(order, axis=-1)


def key_counts(lengths: IntArray) -> tuple[IntArray, BoolArray]:
    """The number of keys of each fraction of each text, and which numbers are new.

    Args:
        lengths: ``(texts,)``.

    Returns:
        Two arrays ``(texts, fractions)``.
    """
    # Less than one key in a billion: products like 0.1 * 30 are not exact.
    counts = np.ceil(lengths[:, None] * np.array(FRACTIONS) - 1e-9).astype(np.int64)
    is_new = np.diff(counts, axis=1, prepend=0) > 0
    return counts, is_new


def erasure_curves(eraser: KeyEraser, places: IntArray) -> ErasureCurves:
    r"""Erase the highest keys of each order, and all but them.

    .. math::
        g = \frac1{|F|} \sum_{f \in F} TV(p(x), p(x \setminus top_k)) -
            TV(p(x), p(top_k)), \qquad k = \lceil f L \rceil

    Args:
        eraser: The way to erase, and the texts.
        places: ``(orders, texts, keys)``, see ``ranks``.

    References:
        DeYoung et al.: ERASER (2020), https://aclanthology.org/2020.acl-main.408
        (comprehensiveness, the first term, and sufficiency, the second).
    """
    baseline = eraser.baseline
    counts, is_new = key_counts(baseline.lengths)
    shape = (len(places), *counts.shape)
    rows = np.flatnonzero(np.broadcast_to(is_new, shape))
    order, text, fraction = np.unravel_index(rows, shape)
    is_top = places[order, text] < counts[text, fraction][:, None]
    keep = np.concatenate([~is_top, is_top]) & np.tile(baseline.valid[text], (2, 1))
    twice = np.tile(text, 2)
    effects, changed = eraser.effects(twice, keep)
    moved = effects.reshape(2, -1)
    # A fraction without keys of its own has the answer of the one before.
    source = (np.cumsum(np.broadcast_to(is_new, shape).reshape(-1)) - 1).reshape(shape)
    without, alone = moved[0][source], moved[1][source]
    new = np.broadcast_to(is_new, shape)
    gain = ((without - alone) * new).sum(axis=-1) / np.maximum(new.sum(axis=-1), 1)
    return ErasureCurves(without, alone, changed[: len(text)][source], gain)


def leave_one_out(eraser: KeyEraser) -> FloatArray:
    """How far the answer moves without each key, ``(texts, keys)``.

    Texts of more than 64 keys are cut into 64 parts of neighbours that go together;
    the keys of a part share its effect.

    Args:
        eraser: The way to erase, and the texts.
    """
    baseline = eraser.baseline
    valid = baseline.valid
    keys = np.arange(valid.shape[1])
    parts = np.minimum(baseline.lengths, MOST_PARTS)
    share = parts / np.maximum(baseline.lengths, 1)
    part_of = np.where(valid, (keys * share[:, None]).astype(np.int64), -1)
    text = np.repeat(np.arange(len(valid)), parts)
    first = np.repeat(np.cumsum(parts) - parts, parts)
    part = np.arange(len(text)) - first
    keep = valid[text] & (part_of[text] != part[:, None])
    effect = np.zeros((len(valid), MOST_PARTS))
    effect[text, part], _ = eraser.effects(text, keep)
    together = np.take_along_axis(effect, np.maximum(part_of, 0), axis=1)
    sizes = np.maximum(_part_sizes(part_of), 1)
    return np.where(valid, together / sizes, 0.0)


def _part_sizes(part_of: IntArray) -> IntArray:
    """How many keys each key's part has."""
    same = part_of[:, :, None] == np.arange(MOST_PARTS)
    return np.take_along_axis(same.sum(axis=1), np.maximum(part_of, 0), axis=1)


def best_order(gains: Mapping[str, FloatArray]) -> str:
    """The order with the highest mean gain over the texts."""
    return max(gains, key=lambda name: float(gains[name].mean()))
