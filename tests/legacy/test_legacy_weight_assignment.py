"""Weights alone, in every layout, into models that are built anew."""

import golden
import keras
import numpy as np
import pytest

from regard import legacy
from regard.errors import ArgumentError

pytestmark = pytest.mark.backends
PLAIN = "kaggle_attention/plain"
FILES = [
    (name, suffix)
    for name in golden.LAYER_CASES
    for suffix in ("_weights.h5", ".weights.h5")
    # Models of a layer alone; whole ones are read by the other tests.
    if golden.Golden(name).options.get("source", "none") == "none"
    and "in.x" in golden.Golden(name).arrays
    and golden.Golden(name).kind != "attention_decoder"
    and golden.Golden(name).file(suffix).exists()
]


def model_of(case):
    inputs = keras.Input(case.inputs.shape[1:])
    return keras.Model(inputs, golden.make(case, name="mine")(inputs))


@pytest.mark.parametrize(("name", "suffix"), FILES)
def test_every_layout(name, suffix):
    case = golden.Golden(name)
    model = model_of(case)
    legacy.load_weights(model, case.file(suffix))
    layer = model.get_layer("mine")
    for array, expected in zip(
        layer.get_weights(), golden.renamed(case, layer), strict=True
    ):
        np.testing.assert_array_equal(array, expected)


def test_a_stock_model_of_numbered_classes():
    case = golden.Golden("feature_attention/published_trained")
    x = keras.Input((4,))
    first = keras.layers.Dense(4, use_bias=False, activation="softmax")(x)
    hidden = keras.layers.Dense(16)(keras.layers.Multiply()([x, first]))
    second = keras.layers.Dense(16, use_bias=False, activation="softmax")(hidden)
    gated = keras.layers.Multiply()([hidden, second])
    model = keras.Model(x, keras.layers.Dense(1, activation="sigmoid")(gated))
    legacy.load_weights(model, case.file(".weights.h5"))
    again = keras.models.clone_model(model)
    legacy.load_weights(again, case.file("_weights.h5"))
    for array, expected in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(array, expected)


def test_weights_that_do_not_fit_leave_the_model_as_it_was():
    case = golden.Golden(PLAIN)
    inputs = keras.Input((9, 5))
    model = keras.Model(inputs, legacy.KaggleAttention(9)(inputs))
    before = model.get_weights()
    with pytest.raises(ArgumentError, match=r"plain_weights.h5.*do not fit"):
        legacy.load_weights(model, case.file("_weights.h5"))
    for array, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_a_model_of_other_layers_is_refused():
    case = golden.Golden(PLAIN)
    inputs = keras.Input((6, 5))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dense(5)(inputs)))
    with pytest.raises(ArgumentError, match="are not those of the model"):
        legacy.load_weights(model, case.file("_weights.h5"))


def test_weights_alone_are_no_model():
    case = golden.Golden(PLAIN)
    with pytest.raises(ArgumentError, match="holds weights without a model"):
        legacy.load_model(case.file("_weights.h5"))
