"""Settings a file lacks: inferred where they can be, asked for where they cannot."""

import golden
import numpy as np
import pytest

from regard import legacy
from regard.errors import ArgumentError
from regard.legacy.conversion import convert
from regard.legacy.recognition import LoadOptions


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("attention_with_context/keras208_noconfig", "variant"),
        ("attention_with_context/plain", "variant"),
        ("seq_self_attention/v041_additive_embedding_mask", "version"),
        ("seq_weighted_attention/embedding_mask", "version"),
    ],
)
def test_two_readings_ask_for_an_option(name, option):
    file = golden.Golden(name).file("_model.h5")
    with pytest.raises(ArgumentError, match=f"option '{option}'.*{option}=") as caught:
        legacy.load_model(file)
    # The command line names its own.
    said = caught.value.worded(lambda name: f"--{name}")
    assert f"the option --{option}: " in said
    assert said.endswith(f"Say it: --{option}")
    assert file.name in str(caught.value)
    assert "layer 'attention" in str(caught.value)


def test_an_option_that_is_none_is_refused():
    file = golden.Golden("attention_with_context/plain").file("_model.h5")
    with pytest.raises(ArgumentError, match="'variant' has a wrong value"):
        legacy.load_model(file, variant="other")


def test_what_an_original_without_configuration_leaves_out_is_inferred():
    case = golden.Golden("kaggle_attention/keras208_noconfig_nobias_masking")
    converted = convert(case.file("_model.h5"), LoadOptions())
    (inferred,) = converted.inferred
    assert "bias=False" in inferred
    assert "step_dim=7" in inferred
    layer = converted.model.layers[-1]
    assert (layer.step_dim, layer.bias, layer.return_attention) == (7, False, False)


def test_without_a_mask_the_versions_are_one():
    case = golden.Golden("seq_weighted_attention/nobias")
    converted = convert(case.file("_model.h5"), LoadOptions())
    assert "0.51, as good as any without a mask" in converted.inferred[0]


MODERN = {
    "kaggle_attention/masking_nobias": "AttentionPooling",
    "attention_with_context/keras208_noconfig": "AttentionPooling",
    "attention_with_context/kdot_plain": "AttentionPooling",
    "prob_attention/plain": "AttentionPooling",
    "seq_weighted_attention/nobias": "AttentionPooling",
    "seq_self_attention/additive_regularized": "SeqSelfAttention",
    "kaggle_attention/plain": "KaggleAttention",
    "feature_attention/published_trained": "FeatureAttention",
}


@pytest.mark.parametrize(("name", "kind"), MODERN.items())
def test_modern_layers_where_they_compute_the_same(name, kind, loaded):
    case = golden.Golden(name)
    modern = legacy.to_modern(loaded(name))
    assert kind in [type(layer).__name__ for layer in modern.layers]
    expected = np.asarray(loaded(name)(case.model_inputs))
    np.testing.assert_allclose(
        np.asarray(modern(case.model_inputs)), expected, rtol=0, atol=1e-5
    )


def test_self_attention_becomes_modern():
    import keras

    rng = np.random.default_rng(0)
    states = rng.normal(size=(2, 6, 4)).astype("float32")
    for kind, width in (("additive", 3), ("multiplicative", None)):
        inputs = keras.Input((6, 4))
        layer = legacy.SeqSelfAttention(5, width, kind)
        old = keras.Model(inputs, layer(inputs))
        old.set_weights([rng.normal(size=each.shape) for each in old.weights])
        new = legacy.to_modern(old)
        assert type(new.layers[-1]).__name__ == "SelfAttention"
        np.testing.assert_allclose(new(states), old(states), rtol=0, atol=1e-5)
