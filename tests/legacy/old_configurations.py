"""What each generation of Keras wrote for each layer, and what the layer computes.

Configurations are as the sources of Keras 1.2.2, 2.0.8 and 2.2.5 and of TensorFlow 1.13
and 2.15 write them; expected numbers are NumPy's.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

K1, K20, K22, TF1, TF2 = "1.2.2", "2.0.8", "2.2.5", "2.2.4-tf", "2.15.0"
LATER = (K20, K22, TF1, TF2)
ALL = (K1, *LATER)
RNG = np.random.default_rng(0)


def noise(*shape):
    return RNG.normal(size=shape).astype("float32")


STEPS = noise(2, 4, 3)
ROWS = noise(2, 3)
IDS = np.array([[0, 3, 1], [4, 4, 2]], "int32")
INITIALIZERS = {
    K1: ("glorot_uniform", "zero", "one"),
    K20: (
        {
            "class_name": "VarianceScaling",
            "config": {
                "scale": 1.0,
                "mode": "fan_avg",
                "distribution": "uniform",
                "seed": None,
            },
        },
        {"class_name": "Zeros", "config": {}},
        {"class_name": "Ones", "config": {}},
    ),
    TF1: (
        {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}},
        {"class_name": "Zeros", "config": {"dtype": "float32"}},
        {"class_name": "Ones", "config": {"dtype": "float32"}},
    ),
    TF2: tuple(
        {
            "module": "keras.initializers",
            "class_name": name,
            "config": config,
            "registered_name": None,
        }
        for name, config in (
            ("GlorotUniform", {"seed": None}),
            ("Zeros", {}),
            ("Ones", {}),
        )
    ),
}
INITIALIZERS[K22] = INITIALIZERS[K20]
POLICY = {
    "module": "keras.mixed_precision",
    "class_name": "Policy",
    "config": {"name": "float32"},
    "registered_name": None,
}
# What stood in the configuration of every layer.
BASE = {
    K1: {"trainable": True, "batch_input_shape": [None, 7], "input_dtype": "float32"},
    K20: {"trainable": True},
    K22: {"trainable": True, "dtype": "float32", "batch_input_shape": [None, 7]},
    TF1: {"trainable": True, "dtype": "float32"},
    TF2: {"trainable": True, "dtype": POLICY},
}


@dataclass(frozen=True)
class Case:
    """A layer as one generation wrote it."""

    version: str
    class_name: str
    config: dict[str, Any]
    inputs: Any
    expected: Any
    arrays: tuple[Any, ...] = ()
    #: What the layer is to have, beside its output.
    has: dict[str, Any] = field(default_factory=dict)

    def __str__(self):
        return f"{self.class_name}-{self.version}"


CASES: list[Case] = []


def add(  # noqa: PLR0917 - the columns of a table
    class_name, versions, config, inputs, expected, arrays=(), **has
):
    for version in versions:
        stated = config(version) if callable(config) else config
        layer = {"name": "layer", **BASE[version], **stated}
        CASES.append(Case(version, class_name, layer, inputs, expected, arrays, has))


def objects(version, *weights):
    """The objects of the weights of a layer of Keras 2."""
    glorot, zeros, ones = INITIALIZERS[version]
    stated = {"activity_regularizer": None}
    for weight in weights:
        first = {"bias": zeros, "beta": zeros, "gamma": ones}.get(weight, glorot)
        stated[f"{weight}_initializer"] = first
        stated |= {f"{weight}_regularizer": None, f"{weight}_constraint": None}
    return stated


def objects_1(*letters):
    """The same of Keras 1, where they were called by letters."""
    stated = {f"{letter}_regularizer": None for letter in letters}
    stated |= {f"{letter}_constraint": None for letter in letters if letter != "U"}
    return {"init": "glorot_uniform", "activity_regularizer": None, **stated}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def softmax(x, axis=-1):
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


# --- Layers without weights.

PLAIN = (K1, K20, K22, TF2)
add("Activation", PLAIN, {"activation": "tanh"}, ROWS, np.tanh(ROWS))
add("Activation", PLAIN, {"activation": "hard_sigmoid"}, ROWS, hard_sigmoid(ROWS))
add("Activation", (TF2,), {"activation": "swish"}, ROWS, ROWS * sigmoid(ROWS))
add("ActivityRegularization", PLAIN, {"l1": 0.1, "l2": 0.0}, ROWS, ROWS, l1=0.1)
add("Dropout", (K1,), {"p": 0.4}, ROWS, ROWS, rate=0.4)
add("Dropout", (K20,), {"rate": 0.4}, ROWS, ROWS, rate=0.4)
SEEDED = {"rate": 0.4, "noise_shape": None, "seed": None}
add("Dropout", (K22, TF1, TF2), SEEDED, ROWS, ROWS, rate=0.4)
add("SpatialDropout1D", (K1,), {"p": 0.4}, STEPS, STEPS, rate=0.4)
add("SpatialDropout1D", (K20,), {"rate": 0.4}, STEPS, STEPS, rate=0.4)
add("SpatialDropout1D", (K22, TF1, TF2), SEEDED, STEPS, STEPS, rate=0.4)
add("GaussianDropout", (K1,), {"p": 0.4}, ROWS, ROWS, rate=0.4)
add("GaussianDropout", LATER, {"rate": 0.4}, ROWS, ROWS, rate=0.4)
add("GaussianNoise", (K1,), {"sigma": 0.3}, ROWS, ROWS, stddev=0.3)
add("GaussianNoise", LATER, {"stddev": 0.3}, ROWS, ROWS, stddev=0.3)
add("LeakyReLU", ALL, {"alpha": 0.25}, ROWS, np.where(ROWS > 0, ROWS, 0.25 * ROWS))
ARRAY = {"alpha": {"type": "ndarray", "value": 0.25}}
add("LeakyReLU", (K22,), ARRAY, ROWS, np.where(ROWS > 0, ROWS, 0.25 * ROWS))
RELU = {"max_value": 0.8, "negative_slope": 0.5, "threshold": 0.0}
RELU_22 = {**RELU, "max_value": {"type": "ndarray", "value": 0.8}}
BENT = np.minimum(np.where(ROWS > 0, ROWS, 0.5 * ROWS), 0.8)
add("ReLU", (K22,), RELU_22, ROWS, BENT)
add("ReLU", (TF1, TF2), RELU, ROWS, BENT)
add("Softmax", (K20, K22, TF2), {"axis": 1}, STEPS, softmax(STEPS, 1))
add("Masking", PLAIN, {"mask_value": 0.0}, STEPS, STEPS)
add("Flatten", (K1, K20), {}, STEPS, STEPS.reshape(2, 12))
add(
    "Flatten", (K22, TF2), {"data_format": "channels_last"}, STEPS, STEPS.reshape(2, 12)
)
add("Permute", PLAIN, {"dims": [2, 1]}, STEPS, STEPS.transpose(0, 2, 1))
add("RepeatVector", PLAIN, {"n": 3}, ROWS, np.repeat(ROWS[:, None], 3, 1))
add("Reshape", PLAIN, {"target_shape": [2, 6]}, STEPS, STEPS.reshape(2, 2, 6))
PAIRS = STEPS.reshape(2, 2, 2, 3)
POOLED_1 = {"pool_length": 2, "stride": 2, "border_mode": "valid"}
POOLED_2 = {"pool_size": [2], "strides": [2], "padding": "valid"}
for kind, pooled in (
    ("MaxPooling1D", PAIRS.max(2)),
    ("AveragePooling1D", PAIRS.mean(2)),
):
    last = {**POOLED_2, "data_format": "channels_last"}
    add(kind, (K1,), POOLED_1, STEPS, pooled)
    add(kind, (K20,), POOLED_2, STEPS, pooled)
    add(kind, (K22, TF2), last, STEPS, pooled)
for kind, pooled in (
    ("GlobalMaxPooling1D", STEPS.max(1)),
    ("GlobalAveragePooling1D", STEPS.mean(1)),
):
    last = {"data_format": "channels_last"}
    add(kind, (K1, K20), {}, STEPS, pooled)
    add(kind, (K22, TF1), last, STEPS, pooled)
    add(kind, (TF2,), {**last, "keepdims": True}, STEPS, pooled[:, None])

# --- Layers of several inputs.

TWO = [noise(2, 3), noise(2, 3)]
ONE, OTHER = TWO
MERGED = {
    "Add": ("sum", ONE + OTHER),
    "Average": ("ave", (ONE + OTHER) / 2),
    "Maximum": ("max", np.maximum(ONE, OTHER)),
    "Multiply": ("mul", ONE * OTHER),
}
MERGE_1 = {
    "mode_type": "raw",
    "concat_axis": -1,
    "dot_axes": -1,
    "output_shape": None,
    "output_shape_type": "raw",
    "output_mask": None,
    "output_mask_type": "raw",
    "arguments": {},
}
for kind, (mode, merged) in MERGED.items():
    add("Merge", (K1,), {**MERGE_1, "mode": mode}, TWO, merged)
    add(kind, LATER, {}, TWO, merged)
JOINED, PRODUCT = np.concatenate(TWO, 1), (ONE * OTHER).sum(1, keepdims=True)
AXIS = {"mode": "concat", "concat_axis": 1}
add("Merge", (K1,), {**MERGE_1, **AXIS}, TWO, JOINED)
add("Merge", (K1,), {**MERGE_1, "mode": "dot", "dot_axes": [1, 1]}, TWO, PRODUCT)
add("Concatenate", LATER, {"axis": -1}, TWO, JOINED)
add("Dot", (K20, K22, TF2), {"axes": 1, "normalize": False}, TWO, PRODUCT)
add("Minimum", (K22, TF2), {}, TWO, np.minimum(ONE, OTHER))
add("Subtract", (K20, K22, TF2), {}, TWO, ONE - OTHER)

# --- Layers with weights.

KERNEL, BIAS = noise(3, 2), noise(2)
DENSE_1 = {"output_dim": 2, "activation": "tanh", "input_dim": 3}


def dense(version):
    stated = objects(version, "kernel", "bias")
    return {"units": 2, "activation": "tanh", "use_bias": True, **stated}


for kind, inputs in (("Dense", ROWS), ("TimeDistributedDense", STEPS)):
    stated = {**DENSE_1, **objects_1("W", "b"), "bias": True}
    expected = np.tanh(inputs @ KERNEL + BIAS)
    add(kind, (K1,), stated, inputs, expected, (KERNEL, BIAS))
add("Dense", LATER, dense, ROWS, np.tanh(ROWS @ KERNEL + BIAS), (KERNEL, BIAS))
add(
    "Dense",
    (K20,),
    lambda version: {**dense(version), "use_bias": None},
    ROWS,
    np.tanh(ROWS @ KERNEL),
    (KERNEL,),
)
TABLE = noise(5, 3)
EMBEDDED = {"input_dim": 5, "output_dim": 3, "mask_zero": True, "input_length": 3}
EMBEDDED_1 = {
    **EMBEDDED,
    "init": "uniform",
    "activity_regularizer": None,
    "W_regularizer": None,
    "W_constraint": None,
    "dropout": 0.0,
    "input_dtype": "int32",
}
add("Embedding", (K1,), EMBEDDED_1, IDS, TABLE[IDS], (TABLE,))
add(
    "Embedding",
    LATER,
    lambda version: {**EMBEDDED, **objects(version, "embeddings")},
    IDS,
    TABLE[IDS],
    (TABLE,),
)


def convolution(inputs, kernel, bias, *, dilation=1, stride=1, causal=False):
    """A convolution as networks have it, of whole windows."""
    reach = dilation * (len(kernel) - 1)
    if causal:
        inputs = np.pad(inputs, ((0, 0), (reach, 0), (0, 0)))
    count = inputs.shape[1] - reach
    taps = [
        inputs[:, tap * dilation :][:, :count] @ kernel[tap]
        for tap in range(len(kernel))
    ]
    return sum(taps)[:, ::stride] + bias


WIDE, WIDE_BIAS = noise(2, 3, 2), noise(2)
CONV_1 = {
    "nb_filter": 2,
    "filter_length": 2,
    "activation": "linear",
    "border_mode": "valid",
    "subsample_length": 2,
    "bias": True,
    "input_dim": 3,
    "input_length": 4,
    **objects_1("W", "b"),
}
STRIDED = convolution(STEPS, WIDE, WIDE_BIAS, stride=2)
NEW_KERNEL = (WIDE[:, None], WIDE_BIAS)
OLD_KERNEL = (WIDE.transpose(2, 1, 0)[..., None], WIDE_BIAS)
add("Convolution1D", (K1,), CONV_1, STEPS, STRIDED, NEW_KERNEL)
add("Convolution1D", (K1,), CONV_1, STEPS, STRIDED, OLD_KERNEL)
add(
    "AtrousConvolution1D",
    (K1,),
    {**CONV_1, "subsample_length": 1, "atrous_rate": 2},
    STEPS,
    convolution(STEPS, WIDE, WIDE_BIAS, dilation=2),
    NEW_KERNEL,
)


def conv(version):
    stated = objects(version, "kernel", "bias")
    stated |= {"filters": 2, "kernel_size": [2], "strides": [2], "padding": "valid"}
    stated |= {"data_format": "channels_last", "dilation_rate": [1]}
    stated |= {"groups": 1} if version == TF2 else {}
    return {**stated, "activation": "linear", "use_bias": True}


add("Conv1D", LATER, conv, STEPS, STRIDED, (WIDE, WIDE_BIAS))
add(
    "Conv1D",
    (K22,),
    lambda version: {**conv(version), "padding": "causal", "strides": [1]},
    STEPS,
    convolution(STEPS, WIDE, WIDE_BIAS, causal=True),
    (WIDE, WIDE_BIAS),
)
NORMAL = (noise(3), noise(3), noise(3), noise(3) ** 2)
GAMMA, BETA, MEAN, VARIANCE = NORMAL
NORMALIZED = (ROWS - MEAN) / np.sqrt(VARIANCE + 0.01) * GAMMA + BETA
NORMAL_1 = {
    "epsilon": 0.01,
    "mode": 0,
    "axis": -1,
    "gamma_regularizer": None,
    "beta_regularizer": None,
    "momentum": 0.9,
}


def normalization(version):
    stated = objects(version, "beta", "gamma")
    _, zeros, ones = INITIALIZERS[version]
    del stated["activity_regularizer"]
    stated |= {"axis": [-1] if version == TF1 else -1, "epsilon": 0.01}
    stated |= {"moving_mean_initializer": zeros, "moving_variance_initializer": ones}
    return {**stated, "momentum": 0.9, "center": True, "scale": True}


BATCHED = {"momentum": 0.9}
add("BatchNormalization", (K1,), NORMAL_1, ROWS, NORMALIZED, NORMAL, **BATCHED)
add("BatchNormalization", LATER, normalization, ROWS, NORMALIZED, NORMAL, **BATCHED)
add("BatchNormalizationV1", (TF1,), normalization, ROWS, NORMALIZED, NORMAL)


def layer_normalization(version):
    stated = normalization(version)
    gone = ("momentum", "moving_mean_initializer", "moving_variance_initializer")
    return {key: value for key, value in stated.items() if key not in gone}


CENTERED = ROWS - ROWS.mean(1, keepdims=True)
SCALED = CENTERED / np.sqrt(ROWS.var(1, keepdims=True) + 0.01) * GAMMA + BETA
add("LayerNormalization", (TF1, TF2), layer_normalization, ROWS, SCALED, NORMAL[:2])

# --- Recurrent layers.

UNITS = 2


def simple_rnn(inputs, kernel, recurrent, bias):
    state, states = np.zeros((len(inputs), UNITS)), []
    for x in inputs.swapaxes(0, 1):
        state = np.tanh(x @ kernel + state @ recurrent + bias)
        states.append(state)
    return np.stack(states, 1)


def lstm(inputs, kernel, recurrent, bias, gate=sigmoid):
    """Gates in the order i, f, c, o."""
    state = cell = np.zeros((len(inputs), UNITS))
    states = []
    for x in inputs.swapaxes(0, 1):
        i, f, c, o = np.split(x @ kernel + state @ recurrent + bias, 4, 1)
        cell = gate(f) * cell + gate(i) * np.tanh(c)
        state = gate(o) * np.tanh(cell)
        states.append(state)
    return np.stack(states, 1)


def gru(inputs, kernel, recurrent, bias=None, *, after=False, gate=sigmoid):
    """Gates in the order z, r, h."""
    state, states = np.zeros((len(inputs), UNITS)), []
    bias = np.zeros((2 if after else 1, 3 * UNITS)) if bias is None else bias
    of_input, of_state = np.reshape(bias, (-1, 3 * UNITS))[[0, -1]]
    of_state = of_state if after else 0 * of_state
    u_z, u_r, u_h = np.split(recurrent, 3, 1)
    b_z, b_r, b_h = np.split(of_state, 3)
    for x in inputs.swapaxes(0, 1):
        z, r, h = np.split(x @ kernel + of_input, 3, 1)
        z, r = gate(z + state @ u_z + b_z), gate(r + state @ u_r + b_r)
        inner = r * (state @ u_h + b_h) if after else (r * state) @ u_h
        state = z * state + (1 - z) * np.tanh(h + inner)
        states.append(state)
    return np.stack(states, 1)


def gates(count, bias_shape=None):
    """The arrays of a recurrent layer."""
    wide = count * UNITS
    shape = (wide,) if bias_shape is None else bias_shape
    return noise(3, wide), noise(UNITS, wide), noise(*shape)


def apart(arrays, count, order):
    """The arrays of Keras 1: an own one for each gate, in its order."""
    split = [np.split(array, count, -1) for array in arrays]
    return tuple(each[gate] for gate in order for each in split)


RECURRENT_1 = {
    "return_sequences": True,
    "go_backwards": False,
    "stateful": False,
    "unroll": False,
    "consume_less": "cpu",
    "input_dim": 3,
    "input_length": None,
    "output_dim": UNITS,
    "inner_init": "orthogonal",
    "activation": "tanh",
    "dropout_W": 0.2,
    "dropout_U": 0.1,
    **objects_1("W", "U", "b"),
}
del RECURRENT_1["W_constraint"], RECURRENT_1["b_constraint"]
GATED_1 = {**RECURRENT_1, "inner_activation": "hard_sigmoid"}
LSTM_1 = {**GATED_1, "forget_bias_init": "one"}
DROPOUTS = {"dropout": 0.2, "recurrent_dropout": 0.1}


def recurrent(**own):
    def config(version):
        stated = objects(version, "kernel", "recurrent", "bias")
        stated |= {"return_sequences": True, "return_state": False}
        stated |= {"go_backwards": False, "stateful": False, "unroll": False}
        stated |= {"units": UNITS, "activation": "tanh", "use_bias": True, **DROPOUTS}
        stated |= {"time_major": False} if version in {TF1, TF2} else {}
        stated |= {"implementation": 0 if version == K20 else 1}
        return {**stated, **own}

    return config


SIMPLE = gates(1)
SIMPLE_OUT = simple_rnn(STEPS, *SIMPLE)
add("SimpleRNN", (K1,), RECURRENT_1, STEPS, SIMPLE_OUT, SIMPLE, **DROPOUTS)
add("SimpleRNN", LATER, recurrent(), STEPS, SIMPLE_OUT, SIMPLE, **DROPOUTS)
FOUR = gates(4)
HARD = {"recurrent_activation": "hard_sigmoid", "unit_forget_bias": True}
SOFT = {"recurrent_activation": "sigmoid", "unit_forget_bias": True}
LSTM_HARD, LSTM_SOFT = lstm(STEPS, *FOUR, hard_sigmoid), lstm(STEPS, *FOUR)
ICFO = (0, 2, 1, 3)
add("LSTM", (K1,), LSTM_1, STEPS, LSTM_HARD, apart(FOUR, 4, ICFO), **DROPOUTS)
GPU = {"consume_less": "gpu"}
add("LSTM", (K1,), {**LSTM_1, **GPU}, STEPS, LSTM_HARD, FOUR, **DROPOUTS)
add("LSTM", (K20, K22), recurrent(**HARD), STEPS, LSTM_HARD, FOUR, **DROPOUTS)
add("LSTM", (TF1, TF2), recurrent(**SOFT), STEPS, LSTM_SOFT, FOUR, **DROPOUTS)
THREE, AFTER = gates(3), gates(3, (2, 3 * UNITS))
HARD = {"recurrent_activation": "hard_sigmoid"}
SOFT = {"recurrent_activation": "sigmoid"}
GRU_HARD = gru(STEPS, *THREE, gate=hard_sigmoid)
add("GRU", (K1,), GATED_1, STEPS, GRU_HARD, apart(THREE, 3, (0, 1, 2)), **DROPOUTS)
add("GRU", (K1,), {**GATED_1, **GPU}, STEPS, GRU_HARD, THREE, **DROPOUTS)
add("GRU", (K20,), recurrent(**HARD), STEPS, GRU_HARD, THREE, reset_after=False)
for after, arrays in ((False, THREE), (True, AFTER)):
    stated = recurrent(**SOFT, reset_after=after)
    expected = gru(STEPS, *arrays, after=after)
    add("GRU", (K22, TF1, TF2), stated, STEPS, expected, arrays, reset_after=after)
    # Without a bias only the configuration tells.
    unbiased = recurrent(**SOFT, reset_after=after, use_bias=False)
    expected = gru(STEPS, *arrays[:2], after=after)
    add("GRU", (K22, TF2), unbiased, STEPS, expected, arrays[:2], reset_after=after)
unbiased = recurrent(**HARD, use_bias=False)
expected = gru(STEPS, *THREE[:2], gate=hard_sigmoid)
add("GRU", (K20,), unbiased, STEPS, expected, THREE[:2], reset_after=False)

# --- Layers of cuDNN.


def effective(kernel, count):
    """What a kernel of cuDNN does: a gate lies in memory as ``(units, inputs)``."""
    split = np.split(kernel, count, 1)
    return np.concatenate(
        [np.ravel(gate).reshape(UNITS, len(kernel)).T for gate in split], 1
    )


def cudnn(version):
    stated = recurrent()(version)
    gone = ("unroll", "activation", "use_bias", "implementation", *DROPOUTS)
    return {key: value for key, value in stated.items() if key not in gone}


CUDNN_4, CUDNN_3 = gates(4, (8 * UNITS,)), gates(3, (6 * UNITS,))
CUDNN_LSTM = lstm(
    STEPS,
    effective(CUDNN_4[0], 4),
    effective(CUDNN_4[1], 4),
    CUDNN_4[2].reshape(2, -1).sum(0),
)
CUDNN_GRU = gru(
    STEPS,
    effective(CUDNN_3[0], 3),
    effective(CUDNN_3[1], 3),
    CUDNN_3[2],
    after=True,
)


def cudnn_lstm(version):
    return {**cudnn(version), "unit_forget_bias": True}


add("CuDNNLSTM", (K22, TF1, TF2), cudnn_lstm, STEPS, CUDNN_LSTM, CUDNN_4)
add("CuDNNGRU", (K22, TF1, TF2), cudnn, STEPS, CUDNN_GRU, CUDNN_3, reset_after=True)
# A layer for any processor that took the arrays of one of cuDNN.
add("LSTM", (K22,), recurrent(**SOFT), STEPS, CUDNN_LSTM, CUDNN_4)
AFTER_TOO = recurrent(**SOFT, reset_after=True)
add("GRU", (K22,), AFTER_TOO, STEPS, CUDNN_GRU, CUDNN_3, reset_after=True)

# --- Layers of layers.


def wrapped(class_name, config, **own):
    def stated(version):
        inner = {"name": "inner", "trainable": True}
        inner |= config(version) if callable(config) else config
        layer = {"class_name": class_name, "config": inner}
        return {"layer": layer, **own}

    return stated


def both(function, forward, backward, inputs=STEPS, **settings):
    ahead = function(inputs, *forward, **settings)
    back = function(inputs[:, ::-1], *backward, **settings)[:, ::-1]
    return np.concatenate([ahead, back], -1)


FOUR_TOO, THREE_TOO = gates(4), gates(3)
BOTH = both(lstm, FOUR, FOUR_TOO, gate=hard_sigmoid)
HARD_LSTM = recurrent(**HARD)
CONCAT = {"merge_mode": "concat"}
add(
    "Bidirectional",
    (K1,),
    wrapped("LSTM", LSTM_1, **CONCAT),
    STEPS,
    BOTH,
    apart(FOUR, 4, ICFO) + apart(FOUR_TOO, 4, ICFO),
)
add(
    "Bidirectional",
    (K20, K22),
    wrapped("LSTM", HARD_LSTM, **CONCAT),
    STEPS,
    BOTH,
    FOUR + FOUR_TOO,
)
for after in (False, True):
    settings = {**SOFT, "reset_after": after, "use_bias": False}
    add(
        "Bidirectional",
        (K22, TF2),
        wrapped("GRU", recurrent(**settings), **CONCAT),
        STEPS,
        both(gru, THREE[:2], THREE_TOO[:2], after=after),
        THREE[:2] + THREE_TOO[:2],
    )
CUDNN_TOO = gates(3, (6 * UNITS,))
BACK = gru(
    STEPS[:, ::-1],
    effective(CUDNN_TOO[0], 3),
    effective(CUDNN_TOO[1], 3),
    CUDNN_TOO[2],
    after=True,
)[:, ::-1]
CUDNN_BOTH = np.concatenate([CUDNN_GRU, BACK], -1)
add(
    "Bidirectional",
    (K22, TF1),
    wrapped("CuDNNGRU", cudnn, **CONCAT),
    STEPS,
    CUDNN_BOTH,
    CUDNN_3 + CUDNN_TOO,
)


def two_layers(version):
    settings = {"recurrent_activation": "sigmoid", "go_backwards": True}
    backward = {"name": "other", **recurrent(**settings)(version)}
    stated = wrapped("LSTM", recurrent(recurrent_activation="sigmoid"))(version)
    backward |= {"activation": "linear", "use_bias": False}
    return {**stated, **CONCAT, "backward_layer": _layer("LSTM", backward)}


def _layer(class_name, config):
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "config": config,
        "registered_name": None,
    }


def linear_lstm(inputs, kernel, recurrent_kernel):
    state = cell = np.zeros((len(inputs), UNITS))
    states = []
    for x in inputs.swapaxes(0, 1):
        i, f, c, o = np.split(x @ kernel + state @ recurrent_kernel, 4, 1)
        cell = sigmoid(f) * cell + sigmoid(i) * c
        state = sigmoid(o) * cell
        states.append(state)
    return np.stack(states, 1)


add(
    "Bidirectional",
    (TF2,),
    two_layers,
    STEPS,
    np.concatenate(
        [lstm(STEPS, *FOUR), linear_lstm(STEPS[:, ::-1], *FOUR_TOO[:2])[:, ::-1]], -1
    ),
    FOUR + FOUR_TOO[:2],
)
add(
    "TimeDistributed",
    (K1,),
    wrapped("Dense", {**DENSE_1, **objects_1("W", "b"), "bias": True}),
    STEPS,
    np.tanh(STEPS @ KERNEL + BIAS),
    (KERNEL, BIAS),
)
add(
    "TimeDistributed",
    LATER,
    wrapped("Dense", dense),
    STEPS,
    np.tanh(STEPS @ KERNEL + BIAS),
    (KERNEL, BIAS),
)
WINDOWS = noise(2, 2, 4, 3)
CUDNN_EACH = np.stack(
    [
        lstm(
            WINDOWS[:, step],
            effective(CUDNN_4[0], 4),
            effective(CUDNN_4[1], 4),
            CUDNN_4[2].reshape(2, -1).sum(0),
        )
        for step in range(2)
    ],
    1,
)
EACH = wrapped("CuDNNLSTM", cudnn_lstm)
add("TimeDistributed", (K22,), EACH, WINDOWS, CUDNN_EACH, CUDNN_4)
