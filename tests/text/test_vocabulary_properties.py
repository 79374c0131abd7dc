"""Properties of any text: nothing is lost, and offsets point where tokens stand."""

# ruff: noqa: RUF001 - characters that look alike are what is tested

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from regard.errors import DataError
from regard.text import SequenceVocabulary

AWKWARD = st.sampled_from(
    "aé\u0301\u200d\u200c\ufeff\u00a0ﬁ½…ﷺİẞςǆ'’_-.!?<pads>/▁Ġ \t\r\n\x00\x1c\x85\u2028"
    "我電ガ\u3099ไ\u0e33ดี한\u1112\u1161क्षשל\u05b0👩🏽🇩🇪❤\ufe0f𝔸\U000e0101"
)
TEXTS = st.one_of(
    st.text(max_size=40), st.text(AWKWARD, max_size=30), st.text("ab c,. ", max_size=20)
)
CORPORA = st.lists(TEXTS, min_size=1, max_size=3)
OPTIONS = pytest.mark.parametrize(
    ("kind", "split"),
    [
        ("word", "whitespace"),
        ("word", "words"),
        ("character", "whitespace"),
        ("bpe", "whitespace"),
        ("unigram", "whitespace"),
    ],
)


def trained(texts, kind, split, lowercase=False):
    try:
        return SequenceVocabulary.train(texts, kind, split=split, lowercase=lowercase)
    except DataError:  # nothing but white space
        assume(False)


def normal(text, kind):
    return " ".join(text.split()) if kind == "word" else text


@OPTIONS
@given(texts=CORPORA, lowercase=st.booleans())
def test_a_text_of_known_symbols_comes_back(kind, split, texts, lowercase):
    vocabulary = trained(texts, kind, split, lowercase)
    for text, sequence in zip(texts, vocabulary.encode(texts), strict=True):
        form = text.replace("İ", "i").lower() if lowercase else text
        assert np.all(sequence.ids > 3)
        assert normal(vocabulary.decode(sequence.ids), kind) == normal(form, kind)


@OPTIONS
@given(texts=CORPORA, text=TEXTS)
def test_tokens_join_to_the_text_known_or_not(kind, split, texts, text):
    vocabulary = trained(texts, kind, split)
    [sequence] = vocabulary.encode([text])
    assert normal(vocabulary.join(sequence.tokens), kind) == normal(text, kind)
    assert not {0, 2, 3} & set(sequence.ids.tolist())


@OPTIONS
@given(texts=CORPORA, text=TEXTS)
def test_offsets_point_at_the_tokens(kind, split, texts, text):
    vocabulary = trained(texts, kind, split)
    [sequence] = vocabulary.encode([text])
    assert sequence.offsets.shape == (len(sequence), 2) == (len(sequence.ids), 2)
    starts, ends = sequence.offsets.T
    assert np.all(starts[1:] >= ends[:-1])
    for token, (start, end) in zip(
        sequence.tokens, sequence.offsets.tolist(), strict=True
    ):
        at_first = start == 0 and kind in {"bpe", "unigram"}
        assert token == text[start:end] or (at_first and token == " " + text[:end])


@OPTIONS
@given(texts=CORPORA)
def test_json_gives_the_same_vocabulary(kind, split, texts):
    vocabulary = trained(texts, kind, split)
    again = SequenceVocabulary.from_json(vocabulary.to_json())
    assert again.to_json() == vocabulary.to_json()
    for before, after in zip(
        vocabulary.encode(texts), again.encode(texts), strict=True
    ):
        assert before.ids.tolist() == after.ids.tolist()
        assert before.offsets.tolist() == after.offsets.tolist()
