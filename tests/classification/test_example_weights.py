"""How much examples count, by their class and each by itself."""

import csv

import numpy as np
import pytest

import regard
import toy
from light_compilation import light_compilation
from regard.classification.config import TextClassifierConfig
from regard.classification.example_weights import class_weights_of, weighed
from regard.classification.feature_counts import log_odds
from regard.classification.labelled_texts import LabelledTexts
from regard.classification.regression import FeatureBags, regression_weights
from regard.classification.streamed_corpus import corpus_on_disk
from regard.classification.temperature import HeldOut, fitted_temperature
from regard.classification.validation_measures import ValidationMeasures, merit_by
from regard.data.streamed_file import StreamedFile
from regard.errors import ArgumentError, DataError
from regard.text import Labels
from regard.training.batches import BucketedBatches, EncodedExamples

RNG = np.random.default_rng(0)
DOCUMENTS = [RNG.integers(0, 10, (tokens, 3)) for tokens in RNG.integers(1, 7, 30)]
TARGETS = np.arange(30) % 3
COUNTS = RNG.integers(1, 4, 30)
COPIES = np.repeat(np.arange(30), COUNTS)
WEIGHTS = COUNTS.astype(np.float32)


# As many copies


def copies():
    return [DOCUMENTS[index] for index in COPIES], TARGETS[COPIES]


def test_the_evidence_is_that_of_as_many_copies():
    weighted = log_odds(DOCUMENTS, TARGETS, 10, 3, WEIGHTS)
    np.testing.assert_allclose(weighted, log_odds(*copies(), 10, 3), rtol=1e-6)
    assert not np.allclose(weighted, log_odds(DOCUMENTS, TARGETS, 10, 3))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_regression_is_that_of_as_many_copies(classes):
    documents, targets = copies()
    targets, few = targets % classes, TARGETS % classes
    odds = log_odds(documents, targets, 10, classes)
    expected = regression_weights(FeatureBags.of(documents, 2), targets, odds, 1.0)
    weighted = FeatureBags.of(DOCUMENTS, 2, weights=WEIGHTS)
    found = regression_weights(weighted, few, odds, 1.0)
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-4)
    without = regression_weights(FeatureBags.of(DOCUMENTS, 2), few, odds, 1.0)
    assert not np.allclose(found[0], without[0], atol=1e-2)


def test_the_temperature_is_that_of_as_many_copies():
    probabilities = RNG.dirichlet([1, 2, 3], 30)
    expected = fitted_temperature(probabilities[COPIES], TARGETS[COPIES])
    assert fitted_temperature(probabilities, TARGETS, WEIGHTS) == pytest.approx(
        expected, rel=1e-6
    )


class Answers:
    """In the place of a model and its held-out examples."""

    def __init__(self, probabilities, targets, weights):
        self.targets, self.weights = targets, weights
        self._probabilities = probabilities

    def probabilities(self, *_):
        return self._probabilities


@pytest.mark.parametrize("choose_by", ["accuracy", "macro_f1", "balanced_accuracy"])
def test_validation_measures_are_those_of_as_many_copies(choose_by):
    sure = RNG.dirichlet([1, 2, 3], 30)

    def measures(rows, weights):
        answers = Answers(sure[rows], TARGETS[rows], weights)
        return ValidationMeasures(None, answers, choose_by).validate(None)

    every = np.arange(30)
    expected = measures(COPIES, np.ones(len(COPIES)))
    assert measures(every, WEIGHTS) == pytest.approx(expected, rel=1e-6)
    assert measures(every, np.ones(30)) != pytest.approx(expected, rel=1e-3)


