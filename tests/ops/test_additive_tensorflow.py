"""The additive score on TensorFlow against the float64 oracle."""

import re

import keras
import numpy as np
import pytest
from additive_inputs import draw, exact_gradients

import oracle
from regard.errors import ArgumentError

if keras.backend.backend() != "tensorflow":
    pytest.skip(
        "TensorFlow's own kernel runs on TensorFlow only", allow_module_level=True
    )

import tensorflow as tf

from regard.ops.additive import tensorflow_scores
from regard.ops.additive.tensorflow_scores import scores

pytestmark = pytest.mark.backends

# Relative to the sum of what is added up, by dtype.
TOLERANCE = {np.float32: 4e-6, np.float64: 1e-13}


def differentiate(query, key, scale, gradient):
    tensors = [tf.convert_to_tensor(x) for x in (query, key, scale)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        result = scores(*tensors)
    return result, tape.gradient(result, tensors, gradient)


def check(query, key, scale, function=differentiate):
    """Scores and gradients, each within the tolerance of its own sum."""
    tolerance = TOLERANCE[query.dtype.type]
    wanted = oracle.additive_scores(query, key, scale)
    gradient = np.random.default_rng(1).normal(size=wanted.shape).astype(query.dtype)
    result, received = function(query, key, scale, gradient)
    most = np.abs(scale).sum(-1)[:, None, None]
    assert result.dtype == query.dtype
    assert result.shape == wanted.shape
    assert (np.abs(result.numpy() - wanted) <= tolerance * most).all()

    largest = np.abs(gradient).sum() * max(1.0, np.abs(scale).max(initial=0))
    wanted = exact_gradients(query, key, scale, gradient)
    for ours, exact in zip(received, wanted, strict=True):
        difference = np.abs(ours.numpy() - exact)
        assert difference.max(initial=0) <= tolerance * largest


SHAPES = [(1, 1, 1, 1, 1), (2, 1, 1, 7, 5), (3, 2, 5, 19, 17), (2, 2, 16, 3, 32)]
EMPTY = [(0, 2, 3, 4, 5), (2, 1, 0, 4, 5), (2, 1, 3, 0, 5), (2, 2, 3, 4, 0)]


@pytest.mark.parametrize("shape", SHAPES + EMPTY)
def test_scores_and_gradients(shape):
    check(*draw(shape))


def test_double_precision():
    check(*draw((2, 2, 5, 6, 7), size=3.0, dtype=np.float64))


# 9 and 60: the largest values that the factors take and the first that they don't.
@pytest.mark.parametrize("size", [9.0, 60.0, 1e4, 1e30])
def test_rows_of_any_size(size):
    query, key, scale = draw((2, 2, 5, 6, 7), size=size)
    # Large rows that cancel are what clipped factors get wrong.
    key[:, :, 2] = 0.5 - query[:, :, 3]
    check(query, key, scale)


def test_up_to_the_last_factor():
    query, key, scale = draw((1, 1, 4, 5, 8))
    query[...], key[...] = np.sign(query) * 40, np.sign(key) * 40
    key[0, 0, 0] = 0.25 - query[0, 0, 0]
    check(np.clip(query, -40, 40), np.clip(key, -40, 40), scale)


@pytest.mark.parametrize("size", [1e-30, 1e20])
def test_scales_of_any_size(size):
    query, key, scale = draw((1, 1, 4, 5, 8), size=9.0)
    check(query, key, scale * np.float32(size))


def test_nan_stays_in_its_row():
    query, key, scale = draw((1, 1, 3, 4, 5))
    query[0, 0, 1, 2] = np.nan
    key[0, 0, 3, 0] = np.nan
    result = scores(*map(tf.constant, (query, key, scale)))
    wanted = np.zeros((3, 4), bool)
    wanted[1], wanted[:, 3] = True, True
    np.testing.assert_array_equal(np.isnan(result)[0, 0], wanted)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_sizes_that_are_not_known_when_traced(jit_compile):
    traces = []

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 2, None, 5)),
            tf.TensorSpec((None, 2, None, 5)),
            tf.TensorSpec((2, 5)),
            tf.TensorSpec((None, 2, None, None)),
        ],
        jit_compile=jit_compile,
    )
    def function(*tensors):
        traces.append(tensors)
        return differentiate(*tensors)

    for shape in [(2, 2, 3, 4, 5), (3, 2, 1, 18, 5), (2, 2, 3, 0, 5)]:
        check(*draw(shape), function)
    check(*draw((2, 2, 3, 4, 5), size=1e4), function)
    assert len(traces) == 1


class Scores(keras.layers.Layer):
    """Scores of a sequence against itself, averaged over its queries."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(1, shape[-1]))

    def call(self, states):
        states = states[:, None]
        weights = tf.nn.softmax(
            scores(states, states, tf.convert_to_tensor(self.scale))
        )
        return tf.reduce_mean((weights @ states)[:, 0], 1)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_a_model_learns(jit_compile):
    keras.utils.set_random_seed(0)
    states = np.random.default_rng(0).normal(size=(20, 6, 4)).astype(np.float32)
    target = states[:, 0, :1]
    model = keras.Sequential(
        [
            keras.Input((None, 4)),
            keras.layers.Dense(8),
            Scores(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", "mse", jit_compile=jit_compile)
    before = model.layers[1].scale.numpy()
    # The last batch is smaller than the others.
    model.fit(states, target, batch_size=8, verbose=0)
    assert np.isfinite(model.evaluate(states[:, :4], target, verbose=0))
    assert (model.layers[1].scale.numpy() != before).any()


@pytest.mark.parametrize("way", ["_factors", "_plain"])
def test_no_program_holds_the_cube(way):
    way = getattr(tensorflow_scores, way)
    query, key, scale = map(tf.constant, draw((2, 1, 64, 80, 96)))
    weights = {"_forward": scale, "_backward": scores(query, key, scale)}
    for name, weight in weights.items():
        program = getattr(tensorflow_scores, name)
        text = program.experimental_get_compiler_ir(way, weight, query, key)(
            "optimized_hlo"
        )
        sizes = [
            np.prod([int(size) for size in shape.split(",")])
            for shape in re.findall(r"f32\[([\d,]+)\]", text)
        ]
        # A program holds rows (transposed, in blocks) and sums, each of two dimensions.
        assert max(sizes) <= 2 * 2 * 96 * 80


def test_second_derivative_is_refused():
    query, key, scale = map(tf.constant, draw((1, 1, 2, 3, 4)))
    with tf.GradientTape() as outer:
        outer.watch(query)
        with tf.GradientTape() as inner:
            inner.watch(query)
            result = scores(query, key, scale)
        first = inner.gradient(result, query)
    with pytest.raises(ArgumentError, match="second derivative"):
        outer.gradient(first, query)
