"""Texts are read as they are one token after the other, to the byte."""

import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import normalizers

import regard
from plain_reading import PlainReader, assert_same, plain_counts, plain_features
from regard.errors import DataError
from regard.text import (
    FeatureReader,
    Features,
    Tokenizer,
    feature_reader,
    features,
    joined_texts,
    tokenizer,
    word_counts,
)
from regard.text.feature_reader import texts_with
from regard.text.features import learn_features
from regard.text.key_table import KeyTable

BUNDLES = Path(__file__).resolve().parents[1] / "data" / "bundles"
WORDS = [
    "a", "don't", "rock'n'roll", "_x_", "3", "\u00bd", "\u00e9", "na\u00efve",
    "e\u0301", "don\u2019t", "twelveletter", "sixteen_letters_", "\x00",
    "a_word_of_twenty_four_ch", "a" * 25, "[PAD]", "\u4e2d", "\u0e44\u0e17",
    "\u06a9\u062a\u200c\u0647\u0627",
    "\U0001f468\u200d\U0001f469", "\U0001f1e9\U0001f1ea", "\u0130stanbul", "\u0600",
]  # fmt: skip
BETWEEN = [" ", "", "\n", "\t ", "'", "''", ".", "\u00a0", "\u2003", "\x1c", "\x85"]
# What is made of words the vocabularies know, and of anything else.
PARTS = st.one_of(st.sampled_from(WORDS + BETWEEN), st.text(max_size=4))
TEXTS = st.lists(st.builds("".join, st.lists(PARTS, max_size=12)), max_size=5)


def reader_of(texts, columns, *, max_length=1000, change=None, most=30_000, many=None):
    words = Tokenizer.train(texts, most)
    if change:
        change(words._pipeline)
        words = Tokenizer(words._pipeline)
    encoded = words.encode(texts, 1000)
    features = learn_features(
        [tokens.ids for tokens in encoded],
        texts_with(words, encoded, texts),
        words.vocabulary_size,
        order=3,
        min_texts=1,
        max_ngrams=1000,
        columns=columns,
    )
    if many == "loaded":
        features = Features.from_bytes(features.to_bytes())
    reader = FeatureReader(words, features, max_length)
    if many:
        # As where many characters are read.
        whole = many == "learned" or most > len(WORDS)
        assert reader._known_words.is_whole == whole
    return reader


TRAINED = [" ".join(WORDS), "a don't a", ". , ' a_word_of_twenty_four_ch x", "a b"]
READERS = {
    "pieces": reader_of(TRAINED, columns=4),
    "no pieces": reader_of(TRAINED, columns=0),
    "short": reader_of(TRAINED, columns=12, max_length=3),
    "many": reader_of(TRAINED, columns=4, many="loaded"),
    "many, just learned": reader_of(TRAINED, columns=5, most=9, many="learned"),
    "many, of words that are not in the vocabulary": reader_of(
        TRAINED, columns=7, most=9, many="loaded"
    ),
}
PLAIN = {name: PlainReader(reader) for name, reader in READERS.items()}
QUICK = PlainReader(READERS["pieces"], quick=True)


def lower_only(pipeline):
    pipeline.normalizer = normalizers.Lowercase()


@pytest.mark.parametrize("name", READERS)
@given(TEXTS)
@example(["don't 'a' a''b 'tis rock'n'roll'", "", " ", "A DON'T"])
@example(["nave, na na\u00ef naivest"])
@example(["\u0600 a", "a \u0301b", "a\r\nb", "½ ¼0", "x" * 30 + " " + "X" * 30])
def test_as_one_token_after_the_other(name, texts):
    reader, expected = READERS[name], PLAIN[name].read(texts)
    assert_same(reader.read(texts), expected)
    encoded = reader.tokenizer.encode(texts, reader.max_length)
    assert_same(reader.add_features(texts, encoded), expected)


@given(TEXTS)
def test_the_quick_way_of_before_is_the_same(texts):
    assert_same(READERS["pieces"].read(texts), QUICK.read(texts))


