"""When a pass is compiled, and that it then is one."""

import keras
import numpy as np
import pytest
from observed_models import IDS, STATES, sequential

import regard
from regard.observation.runners import EagerRunner

pytestmark = pytest.mark.backends

BACKEND = keras.backend.backend()


def runner(model, **kwargs):
    observed = regard.observe(model, **kwargs)
    observed.predict_on_batch(IDS)
    return observed._runner


def test_a_pass_is_compiled_as_predict_is():
    eager_by_default = BACKEND == "torch"
    assert isinstance(runner(sequential()), EagerRunner) == eager_by_default


def test_a_model_that_runs_eagerly_is_observed_eagerly():
    model = sequential()
    model.compile(run_eagerly=True)
    assert isinstance(runner(model), EagerRunner)


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
    calls = []
    layer = model.get_layer("pool")
    observed = regard.observe(model, jit_compile=BACKEND != "torch")
    observed.predict_on_batch(IDS)
    original = layer.call
    layer.__dict__["call"] = lambda *a, **k: calls.append(1) or original(*a, **k)
    observed.predict_on_batch(IDS)
    del layer.__dict__["call"]
    assert len(calls) == (BACKEND == "torch")
