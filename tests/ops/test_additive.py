"""The additive score by the path each backend takes, against the float64 oracle."""

import keras
import numpy as np
import pytest
from additive_inputs import draw, exact_gradients
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import oracle
from light_compilation import is_on_gpu
from regard.errors import ArgumentError
from regard.ops import additive_context, additive_scores, masked_softmax
from regard.ops.additive import (
    additive_path,
    additive_step_scores,
    context,
    dispatch,
    prepare_keys,
)
from regard.ops.additive.dispatch import plain_scores
from shapes import unchecked

pytestmark = pytest.mark.backends

BACKEND = keras.backend.backend()
# Of what is promised relative to the sum of |scale|.
ACCURATE = 4e-6
# Two shapes, so that little is compiled: neither is a multiple of a block.
SHAPES = {"few": (2, 1, 5, 7, 10), "heads": (1, 2, 6, 23, 18)}


@pytest.fixture(autouse=True)
def fast_path(monkeypatch):
    """Nothing is small here."""
    monkeypatch.setattr(dispatch, "SMALL", dict.fromkeys(dispatch.SMALL, 0))
    monkeypatch.setattr(dispatch, "SMALL_ON_GPU", 0)


def relative_error(query, key, scale):
    result = ops.convert_to_numpy(additive_scores(query, key, scale))
    exact = oracle.additive_scores(*(np.float64(x) for x in (query, key, scale)))
    size = np.abs(scale).sum(-1).reshape(1, -1, 1, 1) + 1e-30
    return np.abs((result - exact) / size).max()


def gradients(function, arrays):
    """The gradients of a scalar function of arrays, as arrays."""
    tensors = [ops.convert_to_tensor(array) for array in arrays]
    if BACKEND == "jax":
        import jax

        result = jax.grad(function, tuple(range(len(tensors))))(*tensors)
    elif BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        result = tape.gradient(value, tensors)
    else:
        tensors = [tensor.detach().requires_grad_() for tensor in tensors]
        function(*tensors).backward()
        result = [tensor.grad for tensor in tensors]
    return [ops.convert_to_numpy(tensor) for tensor in result]


