"""Layers that cannot be observed are named, and a failure leaves nothing behind."""

import keras
import numpy as np
import pytest
from observed_models import STATES

import regard
from regard.errors import ArgumentError, ObservationError
from regard.layers import AttentionPooling, SelfAttention

pytestmark = pytest.mark.backends


class Failing(keras.layers.Layer):
    """Fails when told to."""

    fails = False

    def call(self, inputs):
        if type(self).fails:
            raise RuntimeError("told to fail")
        return inputs


@pytest.fixture
def failing(monkeypatch):
    states = keras.Input((6, 8))
    x = keras.layers.MultiHeadAttention(2, 4, name="look")(states, states)
    each = keras.layers.TimeDistributed(keras.layers.Dense(8))(x)
    model = keras.Model(states, AttentionPooling(name="pool")(Failing()(each)))
    monkeypatch.setattr(Failing, "fails", True)
    return model


@pytest.mark.parametrize("how", ["__call__", "predict_on_batch", "predict"])
def test_an_exception_inside_leaves_nothing_behind(failing, how, patched, monkeypatch):
    observed = regard.observe(failing)
    with pytest.raises(RuntimeError, match="told to fail"):
        getattr(observed, how)(STATES)
    assert not patched(failing)
    monkeypatch.setattr(Failing, "fails", False)
    expected = failing.predict(STATES, verbose=0)
    result = getattr(observed, how)(STATES)
    np.testing.assert_allclose(result.outputs, expected, rtol=0, atol=1e-6)


class Cell(keras.layers.Layer):
    """A recurrent cell with attention inside."""

    state_size = 8
    output_size = 8

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.look = SelfAttention(name="look")

    def build(self, shape):
        self.look.build((*shape[:1], 1, shape[-1]))

    def call(self, inputs, states):
        output = self.look(inputs[:, None])[:, 0] + states[0]
        return output, [output]


def test_attention_in_a_recurrent_cell_is_refused():
    x = states = keras.Input((6, 8))
    x = keras.layers.RNN(Cell(name="cell"), return_sequences=True, name="loop")(x)
    model = keras.Model(states, AttentionPooling(name="pool")(x))
    with pytest.raises(ObservationError, match="'loop/cell/look'") as caught:
        regard.observe(model)
    assert "layers=['pool']" in str(caught.value)
    result = regard.observe(model, layers="pool").predict_on_batch(STATES)
    assert list(result.attention) == ["pool"]


class Vectorised(keras.layers.Layer):
    """Runs attention over the batch inside a vectorised function."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.look = SelfAttention(name="look")

    def build(self, shape):
        self.look.build(shape)

    def call(self, inputs):
        return keras.ops.vectorized_map(lambda x: self.look(x[None])[0], inputs)


@pytest.mark.parametrize("how", ["__call__", "predict_on_batch"])
def test_weights_that_cannot_leave_are_named(how, patched):
    states = keras.Input((6, 8))
    x = Vectorised(name="each")(states)
    model = keras.Model(states, AttentionPooling(name="pool")(x))
    with pytest.raises(ObservationError, match="'each/look'") as caught:
        getattr(regard.observe(model), how)(STATES)
    assert "layers=['pool']" in str(caught.value)
    assert not patched(model)
    result = getattr(regard.observe(model, layers="pool"), how)(STATES)
    assert list(result.attention) == ["pool"]


def test_nothing_to_observe():
    model = keras.Sequential([keras.Input((6, 8)), AttentionPooling()])
    with pytest.raises((ArgumentError, ValueError)):
        regard.observe(model).predict(STATES[:0], verbose=0)
