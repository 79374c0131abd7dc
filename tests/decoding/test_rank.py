"""The rank of hypotheses, held against the formulas of Wu et al. (2016)."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from regard.decoding import Search
from regard.decoding.rules import attainable, length_norm, rank

pytestmark = pytest.mark.backends


def of(search: Search, log_probability, lengths, coverage, mask) -> np.ndarray:
    arguments = (log_probability, lengths, coverage, mask)
    return ops.convert_to_numpy(
        rank(search, *map(ops.convert_to_tensor, map(np.asarray, arguments)))
    )


@pytest.mark.parametrize(
    ("alpha", "length", "norm"),
    [
        (0.0, 9, 1.0),
        (1.0, 1, 1.0),
        (1.0, 7, 2.0),
        (2.0, 7, 4.0),
        (0.5, 19, 2.0),
        (0.6, 25, 5**0.6),
    ],
)
def test_the_length_norm(alpha, length, norm):
    search = Search(length_penalty=alpha)
    norms = length_norm(search, ops.convert_to_tensor(np.array([length], "int32")))
    np.testing.assert_allclose(ops.convert_to_numpy(norms), [norm], rtol=1e-6)


def test_a_longer_hypothesis_pays_less_for_its_probability():
    ranks = of(
        Search(length_penalty=1.0),
        np.array([[-6.0, -6.0]], "float32"),
        np.array([[1, 13]], "int32"),
        np.zeros((1, 2, 3), "float32"),
        np.ones((1, 3), bool),
    )
    np.testing.assert_allclose(ranks, [[-6, -2]], rtol=1e-6)


def test_coverage_costs_where_little_was_looked():
    coverage = np.array([[[0.5, 0.25, 7.0, 0.9], [1.0, 1.5, 1.0, 0.0]]], "float32")
    ranks = of(
        Search(coverage_penalty=0.3),
        np.array([[-1.0, -2.0]], "float32"),
        np.array([[4, 4]], "int32"),
        coverage,
        # The last place is padding: nobody has to look at it.
        np.array([[True, True, True, False]]),
    )
    wanted = [[-1 + 0.3 * math.log(0.5 * 0.25), -2.0]]
    np.testing.assert_allclose(ranks, wanted, rtol=1e-6)


def test_what_was_not_looked_at_costs_a_finite_amount():
    ranks = of(
        Search(coverage_penalty=1.0),
        np.zeros((1, 1), "float32"),
        np.ones((1, 1), "int32"),
        np.zeros((1, 1, 2), "float32"),
        np.ones((1, 2), bool),
    )
    np.testing.assert_allclose(ranks, [[2 * math.log(1e-6)]], rtol=1e-5)


@given(
    alpha=st.floats(0, 3),
    beta=st.floats(0, 1),
    log_probability=st.floats(-50, -1e-3),
    lost=st.floats(0, 20),
    length=st.integers(1, 12),
)
def test_no_continuation_ranks_above_what_is_attainable(
    alpha, beta, log_probability, lost, length
):
    search = Search(length_penalty=alpha, coverage_penalty=beta)
    now = np.array([[log_probability]], "float32")
    hope = ops.convert_to_numpy(attainable(search, ops.convert_to_tensor(now), 12))
    later = of(
        search,
        now - np.float32(lost),
        np.array([[length]], "int32"),
        np.full((1, 1, 2), 0.7, "float32"),
        np.ones((1, 2), bool),
    )
    assert later <= hope + 1e-5 * np.abs(hope)
