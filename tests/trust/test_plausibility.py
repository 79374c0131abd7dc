"""Marks of people: what they may look like, and what weights are held against them."""

import math

import keras
import numpy as np
import pytest

import regard
from light_compilation import light_compilation
from regard.errors import ArgumentError, DataError
from regard.trust import TrustReport, examine, read_marks
from regard.trust.plausibility import plausibility, tokens_marked
from regard.types import Explanation

TEXT = "a  fine film,\tfine"


def explained(text, weights, tokens=None):
    tokens = tokens or text.split()
    spans, start = [], 0
    for token in tokens:
        start = text.index(token, start)
        spans.append((start, start + len(token)))
        start += len(token)
    return Explanation(
        text,
        "good",
        ("bad", "good"),
        np.array([0.25, 0.75]),
        tuple(tokens),
        np.array(spans).reshape(-1, 2),
        np.array(weights, dtype=float),
    )


@pytest.mark.parametrize(
    ("gold", "spans"),
    [
        (None, ()),
        ([], ()),
        ([[3, 7]], ((3, 7),)),
        (((3, 7), (14, 18)), ((3, 7), (14, 18))),
        ([[3, 3]], ()),
        ([0, 1, 0, 1], ((3, 7), (14, 18))),
        ([False, True, False, False], ((3, 7),)),
        (np.array([0, 0, 1, 0]), ((8, 13),)),
        (np.array([[3, 7]]), ((3, 7),)),
        ([0, 0, 0, 0], ()),
    ],
)
def test_marks(gold, spans):
    assert read_marks(gold, TEXT, "text 0") == spans


@pytest.mark.parametrize(
    ("gold", "said"),
    [
        ("fine", r"text 0: these are no marks.*'fine'"),
        (7, "no marks"),
        ({"start": 3}, "no marks"),
        ([0, 1], "for each of its 4 words.*Received: 2"),
        ([0, 1, 2, 0], "no marks.*Received: 2 among"),
        ([[3, 7, 9]], "no marks"),
        ([[3, "7"]], "no marks"),
        ([[3.0, 7.0]], "no marks"),
        ([[7, 3]], r"outside of it.*\[7, 3\]"),
        ([[-1, 3]], "outside"),
        ([[3, 19]], "outside.* 18"),
        ([["fine", "film"]], "no marks"),
    ],
)
def test_marks_that_are_none(gold, said):
    with pytest.raises(DataError, match=said):
        read_marks(gold, TEXT, "text 0")


def held(explanations, spans):
    """The weights of explanations held against marks."""
    marks = [
        tokens_marked(each, explanation.offsets)
        for each, explanation in zip(spans, explanations, strict=True)
    ]
    return plausibility([each.weights for each in explanations], marks, seed=0)


def test_weights_on_the_marks():
    right = explained("a fine film", [0, 1, 0])
    wrong = explained("a poor film", [0.5, 0, 0.5])
    unmarked = explained("so it is", [0.2, 0.3, 0.5])
    found = held([right, wrong, unmarked], [((2, 6),), ((2, 6),), ()])
    assert found.texts == 2
    assert found.mass.value == found.token_f1.value == 0.5
    assert found.precision.value == pytest.approx((1 + 1 / 3) / 2)
    assert found.marked == pytest.approx(1 / 3)
    assert found.mass.low <= 0.5 <= found.mass.high


def test_a_token_is_marked_where_a_character_of_it_is():
    pieces = explained("unbelievable", [0.5, 0.25, 0.25], ["un", "believ", "able"])
    assert held([pieces], [((1, 4),)]).mass.value == 0.75
    # Beyond what the model read.
    assert held([pieces], [((40, 44),)]) is None


def test_where_all_is_marked():
    found = held([explained("a b", [0.5, 0.5])], [((0, 3),)])
    assert found.mass.value == found.precision.value == found.token_f1.value == 1
    assert found.marked == 1


