"""Batches for training: few shapes, every example once an epoch."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.training import batches
from regard.training.batches import (
    BucketedBatches,
    EncodedExamples,
    ExampleBatches,
    as_input,
)


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
    for number in range(2):
        read = []
        epoch = batches.epoch(number)
        assert len(epoch) == len(batches)
        for index in range(len(epoch)):
            ids, targets, counts = epoch[index]
            assert ids.shape[0] == batch_size
            assert ids.shape[1] in {16, 32, 64, 70}
            real = counts == 1
            assert np.all(targets[real] == ids[real, 0])
            assert not ids[~real].any()
            assert set(counts.tolist()) <= {0.0, 1.0}
            read += targets[real].tolist()
            lengths_seen = (ids[real] > 0).sum(axis=1)
            assert lengths_seen.tolist() == [lengths[t - 1] for t in targets[real]]
        assert sorted(read) == list(range(1, len(lengths) + 1))


def widths(batches: BucketedBatches) -> set[int]:
    epoch = batches.epoch(0)
    return {epoch[index][0].shape[1] for index in range(len(epoch))}


def test_a_bucket_that_stays_half_empty_joins_the_next():
    assert widths(BucketedBatches(examples([3] * 4 + [20] * 8), 8, 64)) == {16, 32}
    assert widths(BucketedBatches(examples([3] * 3 + [20] * 8), 8, 64)) == {32}
    assert widths(BucketedBatches(examples([3]), 8, 64)) == {16}


def test_widths_are_as_many_as_the_work_pays_for(monkeypatch):
    lengths = [3] * 8 + [20] * 8 + [35] * 8
    few = {"batch_size": 8, "max_length": 64}
    # By itself an example decides no width, and no text is longer than there may be.
    assert BucketedBatches(examples(lengths), **few, epochs=4).widths == (40,)
    assert BucketedBatches(examples([35]), 8, 36, epochs=4).widths == (36,)
    # Of the first bucket 8 * 16 places are saved in an epoch, of the second 8 * 8.
    for cost, widths in ((64, (16, 32, 40)), (100, (16, 40)), (1000, (40,))):
        monkeypatch.setattr(batches, "_PLACES_A_PROGRAM", cost)
        made = BucketedBatches(examples(lengths), **few, epochs=1)
        assert made.widths == widths
    assert BucketedBatches(examples(lengths), **few, epochs=99).widths == (16, 32, 40)


def test_a_part_is_read_in_the_widths_of_the_whole():
    part = BucketedBatches(examples([3] * 8 + [9]), 8, 64, epochs=4, widths=(40, 48))
    assert part.widths == (40,)


@pytest.mark.backends
def test_keras_reads_a_width_that_comes_late():
    batches = BucketedBatches(examples([3] * 8 + [20] * 4), 4, 64)
    widths = [batches.epoch(0)[index][0].shape[1] for index in range(3)]
    assert widths == [16, 16, 32]
    layers = [keras.Input((None,)), keras.layers.Embedding(30, 4)]
    pooled = [keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(20)]
    model = keras.Sequential(layers + pooled)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    for _ in range(2):
        history = model.fit(as_input(batches.epoch(0)), shuffle=False, verbose=0)
        assert np.isfinite(history.history["loss"]).all()


def order(epoch: ExampleBatches) -> list[int]:
    return [t for index in range(len(epoch)) for t in epoch[index][1].tolist()]


def shuffled(seed: int | None, count: int = 40) -> BucketedBatches:
    return BucketedBatches(examples([3] * count), 8, 16, seed)


def test_the_order_depends_on_the_seed_and_the_number_of_the_epoch():
    first = [order(shuffled(seed).epoch(0)) for seed in (1, 1, 2)]
    assert first[0] == first[1] != first[2]
    assert order(shuffled(1).epoch(1)) != first[0]


def test_an_epoch_does_not_depend_on_those_that_were_read_before():
    batches = shuffled(1)
    epochs = [order(batches.epoch(number)) for number in range(4)]
    for number in (2, 0, 3):
        assert order(batches.epoch(number)) == epochs[number]
        assert order(shuffled(1).epoch(number)) == epochs[number]


def test_an_epoch_that_goes_on_is_the_rest_of_the_whole_one():
    whole, rest = (order(shuffled(1).epoch(1, start)) for start in (0, 3))
    assert rest == whole[3 * 8 :]


def test_without_a_seed_the_order_is_that_of_the_examples():
    assert order(shuffled(None, 20).epoch(1))[:20] == list(range(1, 21))


def test_examples_are_told_apart():
    same, other, relabelled = examples([3, 4]), examples([4, 3]), examples([3, 4])
    relabelled.targets[0] = 7
    assert same.digest() == examples([3, 4]).digest()
    assert len({one.digest() for one in (same, other, relabelled)}) == 3


def test_weights_with_fractions_are_other_examples():
    plain = EncodedExamples([np.ones(3, np.int32)] * 2, np.asarray([0, 1]))
    weighted = [
        replace(plain, weights=np.asarray(weights, np.float32))
        for weights in ([0.25, 1], [0.5, 1])
    ]
    assert len({one.digest() for one in (plain, *weighted)}) == 3
