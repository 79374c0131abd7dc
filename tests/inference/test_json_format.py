"""Rounded rows sum to 1, and no number moves by more than a unit."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.inference.json_format import DIGITS, rounded, rounded_rows


def test_what_is_left_goes_to_those_that_lost_most():
    thirds = rounded_rows(np.array([1 / 3, 1 / 3, 1 / 3]))
    assert thirds.tolist() == [0.3333334, 0.3333333, 0.3333333]
    assert rounded_rows(np.array([[0.25, 0.75], [0.0, 0.0]])).tolist() == [
        [0.25, 0.75],
        [0.0, 0.0],
    ]


@given(st.integers(1, 500), st.integers(0, 2**32 - 1))
def test_rows_sum_to_one(length, seed):
    random = np.random.default_rng(seed)
    rows = random.dirichlet(np.full(length, 0.05), 3).astype(np.float32)
    shown = rounded_rows(rows)
    units = np.rint(shown * 10**DIGITS)
    assert (units.sum(-1) == 10**DIGITS).all()
    assert np.allclose(units / 10**DIGITS, shown, rtol=0, atol=1e-15)
    # Rows of float32 are a little off 1 themselves.
    off = np.abs(rows.astype(np.float64).sum(-1, keepdims=True) - 1)
    assert (np.abs(shown - rows) < 10.0**-DIGITS + off).all()


def test_no_row_is_nothing():
    assert rounded_rows(np.zeros((0, 3))).shape == (0, 3)
    assert rounded_rows(np.zeros((2, 0))).shape == (2, 0)


def test_rows_lie_one_after_the_other():
    # What writes a reply takes no other arrays.
    assert rounded_rows(np.full((4, 3), 1 / 3).T).flags.c_contiguous


@pytest.mark.parametrize("number", [-0.0, -1e-9, np.float32(-0.0)])
def test_zero_has_no_sign(number):
    assert json.dumps(rounded(number)) == "0.0"
