"""Batches of pairs: few shapes, the same order whenever an epoch is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import keras
import numpy as np

from regard.text.id_file import IdFile, lengths_of
from regard.text.padding import pad
from regard.text.special_ids import BEGIN_ID, END_ID
from regard.training.checkpoint import digest
from regard.types import IntArray

# A bucket holds at least so many batches, so that its last one, which is filled up
# with padding, does not weigh much.
_BATCHES = 4
_MOST_SHAPES = 24
_PADDING = 0.09
# What a program takes to trace and compile, and an operation on numbers to be done, on
# two cores.
_SECONDS_A_PROGRAM, _SECONDS_AN_OPERATION = 4.0, 1e-11

PairBatch = tuple[tuple[IntArray, IntArray], IntArray]


@dataclass(frozen=True, eq=False)
class EncodedPairs:
    """Sources and targets as ids.

    Args:
        sources: Arrays ``(source,)``.
        targets: Arrays ``(target,)``, without begin and end.
    """

    sources: Sequence[IntArray]
    targets: Sequence[IntArray]

    def __len__(self) -> int:
        return len(self.sources)

    def digest(self) -> str:
        """The SHA-256 of the pairs, in hexadecimal digits; of files their name."""
        if isinstance(self.sources, IdFile):
            return self.sources.digest
        return digest(chain(self.sources, self.targets))


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


class PairBatches:
    """The batches of every epoch.

    The order of an epoch depends on the seed and the number of the epoch alone, so
    that a training which was stopped goes on as if nothing had happened.

    Args:
        pairs: What is cut into batches.
        batch_size: The height of every batch.
        seed: What the order depends on; None: that of the buckets.
        epochs: How often they are read at most: in a short training a shape more costs
            more than it saves. None: often enough.
        operations: What is computed for a place, a symbol of a source or a target.

    Attributes:
        shapes: The widths of source and target of its batches.
    """

    def __init__(
        self,
        pairs: EncodedPairs,
        batch_size: int,
        seed: int | None = None,
        *,
        epochs: int | None = None,
        operations: float = 1e7,
    ) -> None:
        self._pairs = pairs
        self._size = batch_size
        self._seed = seed
        # What is written is one longer than the target: the end belongs to it.
        sources, targets = lengths_of(pairs.sources), lengths_of(pairs.targets) + 1
        least = 0.0
        if epochs is not None:
            seconds = epochs * operations * _SECONDS_AN_OPERATION
            least = _SECONDS_A_PROGRAM / seconds
        self._buckets = make_buckets(
            sources,
            targets,
            fewest=_BATCHES * batch_size,
            most_shapes=_MOST_SHAPES,
            padding=_PADDING,
            least=least,
        )
        self.shapes = [(bucket.source, bucket.target) for bucket in self._buckets]
        self.padding = padding_share(np.stack([sources, targets], 1), self._buckets)
        self.tokens = int(targets.sum())

    def epoch(self, number: int, start: int = 0) -> "EpochBatches":
        """The batches of an epoch from batch ``start`` on."""
        chosen = [
            (bucket, members[first : first + self._size])
            for bucket in self._buckets
            for members in [self._shuffled(bucket, number)]
            for first in range(0, len(members), self._size)
        ]
        if self._seed is not None:
            order = np.random.default_rng((self._seed, number)).permutation(len(chosen))
            chosen = [chosen[index] for index in order.tolist()]
        return EpochBatches(self._pairs, self._size, chosen[start:])

    def __len__(self) -> int:
        return sum(-(-len(bucket.members) // self._size) for bucket in self._buckets)

    def _shuffled(self, bucket: Bucket, number: int) -> IntArray:
        if self._seed is None:
            return bucket.members
        key = (self._seed, number, bucket.source, bucket.target)
        return np.random.default_rng(key).permutation(bucket.members)


class EpochBatches(keras.utils.PyDataset):
    """The batches of one epoch, in order.

    Args:
        pairs: What they are made of.
        batch_size: The height of every batch.
        chosen: The shape and the members of each.
    """

    def __init__(
        self,
        pairs: EncodedPairs,
        batch_size: int,
        chosen: Sequence[tuple[Bucket, IntArray]],
    ) -> None:
        super().__init__()
        self._pairs, self._size, self._chosen = pairs, batch_size, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: int) -> PairBatch:
        """Source, target moved by one; and the target with its end."""
        bucket, members = self._chosen[index]
        sources = [self._pairs.sources[member] for member in members.tolist()]
        targets = [self._pairs.targets[member] for member in members.tolist()]
        before = [np.concatenate([[BEGIN_ID], target]) for target in targets]
        ended = [np.concatenate([target, [END_ID]]) for target in targets]
        return (
            (
                pad(sources, self._size, bucket.source),
                pad(before, self._size, bucket.target),
            ),
            pad(ended, self._size, bucket.target),
        )

    def tokens(self, index: int) -> int:
        """The symbols that are predicted in a batch."""
        _, members = self._chosen[index]
        return sum(len(self._pairs.targets[member]) + 1 for member in members)


def make_buckets(
    sources: IntArray,
    targets: IntArray,
    *,
    fewest: int,
    most_shapes: int,
    padding: float,
    least: float = 0.0,
) -> list[Bucket]:
    """Cut pairs into buckets by their lengths.

    Every shape costs a compilation, and every padded place costs time in every epoch.
    The bucket with the most padding is cut in two where that saves the most, until
    little enough is left, or to be saved.

    Args:
        sources: ``(pairs,)``, the lengths of the sources.
        targets: ``(pairs,)``, the lengths of the targets.
        fewest: The fewest pairs of a bucket.
        most_shapes: The most buckets.
        padding: The share of padding among all places at which cutting ends.
        least: How many padded places a cut has to save.
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
        if cut is None or saved[worst] <= least:
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
    """The waste saved by the best cut, and its two sides; None: there is no cut."""
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
