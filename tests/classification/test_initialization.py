import keras
import numpy as np
import pytest

import regard
from regard.classification.config import (
    LARGE,
    TextClassifierConfig,
    asks_for_learned,
    recipe,
)
from regard.classification.feature_counts import log_odds
from regard.classification.initialization import start_randomly
from regard.classification.linear_start import (
    evident_attention,
    sharpen,
    start_from_naive_bayes,
    start_from_regression,
)
from regard.classification.network import (
    ATTENTION,
    build_text_classifier,
    with_evidence,
)

CONFIG = TextClassifierConfig(
    embedding_units=4, recurrent_units=0, attention_units=4, naive_bayes=1.5
)
# Word 2 in the texts of class 0 only, word 3 in those of class 1 only, word 4 in all.
DOCUMENTS = [np.array([[2], [4]])] * 5 + [np.array([[3], [4]])] * 5
TARGETS = np.array([0] * 5 + [1] * 5)


def odds():
    return log_odds(DOCUMENTS, TARGETS, rows=5, classes=2)


def started() -> keras.Model:
    model = build_text_classifier(CONFIG, rows=5, ngrams=1, width=1, classes=2, seed=0)
    start_randomly(model, 5, seed=0)
    start_from_naive_bayes(model, odds(), CONFIG)
    return model


def test_the_evidence_of_words():
    # Five of five texts against none of five, each count raised by one.
    np.testing.assert_allclose(odds()[2], [np.log(6), -np.log(6)], rtol=1e-6)
    np.testing.assert_allclose(odds()[4], [0, 0], atol=1e-6)
    assert not odds()[0].any()


def test_a_feature_counts_once_in_a_text():
    repeated = [np.tile(document, (3, 1)) for document in DOCUMENTS]
    np.testing.assert_array_equal(log_odds(repeated, TARGETS, 5, 2), odds())


def test_the_start_follows_the_evidence_and_looks_at_it():
    tokens = np.array([[[4], [2], [4]], [[3], [4], [4]]])
    observation = regard.observe(started(), ATTENTION)(tokens)
    np.testing.assert_array_equal(observation.outputs.argmax(axis=1), [0, 1])
    weights = observation.attention[ATTENTION].mean().weights
    np.testing.assert_array_equal(weights.argmax(axis=1), [1, 0])
    assert weights.max(axis=1).min() > 2 * np.median(weights)


def test_a_random_start_gives_only_words_a_say():
    model = build_text_classifier(CONFIG, rows=9, ngrams=2, width=2, classes=2, seed=0)
    start_randomly(model, 5, seed=1)
    table = keras.ops.convert_to_numpy(model.get_layer("features").table)
    assert not table[0].any()
    assert not table[5:].any()
    assert table[1:5].std() == pytest.approx(0.1, rel=0.5)


@pytest.mark.parametrize("texts", [100, LARGE])
@pytest.mark.parametrize("classes", [2, 6, 77])
@pytest.mark.parametrize("learned", [False, True])
def test_every_recipe_is_a_valid_configuration(texts, classes, learned):
    config = TextClassifierConfig.of(recipe(texts, classes, learned=learned))
    assert config.naive_bayes > 0
    several = 2 < classes <= 64
    learned = learned or classes > 64
    assert (config.sharpness == 0) == learned
    # Word order where a learned attention tells two classes apart by few texts.
    ordered = learned and texts < LARGE and not several
    assert bool(config.recurrent_units) == ordered
    assert bool(config.regression) == (several or not learned)
    # Room for the evidence for each class, and for the weights of a regression.
    assert not config.regression or config.embedding_units >= 2 * classes
    assert config.embedding_units >= classes


@pytest.mark.parametrize(
    ("settings", "learned"),
    [
        ({}, False),
        ({"num_heads": 1, "recurrent_units": 0, "epochs": 2}, False),
        ({"sharpness": 3.0}, False),
        ({"sharpness": 0.0}, True),
        ({"num_heads": 2}, True),
        ({"recurrent_units": 8}, True),
        ({"salience": 1.0}, True),
    ],
)
def test_settings_of_a_learned_attention_ask_for_one(settings, learned):
    assert asks_for_learned(settings) == learned


