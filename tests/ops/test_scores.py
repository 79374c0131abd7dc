"""Score functions against their closed forms and the float64 oracle."""

import keras
import numpy as np
import pytest
from keras import ops

import oracle
from regard.ops import (
    additive_scores,
    masked_softmax,
    merge_heads,
    scores,
    split_heads,
)
from regard.runtime import backend

pytestmark = pytest.mark.backends

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


STATES, QUERY, KEY = normal(2, 5, 4), normal(2, 3, 6), normal(2, 5, 4)
UNITS, HEADS = 3, 2

# name: (positional arguments, weights by name)
EXAMPLES = {
    "linear": ((STATES,), {"kernel": normal(4, HEADS)}),
    "feed_forward": (
        (STATES,),
        {"kernel": normal(4, HEADS), "bias": normal(HEADS)},
    ),
    "context": (
        (STATES,),
        {
            "kernel": normal(4, UNITS),
            "vector": normal(UNITS, HEADS),
            "bias": normal(UNITS),
        },
    ),
    "gated": (
        (STATES,),
        {
            "tanh_kernel": normal(4, UNITS),
            "sigmoid_kernel": normal(4, UNITS),
            "vector": normal(UNITS, HEADS),
        },
    ),
    "general": ((QUERY, KEY), {"kernel": normal(6, HEADS * 4)}),
    "additive": (
        (QUERY, KEY),
        {
            "query_kernel": normal(6, HEADS * UNITS),
            "key_kernel": normal(4, HEADS * UNITS),
            "scale": normal(HEADS, UNITS),
            "bias": normal(HEADS * UNITS),
        },
    ),
    "concat": (
        (QUERY, KEY),
        {
            "kernel": normal(10, HEADS * UNITS),
            "scale": normal(HEADS, UNITS),
            "bias": normal(HEADS * UNITS),
        },
    ),
}


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_score_is_its_oracle(name, biased):
    inputs, weights = EXAMPLES[name]
    weights = {k: w for k, w in weights.items() if biased or k != "bias"}
    result = ops.convert_to_numpy(getattr(scores, name)(*inputs, **weights))
    expected = getattr(oracle, name)(*inputs, **weights)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("name", ["dot", "scaled_dot"])
def test_dot_products_are_their_oracle(name, heads):
    query, key = normal(2, 3, 4), normal(2, 5, 4)
    apart = split_heads(query, heads), split_heads(key, heads)
    result = ops.convert_to_numpy(getattr(scores, name)(*apart))
    expected = getattr(oracle, name)(query, key, heads)
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_closed_forms():
    one = np.ones((1, 1, 4), np.float32)
    assert float(scores.dot(one, 2 * one)[0, 0, 0]) == 8
    assert float(scores.scaled_dot(one, 2 * one)[0, 0, 0]) == 4
    v = np.array([1, 2, 3, 4], np.float32)
    result = float(additive_scores(0 * one, one, v)[0, 0, 0])
    assert result == pytest.approx(10 * np.tanh(1), abs=1e-5)
    identity = np.eye(4, dtype=np.float32)
    assert float(scores.general(one, one, identity)[0, 0, 0, 0]) == 4


@pytest.mark.parametrize(("heads", "own_scale"), [(None, False), (2, False), (2, True)])
def test_additive_scores_with_and_without_heads(heads, own_scale):
    outer = (2,) if heads is None else (2, heads)
    query, key = normal(*outer, 3, 4), normal(*outer, 5, 4)
    scale = normal(heads, 4) if own_scale else normal(4)
    result = ops.convert_to_numpy(additive_scores(query, key, scale))
    expected = oracle.additive_scores(query, key, scale)
    assert result.shape == (*outer, 3, 5)
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_concat_is_additive_with_its_kernel_cut():
    inputs, weights = EXAMPLES["concat"]
    kernel, scale = weights["kernel"], weights["scale"]
    whole = scores.concat(*inputs, kernel, scale)
    parts = scores.additive(*inputs, kernel[:6], kernel[6:], scale)
    np.testing.assert_array_equal(*map(ops.convert_to_numpy, (whole, parts)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_comes_back_as_float32(dtype):
    """300 * 300 = 90,000 is beyond float16."""
    big = ops.full((1, 1, 1), 300.0, dtype)
    product = scores.dot(big, big)
    assert keras.backend.standardize_dtype(product.dtype) == "float32"
    assert float(product[0, 0, 0]) == pytest.approx(90_000, rel=1e-2)
    added = additive_scores(big, big, ops.ones((1,), dtype))
    assert keras.backend.standardize_dtype(added.dtype) == "float32"


def test_heads_apart_and_together_again():
    states = normal(2, 5, 6)
    apart = split_heads(states, 3)
    assert tuple(apart.shape) == (2, 3, 5, 2)
    np.testing.assert_array_equal(ops.convert_to_numpy(apart)[:, 1], states[..., 2:4])
    np.testing.assert_array_equal(ops.convert_to_numpy(merge_heads(apart)), states)


HUGE = {"float32": 1e30, "bfloat16": 1e30, "float16": 6e4}


@pytest.mark.parametrize("name", ["dot", "scaled_dot", "general"])
@pytest.mark.parametrize("dtype", HUGE)
def test_scores_of_huge_inputs_are_finite(name, dtype):
    key = ops.cast(normal(2, 5, 6) / 4 * HUGE[dtype], dtype)
    query = ops.cast(normal(2, 3, 6) / 4 * HUGE[dtype], dtype)
    kernel = {"kernel": np.eye(6, dtype=np.float32)} if name == "general" else {}
    found = ops.convert_to_numpy(getattr(scores, name)(query, key, **kernel))
    assert np.isfinite(found).all()
    wide = [ops.convert_to_numpy(ops.cast(each, "float32")) for each in (query, key)]
    query, key = (each.astype(np.float64) for each in wide)
    right = query @ key.swapaxes(-1, -2)
    # Beyond the numbers of float32 no more than the sign is left.
    np.testing.assert_array_equal(np.sign(found).reshape(right.shape), np.sign(right))


@pytest.mark.parametrize("name", ["dot", "scaled_dot"])
def test_the_gradient_through_huge_scores_is_finite(name):
    key = normal(2, 5, 6) * np.float32(1e30)
    aim = ops.convert_to_tensor(normal(2, 3, 5))

    def looked_at(query):
        weights = masked_softmax(getattr(scores, name)(query, key))
        return ops.sum(weights * aim), ()

    query = ops.convert_to_tensor(normal(2, 3, 6) * np.float32(1e30))
    gradient, _ = backend().gradient(looked_at, query)
    assert np.isfinite(ops.convert_to_numpy(gradient)).all()


def test_usual_scores_keep_every_bit():
    query, key = normal(2, 3, 6) * 100, normal(2, 5, 6)
    plain = ops.matmul(query, ops.swapaxes(key, -1, -2))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(scores.dot(query, key)), ops.convert_to_numpy(plain)
    )


def test_one_huge_row_leaves_the_others_alone():
    query, key = normal(2, 3, 6), normal(2, 5, 6)
    alone = ops.convert_to_numpy(scores.dot(query, key))
    query[0, 1] *= 1e30
    beside = ops.convert_to_numpy(scores.dot(query, key))
    np.testing.assert_array_equal(beside[1], alone[1])
    np.testing.assert_array_equal(beside[0, [0, 2]], alone[0, [0, 2]])
    np.testing.assert_allclose(beside[0, 1], alone[0, 1] * 1e30, rtol=1e-5)
