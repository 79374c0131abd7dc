import dataclasses
import json

import numpy as np
import pytest

from regard.classification import ClassificationEvaluation, ClassMetrics
from regard.errors import ArgumentError, MissingExtraError
from regard.metrics import AlignmentScore, TextScore
from regard.translation.evaluation import TranslationEvaluation
from regard.types import (
    AttentionMap,
    Explanation,
    Observation,
    Translation,
    TrustLine,
)


def a_map():
    weights = np.arange(24, dtype="float32").reshape(2, 3, 4)
    return AttentionMap(weights, ("batch", "heads", "keys"), "encoder/attention")


def test_select_fixes_axes_by_name():
    row = a_map().select(batch=1, heads=0)
    np.testing.assert_array_equal(row.weights, [12, 13, 14, 15])
    assert row.axes == ("keys",)
    assert row.layer == "encoder/attention"


def test_select_keeps_a_part_of_an_axis():
    part = a_map().select(batch=1, keys=slice(1, 3))
    np.testing.assert_array_equal(part.weights, [[13, 14], [17, 18], [21, 22]])
    assert part.axes == ("heads", "keys")


@pytest.mark.parametrize("index", [2, -3, 0.0, True, "0", None, [0]])
def test_select_refuses_what_is_no_entry(index):
    with pytest.raises(ArgumentError, match="batch: a slice or a whole number below 2"):
        a_map().select(batch=index)


def test_mean_averages_the_heads():
    averaged = a_map().mean()
    np.testing.assert_array_equal(averaged.weights[0], [4, 5, 6, 7])
    assert averaged.axes == ("batch", "keys")


def test_an_unknown_axis_is_an_error_that_lists_the_axes():
    with pytest.raises(ArgumentError, match=r"'queries'.*heads"):
        a_map().select(queries=0)


def test_axes_have_to_fit():
    with pytest.raises(ArgumentError, match="2 axes"):
        AttentionMap(np.zeros((1, 2, 3)), ("batch", "keys"), "x")


