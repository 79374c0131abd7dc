import dataclasses
import json

import numpy as np
import pytest

from regard.errors import ArgumentError
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
