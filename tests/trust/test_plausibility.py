"""Marks of people: what they may look like, and what weights are held against them."""

import math

import numpy as np
import pytest

from regard.errors import ArgumentError, DataError
from regard.trust import TrustReport, examine, read_marks
from regard.trust.plausibility import plausibility
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
        ([[7, 3]], r"outside of the text.*\[7, 3\]"),
        ([[-1, 3]], "outside"),
        ([[3, 19]], "outside.* 18,"),
        ([["fine", "film"]], "no marks"),
    ],
)
def test_marks_that_are_none(gold, said):
    with pytest.raises(DataError, match=said):
        read_marks(gold, TEXT, "text 0")


def test_weights_on_the_marks():
    right = explained("a fine film", [0, 1, 0])
    wrong = explained("a poor film", [0.5, 0, 0.5])
    unmarked = explained("so it is", [0.2, 0.3, 0.5])
    found = plausibility([right, wrong, unmarked], [((2, 6),), ((2, 6),), ()], seed=0)
    assert found.texts == 2
    assert found.mass.value == found.token_f1.value == 0.5
    assert found.precision.value == pytest.approx((1 + 1 / 3) / 2)
    assert found.marked == pytest.approx(1 / 3)
    assert found.mass.low <= 0.5 <= found.mass.high


def test_a_token_is_marked_where_a_character_of_it_is():
    pieces = explained("unbelievable", [0.5, 0.25, 0.25], ["un", "believ", "able"])
    assert plausibility([pieces], [((1, 4),)], seed=0).mass.value == 0.75
    # Beyond what the model read.
    assert plausibility([pieces], [((40, 44),)], seed=0) is None


def test_where_all_is_marked():
    found = plausibility([explained("a b", [0.5, 0.5])], [((0, 3),)], seed=0)
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


def test_other_models_are_not_held_against_marks():
    class Other:
        kind = "translator"

    with pytest.raises(ArgumentError):
        examine(Other(), ["a refund"], gold=[None])
