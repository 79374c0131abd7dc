import ast
import pickle
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import regard
from regard.errors import (
    ArgumentError,
    DataError,
    MissingExtraError,
    RegardError,
    listed,
    shown,
)


class Frame:
    """A table, as libraries have them."""

    shape = (50, 1)

    def __repr__(self):
        return "one\nline\na row"


def test_the_message_says_expected_received_and_what_to_do():
    error = ArgumentError("Bad.", expected="a", received="b", fix="Do c.")
    assert str(error) == "Bad. Expected: a. Received: b. Do c."


def test_parts_that_are_not_known_are_left_out():
    assert str(DataError("Bad.")) == "Bad."


@pytest.mark.parametrize(
    "error",
    [
        ArgumentError("Bad.", expected="a", received="b", fix="c"),
        DataError("Bad.", fix="Say a=1.", arguments=["a"], elsewhere="Say it."),
        MissingExtraError("A picture", "matplotlib", "plot"),
    ],
)
def test_errors_survive_pickling(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.worded(lambda _: None) == error.worded(lambda _: None)


# The words of other doors

WRONG = {
    "message": "'n_best' of a search is wrong.",
    "expected": "n_best of at most beam=5",
    "received": "'n_best'",
    "fix": "Lower n_best, or raise beam=...",
    "arguments": ["n_best", "beam"],
}


def wrong(**changes):
    given = WRONG | changes
    return ArgumentError(given.pop("message"), **given)


def test_arguments_are_what_they_are_called_at_a_door():
    options = {"n_best": "--n-best", "beam": "--beam"}
    assert wrong().worded(options.get) == (
        "--n-best of a search is wrong. Expected: --n-best of at most --beam 5. "
        "Received: 'n_best'. Lower --n-best, or raise --beam"
    )


def test_where_there_is_no_such_argument_no_remedy_needs_it():
    said = "--n-best of a search is wrong. Expected: --n-best of at most beam 5. "
    said += "Received: 'n_best'."
    options = {"n_best": "--n-best"}
    assert wrong().worded(options.get) == said
    other = wrong(elsewhere="Lower 'n_best'.")
    assert other.worded(options.get) == f"{said} Lower --n-best."
    assert str(other) == str(wrong())


def test_what_is_no_argument_stays():
    error = DataError("There is no column 'beam'.", received="beam=5")
    assert error.worded({"beam": "--beam"}.get) == str(error)


# What users of the command line never meet: models of Keras and tensors.
_PYTHON_ONLY = {
    *("observation", "layers", "ops", "explain", "runtime", "plot", "_compat.py"),
    *("trust/answers.py", "trust/inputs.py", "trust/model_subject.py"),
    *("trust/replacement.py", "trust/accuracy.py", "tasks", "inference"),
    *("trust/sample_batches.py", "trust/sample_keys.py"),
    *("legacy/layers", "_backend.py"),
}
_NAMED = re.compile(r"\b([a-z]\w*)=(?!=)|\b([a-z]+(?:_[a-z]+)+)\b")


def error_calls():
    """The errors that are raised where a command may come by, as they are written."""
    source = Path(regard.__file__).parent
    for path in sorted(source.rglob("*.py")):
        place = path.relative_to(source).as_posix()
        if any(place.startswith(each) for each in _PYTHON_ONLY):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error"):
                yield f"{place}:{node.lineno}", node


def written(node) -> str:
    """The words of a text, without what is filled in."""
    parts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
    return " ".join(part for part in parts if isinstance(part, str))


def test_every_argument_that_an_error_names_is_declared():
    """So that another door can say it in its own words."""
    undeclared, seen = [], 0
    for place, call in error_calls():
        named = {each.arg: each.value for each in call.keywords}
        texts = [*call.args[:1], *(named.get(part) for part in ("expected", "fix"))]
        words = " ".join(written(text) for text in texts if text is not None)
        found = {one or other for one, other in _NAMED.findall(words)}
        seen += 1
        declared = named.get("arguments")
        known = set() if declared is None else set(written(declared).split())
        if found - known - _FUNCTIONS:
            undeclared.append((place, sorted(found - known)))
    assert seen > 100
    assert undeclared == []


# Functions that a remedy sends users of Python to, and what old layers were made with.
_FUNCTIONS = {"load_weights", "load_model", "learn_shortlist", "reset_after", "to_list"}


def test_standard_bases_are_kept():
    assert issubclass(ArgumentError, ValueError)
    assert issubclass(MissingExtraError, ImportError)
    assert issubclass(DataError, RegardError)


def test_a_missing_extra_names_the_command():
    error = MissingExtraError("A picture", "matplotlib", "plot")
    assert 'pip install "regard[plot]"' in str(error)


def test_messages_are_short_whatever_they_quote():
    values = [f"{'long' * 9_999} {number}" for number in range(99)]
    assert len(listed(values)) < 1_000
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed(range(12), most=2) == "0, 1 and 10 more"
    error = DataError(*values[:1], expected=str(values), received="b", fix="Do c.")
    assert len(str(error)) < 9_000
    assert str(error).startswith("longlong")
    assert str(error).endswith("98']. Received: b. Do c.")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (3, "3"),
        ("topic", "'topic'"),
        (["a", "b"], "['a', 'b']"),
        (None, "None"),
        (range(4), "range(0, 4)"),
        ([0] * 400, "[0, 0, 0, 0, 0, 0, 0, 0, ...], 400 in all"),
        (np.zeros((400, 2)), "a ndarray of float64 of shape (400, 2)"),
        (keras.ops.zeros((3, 2)), "float32 of shape (3, 2)"),
        (Frame(), "a Frame of shape (50, 1)"),
    ],
)
def test_a_value_is_shown_on_one_line(value, said):
    assert said in shown(value)
    assert "\n" not in shown(value)


def test_a_value_is_short_whatever_it_holds():
    nested = [[["word" * 99] * 99] * 99] * 99
    for value in (nested, "word" * 9_999, {"a": nested}, 10**4_000, keras.Model()):
        assert len(shown(value)) < 350
        assert "\n" not in shown(value)