def test_in_many_characters_all_pieces_of_the_vocabulary_are_found(monkeypatch):
    reader = reader_of(TRAINED, columns=4)
    assert_same(reader.read(TRAINED), PLAIN["pieces"].read(TRAINED))
    assert "_known_words" not in reader.__dict__
    monkeypatch.setattr(feature_reader, "_MANY", 20)
    # Without a digest of a piece, and of a word in a dictionary.
    monkeypatch.setattr(
        tokenizer.Tokenizer, "normalise", lambda _, piece: pytest.fail(piece)
    )
    texts = ["unheard words " * 3]
    reader.read([])
    assert_same(reader.read(texts), PLAIN["pieces"].read(texts))
    assert "_known_words" in reader.__dict__


def test_many_texts_at_a_time_on_several_threads(monkeypatch):
    reader = READERS["pieces"]
    texts = [" ".join(words) for words in itertools.permutations(WORDS, 2)]
    expected = PLAIN["pieces"].read(texts)
    monkeypatch.setattr(tokenizer, "_AT_ONCE", 40)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    # Few are remembered, so that they are forgotten meanwhile.
    monkeypatch.setattr(tokenizer, "_REMEMBERED", 3)
    assert_same(reader.read(texts), expected)
    assert len(reader.tokenizer._runs) < len(texts)


def test_what_is_remembered_is_not_copied_for_each_text(monkeypatch):
    words = Tokenizer.train(TRAINED)
    words.encode(["naïve"], 10)
    remembered = words._runs
    words.encode(["\u00e9", "naïve"], 10)
    assert words._runs is remembered
    assert set(remembered) == {"naïve", "\u00e9"}
    monkeypatch.setattr(tokenizer, "_REMEMBERED", 2)
    words.encode(["\u00bd"], 10)
    assert set(words._runs) == {"\u00bd"}


def test_rules_of_others_are_followed():
    reader = reader_of(TRAINED, 4, change=lower_only)
    texts = ["½ Naïve DON\u2019T a", "don't", ""]
    assert_same(reader.read(texts), PlainReader(reader).read(texts))
    # Where they are ours, this is three words of one piece.
    assert reader.tokenizer.normalise("½") == "½"


@given(TEXTS)
@example(["a a aa", "\x00 \x00", "½ 1 \u2044 2 ½", "naïve na naïve", "B" * 30 + " b"])
def test_words_are_counted_as_text_by_text(texts):
    words = Tokenizer.train(TRAINED)
    assert words._count(texts) == plain_counts(words._pipeline, texts)


def test_words_are_counted_the_same_a_few_at_a_time(monkeypatch):
    texts = [" ".join(words) for words in itertools.permutations(WORDS, 2)]
    words = Tokenizer.train(TRAINED)
    expected = plain_counts(words._pipeline, texts)
    monkeypatch.setattr(tokenizer, "_AT_ONCE", 40)
    monkeypatch.setattr(word_counts, "_MOST_KEYS", 7)
    monkeypatch.setattr(word_counts, "_MOST_CHARACTERS", 30)
    assert words._count(iter(texts)) == expected
    # Keys that share their hash.
    monkeypatch.setattr(word_counts, "mixed", lambda keys: keys[0] % np.uint64(3))
    assert words._count(texts) == expected


@pytest.mark.parametrize("bits", [63, 12])
@given(texts=TEXTS, least=st.integers(1, 3), most=st.integers(1, 5))
def test_features_are_learned_as_text_by_text(bits, texts, least, most):
    words = Tokenizer.train(TRAINED, 12)
    encoded = words.encode([*TRAINED, *texts], 50)
    documents = [each.ids for each in encoded]
    spelled = [
        list(map(words.normalise, each.pieces(text)))
        for each, text in zip(encoded, [*TRAINED, *texts], strict=True)
    ]
    size = words.vocabulary_size
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "_BITS", bits)
        learned = learn_features(
            documents,
            texts_with(words, encoded, [*TRAINED, *texts]),
            size,
            order=3,
            min_texts=least,
            max_ngrams=most,
            columns=2,
        )
    ngrams, pieces = plain_features(
        documents, spelled, size, order=3, min_texts=least, max_ngrams=most
    )
    assert [keys.tolist() for keys in learned.ngrams] == ngrams
    assert learned.pieces.tolist() == pieces


