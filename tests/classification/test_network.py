"""The network of the text classifier, and what may be loaded in its place."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import regard
from regard.bundle.model_file import model_from_bytes, model_to_bytes
from regard.classification.artifact import KNOWN_LAYERS
from regard.classification.config import TextClassifierConfig
from regard.classification.initialization import start_randomly
from regard.classification.network import ATTENTION, CLASSES, build_text_classifier

CONFIG = TextClassifierConfig(
    embedding_units=4, recurrent_units=3, attention_units=4, num_heads=2
)
# Three columns: the word, the bigram, a piece of the word.
TOKENS = np.array(
    [
        [[2, 6, 8], [3, 7, 0], [4, 0, 9], [0, 0, 0]],
        [[5, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]],
    ],
    "int32",
)


def build(seed: int = 0, sharpness: float = 0.0) -> keras.Model:
    model = build_text_classifier(
        replace(CONFIG, sharpness=sharpness),
        rows=10,
        ngrams=2,
        width=3,
        classes=3,
        seed=seed,
    )
    start_randomly(model, 6, seed)
    return model


def test_tokens_to_probabilities_with_attention_on_what_is_there():
    observation = regard.observe(build(), ATTENTION)(TOKENS)
    np.testing.assert_allclose(np.sum(observation.outputs, axis=1), 1, atol=1e-6)
    weights = observation.attention[ATTENTION]
    assert weights.shape == (3, 2, 4)
    assert not weights.weights[TOKENS[:, None, :, 0].repeat(2, axis=1) == 0].any()
    np.testing.assert_allclose(
        weights.weights.sum(axis=-1), [[1, 1], [1, 1], [0, 0]], atol=1e-6
    )


def test_the_first_weights_depend_on_the_seed_only():
    one, same, other = (
        [keras.ops.convert_to_numpy(weight) for weight in build(seed).trainable_weights]
        for seed in (0, 0, 1)
    )
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not a.any() or np.abs(a - c).max() > 1e-3


@pytest.mark.backends
def test_attention_on_evidence_is_one_head_and_may_be_forced():
    observed = regard.observe(build(sharpness=2.0), ATTENTION)
    weights = observed(TOKENS).attention[ATTENTION].weights
    assert weights.shape == (3, 1, 4)
    np.testing.assert_allclose(weights.sum(axis=-1), [[1], [1], [0]], atol=1e-6)
    own, other = (
        np.asarray(observed(TOKENS, attention={ATTENTION: forced}).outputs)
        for forced in (weights, weights[..., ::-1])
    )
    expected = np.asarray(observed(TOKENS).outputs)
    np.testing.assert_allclose(own, expected, atol=1e-6)
    assert np.abs(other - expected)[0].max() > 1e-3


@pytest.mark.backends
@pytest.mark.parametrize("sharpness", [0.0, 2.0])
def test_a_model_as_bytes_is_the_same_model(sharpness):
    model = build(sharpness=sharpness)
    if sharpness:
        # Weights that are not trained travel, too.
        model.get_layer(ATTENTION).sharpness.assign(3.0)
        model.get_layer(CLASSES).bound.assign(0.1)
    again = model_from_bytes(model_to_bytes(model), KNOWN_LAYERS)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(again(TOKENS)),
        keras.ops.convert_to_numpy(model(TOKENS)),
    )