def test_measures_are_those_of_the_books():
    answers = np.eye(3)[[0, 0, 1, 1, 1]]
    told = Answers(answers, np.array([0, 1, 1, 1, 0]), np.ones(5))
    measures = ValidationMeasures(None, told, "macro_f1").validate(None)
    # Of the third class nothing is said, and nothing is there.
    assert measures["macro_f1"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    measures = ValidationMeasures(None, told, "balanced_accuracy").validate(None)
    assert measures["balanced_accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_epochs_are_compared_by_what_was_chosen():
    first = {"accuracy": 0.9, "macro_f1": 0.5, "loss": 0.3}
    second = {"accuracy": 0.8, "macro_f1": 0.6, "loss": 0.4}
    better = {name: merit_by(name)(first) > merit_by(name)(second) for name in first}
    assert better == {"accuracy": True, "macro_f1": False, "loss": True}
    even = second | {"accuracy": 0.9}
    assert merit_by("accuracy")(first) > merit_by("accuracy")(even)


# The weights of classes


def examples(weights=None):
    return EncodedExamples(DOCUMENTS[:6], np.array([0, 0, 0, 0, 1, 1]), weights)


def test_balanced_classes_count_the_same_in_all():
    labels = Labels.of(["a", "b"])
    found = class_weights_of("balanced", labels, examples())
    np.testing.assert_allclose(found, [6 / 8, 6 / 4])
    own = np.array([1, 0, 0, 0, 2, 1], np.float32)
    counted = weighed(
        examples(own), class_weights_of("balanced", labels, examples(own))
    )
    np.testing.assert_allclose(counted.importance, [2, 0, 0, 0, 4 / 3, 2 / 3])
    np.testing.assert_allclose(counted.in_steps().weights.mean(), 1, rtol=1e-6)


def test_labels_are_found_as_they_are_written():
    labels = Labels.of([1, 2])
    for key in (2, "2", "2.0"):
        found = class_weights_of({key: 5}, labels, examples())
        assert found.tolist() == [1, 5]
    truth = Labels.of([True, False])
    assert class_weights_of({True: 3}, truth, examples()).tolist() == [1, 3]
    config = TextClassifierConfig(class_weight={True: 3})
    assert config.to_dict()["class_weight"] == {"True": 3}


def test_a_class_that_is_not_there_is_refused():
    labels = Labels.of(["good", "bad"])
    with pytest.raises(ArgumentError, match=r"'Good'.*Did you mean 'good'") as caught:
        class_weights_of({"Good": 2}, labels, examples())
    assert caught.value.arguments == ("class_weight",)
    with pytest.raises(ArgumentError, match="above 0"):
        class_weights_of({"good": 0, "bad": 0}, labels, examples())


@pytest.mark.parametrize("value", ["even", {}, {"a": -1}, {"a": "2"}, 3, ["a"]])
def test_other_class_weights_are_refused(value):
    with pytest.raises(ArgumentError, match="'class_weight'"):
        regard.TextClassifier(class_weight=value)


def test_a_rare_class_that_counts_more_is_given_more_often():
    # A word that speaks for the rare class, and is mostly in the other.
    texts = ["it was maybe" if index % 4 == 0 else "it was" for index in range(120)]
    labels = ["rare" if index % 12 == 0 else "usual" for index in range(120)]
    settings = toy.SETTINGS | {"regression": 1.0, "sharpness": 1.0, "epochs": 2}

    def given(**chosen):
        with light_compilation():
            classifier = regard.TextClassifier(seed=0, **settings, **chosen)
            classifier.fit(texts, labels, validation_split=0)
        return classifier.predict(texts).count("rare")

    assert (given(), given(class_weight="balanced")) == (0, 30)


# The weights of examples


def test_batches_have_the_weights_and_padding_has_none():
    weights = np.array([1, 2, 3, 4, 5, 6], np.float32)
    batches = BucketedBatches(examples(weights), 4, 8).epoch(0)
    counted = np.concatenate([batches[index][2] for index in range(len(batches))])
    assert sorted(counted.tolist()) == [0, 0, 1, 2, 3, 4, 5, 6]
    nothing = examples(np.zeros(6, np.float32))
    held_out = HeldOut(BucketedBatches(nothing, 4, 8).epoch(0))
    # An example that does not count is no padding.
    assert len(held_out.targets) == len(held_out.weights) == 6


def test_a_step_is_as_large_as_without_weights():
    weights = np.array([1, 2, 3, 4, 5, 9], np.float32)
    scaled = examples(weights).in_steps().weights
    np.testing.assert_allclose(scaled, weights / 4)
    assert examples().in_steps().weights is None


def test_other_weights_are_other_examples():
    weights = np.ones(6, np.float32)
    digests = {each.digest() for each in (examples(), examples(weights))}
    digests |= {examples(share * weights).digest() for share in (2, 0.1, 0.2)}
    assert len(digests) == 5


TEXTS, LABELS = toy.messages(60)
OF_TEXTS = [1 + index % 3 for index in range(60)]


def weights_of(monkeypatch, *data, **options):
    """The weights of training and held-out examples that a training would have."""
    seen = []

    def instead(train, held_out, *_, **__):
        seen.extend([train.weights, None if held_out is None else held_out.weights])
        raise InterruptedError

    name = "regard.classification.text_classifier.fit_text_classifier"
    monkeypatch.setattr(name, instead)
    with pytest.raises(InterruptedError):
        regard.TextClassifier().fit(*data, **options)
    return seen


def test_the_weights_go_with_their_examples(monkeypatch, tmp_path):
    train, held_out = weights_of(monkeypatch, TEXTS, LABELS, sample_weight=OF_TEXTS)
    assert len(train) + len(held_out) == 60
    assert sorted([*train, *held_out]) == sorted(OF_TEXTS)
    path = tmp_path / "data.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = zip(TEXTS, LABELS, OF_TEXTS, strict=True)
        csv.writer(file).writerows([("text", "label", "w"), *rows, ("", "", 7)])
    with pytest.warns(match="Left out"):
        seen = weights_of(monkeypatch, path, sample_weight="w", clean=True)
    assert seen == [train, held_out]
    beside = (TEXTS[:3], LABELS[:3], [4, 5, 6])
    seen = weights_of(monkeypatch, TEXTS, LABELS, validation=beside)
    assert seen == [None, [4, 5, 6]]


def test_the_weights_of_a_frame(monkeypatch):
    pandas = pytest.importorskip("pandas", reason="a frame")
    frame = pandas.DataFrame({"text": TEXTS, "label": LABELS, "w": OF_TEXTS})
    [train, held_out] = weights_of(monkeypatch, frame, sample_weight="w")
    assert sorted([*train, *held_out]) == sorted(OF_TEXTS)
    assert weights_of(monkeypatch, frame, sample_weight=frame["w"])[0] == train


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], "60 texts and 2 weights"),
        ([-1] * 60, "example 0 is none"),
        ([None] * 60, "example 0 is none"),
        ([0] * 60, "All weights"),
        ("w", "no frame or file"),
    ],
)
def test_other_weights_are_refused(weights, message):
    with pytest.raises((ArgumentError, DataError), match=message):
        regard.TextClassifier().fit(TEXTS, LABELS, sample_weight=weights)


