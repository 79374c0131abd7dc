"""Few shapes of batches with little padding."""

from dataclasses import dataclass

import numpy as np

from regard.types import IntArray


@dataclass(frozen=True, eq=False)
class Bucket:
    """Pairs that are padded to one shape.

    Args:
        source: The width of the source.
        target: The width of the target.
        members: The indices of the pairs.
    """

    source: int
    target: int
    members: IntArray


def make_buckets(
    sources: IntArray,
    targets: IntArray,
    *,
    fewest: int,
    most_shapes: int,
    padding: float,
) -> list[Bucket]:
    """Cut pairs into buckets by their lengths.

    Every shape costs a compilation, and every padded place costs time in every epoch.
    The bucket with the most padding is cut in two where that saves the most, until
    little enough is left.

    Args:
        sources: ``(pairs,)``, the lengths of the sources.
        targets: ``(pairs,)``, the lengths of the targets.
        fewest: The fewest pairs of a bucket.
        most_shapes: The most buckets.
        padding: The share of padding among all places at which cutting ends.
    """
    lengths = np.stack([sources, targets], axis=1)
    buckets: list[IntArray] = [np.arange(len(sources))]
    places = int(lengths.sum())
    while len(buckets) < most_shapes:
        waste = [_waste(lengths[members]) for members in buckets]
        if sum(waste) <= padding / (1 - padding) * places:
            break
        cuts = [_best_cut(lengths, members, fewest) for members in buckets]
        saved = [0 if cut is None else cut[0] for cut in cuts]
        worst = int(np.argmax(saved))
        cut = cuts[worst]
        if cut is None or not saved[worst]:
            break
        buckets[worst : worst + 1] = list(cut[1:])
    return [_bucket(lengths, members) for members in buckets]


def padding_share(lengths: IntArray, buckets: list[Bucket]) -> float:
    """The share of padded places; ``lengths`` is ``(pairs, 2)``."""
    all_places = sum(
        (bucket.source + bucket.target) * len(bucket.members) for bucket in buckets
    )
    return 1 - float(lengths.sum()) / all_places


def _waste(lengths: IntArray) -> int:
    return int((lengths.max(axis=0) - lengths).sum())


def _best_cut(
    lengths: IntArray, members: IntArray, fewest: int
) -> tuple[int, IntArray, IntArray] | None:
    """What the best cut saves, and its two sides; None where there is none."""
    before = _waste(lengths[members])
    best: tuple[int, IntArray, IntArray] | None = None
    for axis in (0, 1):
        own = lengths[members, axis]
        for limit in np.unique(own)[:-1].tolist():
            low, high = members[own <= limit], members[own > limit]
            if min(len(low), len(high)) < fewest:
                continue
            saved = before - _waste(lengths[low]) - _waste(lengths[high])
            if best is None or saved > best[0]:
                best = saved, low, high
    return best


def _bucket(lengths: IntArray, members: IntArray) -> Bucket:
    source, target = lengths[members].max(axis=0).tolist()
    return Bucket(max(source, 1), max(target, 1), members)
