"""Each layer of each generation of Keras computes what it computed then."""

from dataclasses import replace
from inspect import signature
from pathlib import Path

import keras
import numpy as np
import old_configurations as old
import pytest

from regard import legacy, observe
from regard._compat import mask_of
from regard._hdf5 import OldFile, StoredWeight
from regard.errors import ArgumentError, RegardError
from regard.legacy.keras_layers import keras_weight_shapes, make_keras_layer
from regard.legacy.model_graph import rebuild
from regard.legacy.recognition import LoadOptions
from regard.legacy.settings import DROPPED, ROWS, in_todays_words
from regard.legacy.values import arguments_of, dtype_of

backends = pytest.mark.backends


MASKING = {"class_name": "Masking", "config": {"name": "masking", "mask_value": 0.0}}


def old_model(case, backend="tensorflow", batch=None, before=None, report=print):
    """The model of a layer, after another or alone, as it would come from a file."""
    inputs = case.inputs if isinstance(case.inputs, list) else [case.inputs]
    names = [f"x{number}" for number in range(len(inputs))]
    first = "input_dtype" if case.version == old.K1 else "dtype"
    layers = [
        {
            "class_name": "InputLayer",
            "name": name,
            "config": {
                "name": name,
                "batch_input_shape": [batch, *array.shape[1:]],
                first: str(array.dtype),
                "sparse": False,
            },
            "inbound_nodes": [],
        }
        for name, array in zip(names, inputs, strict=True)
    ]
    empty = [] if case.version == old.K1 else [{}]
    sources = names
    if before is not None:
        nodes = [[[name, 0, 0, *empty] for name in names]]
        sources = [before["config"]["name"]]
        layers.append({**before, "name": sources[0], "inbound_nodes": nodes})
    layers.append(
        {
            "class_name": case.class_name,
            "name": "layer",
            "config": case.config,
            "inbound_nodes": [[[name, 0, 0, *empty] for name in sources]],
        }
    )
    config = {
        "layers": layers,
        "input_layers": [[name, 0, 0] for name in names],
        "output_layers": [["layer", 0, 0]],
    }
    weights = [
        StoredWeight(str(number), np.asarray(array))
        for number, array in enumerate(case.arrays)
    ]
    file = OldFile(
        path=Path("old.h5"),
        layout="made on the spot",
        layers={"layer": weights} if weights else {},
        by_name=True,
        keras_version=case.version,
        backend=backend,
        config={"class_name": "Model", "config": config},
    )
    return rebuild(file, LoadOptions(), report)


def answer(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs))


@backends
@pytest.mark.parametrize("case", old.CASES, ids=str)
def test_it_computes_what_it_computed(case):
    model = old_model(case)
    np.testing.assert_allclose(
        answer(model, case.inputs), case.expected, rtol=0, atol=1e-5
    )
    layer = model.get_layer("layer")
    for name, value in case.has.items():
        held = getattr(layer, name)
        assert held == pytest.approx(value), name


def test_every_row_has_its_test():
    tested = {case.class_name for case in old.CASES} - {"Merge"}
    # An input is the first layer of every case; the second name is a rarer one.
    assert set(ROWS) - tested == {"InputLayer", "BatchNormalizationV2"}


def test_every_setting_of_a_row_is_one_of_keras():
    for name, row in ROWS.items():
        if name == "InputLayer":
            continue
        parameters = set(signature(getattr(keras.layers, row.today)).parameters)
        assert row.kept <= parameters, name


@pytest.mark.parametrize(("class_name", "row"), ROWS.items())
def test_a_setting_that_is_gone_is_harmless_or_refused(class_name, row):
    plain = in_todays_words(class_name, {"name": "x"})
    for key, harmless in {**DROPPED, **row.dropped}.items():
        if key in row.kept | set(row.renamed):
            continue
        for value in ("anything",) if harmless is None else harmless:
            assert in_todays_words(class_name, {"name": "x", key: value}) == plain
        if harmless is not None:
            with pytest.raises(ArgumentError, match=f"nothing for '{key}'"):
                in_todays_words(class_name, {"name": "x", key: "anything"})


