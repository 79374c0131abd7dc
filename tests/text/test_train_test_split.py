"""The split that keeps the shares of the classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.errors import ArgumentError, DataError
from regard.text import Labels
from regard.text.train_test_split import stratified_split

LABELS = Labels(("a", "b", "c"))


@given(
    counts=st.tuples(*[st.integers(2, 40)] * 3),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 9),
)
def test_the_split_is_a_partition_that_keeps_the_shares(counts, fraction, seed):
    targets = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], counts))
    first, second = stratified_split(targets, fraction, LABELS, seed)
    assert sorted([*first, *second]) == list(range(len(targets)))
    for index, count in enumerate(counts):
        held_out = np.sum(targets[second] == index)
        assert 1 <= held_out <= count - 1
        assert abs(held_out - fraction * count) <= 1


def test_the_split_depends_on_the_seed_only():
    targets = np.repeat([0, 1, 2], 10)
    splits = [stratified_split(targets, 0.3, LABELS, seed)[1] for seed in (1, 1, 2)]
    assert splits[0].tolist() == splits[1].tolist() != splits[2].tolist()


def test_a_class_with_a_single_example_is_named():
    with pytest.raises(DataError, match="Class 'b' has a single example"):
        stratified_split(np.array([0, 0, 1, 2, 2]), 0.5, LABELS, 0)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_a_share_out_of_range_is_refused(fraction):
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        stratified_split(np.array([0, 0]), fraction, LABELS, 0)
