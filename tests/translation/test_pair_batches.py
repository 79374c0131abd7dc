"""Batches of pairs: what is in them, how much of it is padding, in which order."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.translation.pair_batches import (
    EncodedPairs,
    PairBatches,
    make_buckets,
    padding_share,
)

lengths = st.lists(
    st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=60
)


@given(lengths, st.integers(1, 8), st.integers(1, 6), st.sampled_from([0.0, 0.1, 0.5]))
def test_every_pair_is_in_one_bucket_that_fits(lengths, fewest, most, padding):
    sides = np.array(lengths)
    options = {"fewest": fewest, "most_shapes": most, "padding": padding}
    buckets = make_buckets(sides[:, 0], sides[:, 1], **options)
    members = np.concatenate([bucket.members for bucket in buckets])
    assert sorted(members.tolist()) == list(range(len(lengths)))
    for bucket in buckets:
        widest = sides[bucket.members].max(axis=0).tolist()
        assert [bucket.source, bucket.target] == widest
        assert len(bucket.members) >= min(fewest, len(lengths))
    assert len(buckets) <= most
    areas = [
        (bucket.source + bucket.target) * len(bucket.members) for bucket in buckets
    ]
    share = 1 - sides.sum() / sum(areas)
    assert padding_share(sides, buckets) == pytest.approx(share)


def sentences(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Lengths as those of captions and their translations."""
    generator = np.random.default_rng(0)
    sources = np.clip(generator.gamma(9, 1.4, count).round(), 1, 60)
    targets = sources * generator.normal(1.05, 0.15, count)
    return sources.astype(int), np.clip(targets.round(), 1, 60).astype(int)


def test_little_is_padding_with_few_shapes():
    sources, targets = sentences(20_000)
    buckets = make_buckets(sources, targets, fewest=256, most_shapes=24, padding=0.09)
    share = padding_share(np.stack([sources, targets], 1), buckets)
    assert share < 0.1
    assert len(buckets) < 24  # cutting ended because little enough was left


def test_equal_lengths_are_one_bucket():
    ones = np.full(50, 7)
    options = {"fewest": 1, "most_shapes": 24, "padding": 0.0}
    assert len(make_buckets(ones, ones, **options)) == 1


def uneven(count: int = 37) -> EncodedPairs:
    generator = np.random.default_rng(3)
    sizes = generator.integers(1, 12, (count, 2)).tolist()
    # The first symbol names the pair.
    sources = [
        np.array([index + 10] * source) for index, (source, _) in enumerate(sizes)
    ]
    targets = [
        np.array([index + 10] * target) for index, (_, target) in enumerate(sizes)
    ]
    return EncodedPairs(sources, targets)


def read(epoch) -> list[list[int]]:
    """The pairs of each batch, by their names."""
    return [
        [int(name) for name in epoch[index][0][0][:, 0] if name]
        for index in range(len(epoch))
    ]


def test_an_epoch_has_every_pair_once():
    batches = PairBatches(uneven(), batch_size=3, seed=5)
    for number in (0, 1):
        seen = chain.from_iterable(read(batches.epoch(number)))
        assert sorted(seen) == list(range(10, 47))
        assert len(read(batches.epoch(number))) == len(batches)


def test_the_order_depends_on_seed_and_epoch_alone():
    one, same = (PairBatches(uneven(), 3, seed=5) for _ in range(2))
    other = PairBatches(uneven(), 3, seed=6)
    same.epoch(0)
    same.epoch(4)
    np.random.seed(0)
    assert read(one.epoch(1)) == read(same.epoch(1))
    assert read(one.epoch(1)) != read(one.epoch(2))
    assert read(one.epoch(1)) != read(other.epoch(1))


@pytest.mark.parametrize("start", [1, 5])
def test_an_epoch_that_goes_on_is_the_rest_of_the_whole_one(start):
    batches = PairBatches(uneven(), 3, seed=5)
    assert read(batches.epoch(2, start)) == read(batches.epoch(2))[start:]


def test_without_a_seed_every_epoch_is_alike():
    batches = PairBatches(uneven(), 3)
    assert read(batches.epoch(0)) == read(batches.epoch(1))


def test_a_batch_tells_each_step_the_symbol_before():
    pairs = EncodedPairs([np.array([4, 5])], [np.array([6, 7, 8])])
    epoch = PairBatches(pairs, batch_size=2).epoch(0)
    [((source, told), right)] = [epoch[index] for index in range(len(epoch))]
    assert source.tolist() == [[4, 5], [0, 0]]
    assert told.tolist() == [[2, 6, 7, 8], [0, 0, 0, 0]]
    assert right.tolist() == [[6, 7, 8, 3], [0, 0, 0, 0]]
    assert epoch.tokens(0) == 4


def test_the_share_of_padding_counts_the_end():
    pairs = EncodedPairs([np.ones(2), np.ones(4)], [np.ones(1), np.ones(1)])
    # Places: two rows of 4 + 2; used: 2 + 2 and 4 + 2.
    assert PairBatches(pairs, 2).padding == pytest.approx(1 - 10 / 12)
    assert PairBatches(pairs, 2).tokens == 4


def test_a_short_training_has_few_shapes():
    """A program for each shape is compiled, and a short training does not earn it."""
    generator = np.random.default_rng(0)
    sides = [[np.ones(size) for size in generator.integers(1, 41, 570)] for _ in "st"]
    pairs = EncodedPairs(*sides)

    def shapes(epochs):
        return len(PairBatches(pairs, 16, epochs=epochs)._buckets)

    assert shapes(2) == 1
    assert 2 <= shapes(12) <= 3
    assert shapes(1_000) == shapes(None) > 3
