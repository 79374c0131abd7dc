"""What forcing and erasing do to content and to function words, apart."""

from collections.abc import Mapping

import numpy as np

from regard.trust.erasure import best_order
from regard.trust.measurement import ATTENTION, RANDOM
from regard.trust.statistics import Interval, bootstrap, mean, ratio_of_means
from regard.types import FloatArray

#: The groups of words, by their number in what is measured.
CONTENT, FUNCTION, NEITHER = 0.0, 1.0, 2.0
GROUPS: Mapping[str, float | None] = {
    "all": None,
    "content": CONTENT,
    "function": FUNCTION,
}
#: A word that no token of the source makes less, or more, probable by so many nats is
#: written from the words before it alone.
REACH = 0.1
_GAIN = "gain "
# Of many figures that decide nothing.
_RESAMPLES = 500


def word_groups(
    words: Mapping[str, FloatArray], seed: int
) -> dict[str, dict[str, Interval]]:
    """Figures of each group of words, with intervals over pairs.

    Of each pair the mean over its words of the group; pairs without one are left out.

    Args:
        words: ``(pairs, words)`` by name; see ``Measurements.words``.
        seed: What the resamples depend on.

    Returns:
        By the name of a group that has words and of a figure. ``changed``, ``moved``
        and ``lost`` come with what was done to the weights, ``zero_max``, ``even`` and
        ``shuffled``, or to the source, ``erased_looked_at``, ``erased_random`` and
        ``erased_best``: the share of words whose most probable one becomes another,
        the total variation, and how many nats less probable the word becomes. ``words``
        is as the gate, by the first eraser; ``prefix_alone`` is the share of words that
        no single token matters to; ``lag -1``, ``lag 0``, ``lag 1`` are ``lost`` where
        a token is erased so far from the one that is looked at most.
    """
    gains = {
        name.removeprefix(_GAIN): values[np.isfinite(values)]
        for name, values in words.items()
        if name.startswith(_GAIN)
    }
    best = best_order({name: each for name, each in gains.items() if name != RANDOM})
    groups = {}
    for name, number in GROUPS.items():
        is_in = np.isfinite(words["group"])
        if number is not None:
            is_in = words["group"] == number
        if is_in.any():
            groups[name] = _figures(words, is_in, best, seed)
    return groups


def _figures(
    words: Mapping[str, FloatArray], is_in: FloatArray, best: str, seed: int
) -> dict[str, Interval]:
    figures = {}
    for name, values in words.items():
        if name in {"group", "reach"} or name.startswith(_GAIN):
            continue
        of_pairs = _by_pair(values, is_in)
        if len(of_pairs):
            figures[name] = _interval(of_pairs, seed=seed)
    alone = np.where(np.isfinite(words["reach"]), words["reach"] < REACH, np.nan)
    figures["prefix_alone"] = _interval(_by_pair(alone, is_in), seed=seed)
    gained, most, chance = (
        _by_pair(words[_GAIN + name], is_in) for name in (ATTENTION, best, RANDOM)
    )
    share = bootstrap(ratio_of_means, gained - chance, most - chance, seed=seed)
    # Where the best order gains nothing there is nothing to have a share of.
    return {"words": share, **figures} if np.isfinite(share.value) else figures


def _interval(of_pairs: FloatArray, seed: int) -> Interval:
    return bootstrap(mean, of_pairs, seed=seed, resamples=_RESAMPLES)


def _by_pair(values: FloatArray, is_in: FloatArray) -> FloatArray:
    """The mean over the words of a group, of each pair that has one."""
    known = is_in & np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0).sum(axis=1)
    return (total / np.maximum(count, 1))[count > 0]


def group_lines(groups: Mapping[str, Mapping[str, Interval]]) -> list[str]:
    """The figures of groups of words, as lines for a terminal."""
    names = dict.fromkeys(name for figures in groups.values() for name in figures)
    lines = ["Words of the target apart, never part of the verdict:"]
    rows = [["", *groups]]
    rows += [
        [name, *(str(figures.get(name, "")) for figures in groups.values())]
        for name in names
    ]
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    lines += [
        "".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return [line.rstrip() for line in lines]
