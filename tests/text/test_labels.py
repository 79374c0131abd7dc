"""Labels keep their type and their order."""

import numpy as np
import pytest

from regard.errors import DataError
from regard.text import Labels


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


@pytest.mark.parametrize("values", [("a", "b"), (1, 2, 30)])
def test_plain_values_and_back(values):
    assert Labels.from_dict(Labels(values).to_dict()) == Labels(values)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (["a", "a"], "two classes"),
        ([], "two classes"),
        (["a", 1], "two kinds"),
        (["a", 1.5], "label of example 1"),
        ([True, False], "label of example 0"),
        (["a", None], "label of example 1"),
        (["a", ["b"]], "label of example 1"),
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
        {"type": "float", "labels": ["1", "2"]},
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
