"""A classifier from raw text: what it learns, what it says, what it refuses."""

import copy
import json
import pickle
import random
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import regard
import toy
from regard.classification import (
    ClassificationProgress,
    TextClassifierConfig,
    recipe,
    text_classifier,
)
from regard.errors import ArgumentError, DataError, DataWarning, NotTrainedError
from regard.training.loop import TrainingOutcome

TEXTS, LABELS = toy.messages(90)


def classifier(**settings) -> regard.TextClassifier:
    return regard.TextClassifier(**(toy.SETTINGS | settings))


def write_csv(path, texts, labels, header="text,label") -> str:
    lines = [
        header,
        *(f'"{text}",{label}' for text, label in zip(texts, labels, strict=True)),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


# What it learns


def test_it_tells_the_classes_apart(toy_classifier):
    texts, labels = toy.messages(60, seed=1)
    assert toy_classifier.labels == ("account", "billing", "delivery")
    assert toy_classifier.predict(texts) == labels
    assert toy_classifier.validation.accuracy == 1
    assert not toy_classifier.interrupted


def test_it_looks_at_the_word_that_decides(toy_classifier):
    texts, labels = toy.messages(30, seed=2)
    for why, label in zip(toy_classifier.explain(texts), labels, strict=True):
        assert why.label == label
        assert why.weights[why.tokens.index(toy.WORDS[label])] > 0.5


@pytest.mark.parametrize("labels", [2, 3])
def test_the_default_learns_from_few_texts_and_weighs_what_speaks_for_its_label(labels):
    texts, answers = toy.messages(30)
    kept = sorted(toy.WORDS)[:labels]
    train = [pair for pair in zip(texts, answers, strict=True) if pair[1] in kept]
    learned = regard.TextClassifier(seed=0, max_length=16, epochs=1)
    learned.fit(*map(list, zip(*train, strict=True)))
    for label in kept:
        why = learned.explain(f"the page was in my {toy.WORDS[label]} of the order")
        assert why.label == label
        # Nothing but its evidence says how much a token weighs.
        added = why.contributions[:, why.labels.index(label)]
        value = added / why.weights
        assert why.tokens[why.weights.argmax()] == toy.WORDS[label]
        assert (np.diff(value[why.weights.argsort()]) > -1e-4).mean() > 0.8


def test_measures_of_labelled_texts(toy_classifier):
    texts, labels = toy.messages(30, seed=3)
    swapped = ["billing" if label == "account" else label for label in labels]
    metrics = toy_classifier.evaluate(texts, swapped)
    assert metrics.accuracy == pytest.approx(2 / 3)
    assert metrics.per_class["account"].support == 0
    assert metrics.per_class["billing"].recall == pytest.approx(1 / 2)
    assert metrics.per_class["billing"].precision == 1
    assert metrics.confusion.tolist() == [[0, 0, 0], [10, 10, 0], [0, 0, 10]]


# What it says


def test_an_explanation_is_of_the_prediction_and_of_the_text(toy_classifier):
    text = "My Refund, please: I've waited!"
    why = toy_classifier.explain(text)
    assert why.text == text
    assert why.tokens == ("My", "Refund", ",", "please", ":", "I've", "waited", "!")
    assert [text[a:b] for a, b in why.offsets.tolist()] == list(why.tokens)
    assert why.labels == ("account", "billing", "delivery")
    assert why.label == toy_classifier.predict([text])[0] == "billing"
    [probabilities] = toy_classifier.predict_proba([text])
    np.testing.assert_allclose(why.probabilities, probabilities, atol=1e-6)
    assert why.weights.sum() == pytest.approx(1, abs=1e-5)
    assert not why.truncated


def test_what_tokens_add_makes_the_probabilities(toy_classifier):
    assert toy_classifier.trained.temperature != 1
    texts = [*toy.messages(20, seed=4)[0], "refund " * 40, ""]
    for why in toy_classifier.explain(texts):
        assert why.contributions.shape == (len(why.tokens), len(why.labels))
        logits = why.contributions.sum(axis=0, dtype=float) + why.bias
        logits -= np.log(np.exp(logits).sum())
        np.testing.assert_allclose(logits, np.log(why.probabilities), atol=1e-5)


def test_one_text_gives_one_explanation_and_a_list_a_list(toy_classifier):
    [listed] = toy_classifier.explain(["a refund"])
    assert listed.tokens == toy_classifier.explain("a refund").tokens


def test_probabilities_sum_to_one(toy_classifier):
    probabilities = toy_classifier.predict_proba(toy.messages(20, seed=4)[0])
    assert probabilities.shape == (20, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_text_without_a_word_has_probabilities_and_no_weights(toy_classifier, text):
    why = toy_classifier.explain(text)
    assert why.tokens == ()
    assert why.weights.shape == (0,)
    assert why.probabilities.sum() == pytest.approx(1, abs=1e-6)


def test_a_long_text_is_cut_and_says_so(toy_classifier):
    why = toy_classifier.explain("refund " * 16 + "parcel")
    assert why.truncated
    assert why.tokens == ("refund",) * 16
    assert not toy_classifier.explain("refund " * 16).truncated


def test_the_answer_does_not_depend_on_the_company(toy_classifier):
    texts, _ = toy.messages(40, seed=6)
    together = toy_classifier.predict_proba(texts)
    alone = np.concatenate([toy_classifier.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


# Training


def test_the_same_seed_gives_the_same_classifier():
    random.seed(1)
    np.random.seed(1)
    state = random.getstate(), np.random.get_state()[1].tolist()
    one, other = (
        classifier(seed=3).fit(TEXTS, LABELS, epochs=2).predict_proba(TEXTS)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == state


def test_the_best_epoch_is_kept_and_progress_is_told():
    reports: list[ClassificationProgress] = []
    # Every fifth label is wrong: what is learned by heart does not carry over.
    noisy = [LABELS[i - 1] if i % 5 == 0 else LABELS[i] for i in range(len(LABELS))]
    trained = classifier(patience=2, num_heads=2)
    trained.fit(TEXTS, noisy, validation_split=0.3, epochs=20, progress=reports.append)
    ends = [report for report in reports if report.validation_loss is not None]
    losses = [report.validation_loss for report in ends]
    ranks = [(report.validation_accuracy, -report.validation_loss) for report in ends]
    best = ranks.index(max(ranks))
    assert len(losses) == best + 1 + 2 < 20
    assert trained.validation.loss == pytest.approx(losses[best], rel=1e-5)
    assert trained.validation.accuracy == pytest.approx(ends[best].validation_accuracy)
    assert [report.epoch for report in ends] == list(range(1, len(ends) + 1))
    assert all(
        report.step == report.steps == 4 and report.epochs == 20 for report in ends
    )
    assert all(0 <= report.accuracy <= 1 and report.loss >= 0 for report in reports)
    seconds = [report.seconds for report in reports]
    assert seconds == sorted(seconds)
    assert ends[0].seconds_left == pytest.approx(19 * ends[0].seconds)
    # Heads are averaged, so weights still sum to one.
    assert trained.explain(TEXTS[0]).weights.sum() == pytest.approx(1, abs=1e-5)


def test_an_interrupt_keeps_the_best_so_far():
    losses = []

    def press_in_third_epoch(state: ClassificationProgress) -> None:
        if state.validation_loss is not None:
            losses.append(state.validation_loss)
        if len(losses) == 3:
            signal.raise_signal(signal.SIGINT)

    trained = classifier().fit(TEXTS, LABELS, epochs=50, progress=press_in_third_epoch)
    assert trained.interrupted
    assert len(losses) == 3
    assert trained.validation.loss == pytest.approx(min(losses), rel=1e-4, abs=1e-6)
    assert trained.predict(TEXTS) == LABELS
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_before_the_first_epoch_is_over_is_passed_on(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(
        regard.training.batches.ExampleBatches, "__getitem__", interrupt
    )
    trained = classifier()
    with pytest.raises(KeyboardInterrupt):
        trained.fit(TEXTS, LABELS)
    with pytest.raises(NotTrainedError):
        trained.predict(["a"])


def test_whole_numbers_come_back_as_whole_numbers(tmp_path):
    stars = {"account": 1, "billing": 5, "delivery": 10}
    numbers = [stars[label] for label in LABELS]
    trained = classifier().fit(TEXTS, np.array(numbers), validation_split=0)
    assert trained.validation is None
    # Nothing says how sure it may be.
    assert trained.trained.temperature == 1
    assert trained.labels == (1, 5, 10)
    assert trained.predict(TEXTS) == numbers
    assert all(type(label) is int for label in trained.predict(TEXTS[:5]))
    assert trained.explain(TEXTS[2]).label == "10"
    # In a file they are text.
    file = write_csv(tmp_path / "stars.csv", TEXTS, numbers)
    assert trained.evaluate(file).accuracy == 1
    trained.save(tmp_path / "stars.regard")
    card = (tmp_path / "stars.regard" / "README.md").read_text("utf-8")
    assert "nothing is known" in card
    assert regard.load(tmp_path / "stars.regard").predict(TEXTS[:9]) == numbers[:9]


def test_training_and_measuring_on_files(tmp_path):
    train = write_csv(tmp_path / "train.csv", TEXTS, LABELS, "message,topic")
    check = write_csv(
        tmp_path / "check.csv", *toy.messages(12, seed=9), "message,topic"
    )
    columns = {"text": "message", "label": "topic"}
    trained = classifier().fit(train, validation=check, **columns)
    assert trained.validation.confusion.sum() == 12
    metrics = trained.evaluate(check, **columns)
    # The training measured it as it went, in another program.
    told = trained.validation
    assert metrics.loss == pytest.approx(told.loss, rel=1e-5)
    assert metrics.confusion.tolist() == told.confusion.tolist()
    assert metrics.accuracy == 1
    # So that a command asks the same columns.
    trained.save(tmp_path / "topics.regard")
    assert regard.load(tmp_path / "topics.regard").columns == columns
    stored = json.loads((tmp_path / "topics.regard" / "config.json").read_text())
    assert stored["columns"] == columns


def test_a_loaded_classifier_follows_the_recipe_in_its_next_training(
    toy_classifier, monkeypatch, tmp_path
):
    chosen = {"num_heads": 1, "max_length": 16}
    few = replace(toy_classifier.trained, chosen=chosen)
    regard.TextClassifier.of(few).save(tmp_path / "few.regard")
    loaded = regard.load(tmp_path / "few.regard")
    assert loaded.settings == chosen
    configs = []

    def noting(*_, config, **__):
        configs.append(config)
        return TrainingOutcome(few, (), False)

    monkeypatch.setattr(text_classifier, "fit_text_classifier", noting)
    loaded.fit(TEXTS, LABELS, epochs=5)
    of_data = recipe(81, 3) | chosen | {"epochs": 5}
    assert configs == [TextClassifierConfig.of(of_data)]
    # What was set for one training is not set for the next.
    loaded.fit(TEXTS, LABELS)
    assert configs[1] == TextClassifierConfig.of(recipe(81, 3) | chosen)


# What it refuses


@pytest.mark.parametrize(
    "ask",
    [
        lambda new: new.predict(["a"]),
        lambda new: new.predict_proba(["a"]),
        lambda new: new.explain("a"),
        lambda new: new.evaluate(["a"], ["b"]),
        lambda new: new.save("nowhere"),
        lambda new: new.labels,
    ],
)
def test_what_was_not_trained_cannot_be_asked(ask):
    with pytest.raises(NotTrainedError, match="fit"):
        ask(regard.TextClassifier())


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ((["a", "b"], ["x"]), ArgumentError, "2 texts and 1 labels"),
        ((["a", "b"],), ArgumentError, "labels are missing"),
        (([], []), ArgumentError, "no text"),
        ((["a", 5], ["x", "y"]), ArgumentError, "Text 1 is not a string"),
        ((["a", "b"], ["x", "x"]), DataError, "two classes"),
        ((["a", "b"], ["x", 1]), DataError, "two kinds"),
        ((["a", "b"], ["x", None]), DataError, "label of example 1"),
        ((["a", "b"], ["x", "y"]), DataError, "'x' has a single example"),
        ((["", " "] * 4, ["x", "y"] * 4), DataError, "nothing to learn"),
        ((["a", "\ud800"] * 4, ["x", "y"] * 4), DataError, "not valid Unicode"),
        (("reviews.csv", ["x"]), ArgumentError, "beside the path"),
        (("no-such-file.csv",), DataError, "no-such-file.csv"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(arguments, error, match):
    trained = classifier()
    with pytest.raises(error, match=match):
        trained.fit(*arguments)
    with pytest.raises(NotTrainedError):
        trained.predict(["a"])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"validation": (["a"], ["unseen"])}, DataError, "'unseen' of example 0"),
        ({"validation": (["a"],)}, ArgumentError, "two lists"),
        ({"validation_split": 1.0}, ArgumentError, "from 0 up to but not including 1"),
        ({"validation_split": -0.1}, ArgumentError, "from 0 up to but not including 1"),
        ({"epochs": 0}, ArgumentError, "'epochs'.*1 or more"),
        ({"batch_size": 2.5}, ArgumentError, "'batch_size'.*whole number"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, error, match):
    with pytest.raises(error, match=match):
        classifier().fit(TEXTS, LABELS, **options)


@pytest.mark.parametrize(
    ("ask", "match"),
    [
        (lambda trained: trained.predict("one text"), "list of texts"),
        (lambda trained: trained.evaluate([], []), "no text"),
        (lambda trained: trained.predict(["a", None]), "Text 1 is not a string"),
        (lambda trained: trained.explain(["a", 3]), "Text 1 is not a string"),
        (lambda trained: trained.explain(None), "not a list"),
        (lambda trained: trained.evaluate(["a"], ["b", "c"]), "1 texts and 2 labels"),
    ],
)
def test_questions_that_make_no_sense_are_refused(toy_classifier, ask, match):
    with pytest.raises(ArgumentError, match=match):
        ask(toy_classifier)


def test_a_label_never_seen_is_named(toy_classifier):
    with pytest.raises(DataError, match="'sales' of example 1"):
        toy_classifier.evaluate(["a", "b"], ["billing", "sales"])


def test_an_unknown_setting_is_named():
    with pytest.raises(ArgumentError, match=r"no setting 'unit'.*embedding_units"):
        regard.TextClassifier(unit=3)


# Dirty labels


@pytest.fixture
def recorder(toy_classifier, monkeypatch):
    """Takes the place of training, and keeps what it was given."""
    given = SimpleNamespace()

    def training(train, held_out, known, **_):
        given.train, given.held_out, given.known = train, held_out, known
        return TrainingOutcome(toy_classifier.trained, (), False)

    monkeypatch.setattr(text_classifier, "fit_text_classifier", training)
    return given


DIRTY = ["good", "Good", "bad", "bad ", None, "bad"]


def test_what_is_missing_is_refused_with_a_way_out(recorder):
    texts = ["a film", "b film", None, "c film", "d film", "e film"]
    for given in ((texts, DIRTY), (np.array(texts), np.array(DIRTY))):
        with pytest.raises(DataError, match=r"Text 2 is missing.*clean=True"):
            classifier().fit(*given)
    with pytest.raises(DataError, match=r"label of example 4 is missing.*clean=True"):
        classifier().fit(["x"] * 6, DIRTY)


def test_dirty_labels_become_classes_with_a_warning_and_none_when_cleaned(recorder):
    with pytest.warns(DataWarning, match="'bad ' .* differ in case.*clean=True"):
        classifier().fit(["x"] * 4, ["bad", "bad ", "good", "good"], validation_split=0)
    assert recorder.known.names == ("bad", "bad ", "good")
    texts = ["a film", "b film", None, "c film", "d film", "e film"]
    with pytest.warns(DataWarning) as told:
        classifier().fit(texts, DIRTY, clean=True, validation=(["f"], ["GOOD"]))
    assert recorder.train.labels == ["Good", "Good", "bad", "bad"]
    assert recorder.held_out.labels == ["Good"]
    assert "Left out 1 row without a label." in [str(each.message) for each in told]
    assert {each.filename for each in told} == {__file__}


def test_a_dirty_file_is_mended(recorder, tmp_path):
    path = write_csv(tmp_path / "a.csv", ["a", "b", "", "d"], ["x", "X ", "x", "y"])
    with pytest.warns(DataWarning, match="Left out 1 row without a text"):
        classifier().fit(path, clean=True, validation_split=0)
    assert recorder.train.texts == ["a", "b", "d"]
    assert recorder.train.labels == ["x", "x", "y"]


def test_labels_of_any_kind_come_back_as_they_were(recorder):
    for labels in ([True, False], np.array([1.0, 5.0]), [np.int64(1), np.int64(2)]):
        classifier().fit(["a", "b"] * 2, [*labels, *labels], validation_split=0)
        assert list(recorder.known.values) == sorted(labels)


@pytest.mark.parametrize("path", [None, 3, b"x", "a\0b"])
def test_what_is_no_place_to_save_is_refused(toy_classifier, path):
    with pytest.raises(ArgumentError, match="'path' has a wrong value"):
        toy_classifier.save(path)


@pytest.mark.parametrize(
    "copied",
    [
        copy.deepcopy,
        lambda it: pickle.loads(pickle.dumps(it)),  # noqa: S301 - written beside it
    ],
)
def test_a_copy_answers_as_the_original_and_is_apart_from_it(toy_classifier, copied):
    other = copied(toy_classifier)
    texts = ["a good film", "nothing"]
    assert other.predict_proba(texts) == pytest.approx(
        toy_classifier.predict_proba(texts), abs=1e-6
    )
    assert other.settings == toy_classifier.settings
    assert other.history == toy_classifier.history
    assert other.trained.model is not toy_classifier.trained.model


def test_the_answers_of_a_copy_name_the_bundle(toy_bundle):
    loaded = regard.load(toy_bundle)
    other = copy.deepcopy(loaded)
    assert loaded.trained.origin.name == "toy.regard"
    assert other.trained.origin == loaded.trained.origin
    assert other.explain(["a good film"])[0].model.name == "toy.regard"
    assert "origin" not in vars(other)


def test_a_classifier_that_was_not_trained_can_be_copied():
    other = copy.deepcopy(regard.TextClassifier(seed=3, epochs=2))
    assert (other.seed, other.settings) == (3, {"epochs": 2})
