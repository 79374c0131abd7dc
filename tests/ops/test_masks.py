"""Masks: which query may see which key."""

import numpy as np
import pytest
from keras import ops

import oracle
from regard.ops import (
    causal_mask,
    erase_padding,
    join_masks,
    last_valid,
    window_mask,
)

pytestmark = pytest.mark.backends


def seen(mask):
    """The keys each query sees."""
    return [np.flatnonzero(row).tolist() for row in ops.convert_to_numpy(mask)]


def test_causal():
    assert seen(causal_mask(3, 4)) == [[0], [0, 1], [0, 1, 2]]
    assert seen(causal_mask(4, 2)) == [[0], [0, 1], [0, 1], [0, 1]]


def test_an_odd_window_reaches_equally_far():
    assert seen(window_mask(4, 4, 3)) == [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3]]


def test_an_even_window_reaches_further_into_the_past():
    assert seen(window_mask(5, 5, 4))[2:4] == [[0, 1, 2, 3], [1, 2, 3, 4]]
    assert seen(window_mask(3, 3, 2)) == [[0], [0, 1], [1, 2]]


def test_a_causal_window_ends_at_the_query():
    assert seen(window_mask(4, 4, 2, causal=True)) == [[0], [0, 1], [1, 2], [2, 3]]


def test_a_window_past_the_end_of_the_keys_is_empty():
    assert seen(window_mask(4, 2, 1)) == [[0], [1], [], []]


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 9])
def test_windows_are_those_of_the_oracle(width, causal):
    result = ops.convert_to_numpy(window_mask(6, 5, width, causal))
    np.testing.assert_array_equal(result, oracle.window_mask(6, 5, width, causal))


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_masks_are_joined_by_and(rank):
    query, key = np.array([[1, 0]] * 2), np.array([[1, 1, 0], [1, 0, 1]])
    attention = np.array([[1, 0, 1], [1, 1, 1]]).reshape((1,) * (rank - 2) + (2, 3))
    joined = ops.convert_to_numpy(join_masks(query, key, None, attention))
    assert joined.shape == (2, 1, 2, 3)
    assert joined.astype(int).tolist() == [
        [[[1, 0, 0], [0, 0, 0]]],
        [[[1, 0, 1], [0, 0, 0]]],
    ]


def test_no_masks_are_no_mask():
    assert join_masks(None, None, None) is None


def test_padding_is_erased_whatever_it_holds():
    states = np.array([[[1.0, 2.0], [np.nan, np.inf]]], np.float32)
    erased = ops.convert_to_numpy(erase_padding(states, np.array([[True, False]])))
    assert erased.tolist() == [[[1, 2], [0, 0]]]
    assert erase_padding(states, None) is states


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (None, 3),
        ([1, 1, 0, 0], 1),
        ([0, 0, 1, 1], 3),
        ([1, 0, 1, 0], 2),
        ([0, 0, 0, 0], 0),
    ],
)
def test_the_last_valid_state(mask, expected):
    states = np.arange(8, dtype=np.float32).reshape(1, 4, 2)
    mask = None if mask is None else np.array([mask], bool)
    result = ops.convert_to_numpy(last_valid(ops.convert_to_tensor(states), mask))
    np.testing.assert_array_equal(result, states[:, expected : expected + 1])
