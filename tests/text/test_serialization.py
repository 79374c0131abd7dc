"""The JSON of a vocabulary is checked before anything relies on it."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.errors import BundleError
from regard.text import SequenceVocabulary

TEXTS = ["the cat, the hat", "a cat in a hat"]
STORED = {
    kind: json.loads(SequenceVocabulary.train(TEXTS, kind, size=40).to_json())
    for kind in ("word", "character", "bpe", "unigram")
}
COUNT = len(STORED["unigram"]["symbols"])


def refused(content, said=""):
    with pytest.raises(BundleError, match=f"vocabulary cannot be read: .*{said}"):
        SequenceVocabulary.from_json(content)


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "null", "[" * 100_000, "\x00"])
def test_what_is_no_vocabulary_at_all(content):
    refused(content)


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("word", {"version": 2}, "version"),
        ("word", {"version": True}, "version"),
        ("word", {"kind": "syllable"}, "kind"),
        ("word", {"kind": ["word"]}, "kind"),
        ("word", {"split": None}, "kind"),
        ("word", {"lowercase": 1}, "lowercase"),
        ("word", {"extra": 1}, "not the JSON of a vocabulary"),
        ("word", {"symbols": "abc"}, "not texts"),
        ("word", {"symbols": ["a", 1]}, "not texts"),
        ("word", {"symbols": ["a", ""]}, "empty"),
        ("word", {"symbols": ["a" * 10_001]}, "too long"),
        ("word", {"symbols": []}, "no symbol"),
        ("word", {"symbols": ["a", "a"]}, "twice"),
        ("word", {"symbols": ["\ud800"]}, "surrogate"),
        ("word", {"symbols": ["a b"]}, "none of kind 'word'"),
        ("word", {"merges": [["a", "b"]]}, "merge"),
        ("word", {"split": "words", "symbols": ["a b"]}, "none of kind 'word'"),
        ("character", {"symbols": ["ab"]}, "none of kind 'character'"),
        ("bpe", {"symbols": ["<unk>"], "merges": []}, "none of kind 'bpe'"),
        ("bpe", {"merges": None}, "no list"),
        ("bpe", {"merges": [["t"]]}, "a merge"),
        ("bpe", {"merges": ["th"]}, "a merge"),
        ("bpe", {"merges": [["t", 1]]}, "a merge"),
        ("bpe", {"merges": [["q", "q"]]}, "a merge"),
        ("bpe", {"scores": [0.0]}, "scores"),
        ("unigram", {"scores": [-1.0]}, "do not fit"),
        ("unigram", {"scores": [0] * COUNT}, "finite"),
        ("unigram", {"scores": [float("nan")] * COUNT}, "finite"),
        ("unigram", {"scores": [float("-inf")] * COUNT}, "finite"),
    ],
)
def test_the_json_of_something_else(kind, changes, said):
    refused(json.dumps(STORED[kind] | changes), said)


@pytest.mark.parametrize("kind", STORED)
@settings(max_examples=50)
@given(data=st.data())
def test_a_changed_character_never_ends_in_another_error(kind, data):
    content = json.dumps(STORED[kind], ensure_ascii=False)
    place = data.draw(st.integers(0, len(content) - 1))
    changed = content[:place] + data.draw(st.characters()) + content[place + 1 :]
    with contextlib.suppress(BundleError):
        vocabulary = SequenceVocabulary.from_json(changed)
        [sequence] = vocabulary.encode([TEXTS[0]])
        vocabulary.decode(sequence.ids)
