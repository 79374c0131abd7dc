"""The temperature: what it is fitted to, and that it changes no label and no weight."""

import keras
import numpy as np
import pytest

import regard
import toy
from regard.bundle.model_file import model_from_bytes, model_to_bytes
from regard.classification.config import TextClassifierConfig
from regard.classification.network import ATTENTION, build_text_classifier
from regard.classification.temperature import (
    PROBABILITIES,
    fitted_temperature,
    tempered,
)

TEXTS, LABELS = toy.messages(60)


# What it is fitted to


@pytest.mark.parametrize("planted", [0.4, 1.0, 3.0, 7.5])
def test_a_planted_temperature_is_found(planted):
    # Of 4 equal examples 3 have the one class, of 10 equal ones 9.
    kinds = [(0.75, 4), (0.9, 10)]
    logits, targets = [], []
    for share, size in kinds:
        logit = planted * np.log(share / (1 - share))
        logits += [[logit, 0.0]] * size
        targets += [0] * (size - 1) + [1]
    logits, targets = np.tile(logits, (2_000, 1)), np.tile(targets, 2_000)
    probabilities = tempered(np.exp(logits), 1.0)
    assert fitted_temperature(probabilities, targets) == pytest.approx(
        planted, rel=1e-3
    )


def test_of_few_that_are_all_right_one_more_is_counted_as_any():
    # Of one kind of logits and two classes the confidence is (n + 1/2) / (n + 1).
    probabilities = np.tile([[0.6, 0.4]], (9, 1))
    temperature = fitted_temperature(probabilities, np.zeros(9, int))
    found = tempered(probabilities, temperature)
    np.testing.assert_allclose(found[:, 0], 9.5 / 10, rtol=1e-6)


def test_none_that_is_right_makes_it_as_unsure_as_it_gets():
    probabilities = np.tile([[0.9, 0.1]], (9, 1))
    assert fitted_temperature(probabilities, np.ones(9, int)) == pytest.approx(50)


def test_nonsense_has_no_temperature():
    assert fitted_temperature(np.full((3, 2), np.nan), np.zeros(3, int)) == 1


# What it changes


@pytest.mark.backends
def test_only_the_probabilities_change():
    config = TextClassifierConfig(
        embedding_units=4, recurrent_units=0, attention_units=4, num_heads=2
    )
    model = build_text_classifier(config, rows=20, ngrams=1, width=2, classes=3, seed=0)
    generator = np.random.default_rng(0)
    model.get_layer("features").table.assign(generator.normal(size=(20, 4)))
    tokens = generator.integers(0, 20, (32, 6, 2), dtype="int32")
    observed = regard.observe(model, ATTENTION)
    before = observed.predict_on_batch(tokens)
    model.get_layer(PROBABILITIES).temperature.assign(3.0)
    after = observed.predict_on_batch(tokens)
    np.testing.assert_array_equal(
        after.attention[ATTENTION].weights, before.attention[ATTENTION].weights
    )
    np.testing.assert_array_equal(
        after.outputs.argmax(axis=1), before.outputs.argmax(axis=1)
    )
    np.testing.assert_allclose(after.outputs, tempered(before.outputs, 3.0), atol=1e-6)
    again = model_from_bytes(model_to_bytes(model))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(again(tokens)), after.outputs, atol=1e-6
    )


@pytest.mark.backends
def test_a_classifier_is_as_sure_as_it_is_right_on_what_is_held_out(tmp_path):
    # A third of each class is wrong where it is held out, and nothing else says so.
    texts, labels = toy.messages(36, seed=1)
    wrong = [labels[i - 1] if i // 3 % 3 == 0 else labels[i] for i in range(36)]
    classifier = regard.TextClassifier(seed=0, **toy.SETTINGS | {"epochs": 2})
    classifier.fit(TEXTS, LABELS, validation=(texts, wrong))
    measured = classifier.validation
    assert measured.accuracy == pytest.approx(2 / 3)
    probabilities = classifier.predict_proba(texts)
    # One more is counted as any.
    right = (36 * 2 / 3 + 1 / 3) / 37
    assert probabilities.max(axis=1).mean() == pytest.approx(right, abs=0.03)
    assert measured.expected_calibration_error < 0.05
    best = min(metrics.validation["loss"] for metrics in classifier.history)
    assert measured.loss == pytest.approx(best, rel=1e-4)
    # Whatever gives probabilities gives these.
    classifier.save(tmp_path / "x.regard")
    again = regard.load(tmp_path / "x.regard")
    np.testing.assert_allclose(again.predict_proba(texts), probabilities, atol=1e-6)
    explained = [why.probabilities for why in classifier.explain(texts)]
    np.testing.assert_allclose(explained, probabilities, atol=1e-6)
    reader = classifier.trained.reader
    [encoded] = reader.read(texts[:1])
    model = keras.saving.load_model(tmp_path / "x.regard" / "model.keras")
    plain = keras.ops.convert_to_numpy(model(encoded.ids[None]))
    np.testing.assert_allclose(plain, probabilities[:1], atol=1e-6)


def test_without_held_out_examples_it_stays_1():
    settings = toy.SETTINGS | {"epochs": 1}
    classifier = regard.TextClassifier(seed=0, **settings)
    classifier.fit(TEXTS, LABELS, validation_split=0)
    layer = classifier.trained.model.get_layer(PROBABILITIES)
    assert float(layer.temperature) == 1