def test_a_file_with_other_weights_says_where(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label,w\nx,a,1\ny,b,much\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"data.csv, line 3: column 'w' holds no weight"
    ):
        regard.TextClassifier().fit(path, sample_weight="w")
    with pytest.raises(DataError, match="no column 'weight'"):
        regard.TextClassifier().fit(path, sample_weight="weight")


def test_weights_of_a_file_that_is_streamed(tmp_path):
    pytest.importorskip("pyarrow", reason="what is read is stored with it")
    path = tmp_path / "data.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = zip(TEXTS, LABELS, OF_TEXTS, strict=True)
        csv.writer(file).writerows([("text", "label", "w"), *rows])
    source = StreamedFile((path,), ("text", "label"), weight="w")
    options = {"settings": toy.SETTINGS, "seed": 0, "checkpoint": tmp_path / "c"}
    for _ in range(2):  # Written, and found again.
        with corpus_on_disk(source, None, share=0.1, **options) as corpus:
            seen = [*corpus.train.weights, *corpus.held_out.weights]
            assert sorted(seen) == sorted(OF_TEXTS)
            assert corpus.train.weights.tolist() != [1] * len(corpus.train)
    with pytest.raises(ArgumentError, match="column of the file"):
        regard.TextClassifier().fit(path, stream=True, sample_weight=OF_TEXTS)


@pytest.mark.backends
def test_weights_train_and_are_kept_with_the_settings(tmp_path):
    weights = [2 if label == "billing" else 1 for label in LABELS]
    chosen = {"class_weight": {"billing": 2}, "choose_by": "macro_f1"}
    # Enough folds for the temperature to be found by them.
    settings = toy.SETTINGS | {"epochs": 2, "calibration_folds": 2}
    classifier = regard.TextClassifier(seed=0, **settings, **chosen)
    with light_compilation():
        classifier.fit(TEXTS, LABELS, sample_weight=weights)
    assert all("macro_f1" in epoch.validation for epoch in classifier.history)
    classifier.save(tmp_path / "x.regard")
    again = regard.load(tmp_path / "x.regard")
    assert {**again.settings, **chosen} == again.settings
    assert again.predict(TEXTS[:9]) == classifier.predict(TEXTS[:9])


def test_other_weights_of_the_validation_are_read_anew(tmp_path):
    pytest.importorskip("pyarrow", reason="what is read is stored with it")
    path = tmp_path / "data.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = zip(TEXTS, LABELS, strict=True)
        csv.writer(file).writerows([("text", "label"), *rows])
    source = StreamedFile((path,), ("text", "label"))
    options = {"settings": toy.SETTINGS, "seed": 0, "checkpoint": tmp_path / "c"}
    for weights in ([0.25, 0.5, 1.0], [0.75, 0.5, 1.0]):
        asked = LabelledTexts(TEXTS[:3], LABELS[:3], weights=weights)
        with corpus_on_disk(source, asked, share=0.1, **options) as corpus:
            assert corpus.held_out.weights.tolist() == weights