def test_the_closed_form():
    ones = np.ones((1, 4, 1), "float32")
    result = ops.convert_to_numpy(additive_scores(ones * 0.5, ones * 0.25, [3.0]))
    np.testing.assert_allclose(result, np.full((1, 4, 4), 3 * np.tanh(0.75)), rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@given(
    seed=st.integers(0, 1000),
    size=st.sampled_from([1e-6, 0.1, 1.0, 3.0, 8.0, 25.0, 60.0, 1e4, 1e30]),
    scale=st.sampled_from([1e-20, 1.0, 1e3]),
)
def test_it_is_the_float64_oracle(shape, seed, size, scale):
    assert relative_error(*draw(shape, seed, size, scale)) < ACCURATE


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@given(seed=st.integers(0, 1000), far=st.sampled_from([12.0, 60.0, 1e4, 3e38]))
def test_rows_that_cancel(shape, seed, far):
    """tanh(60 - 59.5) is not tanh(0): factors may not be clipped."""
    query, key, scale = draw(shape, seed)
    query[:, :, 0] += far
    key[:, :, :2] -= far
    assert relative_error(query, key, scale) < ACCURATE


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@given(
    seed=st.integers(0, 1000),
    small=st.sampled_from([0.0, 1e-30, 1e-9, 1e-6, 1e-3]),
    every=st.integers(1, 4),
)
def test_scales_of_very_different_size(shape, seed, small, every):
    query, key, scale = draw(shape, seed, 3.0)
    scale[:, ::every] *= small
    assert relative_error(query, key, scale) < ACCURATE


@pytest.mark.parametrize("size", [0.5, 3.0, 15.0, 60.0, 1e4])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_gradient(shape, size):
    query, key, scale = draw(shape, size=size)
    upstream = np.random.default_rng(1).normal(size=(*shape[:2], *shape[2:4]))
    upstream = upstream.astype("float32")
    weight = ops.convert_to_tensor(upstream)
    result = gradients(
        lambda *rows: ops.sum(additive_scores(*rows) * weight), (query, key, scale)
    )
    for ours, exact in zip(
        result, exact_gradients(query, key, scale, upstream), strict=True
    ):
        bound = 2e-5 * max(np.abs(exact).max(), np.abs(scale).max())
        np.testing.assert_allclose(ours, exact, rtol=0, atol=bound)


def test_without_heads_and_with_one_scale_for_all():
    query, key, scale = draw(SHAPES["heads"])
    whole = ops.convert_to_numpy(additive_scores(query, key, scale[0]))
    for head in range(2):
        alone = additive_scores(query[:, head], key[:, head], scale[0])
        alone = ops.convert_to_numpy(alone)
        np.testing.assert_allclose(whole[:, head], alone, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    "shape",
    [(0, 1, 3, 4, 5), (2, 1, 0, 4, 5), (2, 1, 3, 0, 5), (2, 1, 3, 4, 0)],
    ids=str,
)
def test_empty_axes(shape):
    result = ops.convert_to_numpy(additive_scores(*draw(shape)))
    np.testing.assert_array_equal(result, np.zeros((*shape[:2], *shape[2:4])))


def test_one_query():
    assert relative_error(*draw((3, 2, 1, 9, 6))) < ACCURATE


def test_nan_stays_in_its_row():
    query, key, scale = draw(SHAPES["few"])
    query[0, 0, 2, 3] = np.nan
    key[1, 0, 4, 0] = np.nan
    result = ops.convert_to_numpy(additive_scores(query, key, scale))
    expected = np.zeros(result.shape, bool)
    expected[0, 0, 2] = expected[1, 0, :, 4] = True
    np.testing.assert_array_equal(np.isnan(result), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    rows = [ops.cast(array, dtype) for array in draw(SHAPES["few"])]
    result = additive_scores(*rows)
    wide = [ops.convert_to_numpy(ops.cast(tensor, "float32")) for tensor in rows]
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    exact = oracle.additive_scores(*wide)
    np.testing.assert_allclose(ops.convert_to_numpy(result), exact, atol=1e-5)


def test_symbolic_shapes():
    query, key = keras.Input((None, 8)), keras.Input((7, 8))
    scores = additive_scores(query, key, np.ones(8, "float32"))
    assert scores.shape == (None, None, 7)


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3, 4), (2, 5, 6), (4,)),
        ((2, 3, 4), (3, 5, 4), (4,)),
        ((2, 3, 4), (2, 5, 4), (5,)),
        ((2, 3, 4), (2, 5, 4), (1, 4)),
        ((2, 2, 3, 4), (2, 2, 5, 4), (3, 4)),
        ((3, 4), (5, 4), (4,)),
    ],
    ids=str,
)
def test_shapes_that_do_not_belong_together(shapes):
    rows = [np.zeros(shape, "float32") for shape in shapes]
    with (
        unchecked(),
        pytest.raises(ArgumentError, match="do not belong together") as raised,
    ):
        additive_scores(*rows)
    assert str(shapes[0]) in str(raised.value)


def test_the_implementation_says_why(monkeypatch):
    query, key, scale = draw(SHAPES["few"])
    on_kernels = BACKEND == "jax" and is_on_gpu()
    expected = "kernel" if on_kernels else "blocked"
    assert additive_path(query, key, scale).name == expected
    assert ("GPU" if on_kernels else BACKEND) in additive_path(query, key, scale).reason
    monkeypatch.undo()
    chosen = additive_path(query, key, scale)
    assert chosen.name == "plain"
    assert "small" in chosen.reason


