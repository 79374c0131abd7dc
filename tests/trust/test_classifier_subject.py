"""Classifiers under examination: what is erased, forced and added, against doing so."""

import keras
import numpy as np
import pytest

import regard
import toy
from regard.errors import ArgumentError, DataError
from regard.trust import Verdict
from regard.trust.classifier_subject import ClassifierSubject

pytestmark = pytest.mark.backends

TEXTS = ["the refund was in my order", "parcel", "it was a password of the page today"]
ROWS = np.arange(len(TEXTS))


@pytest.fixture(scope="module")
def subject(toy_classifier):
    return ClassifierSubject(toy_classifier, TEXTS)


def kept(subject, *erased):
    """All keys kept, but for those of each text that are listed."""
    valid = subject.baseline(ROWS).valid
    for row, keys in zip(valid, erased, strict=True):
        row[keys] = False
    return valid


def test_nothing_erased_changes_nothing(subject, toy_classifier):
    everything = kept(subject, [], [], [])
    expected = toy_classifier.predict_proba(TEXTS)
    for eraser in subject.erasers:
        draws = np.zeros(everything.shape)
        answers = subject.erased(ROWS, everything, eraser, draws)
        np.testing.assert_allclose(answers, expected, atol=1e-6)


def test_a_swapped_token_is_as_if_the_text_had_said_it(subject, toy_classifier):
    # The pool holds all tokens of the texts; the first of them is "the".
    keep = kept(subject, [1], [0], [3, 6])
    answers = subject.erased(ROWS, keep, "swap", np.zeros(keep.shape))
    swapped = ["the the was in my order", "the", "it was a the of the the today"]
    expected = toy_classifier.predict_proba(swapped)
    np.testing.assert_allclose(answers, expected, atol=1e-6)


def test_a_hole_takes_its_ngrams_along_and_joins_nothing(subject, toy_classifier):
    trained = toy_classifier.trained
    features = trained.reader.features
    assert features.order == 3
    keep = kept(subject, [1], [0], [])
    answers = subject.erased(ROWS, keep, "hole", np.zeros(keep.shape))
    rows = [each.ids.copy() for each in trained.reader.read(TEXTS)]
    rows[0][1] = 0  # "refund", and "the refund" with it
    rows[0][2, 1:3] = 0  # "refund was", "the refund was"
    rows[0][3, 2] = 0  # "refund was in"
    rows[1][0] = 0
    expected = trained.predictor.predict(rows)
    np.testing.assert_allclose(answers, expected, atol=1e-6)
    # Without its only word a text says what the model says of none.
    np.testing.assert_allclose(
        answers[1], toy_classifier.predict_proba([""])[0], atol=1e-6
    )


def test_the_own_weights_give_the_own_answer(subject):
    baseline = subject.baseline(ROWS)
    np.testing.assert_allclose(baseline.replayed, baseline.probabilities, atol=1e-6)
    shifted = np.roll(baseline.weights, 1, axis=-1) * baseline.valid[:, None]
    assert np.abs(subject.forced(ROWS, shifted) - baseline.probabilities).max() > 0.01


def test_contributions_are_those_of_the_label_that_was_given(subject, toy_classifier):
    baseline = subject.baseline(ROWS)
    for parts, why in zip(
        baseline.orders["contribution"], toy_classifier.explain(TEXTS), strict=True
    ):
        expected = why.contributions[:, why.labels.index(why.label)]
        np.testing.assert_allclose(parts[: len(expected)], expected, atol=1e-6)
        assert not parts[len(expected) :].any()


def test_the_orders_of_gradients_are_those_of_attributions(subject, toy_classifier):
    baseline = subject.baseline(ROWS)
    for name in ("gradient_x_input", "integrated_gradients"):
        told = getattr(regard.explain, name)(toy_classifier, TEXTS)
        for row, length in enumerate(baseline.lengths):
            np.testing.assert_allclose(
                baseline.orders[name][row, :length], told[row], atol=1e-5
            )
            assert not baseline.orders[name][row, length:].any()
    error = baseline.figures["completeness error"]
    np.testing.assert_allclose(error, told.error, atol=1e-5)


