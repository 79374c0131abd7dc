"""Both ways of cutting a text give the same pieces."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from regard.errors import DataError
from regard.text.segmentation import Splitter, splitter, word_pipeline

ASCII = [chr(code) for code in range(128)]


@pytest.fixture(scope="module")
def both():
    """The spans that we give, and those of the library."""
    pipeline = word_pipeline({})
    ours, library = Splitter(pipeline), splitter(pipeline)

    def split(texts):
        encodings = library.encode_batch(list(texts))
        return list(ours.split(texts)), [encoding.offsets for encoding in encodings]

    return split


def test_all_pairs_of_ascii_characters(both):
    pairs = ["".join(pair) for pair in itertools.product(ASCII, ASCII)]
    ours, library = both([*ASCII, *pairs, *(f"a{pair}b" for pair in pairs)])
    assert ours == library


@given(text=st.one_of(st.text(ASCII), st.text("aZ09_'\u2019 -.\r\n\x1c\x85é")))
def test_any_text(both, text):
    ours, library = both([text, "plain", "naïve", text])
    assert ours == library


def test_other_rules_are_the_librarys_to_follow():
    pipeline = word_pipeline({})
    pipeline.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w"), "removed", invert=True)
    assert list(Splitter(pipeline).split(["ab c"])) == [[(0, 1), (1, 2), (3, 4)]]


def test_what_is_no_text_is_named():
    with pytest.raises(DataError, match="Text 1 is not valid Unicode"):
        list(Splitter(word_pipeline({})).split(["plain", "half \ud800"]))
