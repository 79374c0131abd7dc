"""Few lengths, padding at the end."""

import numpy as np
import pytest

from regard.errors import ArgumentError
from regard.text.padding import bucket_of, length_buckets, pad


@pytest.mark.parametrize(
    ("max_length", "expected"),
    [
        (1, (1,)),
        (16, (16,)),
        (17, (16, 17)),
        (100, (16, 32, 64, 100)),
        (1024, (16, 32, 64, 128, 256, 512, 1024)),
        (3000, (16, 32, 64, 128, 256, 512, 1024, 2048, 3000)),
    ],
)
def test_lengths_double_up_to_the_longest(max_length, expected):
    assert length_buckets(max_length) == expected


def test_a_model_that_reads_nothing_is_refused():
    with pytest.raises(ArgumentError, match="1 or more"):
        length_buckets(0)


def test_the_shortest_bucket_that_holds_a_length():
    indices = bucket_of(np.array([0, 1, 16, 17, 32, 33]), (16, 32, 40))
    assert indices.tolist() == [0, 0, 0, 1, 1, 2]


def test_zeros_fill_what_is_missing():
    batch = pad([np.array([5, 6]), np.array([7])], rows=3, length=4)
    assert batch.tolist() == [[5, 6, 0, 0], [7, 0, 0, 0], [0, 0, 0, 0]]
    assert batch.dtype == np.int32


def test_a_token_may_be_made_of_several_ids():
    batch = pad([np.array([[1, 2]]), np.empty((0, 2))], rows=2, length=2)
    assert batch.tolist() == [[[1, 2], [0, 0]], [[0, 0], [0, 0]]]