GLOROT = {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}}
MODES = {**old.MERGE_1, "mode": "cos"}
# Settings that changed numbers and have no place in Keras 3, or none at all.
REFUSED = [
    ("LSTM", {"time_major": True}, "nothing for 'time_major' of LSTM"),
    ("CuDNNGRU", {"time_major": True}, "nothing for 'time_major' of CuDNNGRU"),
    ("GRU", {"zero_output_for_mask": True}, "nothing for 'zero_output_for_mask'"),
    ("LSTM", {"num_constants": 1}, "nothing for 'num_constants'"),
    ("Embedding", {"dropout": 0.2}, "nothing for 'dropout' of Embedding"),
    ("BatchNormalization", {"mode": 1}, "nothing for 'mode'"),
    ("BatchNormalization", {"renorm": True}, "nothing for 'renorm'"),
    ("BatchNormalizationV1", {"virtual_batch_size": 8}, "nothing for 'virtual_b"),
    ("SpatialDropout1D", {"noise_shape": [2, 1, 3]}, "nothing for 'noise_shape'"),
    ("InputLayer", {"ragged": True}, "nothing for 'ragged' of InputLayer"),
    ("InputLayer", {"sparse": True}, "nothing for 'sparse' of InputLayer"),
    ("Dense", {"autocast": False}, "nothing for 'autocast' of Dense"),
    ("Dense", {"output_dim": 2, "units": 3}, "'units' under two names"),
    ("Dense", {"lora_rank": 4}, "Dense has no setting 'lora_rank'"),
    ("Embedding", {"weights": [[1.0]]}, "nothing for 'weights' of Embedding"),
    ("Merge", MODES, "class 'Merge' is not one"),
    ("Merge", {"mode_type": "lambda", "mode": "4wEAAAA"}, "class 'Merge' is not one"),
    ("Merge", {**MODES, "mode": "sum", "mode_type": "function"}, "'mode_type'"),
    ("Custom>Dense", {"units": 2}, "class 'Custom>Dense' is not one"),
]


@pytest.mark.parametrize(("class_name", "config", "message"), REFUSED)
def test_what_changed_numbers_is_refused(class_name, config, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        make_keras_layer(*in_todays_words(class_name, {"name": "x", **config}))
    if "has no setting" not in message and "two names" not in message:
        assert "load_weights" in str(caught.value)


def test_an_error_names_the_file_and_the_layer():
    case = next(case for case in old.CASES if case.class_name == "LSTM")
    changed = replace(case, config={**case.config, "time_major": True})
    with pytest.raises(ArgumentError, match=r"'old.h5'.*layer 'layer' \(LSTM\)"):
        old_model(changed)


VALUES = np.array([[3.0, -4.0], [1.0, 2.0]], "float32")
LONG = VALUES / np.sqrt((VALUES**2).sum(0))
OBJECTS = [
    ("W_regularizer", {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.5}, 15.0),
    ("W_regularizer", {"name": "WeightRegularizer", "l1": 0.1, "l2": 0.0}, 1.0),
    (
        "kernel_regularizer",
        {"class_name": "L1L2", "config": {"l1": 0.1, "l2": 0.5}},
        16,
    ),
    ("kernel_regularizer", {"class_name": "L2", "config": {"l2": 0.5}}, 15.0),
    (
        "kernel_regularizer",
        {
            "class_name": "L1",
            "config": {"l1": {"type": "ndarray", "value": 0.1}},
            "module": "keras.regularizers",
            "registered_name": None,
        },
        1.0,
    ),
    ("W_constraint", {"name": "MaxNorm", "m": 2, "axis": 0}, 2 * LONG),
    ("W_constraint", {"name": "NonNeg"}, np.maximum(VALUES, 0)),
    ("W_constraint", {"name": "UnitNorm", "axis": 0}, LONG),
    (
        "W_constraint",
        {"name": "MinMaxNorm", "low": 0.0, "high": 2.0, "rate": 1.0, "axis": 0},
        2 * LONG,
    ),
    (
        "kernel_constraint",
        {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}},
        2 * LONG,
    ),
    (
        "kernel_constraint",
        {"class_name": "NonNeg", "config": {}},
        np.maximum(VALUES, 0),
    ),
]


