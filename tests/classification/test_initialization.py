import keras
import numpy as np
import pytest

import regard
from regard.classification.config import LARGE, TextClassifierConfig, recipe
from regard.classification.initialization import (
    evident_attention,
    log_odds,
    start_from_naive_bayes,
    start_from_regression,
    start_randomly,
)
from regard.classification.network import ATTENTION, build_text_classifier

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
def test_every_recipe_is_a_valid_configuration(texts, classes):
    config = TextClassifierConfig.of(recipe(texts, classes))
    assert config.naive_bayes > 0
    several = 2 < classes <= 64
    # Word order where two classes are told apart by few texts.
    assert bool(config.recurrent_units) == (texts < LARGE and not several)
    assert bool(config.regression) == several
    # Room for the evidence for each class, and for the weights of a regression.
    assert not several or config.embedding_units >= 2 * classes
    assert config.embedding_units >= classes


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
