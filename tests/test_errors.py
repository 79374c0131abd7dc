import pickle

import keras
import numpy as np
import pytest

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
        MissingExtraError("A picture", "matplotlib", "plot"),
    ],
)
def test_errors_survive_pickling(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is type(error)
    assert str(again) == str(error)


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