@backends
@pytest.mark.parametrize(("key", "value", "expected"), OBJECTS)
def test_regularizers_and_constraints_do_what_they_did(key, value, expected):
    _, settings = in_todays_words("Dense", {"units": 2, key: value})
    (function,) = set(arguments_of(settings).values()) - {2}
    computed = function(keras.ops.convert_to_tensor(VALUES))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(computed), expected, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("uniform", "RandomUniform"),
        ("normal", "RandomNormal"),
        ("zero", "Zeros"),
        ("one", "Ones"),
        ("he_uniform", "HeUniform"),
        ("lecun_uniform", "LecunUniform"),
        ("orthogonal", "Orthogonal"),
        ("identity", "Identity"),
        (GLOROT, "GlorotUniform"),
        ({"class_name": "TruncatedNormal", "config": {"dtype": "float32"}}, None),
        ({"class_name": "VarianceScaling", "config": {"distribution": "normal"}}, None),
    ],
)
def test_initializers_of_each_generation(value, name):
    _, settings = in_todays_words("Dense", {"units": 2, "init": value})
    layer = make_keras_layer("Dense", settings)
    expected = name or value["class_name"]
    assert type(layer.kernel_initializer).__name__ == expected
    if "VarianceScaling" in str(value):
        assert layer.kernel_initializer.distribution == "truncated_normal"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("float32", "float32"),
        (old.POLICY, "float32"),
        (
            {"class_name": "Policy", "config": {"name": "mixed_float16"}},
            "mixed_float16",
        ),
        (
            {
                "class_name": "PolicyV1",
                "config": {"name": "mixed_bfloat16", "loss_scale": None},
            },
            "mixed_bfloat16",
        ),
        ({"class_name": "PolicyV1", "config": {"name": "infer"}}, None),
        ("int32", None),
        (None, None),
    ],
)
def test_types_and_policies(value, expected):
    assert dtype_of(value) == expected
    layer = make_keras_layer("Dense", {"units": 2, "dtype": value})
    assert layer.dtype_policy.name == (expected or "float32")


def test_an_unknown_policy_is_refused():
    with pytest.raises(ArgumentError, match="An unknown type or policy"):
        dtype_of({"class_name": "Policy", "config": {"name": "quantized"}})


@backends
def test_a_kernel_of_theano_is_turned_around():
    for case in old.CASES:
        if case.version == old.K22 and case.class_name == "Conv1D":
            kernel, bias = case.arrays
            turned = replace(case, arrays=(kernel[::-1], bias))
            np.testing.assert_allclose(
                answer(old_model(turned, "theano"), case.inputs),
                case.expected,
                atol=1e-5,
            )


def test_the_axis_of_a_normalization_is_the_one_stated():
    rng = np.random.default_rng(0)
    gamma, beta, mean = rng.normal(size=(3, 4)).astype("float32")
    config = {"name": "layer", "axis": 1, "epsilon": 0.0, "momentum": 0.9}
    column = (old.STEPS - mean[:, None]) * gamma[:, None] + beta[:, None]
    arrays = (gamma, beta, mean, np.ones(4, "float32"))
    case = old.Case(old.K22, "BatchNormalization", config, old.STEPS, column, arrays)
    np.testing.assert_allclose(
        answer(old_model(case), old.STEPS), column, rtol=0, atol=1e-5
    )


def test_the_shapes_of_a_convolution_follow_its_settings():
    settings = {"filters": 3, "kernel_size": [2], "groups": 2}
    last = keras_weight_shapes("Conv1D", settings, (None, 6, 4))
    assert last == [(2, 2, 3), (3,)]
    settings |= {"data_format": "channels_first", "use_bias": False}
    assert keras_weight_shapes("Conv1D", settings, (None, 6, 4)) == [(2, 3, 3)]


@backends
@pytest.mark.parametrize(
    ("version", "carries"),
    [("unknown", True), ("2.3.1", True), ("2.2.4-tf", True), ("2.4.0", False)],
)
def test_padding_after_both_directions_is_as_it_was(version, carries, tmp_path):
    case = next(
        case
        for case in old.CASES
        if case.class_name == "Bidirectional"
        and case.version == old.K22
        and "reset_after" not in str(case.config)
    )
    inputs = old.STEPS.copy()
    inputs[:, 0] = 0.0
    inputs[:, -1] = 0.0
    model = old_model(replace(case, version=version), before=MASKING)
    middle = old.both(
        old.lstm,
        case.arrays[:3],
        case.arrays[3:],
        inputs[:, 1:3],
        gate=old.hard_sigmoid,
    )
    nothing = np.zeros_like(middle[:, :1])
    forward, backward = middle[:, -1:].copy(), middle[:, :1].copy()
    forward[..., old.UNITS :] = 0.0
    backward[..., : old.UNITS] = 0.0
    after, before = (forward, backward) if carries else (nothing, nothing)
    expected = np.concatenate([before, middle, after], 1)
    np.testing.assert_allclose(answer(model, inputs), expected, rtol=0, atol=1e-5)
    if version == "2.3.1":
        model.save(tmp_path / "new.keras")
        again = keras.models.load_model(tmp_path / "new.keras")
        np.testing.assert_allclose(answer(again, inputs), expected, rtol=0, atol=1e-5)


