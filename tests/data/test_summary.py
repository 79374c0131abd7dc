"""What is in data, what looks wrong in it, and what cleaning makes of it."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.data import ExamplesSummary, PairsSummary, clean_examples, clean_pairs
from regard.errors import ArgumentError, DataError


def said(summary) -> str:
    return "\n".join(problem.message for problem in summary.problems)


def test_the_figures_of_examples():
    texts = ["a b c", "a b c", "one", "", None, "long text of six words here"]
    summary = ExamplesSummary.of(texts, ["x", "x", "y", "y", "x", None])
    assert summary.rows == 6
    assert list(summary.labels.items()) == [("x", 3), ("y", 2)]
    assert summary.words == (1, 3, 6)
    assert summary.characters == (3, 5, 27)
    assert (summary.without_text, summary.without_label) == (2, 1)
    assert (summary.repeated, summary.contradictory) == (1, 0)
    plain = json.loads(json.dumps(summary.to_dict()))
    assert plain["words"] == {"shortest": 1, "median": 3, "longest": 6}
    assert plain["problems"][0]["is_cleaned"] is True
    assert repr(summary).startswith("6 texts, 2 labels\n  x   ")


def test_clean_data_has_no_problem():
    texts = [f"text number {index}" for index in range(6)]
    assert ExamplesSummary.of(texts, ["a", "b"] * 3).problems == ()
    assert PairsSummary.of(texts, [text.upper() for text in texts]).problems == ()
    assert ExamplesSummary.of([], []).rows == PairsSummary.of([], []).rows == 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "a", "A", "b", "b"], "The labels 'a' (2) and 'A' (1) differ"),
        (["a", "a\u00a0", "a", "b", "b"], r"The labels 'a' (2) and 'a\xa0' (1) differ"),
        (
            ["\ufeffa", "a", "a", "b", "b"],
            r"The labels 'a' (2) and '\ufeffa' (1) differ",
        ),
        (["5", "5.0", "5", "1", "1"], "The labels '5' (2) and '5.0' (1) differ"),
        (["é", "e\u0301", "é", "b", "b"], "(2) and"),
        (["a ", "a ", "a ", "b", "b"], "The label 'a ' (3) has white space around it."),
        (["a", "a", "nan", "b", "b"], "There is a label 'nan' (1): so programs write"),
        (["a", "a", math.nan, "b", "b"], "1 row has no label."),
        (["a", "a", "b", "b", "c"], "Of the label 'c' (1) there is a single text."),
    ],
)
def test_labels_that_look_wrong(labels, message):
    texts = [f"text {index}" for index in range(len(labels))]
    assert message in said(ExamplesSummary.of(texts, labels))


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["a b"] * 3 + ["c"], "xyxx", "1 text is there with several labels."),
        (["a b"] * 3 + ["c"], "xxxx", "50% of the texts are there before"),
        (["1", "2", "3", "a"], "xxyy", "3 texts have no letter: are these the texts?"),
        (["caf\ufffd", "a"] * 2, "xxyy", "characters that were lost"),
        ([f"t{i}" for i in range(40)], range(40), "There are 40 labels for 40 texts"),
        ([f"t{i}" for i in range(50)], "x" * 48 + "yy", "96.0% of the texts have"),
    ],
)
def test_texts_and_shares_that_look_wrong(texts, labels, message):
    assert message in said(ExamplesSummary.of(texts, list(labels)))


def test_the_figures_of_pairs():
    sources = ["ein hund", "ein hund", "Bonn", "", "lang " * 30, *["drei vier"] * 0]
    targets = ["a dog", "a dog", "Bonn", "x", "x"]
    summary = PairsSummary.of(sources, targets)
    assert (summary.rows, summary.repeated, summary.identical) == (5, 1, 1)
    assert (summary.empty_sources, summary.empty_targets) == (1, 0)
    assert summary.source_words == (1, 2, 30)
    assert summary.target_words == (1, 1, 2)
    assert "1 pair has an empty side." in said(summary)
    assert "1 pair has a side 4 times longer or shorter than is usual" in said(summary)
    assert "1 pair has two equal sides." in said(summary)
    assert "the same on both sides  1" in repr(summary)
    assert summary.to_dict()["target_words"]["longest"] == 2


def test_scripts_of_unlike_lengths_are_no_problem():
    """A Chinese sentence has a quarter of the characters of an English one."""
    english = [f"this is sentence {index} of a small corpus " * 2 for index in range(9)]
    assert PairsSummary.of(english, [f"第{i}句" for i in range(9)]).problems == ()


def test_cleaning_takes_the_spelling_that_is_there_most_often():
    labels = ["Good", "good", "good ", "GOOD", "good", "bad"]
    clean = clean_examples(list("abcdef"), labels)
    assert clean.labels == ["good"] * 5 + ["bad"]
    assert clean.changes == (
        "Took the label 'GOOD' (1) for 'good'.",
        "Took the label 'Good' (1) for 'good'.",
        "Took the label 'good ' (1) for 'good'.",
    )


def test_labels_that_differ_in_more_stay_apart():
    labels = ["not good", "good", "no", "none", "1.5", "1", "01"]
    clean = clean_examples(list("abcdefg"), labels)
    assert clean.labels == labels
    assert clean.changes == ()


def test_cleaning_leaves_out_what_is_missing_and_keeps_the_kind_of_labels():
    texts = ["a", None, "  ", "d", "nan", "None", "g"]
    labels = np.array([1, 0, 1, np.nan, 1, 0, 1])
    clean = clean_examples(texts, labels)
    assert (clean.texts, clean.labels) == (["a", "None", "g"], [1, 0, 1])
    assert clean.changes == (
        "Left out 1 row without a label.",
        "Left out 3 rows without a text.",
    )


def test_known_labels_say_how_they_are_spelled():
    labels = ["X", "x ", "y", "Y ", "y"]
    clean = clean_examples(["a"] * 5, labels, ["x"])
    assert clean.labels == ["x", "x", "y", "y", "y"]


@given(st.lists(st.tuples(st.text(), st.text() | st.none()), min_size=1))
def test_what_is_clean_stays_as_it_is(rows):
    try:
        once = clean_examples(*zip(*rows, strict=True))
    except DataError as error:
        assert "nothing is left" in str(error)  # noqa: PT017 - some rows are all dirt
        return
    again = clean_examples(once.texts, once.labels)
    assert (again.labels, again.changes) == (once.labels, ())
    assert not any(each.is_cleaned for each in ExamplesSummary.of(*once[:2]).problems)


def test_cleaning_pairs():
    clean = clean_pairs(["a ", "", "b", "None"], ["x", "y", None, "Keiner"])
    assert (clean.sources, clean.targets) == (["a", "None"], ["x", "Keiner"])
    assert "2 pairs" in clean.changes[0]


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: clean_examples([""], ["a"]), DataError, "nothing is left"),
        (lambda: clean_pairs([""], ["a"]), DataError, "nothing is left"),
        (lambda: clean_examples(["a"], []), ArgumentError, "1 texts and 0 labels"),
        (lambda: PairsSummary.of(["a"], []), ArgumentError, "1 sources and 0 targets"),
        (lambda: ExamplesSummary.of([5], ["a"]), DataError, "Text 0 is not a text"),
        (
            lambda: ExamplesSummary.of(["a"], [{}]),
            DataError,
            "example 0 is not a label",
        ),
    ],
)
def test_what_cannot_be_summed_up(call, error, match):
    with pytest.raises(error, match=match):
        call()
