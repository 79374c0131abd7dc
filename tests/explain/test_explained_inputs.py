"""What cannot be explained is refused, in words."""

import warnings

import keras
import numpy as np
import pytest
from explained_models import WORDS, averaged, ids, pooled, randomised
from keras import ops

import regard
from regard import explain, trust
from regard.errors import ArgumentError, DataError, ObservationError

X = ids()


@pytest.fixture(scope="module")
def model():
    return pooled()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"target": 3}, "from 0 to 2"),
        ({"target": -1}, "from 0 to 2"),
        ({"target": [0, 1]}, "one for each of the 4 inputs"),
        ({"target": "billing"}, "none of the outputs"),
        ({"target": 1.5}, "none of the outputs"),
        ({"layer": "nowhere"}, r"no one layer 'nowhere'.*'words'"),
        ({"layer": "words#2"}, "no one layer"),
        ({"input": "elsewhere"}, "'tokens'"),
        ({"mask": np.ones((4, 6))}, "mask does not fit"),
        ({"mask": np.full((4, 7), 0.5)}, "mask does not fit"),
        ({"of": "loss"}, "'logit', 'probability'"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_wrong_arguments_are_refused(model, arguments, said):
    with pytest.raises(ArgumentError, match=said):
        explain.gradient_x_input(model, X, **arguments)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.zeros((0, 7), int), "no input"),
        (np.zeros(7), "no array that can be explained"),
        ([[1, 2], [3]], "different lengths"),
        ("a text", "no array"),
        ([X, X[:2]], "input="),
        (None, "no array"),
    ],
)
def test_wrong_inputs_are_refused(model, x, said):
    with pytest.raises(ArgumentError, match=said):
        explain.gradient_x_input(model, x)


@pytest.mark.parametrize("baseline", [0.5, np.zeros(6, int), "word"])
def test_a_baseline_that_does_not_fit_is_refused(model, baseline):
    with pytest.raises(ArgumentError, match="baseline does not fit"):
        explain.integrated_gradients(model, X, baseline=baseline)


@pytest.mark.parametrize("baseline", [-1, WORDS])
def test_a_baseline_outside_of_the_vocabulary_is_refused(model, baseline):
    with pytest.raises(ArgumentError, match=r"does not have.*from 0 to 29"):
        explain.integrated_gradients(model, X, baseline=baseline)


@pytest.mark.backends
@pytest.mark.parametrize("id_", [-1, WORDS])
def test_an_id_outside_of_the_vocabulary_is_refused_in_the_same_words(id_):
    model = pooled()
    x = ids()
    x[1, 2] = id_
    for method in (explain.gradient_x_input, explain.leave_one_out, explain.value_norm):
        with pytest.raises(DataError, match=rf"ids from 0 to 29.*{id_} in input 1\."):
            method(model, x)
    with pytest.raises(DataError, match="ids from 0 to 29"):
        trust.examine(model, np.tile(x, (15, 1)), n=2)


def test_the_ids_of_an_input_that_is_not_explained_are_checked_too():
    kinds = keras.Input((1,), dtype="int32", name="kinds")
    series = keras.Input((4, 2), name="series")
    kind = keras.layers.Embedding(3, 2)(kinds)
    model = keras.Model([kinds, series], keras.layers.Dense(2)((series + kind)[:, 0]))
    x = {"series": np.ones((2, 4, 2), np.float32), "kinds": np.array([[0], [3]])}
    with pytest.raises(DataError, match="from 0 to 2"):
        explain.leave_one_out(model, x, 0, input="series")
    x["kinds"][1] = 2
    assert explain.leave_one_out(model, x, 0, input="series").scores.shape == (2, 4)


@pytest.mark.backends
def test_ids_that_are_read_as_floats_are_explained_as_ids(model):
    # What Keras declares where nobody says a dtype.
    tokens = keras.Input((None,), name="tokens")
    states = model.get_layer("words")(tokens)
    answer = model.get_layer("classes")(model.get_layer("pool")(states))
    of_floats = keras.Model(tokens, answer)
    for method in (explain.gradient_x_input, explain.leave_one_out):
        right = method(model, X, 0).scores
        for x in (X, X.astype(np.float32)):
            assert np.allclose(method(of_floats, x, 0).scores, right, atol=1e-6)
        assert np.allclose(method(model, X.astype(float), 0).scores, right, atol=1e-6)
    with pytest.raises(DataError, match=r"0\.5 in input 0"):
        explain.gradient_x_input(of_floats, np.full((1, 3), 0.5))


