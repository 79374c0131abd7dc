"""The checks of arguments."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard._validate import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_same_length,
    check_settings,
    check_share,
    wrong_value,
)
from regard.errors import ArgumentError

NO_NUMBERS = [True, False, np.True_, "1", None, [1], 1j, np.ones(2)]
NOT_FINITE = [math.nan, math.inf, -math.inf, np.float32("nan"), np.float64("inf")]
floats = st.floats(allow_nan=False, allow_infinity=False)
bounds = st.integers(-1_000, 1_000)


# Choices


@given(st.lists(st.text(), min_size=1), st.data())
def test_a_choice_is_returned_and_others_are_refused(choices, data):
    chosen = data.draw(st.sampled_from(choices))
    assert check_choice("cell", chosen, choices) is chosen
    with pytest.raises(ArgumentError):
        check_choice("cell", "".join(choices) + "x", choices)


def test_a_choice_may_come_from_a_table_and_need_not_be_hashable():
    assert check_choice("score", "dot", {"dot": 1, "additive": 2}) == "dot"
    with pytest.raises(ArgumentError, match=r"Received: \['dot'\]"):
        check_choice("score", ["dot"], {"dot": 1})


def test_a_wrong_choice_says_whose_it_is_and_what_there_is():
    with pytest.raises(ArgumentError) as caught:
        check_choice("cell", "rnn", ("gru", "lstm"), of="a translator")
    assert str(caught.value) == (
        "'cell' of a translator has a wrong value. "
        "Expected: one of 'gru', 'lstm'. Received: 'rnn'."
    )


def test_a_choice_that_people_know_by_another_name_has_a_sentence_of_its_own():
    with pytest.raises(ArgumentError) as caught:
        check_choice("name", "x", ("a", "b"), problem="There is no such task.")
    assert str(caught.value) == (
        "There is no such task. Expected: one of 'a', 'b'. Received: 'x'."
    )


# Counts


@given(st.integers(), bounds, st.none() | bounds)
def test_a_count_is_returned_exactly_where_it_is_in_range(value, least, most):
    # Arrays are indexed by counts: none is larger than what 32 bits hold.
    if least <= value <= (2**31 - 1 if most is None else most):
        assert check_count("beam", value, least=least, most=most) == value
    else:
        with pytest.raises(ArgumentError):
            check_count("beam", value, least=least, most=most)


@given(st.integers(1, 127), st.sampled_from([np.int8, np.uint8, np.int64, np.uint64]))
def test_a_count_of_numpy_becomes_one_of_python(value, kind):
    count = check_count("beam", kind(value))
    assert type(count) is int
    assert json.dumps(count) == str(value)


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NOT_FINITE, 1.0, np.float64(1)])
def test_what_is_no_whole_number_is_no_count(value):
    with pytest.raises(ArgumentError, match="a whole number, 0 or more"):
        check_count("beam", value, least=0)


def test_a_wrong_count_says_whose_it_is_and_its_range():
    with pytest.raises(ArgumentError) as caught:
        check_count("beam", 9, least=1, most=8, of="a search")
    assert str(caught.value) == (
        "'beam' of a search has a wrong value. "
        "Expected: a whole number from 1 to 8. Received: 9."
    )


# Shares and numbers


@given(floats)
def test_a_share_is_from_0_up_to_1(value):
    if 0 <= value < 1:
        assert check_share("dropout", value) == value
    else:
        with pytest.raises(ArgumentError):
            check_share("dropout", value)


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NOT_FINITE])
def test_what_is_no_finite_number_is_neither_a_share_nor_a_number(value):
    with pytest.raises(ArgumentError, match="a share from 0 up to"):
        check_share("dropout", value, of="a layer")
    with pytest.raises(ArgumentError, match=r"Expected: a finite number\. Received"):
        check_number("scale", value)


@given(floats, bounds, bounds, bounds, bounds)
def test_a_number_keeps_every_bound_it_is_told(value, least, above, most, below):
    arguments = {"least": least, "above": above, "most": most, "below": below}
    for names in (
        ["least"], ["above"], ["most"], ["below"], ["least", "most"], ["above", "below"]
    ):  # fmt: skip
        chosen = {name: arguments[name] for name in names}
        lowest, highest = chosen.get("least", -math.inf), chosen.get("most", math.inf)
        in_range = lowest <= value <= highest
        in_range &= chosen.get("above", -math.inf) < value
        in_range &= value < chosen.get("below", math.inf)
        if in_range:
            assert check_number("rate", value, **chosen) == value
        else:
            with pytest.raises(ArgumentError):
                check_number("rate", value, **chosen)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"least": 0}, "a finite number, 0 or more"),
        ({"above": 0}, "a finite number, above 0"),
        ({"least": 0, "most": 1}, "a finite number, 0 or more, at most 1"),
        ({"above": 0, "below": 1}, "a finite number, above 0, below 1"),
    ],
)
def test_a_wrong_number_says_its_range(chosen, expected):
    with pytest.raises(ArgumentError) as caught:
        check_number("rate", -2.5, of="a search", **chosen)
    assert str(caught.value) == (
        f"'rate' of a search has a wrong value. Expected: {expected}. Received: -2.5."
    )


def test_numbers_stay_what_they_are_and_those_of_numpy_become_plain():
    assert type(check_number("rate", 2)) is int
    assert type(check_share("dropout", 0)) is int
    assert type(check_share("dropout", np.float32(0.5))) is float
    assert type(check_number("rate", np.int64(2))) is int


# Flags, lengths, and the error itself


@pytest.mark.parametrize("value", [0, 1, None, "True", np.True_])
def test_a_flag_is_true_or_false(value):
    assert check_flag("lowercase", True) is True
    with pytest.raises(ArgumentError, match=r"'lowercase' of a text .* True or False"):
        check_flag("lowercase", value, of="a text")


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_parts_have_one_length(lengths):
    parts = {f"part {number}": [0] * length for number, length in enumerate(lengths)}
    if len(set(lengths)) == 1:
        assert check_same_length(parts) == lengths[0]
    else:
        with pytest.raises(ArgumentError):
            check_same_length(parts)


def test_parts_that_do_not_fit_are_named_and_counted():
    with pytest.raises(ArgumentError) as caught:
        check_same_length({"texts": "ab", "labels": "a", "weights": ""}, of="a file")
    assert str(caught.value) == (
        "The texts, labels and weights of a file do not fit each other. "
        "Expected: as many of each. Received: 2 texts, 1 labels and 0 weights."
    )
    assert check_same_length({}) == 0


def test_settings_that_there_are_not_are_named_beside_those_there_are():
    check_settings({"units": 3}, ["units", "cell"], of="a translator")
    with pytest.raises(ArgumentError) as caught:
        check_settings({"units": 3, "unit": 3}, ["units", "cell"], of="a translator")
    assert str(caught.value) == (
        "A translator has no setting 'unit'. Expected: one of 'units', 'cell'. "
        "Did you mean 'units'?"
    )


def test_a_check_made_elsewhere_reports_the_same_way():
    error = wrong_value("rate", 3, "less")
    assert str(error) == "'rate' has a wrong value. Expected: less. Received: 3."