def test_a_map_is_frozen_and_shows_its_shape():
    assert (
        repr(a_map()) == "AttentionMap('encoder/attention', batch=2, heads=3, keys=4)"
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        a_map().layer = "other"


def an_explanation(**changes):
    parts = {
        "text": "good film",
        "label": "pos",
        "labels": ("neg", "pos"),
        "probabilities": np.array([0.25, 0.75]),
        "tokens": ("good", "film"),
        "offsets": np.array([[0, 4], [5, 9]]),
        "weights": np.array([0.5, 0.5]),
    }
    return Explanation(**(parts | changes))


def test_an_explanation_as_plain_values():
    assert an_explanation().probability == 0.75
    assert an_explanation().to_dict() == {
        "text": "good film",
        "label": "pos",
        "probabilities": {"neg": 0.25, "pos": 0.75},
        "tokens": ["good", "film"],
        "offsets": [[0, 4], [5, 9]],
        "weights": [0.5, 0.5],
        "truncated": False,
        "contributions": None,
        "bias": None,
        "trust": None,
        "head_weights": None,
    }
    trust = TrustLine("misleads", "misleads: words -3 %", is_misleading=True)
    assert an_explanation(trust=trust).to_dict()["trust"] == {
        "verdict": "misleads",
        "sentence": "misleads: words -3 %",
        "is_misleading": True,
    }


def test_contributions_come_with_the_bias():
    known = {"contributions": np.array([[-1, 1], [-0.0, 2]]), "bias": np.zeros(2)}
    plain = json.dumps(an_explanation(**known).to_dict())
    assert '"contributions": [[-1.0, 1.0], [0.0, 2.0]], "bias": [0.0, 0.0]' in plain


@pytest.mark.parametrize(
    "change",
    [
        {"weights": np.ones(3)},
        {"offsets": np.zeros((2, 1))},
        {"labels": ("neg",)},
        {"label": "other"},
        {"contributions": np.ones((2, 2))},
        {"contributions": np.ones(2), "bias": np.ones(2)},
        {"bias": np.ones(2)},
    ],
)
def test_parts_that_do_not_fit_are_refused(change):
    with pytest.raises(ArgumentError, match="explanation"):
        an_explanation(**change)


def test_a_notebook_shows_the_text_shaded_and_plain():
    shown = an_explanation()._repr_mimebundle_()
    assert set(shown) == {"text/html", "text/plain"}
    assert "<" in shown["text/html"]
    assert "good" in shown["text/plain"]


def test_results_in_a_list_are_a_line_each():
    translation = Translation(
        "ein hund", "a dog", ("ein", "hund"), ("a", "dog"), np.eye(2), -1.5, -0.75
    )
    assert repr([an_explanation(text="good film" * 20), translation]) == (
        f"[Explanation('{('good film' * 20)[:60]}…', 'pos', probability=0.7500, "
        "tokens=2), Translation('a dog', log_probability=-1.5000, tokens=2 of 2)]"
    )


def test_what_is_certain_has_no_negative_zero():
    certain = Translation("ja", "yes", ("ja",), ("yes",), np.eye(1), -0.0, -0.0)
    assert "log_probability=0.0000" in repr(certain)
    plain = json.dumps(certain.to_dict())
    assert "-0.0" not in plain


def test_an_observation_shows_its_layers():
    seen = Observation(np.zeros(2), {"encoder/attention": a_map(), "b": a_map().mean()})
    assert " ".join(seen._repr_mimebundle_()["text/plain"].split()) == (
        "Attention that was observed batch heads keys encoder/attention 2 3 4 b 2 - 4"
    )
    assert "<table" in seen._repr_mimebundle_()["text/html"]
    assert repr(seen).startswith(
        "Observation(AttentionMap('encoder/attention', batch=2"
    )
    assert "layer" in Observation(None, {})._repr_mimebundle_()["text/plain"]


# As frames of pandas


def explained(**parts) -> Explanation:
    values = {
        "text": "a film",
        "label": "good",
        "labels": ("bad", "good"),
        "probabilities": np.array([0.25, 0.75]),
        "tokens": ("a", "film"),
        "offsets": np.array([[0, 1], [2, 6]]),
        "weights": np.array([0.25, 0.75]),
        "contributions": np.array([[0.5, -0.5], [-1.0, 1.0]]),
        "bias": np.zeros(2),
    }
    return Explanation(**{**values, **parts})


def test_an_explanation_is_a_row_a_token():
    pytest.importorskip("pandas", reason="needs pandas")
    frame = explained().to_pandas()
    assert frame.to_dict("list") == {
        "token": ["a", "film"],
        "start": [0, 2],
        "end": [1, 6],
        "weight": [0.25, 0.75],
        "contribution to bad": [0.5, -1.0],
        "contribution to good": [-0.5, 1.0],
    }
    bare = explained(contributions=None, bias=None).to_pandas()
    assert list(bare) == ["token", "start", "end", "weight"]
    empty = {"tokens": (), "offsets": np.zeros((0, 2), int), "weights": np.zeros(0)}
    assert explained(**empty, contributions=None, bias=None).to_pandas().empty


def test_a_translation_is_a_row_a_weight():
    pytest.importorskip("pandas", reason="needs pandas")
    weights = np.array([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]])
    words = ("ein", "hund"), ("a", "dog", "dog")
    frame = Translation(
        "ein hund", "a dog dog", *words, weights, -1.0, -1.0
    ).to_pandas()
    assert list(frame.target_token) == ["a", "a", "dog", "dog", "dog", "dog"]
    assert list(frame.source_token) == ["ein", "hund"] * 3
    table = frame.pivot(index="target", columns="source", values="weight")
    assert table.to_numpy().tolist() == weights.tolist()


def test_a_map_is_a_row_a_weight():
    pytest.importorskip("pandas", reason="needs pandas")
    weights = np.arange(6.0).reshape(1, 2, 3)
    frame = AttentionMap(weights, ("batch", "heads", "keys"), "pool").to_pandas()
    assert list(frame) == ["batch", "heads", "keys", "weight"]
    assert frame.iloc[4].to_dict() == {"batch": 0, "heads": 1, "keys": 1, "weight": 4}


def test_evaluations_are_rows_of_measures():
    pytest.importorskip("pandas", reason="needs pandas")
    evaluation = ClassificationEvaluation(
        0.75, 0.7, 0.5, 0.1, {"bad": ClassMetrics(1, 0.5, 0.6, 2)}, np.array([[2]])
    )
    frame = evaluation.to_pandas()
    assert frame.loc["bad"].to_dict() == {
        "precision": 1,
        "recall": 0.5,
        "f1": 0.6,
        "support": 2,
    }
    assert frame.index.name == "label"
    score = TextScore(40.5, "nrefs:1")
    agreement = AlignmentScore(0.25, 0.5, 1.0)
    frame = TranslationEvaluation(score, score, score, 3, agreement).to_pandas()
    assert frame.loc["bleu"].tolist() == [40.5, "nrefs:1"]
    assert frame.loc["alignment_error_rate", "score"] == 0.25


def test_without_pandas_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r'pip install "regard\[pandas\]"'):
        explained().to_pandas()
