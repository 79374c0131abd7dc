"""Labels keep their type and their order; the split keeps their shares."""

import json
from decimal import Decimal

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard._label_values import trimmed
from regard.errors import ArgumentError, DataError, MissingValueError
from regard.text import Labels
from regard.text.labels import train_test_split

LABELS = Labels(("a", "b", "c"))


def test_what_has_no_width_is_taken_off_with_the_space_around_it():
    assert trimmed(" \u200b\u3000\ufeff a\u200bb \n\u2060") == "a\u200bb"
    # As often as it likes, in one go.
    assert trimmed(" \u200b" * 200_000 + "a") == "a"


def test_strings_are_sorted_as_strings_and_numbers_as_numbers():
    assert Labels.of(["10", "9", "9"]).values == ("10", "9")
    assert Labels.of([10, 9, 9]).values == (9, 10)


def test_labels_come_back_as_they_were_given():
    labels = Labels.of(np.array([3, 1]))
    assert labels.decode(np.array([1, 0])) == [3, 1]
    assert type(labels.decode(np.array([1]))[0]) is int
    assert labels.names == ("1", "3")


def test_numbers_of_a_file_are_found_by_their_text():
    assert Labels.of([1, 3]).encode(["3", 1]).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ([5.0, 1.0, 5], (1, 5)),
        (np.array([1.0, 0.0], np.float32), (0, 1)),
        ([np.int64(3), np.uint8(1)], (1, 3)),
        ([Decimal("2.0"), Decimal(1)], (1, 2)),
        ([True, False, np.True_], (False, True)),
        ([10, 3.5, 5.0], (3.5, 5.0, 10.0)),
        ([np.float32(3.1), np.float32(2)], (2.0, 3.1)),
        ([Decimal("3.10"), Decimal(2)], (2.0, 3.1)),
        (["5.0", "1.0"], ("1.0", "5.0")),
        (["True", "False"], ("False", "True")),
        (np.array(["b", "a"]), ("a", "b")),
        ([np.array(2), np.array(1)], (1, 2)),
    ],
)
def test_one_rule_for_what_a_label_is(given, values):
    labels = Labels.of(given)
    assert labels.values == values
    assert [type(value) for value in labels.values] == [type(value) for value in values]
    assert Labels.from_dict(json.loads(json.dumps(labels.to_dict()))) == labels


@pytest.mark.parametrize(
    ("values", "given", "indices"),
    [
        ((1, 5), ["5", "5.0", 5.0, np.int8(1), "1"], [1, 1, 1, 0, 0]),
        (
            (2.5, 5.0),
            ["5", "5.0", 5, "2.5", np.float32(2.5), Decimal("2.50")],
            [1, 1, 1, 0, 0, 0],
        ),
        (("1", "5"), [5, 5.0, "5.0", "1"], [1, 1, 1, 0]),
        ((False, True), ["True", True, "false", np.False_], [1, 1, 0, 0]),
        # What an earlier release made of truth values in JSON.
        (("false", "true"), [True, "True", "true", False], [1, 1, 1, 0]),
        # Where it would be two, only what is the same is one.
        (("5", "5.0"), ["5", "5.0", 5], [0, 1, 0]),
        (("01", "1"), ["01", 1], [0, 1]),
    ],
)
def test_labels_of_one_door_are_found_through_another(values, given, indices):
    assert Labels(values).encode(given).tolist() == indices


def test_a_label_that_is_nearly_one_is_not_taken_for_it_but_named():
    with pytest.raises(DataError, match=r"Label 'Good ' of example 1 .*mean 'good'\?"):
        Labels(("bad", "good")).encode(["good", "Good "])
    with pytest.raises(MissingValueError, match="label of example 0 is missing"):
        Labels(("bad", "good")).encode([None])