@pytest.mark.backends
def test_a_mask_that_is_not_heeded_does_not_hide_what_positions_do():
    bag = keras.Input((None, 2), name="bag")
    there = keras.Input((None,), dtype="bool", name="there")
    context = regard.layers.AttentionPooling(name="pool")(bag, mask=there)
    model = randomised(keras.Model([bag, there], keras.layers.Dense(1)(context)))
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    mask = np.arange(4) < np.array([[4], [2], [1]])
    with warnings.catch_warnings():
        # Keras says that the mask goes nowhere.
        warnings.simplefilter("ignore", UserWarning)
        given = explain.leave_one_out(model, [x, mask], input="bag", mask=mask).scores
    plain = explain.leave_one_out(model, [x, mask], input="bag").scores
    assert np.allclose(given, plain, atol=1e-6)
    assert np.abs(given[mask]).min() > 0


@pytest.mark.backends
def test_scores_that_are_no_numbers_are_refused():
    series = keras.Input((4,))
    model = keras.Model(series, keras.layers.Dense(2)(series))
    x = np.ones((3, 4), np.float32)
    x[1, 2] = np.nan
    for method in (explain.gradient_x_input, explain.leave_one_out):
        with pytest.raises(DataError, match="infinity in input 1"):
            method(model, x, 0)


def test_what_has_no_gradient_is_said():
    ids_ = keras.Input((7,), dtype="int32")
    model = keras.Model(ids_, keras.layers.Dense(2)(ops.one_hot(ids_, WORDS)[:, 0]))
    with pytest.raises(ObservationError, match=r"whole numbers.*layer="):
        explain.gradient_x_input(model, X)
    told = explain.leave_one_out(model, X, 0, baseline=1)
    assert told.scores[:, 1:].max() == 0


def test_two_layers_that_read_the_input_have_to_be_told_apart():
    ids_ = keras.Input((7,), dtype="int32")
    first = keras.layers.Embedding(WORDS, 3, name="one")(ids_)
    second = keras.layers.Embedding(WORDS, 3, name="two")(ids_)
    pooled = keras.layers.GlobalAveragePooling1D()(first * second)
    model = keras.Model(ids_, keras.layers.Dense(2)(pooled))
    with pytest.raises(ArgumentError, match=r"'one'.*'two'"):
        explain.gradient_x_input(model, X)
    assert explain.gradient_x_input(model, X, layer="two").scores.shape == X.shape


def test_outputs_other_than_one_row_of_numbers_are_refused(model):
    states = keras.Model(model.input, model.get_layer("words").output)
    with pytest.raises(ArgumentError, match=r"\(batch, outputs\)"):
        explain.gradient_x_input(states, X)
    both = keras.Model(model.input, [model.output, model.output])
    with pytest.raises(ArgumentError, match=r"\(batch, outputs\)"):
        explain.gradient_x_input(both, X)


def test_what_is_no_model_is_refused():
    with pytest.raises(ArgumentError, match="Only a model"):
        explain.gradient_x_input(None, X)
    with pytest.raises(ArgumentError, match="Only a model"):
        explain.leave_one_out(regard.Translator(), ["a text"])


def test_texts_have_neither_a_mask_nor_a_baseline(toy_classifier):
    with pytest.raises(ArgumentError, match="neither input= nor mask="):
        explain.gradient_x_input(toy_classifier, ["refund"], mask=np.ones((1, 1)))
    with pytest.raises(ArgumentError, match="baseline=None"):
        explain.integrated_gradients(toy_classifier, ["refund"], baseline=0)
    with pytest.raises(ArgumentError, match="a list of strings"):
        explain.integrated_gradients(toy_classifier, "refund")


def test_an_attribution_says_what_it_is():
    told = explain.gradient_x_input(averaged(), X)
    assert repr(told) == (
        "Attribution('gradient_x_input', batch=4, positions=7, of='logit')"
    )
    assert len(told) == 4
    with pytest.raises(ArgumentError, match="do not fit each other"):
        explain.Attribution(
            told.scores, ("batch",), "none", told.mask, told.target, "logit"
        )
