"""A bundle that an earlier release saved loads, and answers as it did then."""

import json
from pathlib import Path

import numpy as np
import pytest

import regard

BUNDLES = Path(__file__).parent / "data" / "bundles"
RELEASES = sorted(folder.name for folder in BUNDLES.iterdir())

pytestmark = pytest.mark.backends


def expected(release: str, kind: str):
    return json.loads((BUNDLES / release / "expected.json").read_text("utf-8"))[kind]


@pytest.mark.parametrize("release", RELEASES)
def test_a_text_classifier_of_an_earlier_release(release):
    classifier = regard.load(BUNDLES / release / "text-classifier.regard")
    for then in expected(release, "text_classifier"):
        now = classifier.explain(then["text"])
        assert now.label == then["label"]
        assert list(now.tokens) == then["tokens"]
        assert now.probabilities == pytest.approx(then["probabilities"], abs=1e-5)
        np.testing.assert_allclose(now.weights, then["weights"], atol=1e-5)
        # A GRU stands beside what they pool.
        logits = now.contributions.sum(axis=0, dtype=float) + now.bias
        logits -= np.log(np.exp(logits).sum())
        np.testing.assert_allclose(logits, np.log(now.probabilities), atol=1e-5)


def test_which_settings_of_an_earlier_release_are_taken_for_chosen():
    # 0.1.0 did not say. What the recipe chooses is chosen anew by the next training.
    classifier = regard.load(BUNDLES / "0.1.0" / "text-classifier.regard")
    assert classifier.settings == {
        "max_length": 16,
        "feature_dropout": 0.0,
        "attention_dropout": 0.0,
        "batch_size": 16,
    }
    assert classifier.trained.config.naive_bayes == 1.0
    assert classifier.trained.temperature == 1
    translator = regard.load(BUNDLES / "0.1.0" / "translator.regard")
    assert translator.trained.model.products == "auto"
    assert translator.settings == {
        "units": 24,
        "embedding_units": 24,
        "dropout": 0.0,
        "label_smoothing": 0.0,
        "learning_rate": 0.02,
        "warmup_steps": 10,
        "epochs": 6,
        "batch_size": 32,
    }


def assert_same_translation(now, then):
    assert now.text == then["text"]
    assert list(now.source_tokens) == then["source_tokens"]
    assert list(now.target_tokens) == then["target_tokens"]
    assert now.log_probability == pytest.approx(then["log_probability"], abs=1e-4)
    np.testing.assert_allclose(now.alignment, then["alignment"], atol=1e-5)


@pytest.mark.parametrize("release", RELEASES)
def test_a_translator_of_an_earlier_release(release):
    translator = regard.load(BUNDLES / release / "translator.regard")
    then = expected(release, "translator")
    sources = [hypotheses[0]["source"] for hypotheses in then["beam"]]
    translations = translator.translate(sources, beam=3, n_best=2)
    for hypotheses, before in zip(translations, then["beam"], strict=True):
        for now, one in zip(hypotheses, before, strict=True):
            assert_same_translation(now, one)
    targets = [one["text"] for one in then["aligned"]]
    for now, one in zip(
        translator.align(sources, targets), then["aligned"], strict=True
    ):
        assert_same_translation(now, one)
