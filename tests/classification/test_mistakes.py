"""Texts with a wrong label: all of them, the surest first, of one pass."""

import numpy as np
import pytest

import regard
import toy
from regard.errors import ArgumentError, DataError
from regard.types import ModelLine

pytestmark = pytest.mark.backends


@pytest.fixture
def examples(toy_classifier):
    """Texts of which some have another label than the one they are given."""
    texts, _ = toy.messages(30, seed=3)
    given = toy_classifier.predict(texts)
    labels = toy_classifier.labels
    turned = [labels[(labels.index(one) + (at % 3 == 0)) % len(labels)]
              for at, one in enumerate(given)]  # fmt: skip
    return texts, turned, given


def test_all_mistakes_are_found_and_the_surest_come_first(toy_classifier, examples):
    texts, turned, given = examples
    errors = toy_classifier.errors(texts, turned, most=4)
    assert sorted(errors.indices.tolist()) == list(range(0, 30, 3))
    assert len(errors) == 10
    assert errors.count == 30
    for at, index in enumerate(errors.indices.tolist()):
        assert errors.texts[at] == texts[index]
        assert errors.right[at] == str(turned[index])
        assert errors.given[at] == str(given[index])
    highest = errors.probabilities.max(axis=1)
    assert (np.diff(highest) <= 0).all()
    np.testing.assert_allclose(errors.probabilities.sum(axis=1), 1, rtol=1e-5)
    # What is kept are the surest, in the same order.
    assert [one.text for one in errors.explanations] == list(errors.texts[:4])
    assert errors.explanations[0].contributions is not None
    measured = toy_classifier.evaluate(texts, turned)
    assert errors.evaluation.accuracy == measured.accuracy == pytest.approx(2 / 3)
    assert errors.evaluation.loss == pytest.approx(measured.loss, rel=1e-5)


def test_each_text_is_answered_once(toy_classifier, examples, monkeypatch):
    kind = type(toy_classifier.trained)
    asked, explain = [], kind.explain
    monkeypatch.setattr(kind, "probabilities", None)
    monkeypatch.setattr(
        kind, "explain", lambda self, texts: asked.extend(texts) or explain(self, texts)
    )
    monkeypatch.setattr("regard.classification.mistakes._CHUNK", 8)
    errors = toy_classifier.errors(*examples[:2], most=None)
    assert asked == examples[0]
    assert len(errors.explanations) == len(errors) == 10


def test_a_page_has_the_right_labels_and_the_model(toy_classifier, examples):
    errors = toy_classifier.errors(*examples[:2], most=2)
    page = errors.plot().to_html()
    assert page.count("<strong>Wrong.</strong>") == 2
    assert "8 more were left out" in page
    assert "10 of 30 texts were given a wrong label" in page
    assert "text/html" in errors._repr_mimebundle_()
    assert str(errors).count("\n") == 11


def test_no_mistake_is_no_error(toy_classifier, examples):
    errors = toy_classifier.errors(examples[0], examples[2])
    assert len(errors) == 0
    assert str(errors) == "All 30 texts were given the right label."
    assert str(errors) in errors.plot().to_html()
    assert errors.to_dict()["errors"] == []


def test_the_numbers_are_a_table(toy_classifier, examples):
    pytest.importorskip("pandas", reason="frames need pandas")
    errors = toy_classifier.errors(*examples[:2], most=0)
    assert errors.explanations == ()
    frame = errors.to_pandas()
    shares = [f"probability of {label}" for label in errors.labels]
    assert list(frame.columns) == ["index", "text", "right", "given", *shares]
    np.testing.assert_array_equal(frame[shares].to_numpy(), errors.probabilities)


def test_wrong_input(toy_classifier, examples):
    with pytest.raises(DataError, match="not seen in training"):
        toy_classifier.errors(["a text"], ["unheard of"])
    with pytest.raises(ArgumentError, match="most"):
        toy_classifier.errors(*examples[:2], most=-1)


def test_an_explanation_says_which_model_it_is_of(
    toy_classifier, toy_bundle, monkeypatch
):
    trained = toy_classifier.explain("good film").model
    assert (trained.name, trained.examples, trained.data) == ("", 108, "")
    assert trained.trained == toy_classifier.provenance["began"][:10]
    loaded = regard.load(toy_bundle)
    line = loaded.explain("good film").model
    assert line == ModelLine("toy.regard", trained.trained, "", 108)
    assert (
        "toy.regard, trained on "
        in regard.plot.text(loaded.explain("good film")).to_html()
    )


@pytest.mark.parametrize(
    ("said", "line"),
    [({}, None), ({"began": 5, "examples": [1], "command": "x"}, None),
     ({"began": "yesterday", "examples": {"train": True}}, None),
     ({"began": "2026-11-26T10:00:00+00:00", "examples": {"train": 7},
       "command": {"data": "/home/someone/reviews.csv"}},
      ModelLine("", "2026-11-26", "reviews.csv", 7))],
)  # fmt: skip
def test_a_record_is_for_people_and_may_hold_anything(said, line):
    from regard.training.provenance import model_line

    assert model_line(said) == line
