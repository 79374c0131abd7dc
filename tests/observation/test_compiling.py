"""When a pass is compiled, and that it then is one."""

import keras
import numpy as np
import pytest
from observed_models import IDS, STATES, sequential

import regard

pytestmark = pytest.mark.backends

BACKEND = keras.backend.backend()


def layer_runs(model, observed) -> int:
    """How often the attention layer itself runs in a second pass of one shape."""
    calls = []
    layer = model.get_layer("pool")
    observed.predict_on_batch(IDS)
    original = layer.call
    layer.__dict__["call"] = lambda *a, **k: calls.append(1) or original(*a, **k)
    observed.predict_on_batch(IDS)
    del layer.__dict__["call"]
    return len(calls)


def test_a_pass_is_compiled_as_predict_is():
    model = sequential()
    assert layer_runs(model, regard.observe(model)) == (BACKEND == "torch")


def test_a_model_that_runs_eagerly_is_observed_eagerly():
    model = sequential()
    model.compile(run_eagerly=True)
    assert layer_runs(model, regard.observe(model)) == 1


def test_a_pass_is_eager_where_that_is_asked():
    model = sequential()
    observed = regard.observe(model, jit_compile=False)
    # TensorFlow makes a graph all the same, without XLA.
    assert layer_runs(model, observed) == (BACKEND != "tensorflow")


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_choice_is_the_callers(jit_compile):
    states = keras.Input((6, 8))
    attended = keras.layers.MultiHeadAttention(2, 4, name="look")(states, states)
    model = keras.Model(states, attended)
    observed = regard.observe(model, jit_compile=jit_compile)
    expected = observed(STATES)
    result = observed.predict_on_batch(STATES)
    np.testing.assert_allclose(result.outputs, expected.outputs, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        result.attention["look"].weights,
        expected.attention["look"].weights,
        atol=1e-6,
    )
    # A compiled pass reads the variables anew each time.
    kernel = model.get_layer("look").output_dense.kernel
    kernel.assign(kernel * 2)
    doubled = observed.predict_on_batch(STATES)
    np.testing.assert_allclose(doubled.outputs, 2 * result.outputs, atol=1e-5)


def test_a_compiled_pass_does_not_run_the_layers_again():
    model = sequential()
    observed = regard.observe(model, jit_compile=BACKEND != "torch")
    assert layer_runs(model, observed) == (BACKEND == "torch")
