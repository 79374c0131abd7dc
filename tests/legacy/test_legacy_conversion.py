"""Old files of whole models give the numbers that the models gave."""

import json
import re

import golden
import keras
import numpy as np
import pytest

import regard

pytestmark = pytest.mark.backends
MODELS = [name for name in golden.ALL if golden.Golden(name).file("_model.h5").exists()]
# What the first output of a model is called in the golden files.
FIRST = ("predictions", *golden.CONTEXTS)


def settings(layer):
    """The configuration, without what numbers objects."""
    text = json.dumps(layer.get_config(), default=repr, sort_keys=True)
    return re.sub(r', "shared_object_id": \d+', "", text)


@pytest.mark.parametrize("name", MODELS)
def test_predictions_and_attention_of_one_pass(name, loaded):
    case = golden.Golden(name)
    result = regard.observe(loaded(name)).predict_on_batch(case.model_inputs)
    first = keras.tree.flatten(result.outputs)[0]
    expected = next(each for each in map(case.expected, FIRST) if each is not None)
    golden.assert_close(first, expected, case.tolerance)
    attention = next(iter(result.attention.values()))
    golden.assert_close(attention.weights, case.attention(), case.tolerance)


def test_both_gates_of_a_feature_model_are_seen(loaded):
    case = golden.Golden("feature_attention/published_trained")
    result = regard.observe(loaded(case.name)).predict_on_batch(case.model_inputs)
    for name in ("attention_vec", "attention_vec1"):
        golden.assert_close(result.attention[name].weights, case.expected(name), 1e-5)


def test_the_second_output_of_a_model_is_its_attention(loaded):
    case = golden.Golden("classifier_kaggle/two_output")
    _, attention = loaded(case.name)(case.model_inputs)
    attention = keras.ops.convert_to_numpy(attention)
    assert attention.shape == (10, 12, 1)
    golden.assert_close(attention, case.expected("attention"), 1e-5)


def test_the_decoder_returns_its_attention_where_the_file_says_so():
    case = golden.Golden("attention_decoder/plain")
    model = regard.legacy.load_model(case.file("_probabilities_model.h5"))
    attention = keras.ops.convert_to_numpy(model(case.model_inputs))
    assert attention.shape == (3, 5, 5, 1)
    golden.assert_close(attention, case.expected("attention"), 1e-5)


def test_the_attention_regulariser_adds_its_loss(loaded):
    case = golden.Golden("seq_self_attention/additive_regularized")
    model = loaded(case.name)
    model(keras.ops.convert_to_tensor(case.model_inputs))
    loss = float(sum(map(float, model.losses)))
    assert loss == pytest.approx(float(case.expected("regularization_loss")), abs=1e-6)


def test_training_goes_on_and_is_saved(tmp_path):
    case = golden.Golden("classifier_kaggle/keras208_noconfig")
    model = regard.legacy.load_model(case.file("_model.h5"))
    answers = np.roll(case.arrays["in.labels"], 1)
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    losses = [model.train_on_batch(case.model_inputs, answers) for _ in range(8)]
    assert losses[-1] < 0.7 * losses[0]
    model.save(tmp_path / "new.keras")
    again = keras.models.load_model(tmp_path / "new.keras")
    expected = keras.ops.convert_to_numpy(model(case.model_inputs))
    golden.assert_close(
        keras.ops.convert_to_numpy(again(case.model_inputs)), expected, 1e-6
    )


@pytest.mark.parametrize(
    "name",
    [
        "attention_decoder/plain",
        "attention_with_context/embedding_mask",
        "classifier_kaggle/keras208_noconfig",
        "feature_attention/published_trained",
        "philipperemy_attention/bahdanau",
        "prob_attention/plain",
        "seq_self_attention/multiplicative_local4_sigmoid",
        "seq_self_attention/v041_additive_embedding_mask",
        "seq_weighted_attention/v041_masking",
        "thushv89_attention/basic",
    ],
)
def test_saved_and_loaded_as_a_file_of_keras_3(name, loaded, tmp_path):
    old = loaded(name)
    old.save(tmp_path / "new.keras")
    again = keras.models.load_model(tmp_path / "new.keras")
    # The same settings and weights are the same function; whole predictions are
    # compared where training goes on.
    for new_layer, old_layer in zip(again.layers, old.layers, strict=True):
        assert settings(new_layer) == settings(old_layer)
    for new, expected in zip(again.get_weights(), old.get_weights(), strict=True):
        np.testing.assert_array_equal(new, expected)
