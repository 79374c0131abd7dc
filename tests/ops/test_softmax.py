"""Masked softmax keeps the weights contract for every score and every mask."""

import importlib

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from keras import ops

import oracle
from regard.ops import masked_softmax

pytestmark = pytest.mark.backends

# One shape, so that the backend compiles its operations once.
SHAPE = (3, 5)
SCORES = arrays.arrays(
    np.float32,
    SHAPE,
    elements=st.one_of(
        st.floats(-20, 20, width=32),
        st.sampled_from([1e30, -1e30, 3e38, -3e38, 0.0]).map(np.float32),
    ),
)
MASKS = arrays.arrays(np.bool_, SHAPE)
ANYTHING = arrays.arrays(
    np.float32, SHAPE, elements=st.floats(width=32, allow_nan=True)
)


def softmax(scores, mask=None, **more):
    return ops.convert_to_numpy(masked_softmax(scores, mask, **more))


def test_the_closed_form():
    e = np.e
    np.testing.assert_allclose(
        softmax(np.float32([0, 1])), np.array([1, e]) / (1 + e), atol=1e-7
    )
    np.testing.assert_allclose(
        softmax(np.float32([0, 9, 1]), [True, False, True]),
        np.array([1, 0, e]) / (1 + e),
        atol=1e-7,
    )


@given(SCORES, MASKS)
def test_it_is_the_float64_oracle(scores, mask):
    weights = softmax(scores, mask)
    expected = oracle.masked_softmax(scores, mask)
    np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-6)


@given(SCORES, MASKS)
def test_masked_is_0_and_valid_rows_sum_to_1(scores, mask):
    weights = softmax(scores, mask)
    assert not weights[~mask].any()
    np.testing.assert_allclose(weights.sum(-1), mask.any(-1), rtol=0, atol=5e-6)


@given(SCORES, MASKS, ANYTHING)
def test_masked_scores_change_nothing(scores, mask, other):
    weights = softmax(scores, mask)
    np.testing.assert_array_equal(softmax(np.where(mask, scores, other), mask), weights)


@given(SCORES, st.sampled_from([-1e4, -3.0, 64.0, 1e4]))
def test_a_constant_added_to_a_row_changes_little(scores, shift):
    scores = np.clip(scores, -20, 20)
    moved = softmax(scores + np.float32(shift))
    # 1e4 has steps of 1e-3 in float32.
    np.testing.assert_allclose(moved, softmax(scores), rtol=0, atol=2e-3)


@given(ANYTHING, MASKS)
def test_the_gradient_is_finite_whatever_is_masked(content, mask):
    scores = np.where(mask, np.clip(np.nan_to_num(content), -50, 50), content)
    assert np.isfinite(gradient(scores, mask)).all()


def test_the_gradient_is_that_of_softmax():
    """With ``L = w_0``: ``dL/ds = w_0 (1 - w_0), -w_0 w_1``."""
    scores, mask = np.float32([[0, 1, 7]] * 3), np.array([[1, 1, 0]] * 3, bool)
    first = 1 / (1 + np.e)
    product = first * (1 - first)
    expected = [[product, -product, 0]] * 3
    np.testing.assert_allclose(gradient(scores, mask), expected, atol=1e-6)


def gradient(scores, mask):
    """Of the first weight of each row, to the scores."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        loss = lambda s: masked_softmax(s, mask)[:, 0].sum()  # noqa: E731 - short
        return np.asarray(jax.grad(loss)(ops.convert_to_tensor(scores)))
    if backend == "tensorflow":
        import tensorflow as tf

        tensor = tf.constant(scores)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            total = tf.reduce_sum(masked_softmax(tensor, mask)[:, 0])
        return tape.gradient(total, tensor).numpy()
    import torch

    tensor = torch.tensor(scores, requires_grad=True)
    masked_softmax(tensor, mask)[:, 0].sum().backward()
    return tensor.grad.numpy()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_type_of_the_scores_stays(dtype):
    scores = ops.cast(ops.convert_to_tensor(np.float32([[0, 1]])), dtype)
    weights = masked_softmax(scores)
    assert keras.backend.standardize_dtype(weights.dtype) == dtype


def test_half_precision_is_computed_in_float32():
    """The sum of 70,000 equal powers is beyond float16, whose end is 65,504."""
    scores = ops.zeros((1, 70_000), "float16")
    weights = ops.convert_to_numpy(masked_softmax(scores)).astype(np.float64)
    np.testing.assert_allclose(weights, 1 / 70_000, rtol=1e-2)


def test_minus_infinity_counts_as_masked():
    infinite = -np.inf
    rows = np.float32([[0, infinite, 0], [infinite, infinite, infinite]])
    np.testing.assert_array_equal(softmax(rows), [[0.5, 0, 0.5], [0, 0, 0]])


def test_masks_broadcast_and_the_axis_can_be_chosen():
    scores = np.zeros((2, 3, 4), np.float32)
    over_keys = softmax(scores, np.array([True, True, False, False]))
    assert over_keys[1, 2].tolist() == [0.5, 0.5, 0, 0]
    over_queries = softmax(scores, np.array([[1], [1], [0]]), axis=1)
    assert over_queries[0, :, 3].tolist() == [0.5, 0.5, 0]


def test_the_published_name_is_the_same_function():
    assert importlib.import_module("regard.ops.normalise").masked_softmax is (
        masked_softmax
    )