@backends
def test_states_stay_with_the_batch():
    case = next(
        case
        for case in old.CASES
        if case.class_name == "SimpleRNN" and case.version == old.K22
    )
    model = old_model(replace(case, config={**case.config, "stateful": True}), batch=2)
    assert model.input_shape == (2, 4, 3)
    twice = np.concatenate([old.STEPS, old.STEPS], 1)
    expected = old.simple_rnn(twice, *case.arrays)
    np.testing.assert_allclose(
        np.concatenate([answer(model, old.STEPS) for _ in range(2)], 1),
        expected,
        rtol=0,
        atol=1e-5,
    )


def chain(version, layers, arrays, **more):
    """The model of a file of a chain of layers."""
    weights = {
        layer["config"]["name"]: [StoredWeight(str(n), a) for n, a in enumerate(each)]
        for layer, each in zip(layers, arrays, strict=True)
        if each
    }
    config = {"layers": layers, **more} if more else layers
    config = {"class_name": "Sequential", "config": config}
    file = OldFile(
        Path("old.h5"), "made on the spot", weights, True, version, "unknown", config
    )
    return rebuild(file, LoadOptions(), lambda _: None)


DENSE_1 = {"name": "d", "output_dim": 2, "activation": "tanh", "bias": True}


@pytest.mark.parametrize(
    ("version", "config", "more"),
    [
        (old.K1, {**DENSE_1, "batch_input_shape": [None, 3]}, {}),
        (old.K20, {"name": "d", "units": 2, "activation": "tanh"}, None),
        (
            old.TF2,
            {"name": "d", "units": 2, "activation": "tanh"},
            {"name": "chain", "build_input_shape": [None, 3]},
        ),
        (
            old.TF2,
            {
                "name": "d",
                "units": 2,
                "activation": "tanh",
                "dtype": {"class_name": "Policy", "config": {"name": "float32"}},
                "batch_input_shape": [None, 3],
            },
            {"name": "chain"},
        ),
    ],
)
def test_chains_of_each_generation(version, config, more):
    if more is None:
        config, more = {**config, "batch_input_shape": [None, 3]}, {}
    layers = [{"class_name": "Dense", "config": config}]
    model = chain(version, layers, [(old.KERNEL, old.BIAS)], **more)
    np.testing.assert_allclose(
        answer(model, old.ROWS),
        np.tanh(old.ROWS @ old.KERNEL + old.BIAS),
        rtol=0,
        atol=1e-5,
    )


@backends
@pytest.mark.parametrize("name", ["Custom>Attention", "my.package>Attention"])
def test_an_old_layer_that_was_registered(name):
    weight, bias = old.noise(3), old.noise(4)
    config = {"name": "layer", "step_dim": 4, "bias": True, "return_attention": False}
    case = old.Case(old.TF2, name, config, old.STEPS, None, (weight, bias))
    powers = np.exp(np.tanh(old.STEPS @ weight + bias))
    shares = powers / powers.sum(1, keepdims=True)
    np.testing.assert_allclose(
        answer(old_model(case), old.STEPS),
        (shares[..., None] * old.STEPS).sum(1),
        rtol=0,
        atol=1e-5,
    )


def test_a_decoder_that_kept_its_state_is_refused():
    config = {"name": "layer", "units": 2, "output_dim": 2, "stateful": True}
    case = old.Case(old.K20, "AttentionDecoder", config, old.STEPS, None)
    with pytest.raises(RegardError, match="nothing for 'stateful' of AttentionDecoder"):
        old_model(case)