class TestContext:
    """Context with and without weights."""

    SHAPE = (2, 2, 5, 11, 6)
    DEPTH = 3

    @pytest.fixture(autouse=True)
    def blocks_of_four(self, monkeypatch):
        monkeypatch.setattr(context, "BLOCK", 4)

    def inputs(self):
        query, key, scale = draw(self.SHAPE)
        value = np.random.default_rng(5).normal(size=(2, 2, 11, self.DEPTH))
        return query, key, value.astype("float32"), scale

    @pytest.fixture(
        params=[None, (2, 1, 1, 11), (5, 11), (2, 2, 5, 11), (2, 1, 5, 1)], ids=str
    )
    def mask(self, request):
        if request.param is None:
            return None
        mask = np.random.default_rng(2).random(request.param) < 0.6
        mask[0] = False
        return mask

    def test_the_oracle(self, mask):
        query, key, value, scale = self.inputs()
        scores = oracle.additive_scores(query, key, scale)
        weights = oracle.masked_softmax(scores, mask)
        for held, wanted in [(0, False), (1 << 24, True)]:
            result, given_weights = additive_context(
                query, key, value, scale, mask, weights=wanted, held=held
            )
            result = ops.convert_to_numpy(result)
            np.testing.assert_allclose(result, weights @ value, rtol=0, atol=1e-5)
            assert (given_weights is None) == (not wanted)
            if wanted:
                given_weights = ops.convert_to_numpy(given_weights)
                np.testing.assert_allclose(given_weights, weights, rtol=0, atol=1e-6)

    def test_the_weights_of_some_queries(self, mask):
        query, key, value, scale = self.inputs()
        _, all_weights = additive_context(query, key, value, scale, mask)
        _, some = additive_context(
            query, key, value, scale, mask, weights=slice(1, 4, 2), held=0
        )
        expected = ops.convert_to_numpy(all_weights)[:, :, 1:4:2]
        np.testing.assert_allclose(
            ops.convert_to_numpy(some), expected, rtol=0, atol=1e-6
        )

    def test_the_gradient_without_weights_is_that_with(self, mask):
        upstream = np.random.default_rng(3).normal(size=(2, 2, 5, self.DEPTH))
        upstream = ops.convert_to_tensor(upstream.astype("float32"))

        def loss(held):
            def of(query, key, value, scale):
                result, _ = additive_context(
                    query, key, value, scale, mask, weights=False, held=held
                )
                return ops.sum(result * upstream)

            return of

        inputs = self.inputs()
        for blocked, whole in zip(
            gradients(loss(0), inputs), gradients(loss(1 << 24), inputs), strict=True
        ):
            np.testing.assert_allclose(blocked, whole, rtol=0, atol=2e-5)

    def test_what_a_masked_key_holds_changes_nothing(self):
        query, key, value, scale = self.inputs()
        mask = np.arange(11) < 8
        expected, _ = additive_context(
            query, key, value, scale, mask, weights=False, held=0
        )
        # A value of NaN is erased by the layers, as a weight of 0 does not hide it.
        key[:, :, 8:] = np.nan
        value[:, :, 8:] = 1e30
        result, _ = additive_context(
            query, key, value, scale, mask, weights=False, held=0
        )
        np.testing.assert_allclose(
            ops.convert_to_numpy(result), ops.convert_to_numpy(expected), atol=1e-6
        )

    def test_a_value_for_each_key(self):
        query, key, value, scale = self.inputs()
        with unchecked(), pytest.raises(ArgumentError, match="stands for a value"):
            additive_context(query, key, value[:, :, 1:], scale)


class TestSteps:
    """One query at a time against keys that stay."""

    @pytest.mark.parametrize("size", [1.0, 15.0, 60.0, 1e4])
    def test_the_scores_of_a_step(self, size):
        query, key, scale = draw(SHAPES["heads"], size=size)
        keys = prepare_keys(key)
        exact = oracle.additive_scores(query, key, scale)
        for step in range(3):
            result = additive_step_scores(query[:, :, step], keys, scale)
            result = ops.convert_to_numpy(result)
            bound = ACCURATE * np.abs(scale).sum(-1).max()
            np.testing.assert_allclose(result, exact[:, :, step], rtol=0, atol=bound)

    @pytest.mark.parametrize("size", [1.0, 15.0, 60.0])
    def test_the_gradient_of_a_step(self, size):
        query, key, scale = draw(SHAPES["heads"], size=size)
        query = query[:, :, :1]
        upstream = np.random.default_rng(1).normal(size=(1, 2, 23)).astype("float32")

        def loss(row, key, scale):
            result = additive_step_scores(row[:, :, 0], prepare_keys(key), scale)
            return ops.sum(result * ops.convert_to_tensor(upstream))

        result = gradients(loss, (query, key, scale))
        exact = exact_gradients(query, key, scale, upstream[:, :, None])
        for ours, expected in zip(result, exact, strict=True):
            np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-5)


def test_weights_from_half_precision_keep_the_contract():
    rows = [ops.cast(array, "float16") for array in draw(SHAPES["few"], size=8.0)]
    weights = ops.convert_to_numpy(masked_softmax(additive_scores(*rows)))
    np.testing.assert_allclose(weights.sum(-1), 1.0, atol=1e-5)


def test_the_plain_formula_is_the_oracle():
    query, key, scale = draw(SHAPES["few"])
    result = ops.convert_to_numpy(plain_scores(query, key, scale))
    exact = oracle.additive_scores(query, key, scale)
    np.testing.assert_allclose(result, exact, rtol=0, atol=1e-5)
