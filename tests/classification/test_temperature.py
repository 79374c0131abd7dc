"""The temperature: what it is fitted to, and that it changes no label and no weight."""

import keras
import numpy as np
import pytest

import regard
import toy
from regard.bundle.model_file import model_from_bytes, model_to_bytes
from regard.classification import temperature, trainer
from regard.classification.artifact import KNOWN_LAYERS
from regard.classification.config import TextClassifierConfig
from regard.classification.network import ATTENTION, build_text_classifier
from regard.classification.temperature import (
    PROBABILITIES,
    fitted_temperature,
    tempered,
)
from regard.training.batches import BucketedBatches, EncodedExamples

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
    found = tempered(probabilities, fitted_temperature(probabilities, np.zeros(9, int)))
    np.testing.assert_allclose(found[:, 0], 9.5 / 10, rtol=1e-6)


def test_none_that_is_right_makes_it_as_unsure_as_it_gets():
    probabilities = np.tile([[0.9, 0.1]], (9, 1))
    assert fitted_temperature(probabilities, np.ones(9, int)) == pytest.approx(50)


def test_nonsense_has_no_temperature():
    assert fitted_temperature(np.full((3, 2), np.nan), np.zeros(3, int)) == 1


class Recorder:
    """In the place of a model: notes what it is shown, and answers with its class."""

    def __init__(self) -> None:
        self.trained_on: list[list[int]] = []
        self.asked: list[list[int]] = []

    def begin(self, _: EncodedExamples) -> None:
        self.trained_on.append([])

    def fit(self, batches, **_) -> None:
        self.trained_on[-1] += self.numbers(batches)

    def predict(self, batches, **_):
        self.asked.append(self.numbers(batches))
        rows = sum(len(batches[index][1]) for index in range(len(batches)))
        return np.tile([[0.6, 0.4]], (rows, 1))

    @staticmethod
    def numbers(batches) -> list[int]:
        """The number of each example, which is its only token."""
        read = [batches[index] for index in range(len(batches))]
        return [
            int(row[0, 0])
            for tokens, _, counts in read
            for row, count in zip(tokens, counts, strict=True)
            if count
        ]


def test_each_example_is_asked_of_a_model_that_has_not_seen_it(monkeypatch):
    monkeypatch.setattr(temperature, "as_input", lambda batches: batches)
    targets = np.array([0] * 20 + [1] * 10)
    sequences = [np.full((1, 1), number + 1) for number in range(30)]
    model = Recorder()
    found = temperature.cross_validated_answers(
        model,
        EncodedExamples(sequences, targets),
        begin=model.begin,
        batches=lambda examples: BucketedBatches(examples, 4, 16, seed=0),
        epochs=2,
        folds=5,
    )
    everything = set(range(1, 31))
    assert sorted(number for asked in model.asked for number in asked) == sorted(
        everything
    )
    for trained_on, asked in zip(model.trained_on, model.asked, strict=True):
        assert set(trained_on) == everything - set(asked)
        assert len(trained_on) == 2 * 24
        # The same share of each class.
        assert sum(number <= 20 for number in asked) == 4
    np.testing.assert_array_equal(found.probabilities, np.tile([[0.6, 0.4]], (30, 1)))
    assert np.bincount(found.targets).tolist() == [20, 10]
    assert found.weights is None


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
    again = model_from_bytes(model_to_bytes(model), KNOWN_LAYERS)
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
    card = (tmp_path / "x.regard" / "README.md").read_text("utf-8")
    error = measured.expected_calibration_error
    assert f"| expected calibration error, 15 bins | {error:.4f} |" in card
    assert f"{classifier.trained.temperature:.3g}, so that" in card
    assert '    "billing"\n' in card
    again = regard.load(tmp_path / "x.regard")
    again.save(tmp_path / "y.regard")
    assert (tmp_path / "y.regard" / "README.md").read_text("utf-8") == card
    np.testing.assert_allclose(again.predict_proba(texts), probabilities, atol=1e-6)
    explained = [why.probabilities for why in classifier.explain(texts)]
    np.testing.assert_allclose(explained, probabilities, atol=1e-6)
    reader = classifier.trained.reader
    [encoded] = reader.read(texts[:1])
    model = keras.saving.load_model(tmp_path / "x.regard" / "model.keras")
    plain = keras.ops.convert_to_numpy(model(encoded.ids[None]))
    np.testing.assert_allclose(plain, probabilities[:1], atol=1e-6)


@pytest.mark.backends
def test_what_is_learned_by_heart_makes_no_classifier_sure():
    # A third of the labels are wrong, so that no text is surer than two of three.
    def noisy(count, seed):
        texts, labels = toy.messages(count, seed)
        odd = [labels[i - 1] if i // 3 % 3 == 0 else labels[i] for i in range(count)]
        return texts, odd

    settings = toy.SETTINGS | {"calibration_folds": 3, "subwords": 0}
    classifier = regard.TextClassifier(seed=0, **settings)
    classifier.fit(*noisy(90, seed=0))
    texts, labels = noisy(300, seed=1)
    sure = classifier.predict_proba(texts).max(axis=1).mean()
    accuracy = classifier.evaluate(texts, labels).accuracy
    # By itself it is 87 % sure, and as the nine that are held out would have it, 69 %.
    assert sure == pytest.approx(accuracy, abs=0.08)


def test_an_interrupt_leaves_what_the_held_out_say(monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "cross_validated_answers", interrupt)
    settings = toy.SETTINGS | {"calibration_folds": 3, "epochs": 1}
    classifier = regard.TextClassifier(seed=0, **settings).fit(TEXTS, LABELS)
    assert classifier.interrupted
    layer = classifier.trained.model.get_layer(PROBABILITIES)
    [metrics] = classifier.history
    assert float(layer.temperature) == pytest.approx(metrics.validation["temperature"])
