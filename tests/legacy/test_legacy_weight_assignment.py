"""Weights alone, in every layout, into models that are built anew."""

import golden
import h5py
import keras
import numpy as np
import old_configurations as old
import pytest

import regard
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


def written(path, layers, backend="tensorflow"):
    """A file of weights as Keras 1 and 2 wrote it."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.2.5", backend
        file.attrs["layer_names"] = np.array([name.encode() for name in layers])
        for layer, arrays in layers.items():
            group = file.create_group(layer)
            names = [f"{layer}/{number}:0" for number in range(len(arrays))]
            group.attrs["weight_names"] = np.array([each.encode() for each in names])
            for name, array in zip(names, arrays, strict=True):
                group[name] = array
    return path


def recurrent_layers():
    """A model of layers whose arrays were once others."""
    layers, settings = keras.layers, {"return_sequences": True}
    hard = {**settings, "recurrent_activation": legacy.hard_sigmoid}
    x, windows = keras.Input((4, 3)), keras.Input((2, 4, 3))
    gru = layers.GRU(old.UNITS, **settings)
    outputs = [
        layers.LSTM(old.UNITS, name="cudnn", **settings)(x),
        layers.GRU(old.UNITS, name="cudnn_gru", **settings)(x),
        layers.Bidirectional(gru, name="both")(x),
        layers.LSTM(old.UNITS, name="apart", **hard)(x),
        layers.Conv1D(2, 2, strides=2, name="turned")(x),
        layers.TimeDistributed(layers.LSTM(old.UNITS, **settings), name="each")(
            windows
        ),
    ]
    return keras.Model([x, windows], outputs)


def test_arrays_of_old_layouts(tmp_path):
    model = recurrent_layers()
    kernel, bias = old.WIDE, old.WIDE_BIAS
    layers = {
        "cudnn": old.CUDNN_4,
        "cudnn_gru": old.CUDNN_3,
        "both": old.CUDNN_3 + old.CUDNN_TOO,
        "apart": old.apart(old.FOUR, 4, old.ICFO),
        "turned": (kernel[::-1], bias),
        "each": old.CUDNN_4,
    }
    path = written(tmp_path / "old_weights.h5", layers, backend="theano")
    legacy.load_weights(model, path)
    answers = model([old.STEPS, old.WINDOWS])
    expected = [
        old.CUDNN_LSTM,
        old.CUDNN_GRU,
        old.CUDNN_BOTH,
        old.LSTM_HARD,
        old.STRIDED,
        old.CUDNN_EACH,
    ]
    for layer, each, right in zip(layers, answers, expected, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(each), right, rtol=0, atol=1e-5, err_msg=layer
        )


def test_a_chosen_name_says_more_than_the_order(tmp_path):
    inputs = keras.Input((2,))
    x = keras.layers.Dense(2, name="first", use_bias=False)(inputs)
    x = keras.layers.Dense(2, name="second", use_bias=False)(x)
    model = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(x))
    one, two, three = old.noise(3, 2, 2)
    layers = {"second": (one,), "first": (two,), "dense_7": (three,)}
    with pytest.raises(
        ArgumentError, match="'first' would get the weights of 'second'"
    ):
        legacy.load_weights(model, written(tmp_path / "w.h5", layers))
    layers = {"first": (one,), "second": (two,), "dense_7": (three,)}
    legacy.load_weights(model, written(tmp_path / "w.h5", layers))
    for array, expected in zip(model.get_weights(), (one, two, three), strict=True):
        np.testing.assert_array_equal(array, expected)


def test_a_reset_gate_of_another_place_is_named(tmp_path):
    inputs = keras.Input((4, 3))
    gru = keras.layers.GRU(old.UNITS, reset_after=False, name="gru")
    model = keras.Model(inputs, gru(inputs))
    path = written(tmp_path / "old_weights.h5", {"gru": old.CUDNN_3})
    with pytest.raises(ArgumentError, match=r"do not fit.*with reset_after=True"):
        legacy.load_weights(model, path)


def test_the_gate_as_its_listing_calls_it():
    case = golden.Golden("feature_attention/published_trained")
    inputs = keras.Input((4,))
    gated = legacy.Att(4, inputs, "attention_vec")
    hidden = keras.layers.Dense(16)(gated)
    gated = legacy.Att(16, hidden, "attention_vec1")
    outputs = keras.layers.Dense(1, activation="sigmoid")(gated)
    model = keras.Model(inputs, outputs)
    legacy.load_weights(model, case.file("_weights.h5"))
    # The code around the listing takes the attention from the layer of that name.
    names = ("attention_vec", "attention_vec1")
    seen = keras.Model(inputs, [outputs, *(model.get_layer(n).output for n in names)])
    answers = seen(case.model_inputs)
    for answer, name in zip(answers, ("predictions", *names), strict=True):
        golden.assert_close(
            keras.ops.convert_to_numpy(answer), case.expected(name), 1e-5
        )
    result = regard.observe(model).predict_on_batch(case.model_inputs)
    golden.assert_close(result.outputs, case.expected("predictions"), 1e-5)
    for name in names:
        golden.assert_close(result.attention[name].weights, case.expected(name), 1e-5)
