"""Batches of any source, of any length, each signature compiled once."""

import keras
import numpy as np
import pytest
from observed_models import CASES, IDS, STATES

import regard
from regard.errors import ObservationError

pytestmark = pytest.mark.backends

MANY = np.concatenate([IDS, IDS[:3]])


@pytest.fixture
def model():
    return CASES["sequential"].make()


def test_batches_are_joined_in_order(model):
    observed = regard.observe(model)
    whole = observed.predict(MANY, batch_size=7, verbose=0)
    parts = observed.predict(MANY, batch_size=3, verbose=0)
    np.testing.assert_allclose(parts.outputs, whole.outputs, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        parts.attention["pool"].weights, whole.attention["pool"].weights, atol=1e-6
    )


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return IDS[2 * index : 2 * index + 2], np.zeros(2)


def generator():
    for index in range(2):
        yield (IDS[2 * index : 2 * index + 2],)


@pytest.mark.parametrize("source", [Batches, generator], ids=["dataset", "generator"])
def test_other_sources(model, source):
    observed = regard.observe(model)
    expected = observed.predict(IDS, batch_size=2, verbose=0)
    result = observed.predict(source(), verbose=0)
    np.testing.assert_array_equal(result.outputs, expected.outputs)
    first = regard.observe(model).predict(source(), steps=1, verbose=0)
    np.testing.assert_array_equal(first.outputs, expected.outputs[:2])


def test_lengths_that_differ_are_filled_up_with_zeros(model):
    def lengths():
        yield (IDS[:2],)
        yield (IDS[2:, :4],)

    result = regard.observe(model).predict(lengths(), verbose=0)
    weights = result.attention["pool"].weights
    assert weights.shape == (4, 1, 6)
    assert np.all(weights[2:, :, 4:] == 0)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)


def test_outputs_that_differ_in_length_are_an_error():
    def lengths():
        yield (STATES[:2],)
        yield (STATES[2:, :4],)

    states = keras.Input((None, 8))
    model = keras.Model(states, regard.layers.SelfAttention("dot")(states))
    with pytest.raises(ObservationError, match="different shapes"):
        regard.observe(model).predict(lengths(), verbose=0)


def test_each_signature_is_compiled_once(model):
    observed = regard.observe(model)
    compiled = []
    observed.predict_on_batch(IDS)
    make_pass = observed._passes._make

    def counting(x, forced):
        compiled.append(x.shape)
        return make_pass(x, forced)

    observed._passes._make = counting
    for batch in (IDS, IDS[:2], IDS[:2], IDS, IDS[:, :3]):
        observed.predict_on_batch(batch)
    assert compiled == [(2, 6), (4, 3)]


def test_a_batch_may_be_lists_or_tensors(model):
    observed = regard.observe(model)
    expected = observed.predict_on_batch(IDS).outputs
    tensor = keras.ops.convert_to_tensor(IDS)
    result = observed.predict_on_batch(tensor)
    np.testing.assert_allclose(result.outputs, expected, rtol=0, atol=1e-6)


def test_float64_inputs_are_taken():
    model = keras.Sequential([regard.layers.AttentionPooling(name="pool")])
    expected = model.predict(STATES.astype("float64"), verbose=0)
    observed = regard.observe(model)
    for result in (
        observed.predict(STATES.astype("float64"), verbose=0),
        observed.predict_on_batch(STATES.astype("float64")),
    ):
        np.testing.assert_allclose(result.outputs, expected, rtol=0, atol=1e-6)


def test_progress_is_shown_as_keras_shows_it(model, capsys):
    observed = regard.observe(model)
    observed.predict(IDS, verbose=0)
    assert capsys.readouterr().out == ""
    observed.predict(IDS, batch_size=2, verbose=2)
    assert "2/2" in capsys.readouterr().out