@pytest.mark.backends
def test_evidence_starts_as_the_regression_and_naive_bayes_bounded():
    config = TextClassifierConfig(
        embedding_units=6,
        recurrent_units=0,
        naive_bayes=0.5,
        sharpness=2.0,
        evidence_bound=3.0,
    )
    model = build_text_classifier(config, rows=9, ngrams=1, width=1, classes=3, seed=0)
    start_randomly(model, 9, seed=0)
    random = np.random.default_rng(0)
    evidence, weights = random.normal(size=(2, 9, 3)).astype(np.float32)
    evidence[0] = weights[0] = 0
    bias = np.array([0.5, 0, -1], np.float32)
    start_from_naive_bayes(model, evidence, config)
    start_from_regression(model, weights, bias, share=0.25)
    documents = [np.array([[3], [1], [8], [2]]), np.array([[5], [5]])]
    sharpen(model, documents, config)
    observed = regard.observe(with_evidence(model), ATTENTION)
    seen = observed(documents[0][None])
    probabilities, said = map(np.asarray, seen.outputs)
    weights_seen = seen.attention[ATTENTION].weights[0, 0]

    def spread(values):
        return np.abs(values - values.mean(axis=1, keepdims=True)).mean()

    mixed = 0.75 * weights + 0.25 * spread(weights) / spread(evidence) * evidence
    read = np.concatenate(documents)[:, 0]
    size = (mixed[read] - mixed[read].mean(axis=1, keepdims=True)).std()
    bound, sharpness = 3 * max(size, 1), 2 / max(size, 1)
    expected = bound * np.tanh(mixed[documents[0][:, 0]] / bound)
    np.testing.assert_allclose(said[0, :, 0], expected, atol=1e-5)
    guess = np.exp(expected.mean(axis=0) + 0.75 * bias)
    scores = sharpness * expected @ (guess / guess.sum() - 1 / 3)
    attention = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(weights_seen, attention, atol=1e-5)
    logits = np.exp(attention @ expected + 0.75 * bias)
    np.testing.assert_allclose(probabilities[0], logits / logits.sum(), atol=1e-5)


@pytest.mark.backends
def test_a_start_from_a_regression_gives_its_logits_and_looks_at_the_evidence():
    classes = 3
    config = TextClassifierConfig(
        embedding_units=6,
        recurrent_units=0,
        attention_units=6,
        naive_bayes=0.5,
        salience=1.0,
    )
    model = build_text_classifier(
        config, rows=9, ngrams=1, width=1, classes=classes, seed=0
    )
    start_randomly(model, 9, seed=0)
    random = np.random.default_rng(0)
    evidence = random.normal(size=(9, classes)).astype(np.float32) * 3
    evidence[0] = 0
    start_from_naive_bayes(model, evidence, config)
    weights = random.normal(size=(9, classes)).astype(np.float32)
    weights[0] = 0
    bias = np.array([0.5, 0, -1], np.float32)
    start_from_regression(model, weights, bias)
    tokens = np.array([[[3], [1], [8], [2]]])
    observation = regard.observe(model, ATTENTION)(tokens)
    attention = observation.attention[ATTENTION].weights[0]
    pooled = attention.mean(axis=0) @ weights[tokens[0, :, 0]] + bias
    logits = np.log(np.asarray(observation.outputs)[0])
    np.testing.assert_allclose(
        logits - logits.mean(), pooled - pooled.mean(), atol=1e-5
    )
    # Chance has its say in the score, too, a small one.
    np.testing.assert_allclose(
        attention.mean(axis=0),
        evident_attention(evidence[tokens[0, :, 0]], config.salience),
        atol=0.1,
    )
