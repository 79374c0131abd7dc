import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.errors import BundleError
from regard.text import FeatureReader, Features, Tokenizer
from regard.text.feature_reader import texts_with
from regard.text.features import learn_features, ngram_keys
from regard.text.word_pieces import piece_keys

TEXTS = ["not good", "not good", "very good", "very bad"]


def reader(**settings) -> FeatureReader:
    tokenizer = Tokenizer.train(TEXTS)
    encoded = tokenizer.encode(TEXTS, 10)
    options = {"order": 2, "min_texts": 2, "max_ngrams": 10, "columns": 4}
    features = learn_features(
        [tokens.ids for tokens in encoded],
        texts_with(tokenizer, encoded, TEXTS),
        tokenizer.vocabulary_size,
        **(options | settings),
    )
    return FeatureReader(tokenizer, features, max_length=10)


def test_the_first_column_is_the_word():
    trained_reader = reader()
    [read] = trained_reader.read(["good bad unheard"])
    words = trained_reader.tokenizer.encode(["good bad unheard"], 10)[0].ids
    np.testing.assert_array_equal(read.ids[:, 0], words)
    assert words[2] == Tokenizer.UNKNOWN_ID


def test_a_bigram_has_a_row_where_it_occurs_in_two_texts():
    trained_reader = reader()
    [kept, rare] = trained_reader.read(["not good", "very bad"])
    # "not" begins two texts, "not good" occurs in two; "very bad" in one.
    assert (kept.ids[:, 1] >= trained_reader.features.words).all()
    assert rare.ids[1, 1] == 0
    assert trained_reader.read(["good not"])[0].ids[1, 1] == 0


def test_an_unknown_word_shares_pieces_with_a_known_one():
    trained_reader = reader(min_texts=1, columns=12)
    [good, goodness] = trained_reader.read(["good", "goodness"])
    shared = set(good.ids[0, 2:].tolist()) & set(goodness.ids[0, 2:].tolist())
    assert len(shared - {0}) >= 3
    assert not trained_reader.read(["xyz"])[0].ids[0, 2:].any()


def test_a_text_is_read_the_same_whatever_was_read_before():
    # Two words that are unknown, each with pieces of another one that is known.
    texts = [*TEXTS, "good goodness", "bad badly", "goodness badly"]
    alone = [reader(min_texts=1).read([text])[0].ids for text in texts]
    trained_reader = reader(min_texts=1)
    for text, ids in zip(texts * 2, alone * 2, strict=True):
        np.testing.assert_array_equal(trained_reader.read([text])[0].ids, ids)


def test_all_rows_are_within_the_table_and_each_kind_has_its_own():
    trained_reader = reader(min_texts=1, order=3)
    features = trained_reader.features
    ids = np.concatenate([tokens.ids for tokens in trained_reader.read(TEXTS)])
    assert ids.shape[1] == features.width == 7
    assert ids.max() < features.size
    bigrams, trigrams, pieces = ids[:, 1], ids[:, 2], ids[:, 3:]
    assert bigrams[bigrams > 0].max() < trigrams[trigrams > 0].min()
    assert trigrams.max() < pieces[pieces > 0].min()


def test_without_pieces_and_ngrams_the_rows_are_the_ids():
    trained_reader = reader(order=1, columns=0)
    [read] = trained_reader.read(["not good"])
    words = trained_reader.tokenizer.encode(["not good"], 10)[0].ids
    np.testing.assert_array_equal(read.ids, words[:, None])


def test_a_text_without_a_token_has_no_rows():
    assert reader().read([""])[0].ids.shape == (0, 6)


def test_only_the_most_frequent_ngrams_are_kept():
    # "not" at the beginning, "very" at the beginning and "not good" occur twice each.
    assert len(reader(max_ngrams=2).features.ngrams[0]) == 2


def test_the_key_of_an_ngram_in_closed_form():
    ids = np.array([3, 4, 5])
    np.testing.assert_array_equal(ngram_keys(ids, 2, 10), [3, 4 + 30, 5 + 40])
    np.testing.assert_array_equal(ngram_keys(ids, 3, 10)[2], 5 + 40 + 300)


def test_pieces_are_marked_at_the_ends_of_the_word():
    # "<ab>": <ab, ab>, <ab>.
    assert len(piece_keys("ab")) == 3
    assert len(piece_keys("a")) == 0
    # Of "<abc>" and "<xabcx>", only "abc" itself is in both.
    shared = set(piece_keys("abc").tolist()) & set(piece_keys("xabcx").tolist())
    assert shared == {piece_keys("xabcx")[2]}


@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_every_text_can_be_read(texts):
    trained_reader = reader()
    for text, tokens in zip(texts, trained_reader.read(texts), strict=True):
        assert len(tokens.ids) == len(tokens.pieces(text))
        assert (tokens.ids >= 0).all()
        assert (tokens.ids < trained_reader.features.size).all()
        assert (tokens.ids[:, 0] > 0).all()


def test_features_and_back():
    features = reader().features
    again = Features.from_bytes(features.to_bytes())
    assert (again.words, again.columns) == (features.words, features.columns)
    np.testing.assert_array_equal(again.ngrams[0], features.ngrams[0])
    np.testing.assert_array_equal(again.pieces, features.pieces)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"{}", b"\x93NUMPY"])
def test_damaged_features_are_refused(content):
    with pytest.raises(BundleError, match="features"):
        Features.from_bytes(content)


def test_unsorted_keys_are_refused():
    features = Features(5, (np.array([3, 2]),))
    with pytest.raises(BundleError, match="sorted"):
        Features.from_bytes(features.to_bytes())
