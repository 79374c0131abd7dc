"""Tokens know where in the text they stand, whatever the text."""

# ruff: noqa: RUF001 - characters that look alike are what is tested

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.errors import ArgumentError, BundleError, DataError
from regard.text import Tokenizer

CORPUS = [
    "A film that never finds its feet, don't see it!",
    "Café éclair naïve Ærøskøbing straße",
    "我喜欢这个电影 とても良い",
    "שלום עולם مرحبا بالعالم",
    "½ … ① ﬁne ﷺ ㍿ 👩‍👩‍👧 🇩🇪 ❤️",
]
# Unicode at its most awkward: marks, joiners, ligatures, things that grow when
# normalised, flags, families, both directions and the planes above the first.
AWKWARD = st.sampled_from(
    "aé\u0301\u0308\u200d\u200c\u200b\ufeff\u00a0ﬁﬃŉ½…①⑽ﷺ㍿㌔İẞς\u1fb4ǆ'’_-.!? \t\n\x00"
    "我電がガ\u3099ไ\u0e33ดี한\u1112\u1161\u11ab\u0958क्षشל\u05b0👩🏽🇩🇪❤\ufe0f\u20e3𝔸\U000e0101"
)
TEXTS = st.one_of(
    st.text(max_size=60), st.text(AWKWARD, max_size=40), st.text("ab ½…é", max_size=20)
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(CORPUS)


def pieces(tokenizer: Tokenizer, text: str) -> tuple[str, ...]:
    [encoded] = tokenizer.encode([text], max_length=1000)
    return encoded.pieces(text)


@given(text=TEXTS)
def test_offsets_cut_ordered_non_empty_pieces_out_of_any_text(tokenizer, text):
    [encoded] = tokenizer.encode([text], max_length=1000)
    starts, ends = encoded.offsets.T
    assert encoded.offsets.shape == (len(encoded.ids), 2)
    assert np.all(starts >= 0)
    assert np.all(ends <= len(text))
    assert np.all(starts < ends)
    assert np.all(starts[1:] >= ends[:-1])
    assert np.all(encoded.ids != Tokenizer.PADDING_ID)


@given(text=TEXTS)
def test_a_piece_is_the_word_it_normalises_to(text):
    tokenizer = Tokenizer.train([text])
    [encoded] = tokenizer.encode([text], max_length=1000)
    words = [tokenizer.normalise(piece) for piece in encoded.pieces(text)]
    assert [tokenizer.word(id_) for id_ in encoded.ids.tolist()] == words
    assert Tokenizer.UNKNOWN_ID not in encoded.ids


@given(text=TEXTS)
def test_nothing_but_white_space_is_lost(tokenizer, text):
    kept = "".join(pieces(tokenizer, text))
    assert "".join(kept.split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't, you’re", ("I", "don't", ",", "you’re")),
        ("'quoted'", ("'", "quoted", "'")),
        ("CAFE\u0301s caf\u00e9", ("CAFE\u0301s", "caf\u00e9")),
        ("ﬁne ½ … ¼0", ("ﬁne", "½", "…", "¼0")),
        ("我喜欢good電影", ("我", "喜", "欢", "good", "電", "影")),
        ("שלום, مرحبا", ("שלום", ",", "مرحبا")),
        ("👩‍👩‍👧 🇩🇪👍🏽❤️!", ("👩‍👩‍👧", "🇩🇪", "👍🏽", "❤️", "!")),
        ("می\u200cخواهم हिन्दी", ("می\u200cخواهم", "हिन्दी")),
        ("한국어 ไทย", ("한국어", "ไ", "ท", "ย")),
        ("[PAD] [UNK]", ("[", "PAD", "]", "[", "UNK", "]")),
        ("", ()),
        (" \t\r\n\u00a0", ()),
    ],
)
def test_pieces_as_a_reader_sees_them(tokenizer, text, expected):
    assert pieces(tokenizer, text) == expected


