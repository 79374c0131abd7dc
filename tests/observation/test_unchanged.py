"""Observing changes nothing in a model and sees every change made by others."""

import zipfile

import keras
import numpy as np
import pytest
from observed_models import CASES, IDS

import regard

pytestmark = pytest.mark.backends


def trained(case="sequential"):
    model = CASES[case].make()
    model.compile("sgd", "mse")
    model.fit(IDS, np.ones((4, 2)), verbose=0)
    return model


def contents(model, path):
    """The parts of a saved model, without the time at which it was saved."""
    model.save(path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    del parts["metadata.json"]
    return parts


@pytest.mark.parametrize("case", ["functional", "subclassed"])
def test_the_saved_file_is_the_same(case, tmp_path):
    model = trained(case)
    before = contents(model, tmp_path / "before.keras")
    observed = regard.observe(model)
    observed(IDS)
    observed.predict(IDS, verbose=0)
    after = contents(model, tmp_path / "after.keras")
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == set()


def test_a_loaded_model_is_observed(tmp_path):
    model = trained()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    first = regard.observe(model).predict(IDS, verbose=0)
    second = regard.observe(loaded).predict(IDS, verbose=0)
    np.testing.assert_allclose(second.outputs, first.outputs, rtol=0, atol=1e-6)
    for key, actual in first.attention.items():
        np.testing.assert_allclose(
            second.attention[key].weights, actual.weights, atol=1e-6
        )


def test_further_training_is_seen():
    model = trained()
    observed = regard.observe(model)
    before = observed.predict(IDS, verbose=0)
    model.fit(IDS, np.zeros((4, 2)), epochs=3, verbose=0)
    after = observed.predict(IDS, verbose=0)
    assert not np.allclose(after.outputs, before.outputs)
    expected = model.predict(IDS, verbose=0)
    np.testing.assert_allclose(after.outputs, expected, rtol=0, atol=1e-6)


def test_freezing_a_layer_does_not_mix_up_variables():
    model = trained()
    observed = regard.observe(model)
    before = observed.predict(IDS, verbose=0)
    model.layers[1].trainable = False
    after = observed.predict(IDS, verbose=0)
    np.testing.assert_array_equal(after.outputs, before.outputs)


def test_predict_and_observe_take_turns():
    model = trained()
    observed = regard.observe(model)
    expected = model.predict(IDS, verbose=0)
    for _ in range(3):
        result = observed.predict_on_batch(IDS)
        np.testing.assert_allclose(result.outputs, expected, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(model.predict(IDS, verbose=0), expected)
        np.testing.assert_array_equal(model.predict_on_batch(IDS), expected)


@pytest.mark.skipif(
    keras.backend.backend() != "jax",
    reason="only on JAX does Keras take the arrays away from the variables",
)
def test_variables_taken_by_a_running_predict():
    model = trained()
    expected = regard.observe(model).predict_on_batch(IDS)
    early, late = regard.observe(model), regard.observe(model)
    early.predict_on_batch(IDS)
    observations, refused = [], []

    def look(*_, **__):
        observations.append(early.predict_on_batch(IDS))
        with pytest.raises(regard.errors.ObservationError, match="no value"):
            late.predict_on_batch(IDS)
        refused.append(True)

    callback = keras.callbacks.LambdaCallback()
    callback.on_predict_batch_end = look
    model.predict(IDS, verbose=0, callbacks=[callback])
    assert refused == [True]
    np.testing.assert_array_equal(observations[0].outputs, expected.outputs)
