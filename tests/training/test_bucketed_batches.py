"""Batches for training: few shapes, every example once an epoch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from regard.training.batches import BucketedBatches, EncodedExamples


def examples(lengths: list[int]) -> EncodedExamples:
    """Every example is known by its first id, which is also its class."""
    sequences = [np.full(length, index + 1) for index, length in enumerate(lengths)]
    return EncodedExamples(sequences, np.arange(1, len(lengths) + 1))


@given(
    lengths=st.lists(st.integers(1, 70), min_size=1, max_size=60),
    batch_size=st.integers(1, 9),
    seed=st.one_of(st.none(), st.integers(0, 3)),
)
def test_every_example_is_in_every_epoch_once(lengths, batch_size, seed):
    batches = BucketedBatches(examples(lengths), batch_size, 70, seed)
    for _ in range(2):
        seen = []
        for index in range(len(batches)):
            ids, targets, counts = batches[index]
            assert ids.shape[0] == batch_size
            assert ids.shape[1] in {16, 32, 64, 70}
            real = counts == 1
            assert np.all(targets[real] == ids[real, 0])
            assert not ids[~real].any()
            assert set(counts.tolist()) <= {0.0, 1.0}
            seen += targets[real].tolist()
            lengths_seen = (ids[real] > 0).sum(axis=1)
            assert lengths_seen.tolist() == [lengths[t - 1] for t in targets[real]]
        assert sorted(seen) == list(range(1, len(lengths) + 1))
        batches.on_epoch_end()


def widths(batches: BucketedBatches) -> set[int]:
    return {batches[index][0].shape[1] for index in range(len(batches))}


def test_a_bucket_that_stays_half_empty_joins_the_next():
    assert widths(BucketedBatches(examples([3] * 4 + [20] * 8), 8, 64)) == {16, 32}
    assert widths(BucketedBatches(examples([3] * 3 + [20] * 8), 8, 64)) == {32}
    assert widths(BucketedBatches(examples([3]), 8, 64)) == {16}


def order(batches: BucketedBatches) -> list[int]:
    return [t for index in range(len(batches)) for t in batches[index][1].tolist()]


def test_the_order_depends_on_the_seed_and_changes_each_epoch():
    made = [BucketedBatches(examples([3] * 40), 8, 16, seed) for seed in (1, 1, 2)]
    first = [order(one) for one in made]
    assert first[0] == first[1] != first[2]
    made[0].on_epoch_end()
    assert order(made[0]) != first[0]


def test_without_a_seed_the_order_is_that_of_the_examples():
    made = BucketedBatches(examples([3] * 20), 8, 16)
    made.on_epoch_end()
    assert order(made)[:20] == list(range(1, 21))