@pytest.mark.parametrize(
    ("text", "same"),
    [("Café", "cafe\u0301"), ("ﬁne", "FINE"), ("don’t", "don't"), ("Ａ", "a")],
)
def test_spellings_of_one_word_have_one_id(text, same):
    tokenizer = Tokenizer.train([text])
    first, second = tokenizer.encode([text, same], max_length=5)
    assert first.ids.tolist() == second.ids.tolist() == [2]


def test_the_vocabulary_holds_the_most_frequent_words_first():
    tokenizer = Tokenizer.train(iter(["b b b a a c", "a b"]), max_vocabulary=4)
    assert [tokenizer.word(id_) for id_ in (2, 3)] == ["b", "a"]
    assert tokenizer.vocabulary_size == 4
    [encoded] = tokenizer.encode(["a c b zebra"], max_length=9)
    assert encoded.ids.tolist() == [3, 1, 2, 1]


def test_rare_words_stay_unknown():
    tokenizer = Tokenizer.train(["a a b"], min_frequency=2)
    [encoded] = tokenizer.encode(["a b"], max_length=9)
    assert encoded.ids.tolist() == [2, 1]


def test_a_vocabulary_without_room_is_refused():
    with pytest.raises(ArgumentError, match=r"max_vocabulary.*3 or more"):
        Tokenizer.train(["a"], max_vocabulary=2)


def test_long_texts_are_cut_and_say_so(tokenizer):
    short, exact, long = tokenizer.encode(["a", "a b", "a b c"], max_length=2)
    assert [len(tokens) for tokens in (short, exact, long)] == [1, 2, 2]
    assert [tokens.truncated for tokens in (short, exact, long)] == [False, False, True]


def test_half_a_surrogate_pair_is_named(tokenizer):
    with pytest.raises(DataError, match=r"Text 1 is not valid Unicode.*character 2"):
        tokenizer.encode(["fine", "ab\ud800"], max_length=5)


def test_json_gives_the_same_tokenizer(tokenizer):
    again = Tokenizer.from_json(tokenizer.to_json())
    for before, after in zip(
        tokenizer.encode(CORPUS, 50), again.encode(CORPUS, 50), strict=True
    ):
        assert before.ids.tolist() == after.ids.tolist()
        assert before.offsets.tolist() == after.offsets.tolist()


def damaged(tokenizer: Tokenizer, **changes: object) -> str:
    return json.dumps(json.loads(tokenizer.to_json()) | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": None},
        {"model": {"type": "BPE", "vocab": {}, "merges": []}},
        {"model": {"type": "WordLevel", "vocab": {}, "unk_token": "[UNK]"}},
        {"model": {"type": "WordLevel", "vocab": {"[PAD]": 1, "[UNK]": 0}}},
        {"model": {"type": "WordLevel", "vocab": {"[PAD]": 0, "[UNK]": 1, "a": 7}}},
        {"model": {"type": "WordLevel", "vocab": {"[PAD]": 0, "[UNK]": True}}},
        {"model": {"type": "WordLevel", "vocab": {"[PAD]": 0, "[UNK]": "1"}}},
        {"added_tokens": [{"id": 0, "content": "film"}]},
        {"truncation": {"max_length": 1}},
        {"normalizer": None},
        {"pre_tokenizer": None},
        {"normalizer": {"type": "Python"}},
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}}},
    ],
)
def test_the_json_of_something_else_is_refused(tokenizer, changes):
    with pytest.raises(BundleError, match="tokenizer cannot be read"):
        Tokenizer.from_json(damaged(tokenizer, **changes))


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "null", "[" * 100_000, "\x00"])
def test_what_is_no_tokenizer_at_all_is_refused(content):
    with pytest.raises(BundleError, match="tokenizer cannot be read"):
        Tokenizer.from_json(content)


@given(data=st.data())
def test_a_changed_character_never_ends_in_another_error(tokenizer, data):
    content = tokenizer.to_json()
    position = data.draw(st.integers(0, len(content) - 1))
    changed = content[:position] + data.draw(st.characters()) + content[position + 1 :]
    with contextlib.suppress(BundleError):
        Tokenizer.from_json(changed).encode(["film"], max_length=4)