def gate(inputs, expected, **dense):
    """A dense layer, a softmax and a product, in a file; see ``old_model``."""
    names = ["x0", "dense", "softmax"]
    kernel = dense.pop("kernel")
    units = kernel.shape[1]
    stated = {"units": units, "activation": "linear", "use_bias": False, **dense}
    configs = [
        ("Dense", {"name": "dense", **stated}, [names[0]]),
        ("Activation", {"name": "softmax", "activation": "softmax"}, [names[1]]),
        ("Multiply", {"name": "product"}, [names[0], names[2]]),
    ]
    shape = [None, *inputs.shape[1:]]
    first = {"name": "x0", "batch_input_shape": shape, "dtype": "float32"}
    layers = [("InputLayer", first, []), *configs]
    listed = [
        {
            "class_name": class_name,
            "name": config["name"],
            "config": config,
            "inbound_nodes": [[[name, 0, 0, {}] for name in before]] if before else [],
        }
        for class_name, config, before in layers
    ]
    graph = {"layers": listed, "input_layers": [["x0", 0, 0]]}
    graph["output_layers"] = [["product", 0, 0]]
    file = OldFile(
        Path("old.h5"),
        "made on the spot",
        {"dense": [StoredWeight("kernel:0", kernel)]},
        True,
        old.K22,
        "tensorflow",
        {"class_name": "Model", "config": graph},
    )
    model = rebuild(file, LoadOptions(), lambda _: None)
    np.testing.assert_allclose(answer(model, inputs), expected, rtol=0, atol=1e-5)
    return model


@backends
@pytest.mark.parametrize("inputs", [old.ROWS, old.STEPS], ids=["rows", "steps"])
def test_a_gate_keeps_what_is_stated(inputs):
    kernel = old.noise(3, 3)
    weights = old.softmax(inputs @ kernel)
    model = gate(inputs, weights * inputs, kernel=kernel, trainable=False)
    layer = model.get_layer("softmax")
    assert isinstance(layer, legacy.Att)
    assert not layer.trainable
    seen = observe(model).predict_on_batch(inputs).attention["softmax"]
    np.testing.assert_allclose(seen.weights[:, 0], weights, rtol=0, atol=1e-5)


def test_a_gate_that_an_att_is_not_stays_three_layers():
    kernel, narrow = old.noise(3, 3), old.noise(3, 1)
    expected = old.softmax(old.ROWS @ kernel) * old.ROWS
    limit = {"class_name": "L2", "config": {"l2": 0.01}}
    model = gate(old.ROWS, expected, kernel=kernel, kernel_regularizer=limit)
    assert model.get_layer("dense").kernel_regularizer is not None
    with pytest.warns(UserWarning, match="softmax over axis"):
        gate(old.STEPS, old.STEPS, kernel=narrow)


@backends
@pytest.mark.parametrize("version", [old.K22, "2.3.0-tf"])
def test_a_softmax_did_not_look_at_masks(version):
    inputs = old.STEPS.copy()
    inputs[:, 0] = 0.0
    config = {"name": "layer", "axis": 1}
    case = old.Case(version, "Softmax", config, inputs, old.softmax(inputs, 1))
    model = old_model(case, before=MASKING)
    np.testing.assert_allclose(answer(model, inputs), case.expected, rtol=0, atol=1e-5)
    later = old_model(replace(case, version=old.TF2), before=MASKING)
    assert type(later.get_layer("layer")) is keras.layers.Softmax


@backends
def test_a_step_is_valid_where_anything_in_it_is(tmp_path):
    """The one of today gives on the mask of the words for that of the sentences."""
    whole = next(each for each in old.CASES if each.inputs is old.WINDOWS)
    inner = whole.config["layer"]
    last = {**inner, "config": {**inner["config"], "return_sequences": False}}
    inputs = whole.inputs.copy()
    inputs[0, 1], inputs[1, 0, 2:] = 0.0, 0.0
    words = inputs.any(axis=-1)
    for layer, expected in ((last, words.any(axis=-1)), (inner, words)):
        case = replace(whole, config={**whole.config, "layer": layer})
        model = old_model(case, before=MASKING)
        model.save(tmp_path / "model.keras")
        for each in (model, keras.saving.load_model(tmp_path / "model.keras")):
            mask = keras.ops.convert_to_numpy(mask_of(each(inputs)))
            np.testing.assert_array_equal(mask, expected)


def test_what_a_version_leaves_open_is_reported():
    inputs = old.WINDOWS[0, :, :3]
    config = {"name": "layer", "axis": -1}
    case = old.Case("2.4.0", "Softmax", config, inputs, None)
    told = []
    old_model(case, before=MASKING, report=told.append)
    assert "'layer' (Softmax) does with padding" in told[0]
    case = next(case for case in old.CASES if str(case) == f"GRU-{old.K20}")
    told.clear()
    old_model(case, report=told.append)
    assert "whether the reset gate of the GRU comes after" in told[0]
    case = next(case for case in old.CASES if case.class_name == "Convolution1D")
    told.clear()
    old_model(case, "unknown", report=told.append)
    assert "its kernel is one of TensorFlow" in told[0]