def test_half_a_surrogate_pair_is_named_in_training(monkeypatch):
    monkeypatch.setattr(tokenizer, "_AT_ONCE", 4)
    with pytest.raises(DataError, match="Text 7 "):
        Tokenizer.train(iter([*["a plain text"] * 7, "half \ud800", "more"]))


def test_half_a_surrogate_pair_is_named_wherever_it_is(monkeypatch):
    monkeypatch.setattr(tokenizer, "_AT_ONCE", 10)
    with pytest.raises(DataError, match="Text 7 "):
        READERS["pieces"].read([*["a plain text"] * 7, "half \ud800", "more"])


@pytest.mark.parametrize(
    "bundle", sorted(BUNDLES.glob("*/*classifier*")), ids=lambda path: path.parent.name
)
def test_bundles_of_all_releases(bundle):
    reader = regard.load(bundle).trained.reader
    texts = [*TRAINED, "A film that is not good, isn't it? Ça va…", "x " * 2000]
    assert_same(reader.read(texts), PlainReader(reader).read(texts))


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "many"), [(0, 0), (12, 0), (12, 1 << 40)])
def test_all_real_data(shared_data, columns, many, monkeypatch):
    for file in sorted(shared_data.rglob("*")):
        if file.suffix not in {".gz", ".tsv", ".txt", ".jsonl"} or not file.is_file():
            continue
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
        texts = content.decode("utf-8").split("\n")[:6000]
        reader = reader_of(texts[:500], columns, max_length=200)
        monkeypatch.setattr(feature_reader, "_MANY", many)
        assert_same(reader.read(texts), PlainReader(reader).read(texts))
        pipeline = reader.tokenizer._pipeline
        assert reader.tokenizer._count(texts) == plain_counts(pipeline, texts)


class TestKeys:
    """The table of keys, against a dictionary."""

    # Few different words, so that keys share some, and 0 among them.
    PARTS = st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1))

    @pytest.mark.parametrize("words", [1, 2, 3])
    @given(data=st.data())
    def test_are_found_where_they_are(self, words, data):
        key = st.tuples(*[self.PARTS] * words)
        keys = data.draw(st.lists(key, max_size=40, unique=True))
        wanted = keys + data.draw(st.lists(key, max_size=20))
        table = KeyTable(np.asarray(keys, np.uint64).reshape(-1, words))
        found = table.find(np.asarray(wanted, np.uint64).reshape(-1, words).T)
        places = {key: place for place, key in enumerate(keys)}
        assert found.tolist() == [places.get(key, -1) for key in wanted]

    def test_keys_that_want_one_slot(self):
        # Of these multiples of a power of two the hashes' high bits are few.
        keys = (np.arange(1, 2000, dtype=np.uint64) << np.uint64(50))[:, None]
        table = KeyTable(keys)
        np.testing.assert_array_equal(table.find(keys.T), np.arange(len(keys)))
        assert (table.find(keys.T + np.uint64(1)) == -1).all()


def test_words_up_to_three_numbers_long_are_looked_up_so(monkeypatch):
    """Only longer ones go through the dictionary."""
    words = Tokenizer.train(TRAINED)
    asked = []
    joined = joined_texts.JoinedTexts(
        words._vocabulary, words._foreign, lambda piece: asked.append(piece) or 1
    )
    asked.clear()
    joined.pieces(["a_word_of_twenty_four_ch " + "A" * 25 + " twelveletter"])
    assert asked == ["a" * 25]


def test_no_keys_can_be_made_that_go_for_one_slot():
    # The multiples of what undoes a factor that was known: their hashes were 0, 1, ….
    undone = pow(0x9E3779B97F4A7C15, -1, 1 << 64)
    keys = np.asarray([n * undone % (1 << 64) for n in range(1000)], np.uint64)
    table = KeyTable(keys[:, None])
    assert len(np.unique(table._first_slots(keys[None]))) > 500
    assert table.find(keys[None]).tolist() == list(range(1000))


def test_words_of_any_length_are_not_remembered():
    asked = []
    remembered = tokenizer.remembering(lambda word: asked.append(word) or len(word), 9)
    for word in ("a" * 64, "a" * 65) * 2:
        assert remembered(word) == len(word)
    assert list(map(len, asked)) == [64, 65, 65]