def test_conicity_is_the_mean_cosine_of_states_with_their_mean(subject, toy_classifier):
    model = toy_classifier.trained.model
    states = keras.Model(model.input, model.get_layer("attention").input)
    for row, ids in enumerate(toy_classifier.trained.reader.read(TEXTS)):
        of_text = states(ids.ids[None])
        of_text = keras.ops.convert_to_numpy(keras.tree.flatten(of_text)[0])[0]
        mean = of_text.mean(axis=0)
        lengths = np.linalg.norm(of_text, axis=-1) * np.linalg.norm(mean)
        expected = (of_text @ mean / lengths).mean()
        found = subject.baseline(ROWS).figures["conicity"][row]
        assert found == pytest.approx(expected, abs=1e-5)


def test_texts_without_a_token_are_passed_over(toy_classifier):
    subject = ClassifierSubject(toy_classifier, ["", "refund", " "])
    assert len(subject) == 1
    assert subject.indices.tolist() == [1]
    with pytest.raises(DataError, match="no text to examine"):
        ClassifierSubject(toy_classifier, ["", " "])


def test_a_text_has_its_index_among_those_that_were_given(toy_classifier):
    report = regard.trust.examine(toy_classifier, ["", "refund", " ", "my parcel"])
    assert sorted(each.text for each in report.texts) == [1, 3]


def test_a_classifier_that_reads_one_word_is_examined(toy_classifier):
    texts, _ = toy.messages(90, seed=5)
    report = regard.trust.examine(toy_classifier, texts, n=60, seed=1, data="messages")
    assert report.gates["replay"].interval.value < 1e-5
    assert report.gates["words"].interval.low > 0.5
    assert report.verdict in {Verdict.EXPLAINS, Verdict.POINTS_ONLY}
    assert "Measured on 60 texts of messages" in report.to_text()
    assert report.to_text().startswith(report.verdict.upper())


def test_labels_tell_what_erasing_costs_and_do_not_change_the_verdict(
    toy_classifier, monkeypatch
):
    texts, labels = toy.messages(60, seed=5)
    plain = regard.trust.examine(toy_classifier, ["", *texts], examples=0)
    asked = []
    baseline = ClassifierSubject.baseline

    def counted(self, rows):
        asked.extend(rows)
        return baseline(self, rows)

    monkeypatch.setattr(ClassifierSubject, "baseline", counted)
    told = regard.trust.examine(
        toy_classifier, ["", *texts], labels=[labels[0], *labels], examples=0
    )
    assert told.gates == plain.gates
    # Gradients are taken of each text once.
    assert len(asked) == 60
    right = toy_classifier.predict(texts) == np.array(labels)
    assert told.figures["accuracy"] == pytest.approx(right.mean())
    assert told.figures["accuracy, 50% erased"] < 0.9
    assert "accuracy, 50% erased" in told.to_text()
    with pytest.raises(ArgumentError, match="texts and labels"):
        regard.trust.examine(toy_classifier, texts, labels=labels[1:])
    with pytest.raises(DataError, match="'returns' of example 0"):
        regard.trust.examine(toy_classifier, texts[:1], labels=["returns"])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("one text", "a list of strings"), ([], "no text"), ([1], "not a string")],
)
def test_what_are_no_texts_is_refused(toy_classifier, wrong, said):
    with pytest.raises(ArgumentError, match=said):
        regard.trust.examine(toy_classifier, wrong)


def test_models_of_other_kinds_are_refused():
    for other in (None, "reviews.regard", object()):
        with pytest.raises(ArgumentError, match=r"cannot be examined.*text-classifier"):
            regard.trust.examine(other, ["a text"])


def test_texts_are_shown_as_an_explanation_shows_them(toy_classifier):
    texts = ["", "The <b>refund</b>, was", "order " * 40]
    subject = ClassifierSubject(toy_classifier, texts)
    assert subject.labels == toy_classifier.labels
    baseline = subject.baseline(np.arange(2))
    for row, passage in enumerate(subject.passages(np.arange(2))):
        why = toy_classifier.explain(texts[row + 1])
        assert why.text.startswith(passage.text)
        np.testing.assert_array_equal(passage.offsets, why.offsets)
        weights = baseline.weights[row].mean(axis=0)[: len(why.tokens)]
        np.testing.assert_allclose(weights, why.weights, atol=1e-6)
    assert why.truncated
    assert passage.offsets[-1, 1] == len(passage.text)