@pytest.mark.parametrize("values", [("a", "b"), (1, 2, 30), (0.5, 1.0)])
def test_plain_values_and_back(values):
    assert Labels.from_dict(Labels(values).to_dict()) == Labels(values)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (["a", "a"], "two classes"),
        ([("a",), ()], r"needs two to give.*\['a'\] in those of 2 texts.*True be"),
        (np.array([[1], [0]]), "has one column.*two or more"),
        ([(), ()], r"needs two to give.*\[\] in those of 2 texts.$"),
        ([], "two classes"),
        (["a", 1], "two kinds"),
        (["a", 1.5], "two kinds"),
        ([True, 0, 1], "two kinds"),
        ([1, 2, float("inf")], "label of example 2 is not a label"),
        (["a", b"b"], "label of example 1 is not a label"),
        (["a", ["b"]], "Some texts have one label, others a list"),
        (["a", None], r"label of example 1 is missing.*nothing \(null\)"),
        ([1, float("nan")], "label of example 1 is missing.*nan"),
        (["a", Decimal("sNaN")], "label of example 1 is missing.*NaN"),
        (np.ma.array([3, 1], mask=[0, 1]), "label of example 1 is missing"),
        (["a", " "], "label of example 1 is empty"),
    ],
)
def test_what_cannot_be_labels_is_refused(labels, match):
    with pytest.raises(DataError, match=match):
        Labels.of(labels)


def test_a_label_never_seen_is_named_with_its_place():
    with pytest.raises(DataError, match=r"Label 'c' of example 1 .*2 examples"):
        Labels(("a", "b")).encode(["a", "c", "d"])


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"type": "str", "labels": ["a"]},
        {"type": "str", "labels": ["a", "a"]},
        {"type": "str", "labels": ["a", 1]},
        {"type": "str", "labels": "ab"},
        {"type": "float", "labels": ["1", "nan"]},
        {"type": "float", "labels": ["1.50", "2"]},
        {"type": ["str"], "labels": ["1", "2"]},
        {"type": "int", "labels": ["1", "x"]},
        {"type": "int", "labels": ["1", "01"]},
        {"type": "str", "labels": []},
        {"type": "str", "labels": [[], {}]},
        {"type": "str", "labels": ["a", "b"], "more": 1},
    ],
)
def test_damaged_labels_are_refused(stored):
    with pytest.raises(DataError):
        Labels.from_dict(stored)


@given(
    counts=st.tuples(*[st.integers(2, 40)] * 3),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 9),
)
def test_the_split_is_a_partition_that_keeps_the_shares(counts, fraction, seed):
    targets = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], counts))
    first, second = train_test_split(targets, fraction, LABELS, seed)
    assert sorted([*first, *second]) == list(range(len(targets)))
    for index, count in enumerate(counts):
        held_out = np.sum(targets[second] == index)
        assert 1 <= held_out <= count - 1
        assert abs(held_out - fraction * count) <= 1


def test_the_split_depends_on_the_seed_only():
    targets = np.repeat([0, 1, 2], 10)
    splits = [train_test_split(targets, 0.3, LABELS, seed)[1] for seed in (1, 1, 2)]
    assert splits[0].tolist() == splits[1].tolist() != splits[2].tolist()


def test_a_class_with_a_single_example_is_named():
    with pytest.raises(DataError, match="Class 'b' has a single example"):
        train_test_split(np.array([0, 0, 1, 2, 2]), 0.5, LABELS, 0)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_a_share_out_of_range_is_refused(fraction):
    with pytest.raises(ArgumentError, match="above 0, below 1"):
        train_test_split(np.array([0, 0]), fraction, LABELS, 0)


@pytest.mark.backends
def test_labels_of_tensors_are_numbers():
    tensor = keras.ops.convert_to_tensor([1, 0, 1])
    labels = Labels.of(tensor)
    assert labels.values == (0, 1)
    assert labels.encode(keras.ops.cast(tensor, "float32")).tolist() == [1, 0, 1]
