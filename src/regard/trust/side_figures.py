"""What others measure of attention: shown in a report, never part of a verdict."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from regard.errors import DataError
from regard.trust.erasure import FRACTIONS, Eraser, key_counts, ranks
from regard.trust.subject import entropy, total_variation
from regard.types import FloatArray

#: How often keys are erased that are erased with some probability.
SOFT_RUNS = 4
#: Answers that are no further apart count as the same.
_SAME = 0.01
#: The share of keys whose words are erased, and then their states.
_SHARE = 0.2
_ATTENTION, _RANDOM = "attention", "random"


def flip_figures(flipped: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """The share of keys that flips the label, and how often random ones do not.

    Args:
        flipped: By the name of an order, ``(texts, fractions)``: the share of runs in
            which erasing the highest keys changed the label.

    Returns:
        ``share to flip``: the smallest of the shares, in the order of the weights, that
        changes the label, 1 where none does. ``same label, 10% erased`` and so on: how
        often the label stays as keys are erased at random.

    References:
        Serrano, Smith: Is attention interpretable? (2019),
        https://aclanthology.org/P19-1282 (decision flips).
    """
    changes = flipped[_ATTENTION] > 0
    first = np.array([*FRACTIONS, 1.0])[_first(changes)]
    stays = 1 - flipped[_RANDOM]
    return {
        "share to flip": first,
        **{
            f"same label, {share:.0%} erased": stays[:, column]
            for column, share in enumerate(FRACTIONS)
        },
    }


def _first(true: Any) -> Any:
    """The first place in each row that is True, the number of places where none is."""
    ended = np.concatenate([true, np.ones((len(true), 1), bool)], axis=1)
    return ended.argmax(axis=1)


def soft_figures(eraser: Eraser, soft: FloatArray) -> dict[str, FloatArray]:
    """Erasing by chance, the likelier the more weight a key has.

    Args:
        eraser: The way to erase, and the texts.
        soft: ``(SOFT_RUNS, texts, keys)``, numbers from 0 to 1.

    Returns:
        ``soft comprehensiveness``: how far the answer moves where each key goes with
        the probability of its weight over the largest. ``soft sufficiency``: how much
        of it stays where each key stays with that probability. ``violation rate``:
        whether the answer rises without the heaviest key, which was said to be for it.
        NaN where the model gives no answer of what chance has left.

    References:
        Zhao, Aletras: Incorporating attribution importance for improving faithfulness
        metrics (2023), https://aclanthology.org/2023.acl-long.261, here of whole keys;
        Liu et al.: Rethinking attention-model explainability through faithfulness
        violation test (2022), https://arxiv.org/abs/2201.12114.
    """
    baseline = eraser.baseline
    weights = baseline.weights.mean(axis=1)
    count = len(weights)
    share = weights / np.maximum(weights.max(axis=1, keepdims=True), 1e-30)
    hit = soft < share
    heaviest = np.arange(weights.shape[1]) == weights.argmax(axis=1)[:, None]
    keep = np.concatenate([*(~hit), *hit, ~heaviest])
    keep &= np.tile(baseline.valid, (len(keep) // count, 1))
    rows = np.tile(np.arange(count), len(keep) // count)
    try:
        answers = eraser.subject.erased(
            eraser.texts[rows], keep, eraser.name, eraser.draws[rows]
        )
    except DataError:
        # Chance may leave no key, of which some models make no answer at all.
        names = "soft comprehensiveness", "soft sufficiency", "violation rate"
        return {name: np.full(count, np.nan) for name in names}
    moved = total_variation(answers, baseline.probabilities[rows])
    moved = moved.reshape(-1, count)
    runs = len(soft)
    label = baseline.probabilities.argmax(axis=1)
    places = np.arange(count)
    rises = answers[-count:][places, label] > baseline.probabilities[places, label]
    return {
        "soft comprehensiveness": moved[:runs].mean(axis=0),
        "soft sufficiency": 1 - moved[runs : 2 * runs].mean(axis=0),
        "violation rate": rises.astype(float),
    }


def divergence(first: FloatArray, second: FloatArray) -> Any:
    r"""The Jensen-Shannon divergence of distributions over the last axis, in nats.

    .. math:: JSD(p, q) = H(\tfrac12 p + \tfrac12 q) - \tfrac12 H(p) - \tfrac12 H(q)
    """
    middle = entropy((first + second) / 2)
    return middle - entropy(first) / 2 - entropy(second) / 2


def same_answer_figures(
    distance: FloatArray, moved: FloatArray
) -> dict[str, FloatArray]:
    """How different weights may be that give the same answer.

    Args:
        distance: ``(texts, shuffles)``, the divergence of shuffled weights from the
            model's own.
        moved: ``(texts, shuffles)``, the total variation under them.

    Returns:
        ``largest JSD``: the largest divergence of a shuffle that moves the answer by
        0.01 or less, 0 where none does; at most 0.693, the logarithm of 2.

    References:
        Jain, Wallace: Attention is not explanation (2019),
        https://aclanthology.org/N19-1357 (who search for such weights; here they are
        the best of the shuffles).
    """
    return {"largest JSD": np.where(moved <= _SAME, distance, 0).max(axis=1)}


def locality_figures(eraser: Eraser, noise: FloatArray) -> dict[str, FloatArray]:
    """Whether what a key gives is its own: words erased against states erased.

    Args:
        eraser: The way to erase words, and the texts.
        noise: ``(texts, keys)``, which decides between equal weights.

    Returns:
        ``locality gap``: how far the answer without the words of the heaviest 20 % of
        the keys is from the one under weights that leave these keys out. 0: their
        states hold what they gave, and no others hold it. Nothing where weights cannot
        be forced.
    """
    baseline = eraser.baseline
    if baseline.replayed is None:
        return {}
    counts, _ = key_counts(baseline.lengths)
    top = counts[:, FRACTIONS.index(_SHARE), None]
    places = ranks(baseline.weights.mean(axis=1), baseline.valid, noise)
    keep = baseline.valid & (places >= top)
    words = eraser.subject.erased(eraser.texts, keep, eraser.name, eraser.draws)
    left = baseline.weights * keep[:, None]
    total = left.sum(axis=-1, keepdims=True)
    forced = np.divide(left, total, out=np.zeros_like(left), where=total > 0)
    states = eraser.subject.forced(eraser.texts, forced)
    return {"locality gap": total_variation(words, states)}
