"""What Keras 1, Keras 2 and tf.keras wrote for each layer, and what it is called today.

A row of ``ROWS`` is a class of theirs. It says which class of today the layer is, which
settings stay, which have another name, and which are gone: with the values that change
no number, so that any other value is refused and never dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from regard.errors import ArgumentError, shown

Config = Mapping[str, Any]

REBUILD = (
    "Build the model anew, with layers that compute the same, and use "
    "regard.legacy.load_weights."
)
#: In place of the harmless values of a setting: all of them are.
ANY = None
_OFF = (False, None)
Harmless = tuple[Any, ...] | None


def _words(text: str, *, of: str = "", sort: str = "") -> frozenset[str]:
    """Names of settings: the words, and those of the objects each weight has."""
    sorts = sort.split() or ["initializer", "regularizer", "constraint"]
    objects = {f"{weight}_{each}" for weight in of.split() for each in sorts}
    return frozenset(text.split()) | objects


@dataclass(frozen=True)
class Row:
    """A class as it was written.

    Args:
        today: The name of the class in Keras 3.
        kept: The settings that have the same name and meaning, beside ``COMMON``.
        renamed: Names of settings, each with that of today.
        dropped: Settings that are gone, each with the values that change no number.
        implied: Settings of today that the class itself stood for.
    """

    today: str
    kept: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, Harmless] = field(default_factory=dict)
    implied: Mapping[str, Any] = field(default_factory=dict)


#: The settings of every layer that stay.
COMMON = _words("name trainable dtype activity_regularizer")
#: Those of every layer that are gone: shapes, which the graph gives, and how it was
#: computed.
DROPPED: Mapping[str, Harmless] = {
    "autocast": (True, None),
    "batch_input_shape": ANY,
    "batch_size": ANY,
    "dynamic": _OFF,
    "input_dtype": ANY,
    "input_length": ANY,
    "input_shape": ANY,
    "jit": ANY,
    "jit_compile": ANY,
    "weights": (None,),
}

# Keras 1 named a kernel W, the kernel of a state U, a bias b.
_KERNEL_1 = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "W_constraint": "kernel_constraint",
    "b_regularizer": "bias_regularizer",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_POOLING_1 = {
    "pool_length": "pool_size",
    "stride": "strides",
    "border_mode": "padding",
}
_POOLING = _words("pool_size strides padding data_format")
_DENSE = Row(
    "Dense",
    _words("units activation use_bias", of="kernel bias"),
    {"output_dim": "units", **_KERNEL_1},
    {"input_dim": ANY},
)
_CONVOLUTION = Row(
    "Conv1D",
    _words("filters kernel_size strides padding data_format dilation_rate groups")
    | _words("activation use_bias", of="kernel bias"),
    {
        "nb_filter": "filters",
        "filter_length": "kernel_size",
        "subsample_length": "strides",
        "border_mode": "padding",
        "atrous_rate": "dilation_rate",
        **_KERNEL_1,
    },
    {"input_dim": ANY, "rank": (1, None)},
)
_SIMPLE_RNN = Row(
    "SimpleRNN",
    _words("units activation use_bias dropout recurrent_dropout return_sequences")
    | _words("return_state go_backwards stateful", of="kernel recurrent bias"),
    {
        "output_dim": "units",
        "inner_init": "recurrent_initializer",
        "U_regularizer": "recurrent_regularizer",
        "dropout_W": "dropout",
        "dropout_U": "recurrent_dropout",
        **_KERNEL_1,
    },
    {
        "consume_less": ANY,
        "forget_bias_init": ANY,
        "implementation": ANY,
        "input_dim": ANY,
        "num_constants": (None, 0),
        "time_major": _OFF,
        "unroll": ANY,
        "zero_output_for_mask": _OFF,
    },
)
_GATED = replace(
    _SIMPLE_RNN,
    kept=_SIMPLE_RNN.kept | {"recurrent_activation"},
    renamed={**_SIMPLE_RNN.renamed, "inner_activation": "recurrent_activation"},
)
_GRU = replace(_GATED, today="GRU", kept=_GATED.kept | {"reset_after"})
_LSTM = replace(_GATED, today="LSTM", kept=_GATED.kept | {"unit_forget_bias"})
_CUDNN = {"activation": "tanh", "recurrent_activation": "sigmoid"}
_NORMALIZATION = _words("axis epsilon center scale", of="gamma beta")
_BATCH_NORMALIZATION = Row(
    "BatchNormalization",
    _NORMALIZATION
    | _words("momentum synchronized", of="moving_mean", sort="initializer")
    | {"moving_variance_initializer"},
    {"gamma_init": "gamma_initializer", "beta_init": "beta_initializer"},
    {
        "adjustment": (None,),
        "fused": ANY,
        "mode": (0, None),  # Keras 1: the other modes normalize by the batch at hand.
        "renorm": _OFF,
        "renorm_clipping": ANY,
        "renorm_momentum": ANY,
        "virtual_batch_size": (None,),
    },
)
_RATE = {"p": "rate"}

#: By the name of the class in a file.
ROWS: Mapping[str, Row] = {
    "Activation": Row("Activation", _words("activation")),
    "ActivityRegularization": Row("ActivityRegularization", _words("l1 l2")),
    "Add": Row("Add"),
    "AtrousConvolution1D": _CONVOLUTION,
    "Average": Row("Average"),
    "AveragePooling1D": Row("AveragePooling1D", _POOLING, _POOLING_1),
    "BatchNormalization": _BATCH_NORMALIZATION,
    "BatchNormalizationV1": _BATCH_NORMALIZATION,
    "BatchNormalizationV2": _BATCH_NORMALIZATION,
    "Bidirectional": Row("Bidirectional", _words("layer backward_layer merge_mode")),
    "Concatenate": Row("Concatenate", _words("axis")),
    "Conv1D": _CONVOLUTION,
    "Convolution1D": _CONVOLUTION,
    "CuDNNGRU": replace(_GRU, implied={**_CUDNN, "reset_after": True}),
    "CuDNNLSTM": replace(_LSTM, implied=_CUDNN),
    "Dense": _DENSE,
    "Dot": Row("Dot", _words("axes normalize")),
    "Dropout": Row("Dropout", _words("rate noise_shape seed"), _RATE),
    "Embedding": Row(
        "Embedding",
        _words("input_dim output_dim mask_zero", of="embeddings"),
        {
            "init": "embeddings_initializer",
            "W_regularizer": "embeddings_regularizer",
            "W_constraint": "embeddings_constraint",
        },
        # That of Keras 1 left out whole words of the vocabulary in training.
        {"dropout": (0, None), "sparse": ANY},
    ),
    "Flatten": Row("Flatten", _words("data_format")),
    "GRU": _GRU,
    "GaussianDropout": Row("GaussianDropout", _words("rate seed"), _RATE),
    "GaussianNoise": Row("GaussianNoise", _words("stddev seed"), {"sigma": "stddev"}),
    "GlobalAveragePooling1D": Row(
        "GlobalAveragePooling1D", _words("data_format keepdims")
    ),
    "GlobalMaxPooling1D": Row("GlobalMaxPooling1D", _words("data_format keepdims")),
    "InputLayer": Row(
        "InputLayer",
        _words("batch_input_shape"),
        {"input_dtype": "dtype"},
        {"optional": _OFF, "ragged": _OFF, "sparse": _OFF, "type_spec": (None,)},
    ),
    "LSTM": _LSTM,
    "LayerNormalization": Row("LayerNormalization", _NORMALIZATION),
    "LeakyReLU": Row(
        "LeakyReLU", _words("negative_slope"), {"alpha": "negative_slope"}
    ),
    "Masking": Row("Masking", _words("mask_value")),
    "MaxPooling1D": Row("MaxPooling1D", _POOLING, _POOLING_1),
    "Maximum": Row("Maximum"),
    "Minimum": Row("Minimum"),
    "Multiply": Row("Multiply"),
    "Permute": Row("Permute", _words("dims")),
    "ReLU": Row("ReLU", _words("max_value negative_slope threshold")),
    "RepeatVector": Row("RepeatVector", _words("n")),
    "Reshape": Row("Reshape", _words("target_shape")),
    "SimpleRNN": _SIMPLE_RNN,
    "Softmax": Row("Softmax", _words("axis")),
    # It has no weights, and Keras 3 takes no "trainable" for it.
    "SpatialDropout1D": Row(
        "SpatialDropout1D",
        _words("rate seed"),
        _RATE,
        {"noise_shape": (None,), "trainable": ANY, "activity_regularizer": (None,)},
    ),
    "Subtract": Row("Subtract"),
    "TimeDistributed": Row("TimeDistributed", _words("layer")),
    "TimeDistributedDense": _DENSE,
}

# The layer of Keras 1 that was all of these, by its mode.
_MERGED = {
    "mode_type": ("raw", None),
    **dict.fromkeys(("mode", "output_mask", "output_shape", "arguments"), ANY),
    **dict.fromkeys(("output_mask_type", "output_shape_type"), ANY),
    **dict.fromkeys(("concat_axis", "dot_axes"), ANY),
}
_MERGES: Mapping[str, Row] = {
    "ave": Row("Average", dropped=_MERGED),
    "concat": Row("Concatenate", renamed={"concat_axis": "axis"}, dropped=_MERGED),
    "dot": Row("Dot", renamed={"dot_axes": "axes"}, dropped=_MERGED),
    "max": Row("Maximum", dropped=_MERGED),
    "mul": Row("Multiply", dropped=_MERGED),
    "sum": Row("Add", dropped=_MERGED),
}


def in_todays_words(class_name: str, config: Config) -> tuple[str, dict[str, Any]]:
    """The class and the settings that a layer of a file has today.

    Args:
        class_name: The name of its class in the file.
        config: Its configuration there.

    Returns:
        The name of the class and the settings, with the values of the file. A class
        without a row is left as it is.

    Raises:
        ArgumentError: A setting is unknown, or is gone and changed numbers.
    """
    row = _MERGES.get(str(config.get("mode"))) if class_name == "Merge" else None
    row = row or ROWS.get(class_name)
    if row is None:
        return class_name, dict(config)
    settings = translated(row, class_name, config)
    for wrapped in {"layer", "backward_layer"} & set(settings):
        if settings[wrapped] is None:
            del settings[wrapped]
            continue
        inner = settings[wrapped]
        name = inner.get("registered_name") or ""
        name = name if ">" in name else inner["class_name"]
        name, inner_settings = in_todays_words(name, inner["config"])
        settings[wrapped] = {"class_name": name, "config": inner_settings}
    return row.today, settings


def translated(row: Row, class_name: str, config: Config) -> dict[str, Any]:
    """The settings of a layer in the words of a row.

    Raises:
        ArgumentError: A setting is unknown, is there under two names, or is gone and
            changed numbers.
    """
    settings: dict[str, Any] = {}
    dropped = {**DROPPED, **row.dropped}
    for key, value in config.items():
        name = row.renamed.get(key, key)
        if name in row.kept or name in row.renamed.values() or _common(name, row):
            if name in settings:
                raise ArgumentError(
                    f"{class_name} has the setting '{name}' under two names.",
                    received=f"'{key}' among {sorted(config)}",
                )
            settings[name] = value
        elif key not in dropped:
            raise ArgumentError(
                f"{class_name} has no setting '{key}'.", received=shown(value)
            )
        else:
            _require_harmless(class_name, key, value, dropped[key])
    return {**row.implied, **settings}


def _common(name: str, row: Row) -> bool:
    return name in COMMON and name not in row.dropped


def _require_harmless(
    class_name: str, key: str, value: Any, harmless: Harmless
) -> None:
    if harmless is ANY or value in harmless:
        return
    raise ArgumentError(
        f"Keras 3 has nothing for '{key}' of {class_name}, which changes numbers.",
        expected=" or ".join(map(repr, harmless)),
        received=shown(value),
        fix=REBUILD,
    )
