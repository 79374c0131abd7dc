"""Checks that texts are texts, and that each has its label."""

import pytest

from regard.errors import ArgumentError
from regard.text.text_validation import checked_pairs, checked_texts


@pytest.mark.parametrize(
    ("texts", "match"),
    [
        ("a text", "list of texts"),
        ([], "no text"),
        (["a", None], "Text 1 is not a string"),
        (["a", "b", 7], "Text 2 is not a string"),
        ([b"a"], "Text 0 is not a string"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(texts, match):
    with pytest.raises(ArgumentError, match=match):
        checked_texts(texts)


def test_each_text_needs_a_label():
    with pytest.raises(ArgumentError, match="2 texts and 1 labels"):
        checked_pairs(["a", "b"], ["x"])
    with pytest.raises(ArgumentError, match="labels are missing"):
        checked_pairs(["a", "b"], None)