def test_a_report_has_it_under_a_heading_of_its_own(toy_classifier):
    texts = ["where is my refund", "the parcel of the week", "a password"]
    gold = [[0, 0, 0, 1], [[4, 10]], None]
    report = examine(toy_classifier, texts, n=3, gold=gold)
    found = report.plausibility
    assert found.texts == 2
    assert found.mass.value > found.marked
    bare = examine(toy_classifier, texts, n=3)
    assert bare.plausibility is None
    assert bare.verdict is report.verdict
    assert bare.gates == report.gates
    said = report.to_text().partition("Plausibility, another question")[2]
    for value in (found.mass.value, found.precision.value, found.token_f1.value):
        assert f"{value:.3f}" in said
    again = TrustReport.from_dict(report.to_dict())
    assert again.plausibility == found or math.isnan(found.mass.low)


@pytest.mark.parametrize(
    ("gold", "error", "said"),
    [
        ([None], ArgumentError, "2 texts and 1 gold"),
        ([None, []], DataError, "In none"),
        ([None, [[0, 99]]], DataError, "Text 1: a mark lies outside"),
    ],
)
def test_wrong_marks_are_refused_before_anything_is_measured(
    toy_classifier, gold, error, said
):
    with pytest.raises(error, match=said):
        examine(toy_classifier, ["a refund", "b"], gold=gold)


def test_a_model_that_writes_is_not_held_against_marks(toy_translator):
    with pytest.raises(ArgumentError, match=r"Marks are for.*regard evaluate"):
        examine(toy_translator, ["a refund"], gold=[None])


IDS = np.array([[3, 4, 5, 6, 0], [7, 8, 3, 0, 0], [9, 4, 4, 5, 6], [0, 0, 0, 0, 0]])


def word_model():
    ids = keras.Input((None,), dtype="int32")
    states = keras.layers.Embedding(12, 4, mask_zero=True)(ids)
    states = regard.layers.AttentionPooling("gated", units=3, seed=0, name="pool")(
        states
    )
    return keras.Model(ids, keras.layers.Dense(3, activation="softmax")(states))


@pytest.mark.backends
def test_positions_of_a_keras_model_are_marked():
    model = word_model()
    seen = regard.observe(model).predict_on_batch(IDS).attention["pool"]
    weights = seen.weights.mean(axis=1)
    gold = [[0, 1, 1, 0], [[2, 3]], None, [[0, 0]]]
    with light_compilation():
        report = examine(model, IDS, n=4, gold=gold, examples=0)
    found = report.plausibility
    assert found.texts == 2
    expected = (weights[0, 1:3].sum() + weights[1, 2]) / 2
    assert found.mass.value == pytest.approx(expected, abs=1e-5)
    assert found.marked == pytest.approx((2 / 4 + 1 / 3) / 2)


@pytest.mark.parametrize(
    ("gold", "error", "said"),
    [
        ([None] * 3, ArgumentError, "4 samples and 3 gold marks"),
        ([None] * 4, DataError, "In none"),
        ([[1, 0], None, None, None], DataError, "Sample 0.*each of its 4 positions"),
        ([None, [[1, 9]], None, None], DataError, "Sample 1.*outside"),
        ([None, "all", None, None], DataError, "Sample 1.*in positions"),
        ([None, [0.5, 1, 1], None, None], DataError, "Sample 1.*Received: 0.5"),
    ],
)
def test_wrong_marks_of_positions_are_refused(gold, error, said):
    with pytest.raises(error, match=said):
        examine(word_model(), IDS, gold=gold)


@pytest.mark.backends
def test_answers_of_a_keras_model_have_names():
    names = ["bad", "fair", "good"]
    with light_compilation():
        report = examine(word_model(), IDS, classes=names, labels=["bad"] * 4)
        plain = examine(word_model(), IDS, labels=[0] * 4)
    shown = {each.shown.label for each in report.texts}
    assert shown <= {*names}
    assert {names[int(each.shown.label)] for each in plain.texts}
    assert "accuracy" in report.figures
    for wrong in (names[:2], "bad", ["bad"] * 3, [1, 2, 3]):
        with pytest.raises(ArgumentError, match="3 different names"):
            examine(word_model(), IDS, classes=wrong)
    with pytest.raises(ArgumentError, match=r"'bad', 'fair'.*poor for sample 1"):
        examine(word_model(), IDS, classes=names, labels=["bad", "poor", "bad", "bad"])
