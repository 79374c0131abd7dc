"""State that a pass reads and updates: noise, counts, recurrent states, statistics."""

import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras import ops

import regard
from regard.errors import ObservationError
from regard.runtime.compilation import UPDATING

pytestmark = pytest.mark.backends

only_jax = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="only JAX gives arrays away, and traces"
)
# Equal rows: only noise tells them apart.
X = np.ones((4, 3, 2), "float32")


class Noise(keras.layers.Layer):
    """Noise and dropout that stay on, as a sampling layer has them."""

    def __init__(self):
        super().__init__()
        self.seed = keras.random.SeedGenerator(5)
        self.drop = keras.layers.Dropout(0.5, seed=7)

    def call(self, x):
        noise = keras.random.normal(ops.shape(x), seed=self.seed)
        return self.drop(x, training=True) + noise


class Count(keras.layers.Layer):
    """Adds the number of its calls."""

    def build(self, _):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.calls.assign(self.calls + 1)
        return x + self.calls


def attended(outputs, batch=2):
    states = keras.Input(batch_shape=(batch, *X.shape[1:]))
    x = regard.layers.SelfAttention("dot", name="look")(states)
    return keras.Model(states, outputs(x))


def stateful():
    def outputs(x):
        x = Count(name="count")(Noise()(x))
        x = keras.layers.BatchNormalization(name="norm")(x, training=True)
        return keras.layers.GRU(3, stateful=True, name="gru")(x)

    return attended(outputs)


def values(model):
    variables = [*model.variables, *model.get_layer("gru").states]
    # Copies: ``predict`` on JAX would give an array away that two variables hold.
    return [ops.convert_to_numpy(variable.value).copy() for variable in variables]


def eagerly(model, x):
    """The truth: the model called batch by batch, as each backend runs it by itself."""
    parts = [
        model(x[start : start + 2], training=False) for start in range(0, len(x), 2)
    ]
    return np.concatenate([ops.convert_to_numpy(part) for part in parts])


def test_each_pass_goes_on_from_the_state_of_the_one_before():
    model, twin = stateful(), stateful()
    for variable, value in zip(twin.variables, values(model), strict=False):
        variable.assign(value)
    observed = regard.observe(model)
    answers = []
    for step in range(6):
        if step == 3:
            model.get_layer("gru").reset_states()
            twin.get_layer("gru").reset_states()
        answers.append(observed.predict(X, batch_size=2, verbose=0).outputs)
        np.testing.assert_allclose(answers[-1], eagerly(twin, X), rtol=0, atol=1e-5)
    one, call = observed.predict_on_batch(X[:2]), observed(X[:2])
    np.testing.assert_allclose(one.outputs, eagerly(twin, X[:2]), rtol=0, atol=1e-5)
    np.testing.assert_allclose(call.outputs, eagerly(twin, X[:2]), rtol=0, atol=1e-5)
    # Equal rows, in whatever batch or pass, had noise of their own.
    assert len(np.unique(np.concatenate(answers), axis=0)) == 6 * len(X)
    calls = model.get_layer("count").calls
    assert ops.convert_to_numpy(calls.value) == 2 * 6 + 2
    for actual, wanted in zip(values(model), values(twin), strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=0, atol=1e-5)


def test_state_is_what_predict_of_keras_makes_of_it():
    model, twin = (attended(lambda x: Count(name="count")(Noise()(x))) for _ in "ab")
    observed = regard.observe(model)
    for _ in range(2):
        actual = observed.predict(X, batch_size=2, verbose=0).outputs
        expected = twin.predict(X, batch_size=2, verbose=0)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)
        # Both go on from each other's state, too.
        actual = model.predict(X, batch_size=2, verbose=0)
        expected = twin.predict(X, batch_size=2, verbose=0)
        np.testing.assert_array_equal(actual, expected)


def test_state_that_the_model_does_not_know_of():
    scale, calls = keras.Variable(2.0), keras.Variable(0.0)

    class Loose(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.mean = keras.metrics.Mean()

        def call(self, x):
            calls.assign(calls + 1)
            self.mean.update_state(scale)
            return x * scale

    model = attended(Loose())
    observed = regard.observe(model)
    first = observed.predict_on_batch(X[:2]).outputs
    scale.assign(6.0)
    second = observed.predict_on_batch(X[:2]).outputs
    np.testing.assert_allclose(second, 3 * first, rtol=1e-6)
    assert ops.convert_to_numpy(calls.value) == 2
    assert ops.convert_to_numpy(model.layers[-1].mean.result()) == 4


def test_state_that_is_made_in_the_call_is_none():
    class Fresh(keras.layers.Layer):
        def call(self, x):
            seed = keras.random.SeedGenerator(5)
            return x + keras.random.normal((2,), seed=seed)

    if keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow makes no variables in a graph")
    observed = regard.observe(attended(Fresh()))
    first, second = (observed.predict_on_batch(X[:2]).outputs for _ in "ab")
    np.testing.assert_array_equal(first, second)


class SlowCount(Count):
    """Takes its time between reading and updating."""

    def call(self, x):
        calls = self.calls + 0
        busy = ops.ones((300, 300)) * calls
        for _ in range(10):
            busy = ops.tanh(busy)
        self.calls.assign(calls + 1 + ops.mean(ops.relu(busy - 2)))
        return x + self.calls


def test_threads_share_state_one_after_the_other():
    observed = regard.observe(attended(SlowCount()))
    start = threading.Barrier(8)
    base = regard.observe(attended(lambda x: x)).predict_on_batch(X[:2]).outputs

    def work(_):
        start.wait()
        return [observed.predict_on_batch(X[:2]).outputs - base for _ in range(4)]

    with ThreadPoolExecutor(8) as pool:
        counts = np.concatenate(list(pool.map(work, range(8))))[:, 0, 0, 0]
    np.testing.assert_allclose(np.sort(counts), np.arange(1, 33), atol=1e-4)


def test_a_model_without_state_waits_for_nobody():
    observed = regard.observe(attended(keras.layers.Dropout(0.5)))
    observed.predict_on_batch(X[:2])
    with UPDATING, ThreadPoolExecutor(1) as pool:
        pool.submit(observed.predict_on_batch, X[:2]).result(timeout=60)


@only_jax
def test_state_moves_on_while_a_predict_has_the_arrays():
    model = attended(Noise())
    observed = regard.observe(model)
    observed.predict_on_batch(X[:2])
    answers = []
    callback = keras.callbacks.LambdaCallback()
    callback.on_predict_batch_end = lambda *_, **__: answers.extend(
        observed.predict_on_batch(X[:2]).outputs for _ in range(2)
    )
    model.predict(X[:2], verbose=0, callbacks=[callback])
    answers.append(observed.predict_on_batch(X[:2]).outputs)
    assert not np.allclose(answers[0], answers[1])
    assert all(np.all(np.isfinite(answer)) for answer in answers)


@only_jax
def test_an_update_inside_a_loop_is_named():
    class Looped(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seed = keras.random.SeedGenerator(5)

        def call(self, x):
            def body(_, x):
                return x + keras.random.normal(ops.shape(x), seed=self.seed)

            return ops.fori_loop(0, 2, body, x)

    observed = regard.observe(attended(Looped()))
    with pytest.raises(ObservationError, match=r"seed_generator_state.*inside a loop"):
        observed.predict_on_batch(X[:2])
