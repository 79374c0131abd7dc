"""Vocabularies of sequences: what is a symbol, what is unknown, what is refused."""

import gzip
from collections import Counter

import numpy as np
import pytest

from regard.errors import ArgumentError, DataError
from regard.text import SequenceVocabulary

KINDS = ("word", "character", "bpe", "unigram")
CORPUS = [
    "A dog runs, and the dogs run after it.",
    "the cat sat; the cats sat (twice)",
    "Der Hund läuft weiter; l'homme mange.",
    "我喜欢这个电影 ไทยดี مرحبا بالعالم 👩‍👩‍👧 e\u0301",
]


@pytest.fixture(scope="module")
def vocabularies():
    return {kind: SequenceVocabulary.train(CORPUS, kind) for kind in KINDS}


def encoded(vocabulary, text):
    [sequence] = vocabulary.encode([text])
    return sequence


def spelled(vocabulary, text):
    return vocabulary.tokens(encoded(vocabulary, text).ids)


def test_the_special_ids_are_fixed(vocabularies):
    assert SequenceVocabulary.PADDING_ID == 0
    assert SequenceVocabulary.UNKNOWN_ID == 1
    assert SequenceVocabulary.BEGIN_ID == 2
    assert SequenceVocabulary.END_ID == 3
    for vocabulary in vocabularies.values():
        assert vocabulary.tokens([0, 1, 2, 3]) == ["<pad>", "<unk>", "<s>", "</s>"]


def test_words_are_numbered_by_frequency_then_spelling():
    vocabulary = SequenceVocabulary.train(["b c a", "b c b"])
    assert [vocabulary.token(id_) for id_ in (4, 5, 6)] == ["b", "c", "a"]
    assert len(vocabulary) == 7
    sequence = encoded(vocabulary, "c  zebra\tb")
    assert sequence.ids.tolist() == [5, 1, 4]
    assert sequence.ids.dtype == np.int32
    assert sequence.tokens == ("c", "zebra", "b")
    assert sequence.offsets.tolist() == [[0, 1], [3, 8], [9, 10]]
    assert vocabulary.decode(sequence.ids) == "c <unk> b"


def test_words_keep_case_punctuation_and_entities():
    vocabulary = SequenceVocabulary.train(["l &apos;A a, \u00a0 ."])
    words = ["l", "&apos;A", "a,", "\u00a0", "."]
    assert spelled(vocabulary, " ".join(words)) == words


def test_size_and_frequency_bound_a_vocabulary():
    assert len(SequenceVocabulary.train(["a b c"], size=6)) == 6
    twice = SequenceVocabulary.train(["a a b"], min_frequency=2)
    assert spelled(twice, "a b") == ["a", "<unk>"]
    for kind in ("bpe", "unigram"):
        assert len(SequenceVocabulary.train(CORPUS, kind, size=140)) <= 140


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a b", ("a", "b")),
        ("Hello, (big) world!", ("Hello", ", ", "(", "big", ") ", "world", "!")),
        ("l'homme", ("l", "'", "homme")),
        ("a , b", ("a", " , ", "b")),
        ("मेरा नाम\u00a0!", ("मेरा", "नाम", "\u00a0!")),
    ],
)
def test_words_and_marks_keep_the_spaces_between_them(text, tokens):
    vocabulary = SequenceVocabulary.train([text], split="words")
    sequence = encoded(vocabulary, text)
    assert sequence.tokens == tokens
    assert vocabulary.decode(sequence.ids) == text


def test_words_that_are_not_in_the_vocabulary_join_as_words():
    vocabulary = SequenceVocabulary.train(["a, b"], split="words")
    assert vocabulary.tokens([4, 5, 6]) == [", ", "a", "b"]
    assert vocabulary.decode([5, 1, 4, 1, 6]) == "a <unk>, <unk> b"
    assert vocabulary.join(["in", "New York", ", ", "today"]) == "in New York, today"


def test_lower_case_is_what_is_looked_up_and_not_what_is_shown():
    for kind in KINDS:
        vocabulary = SequenceVocabulary.train(["İstanbul ΟΔΟΣ"], kind, lowercase=True)
        sequence = encoded(vocabulary, "İSTANBUL ΟΔΟΣ")
        assert vocabulary.decode(sequence.ids) == "istanbul οδος"
        assert vocabulary.join(sequence.tokens) == "İSTANBUL ΟΔΟΣ"


def test_no_character_changes_length_in_lower_case():
    characters = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    vocabulary = SequenceVocabulary.train(["a"], "character", lowercase=True)
    for start in range(0, len(characters), 100_000):
        part = characters[start : start + 100_000]
        assert len(encoded(vocabulary, part).ids) == len(part)


def test_characters_are_those_of_unicode():
    text = "e\u0301 👩‍👩‍👧ไทย"
    vocabulary = SequenceVocabulary.train([text], "character")
    sequence = encoded(vocabulary, text)
    assert sequence.tokens == tuple(text)
    assert sequence.offsets.tolist() == [[i, i + 1] for i in range(len(text))]
    assert vocabulary.decode(sequence.ids[::-1]) == text[::-1]


def test_bpe_merges_the_most_frequent_pairs():
    vocabulary = SequenceVocabulary.train(["ab ab ab ac"], "bpe", size=9)
    # Four characters, the space among them, and one merge.
    assert vocabulary.tokens(range(4, 9)) == [" ", "a", "b", "c", " a"]
    sequence = encoded(vocabulary, "ab ac")
    assert vocabulary.tokens(sequence.ids) == [" a", "b", " a", "c"]
    assert sequence.tokens == (" a", "b", " a", "c")
    assert sequence.offsets.tolist() == [[0, 1], [1, 2], [2, 4], [4, 5]]


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_unknown_characters_in_a_row_are_one_unknown(vocabularies, kind):
    sequence = encoded(vocabularies[kind], "the ЖЩ dog")
    assert sequence.ids.tolist().count(1) == 1
    assert "ЖЩ" in sequence.tokens
    assert vocabularies[kind].join(sequence.tokens) == "the ЖЩ dog"


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_rare_characters_are_unknown(kind):
    vocabulary = SequenceVocabulary.train(["aaa bbb q"], kind, min_frequency=2)
    assert 1 in encoded(vocabulary, "abq").ids
    assert 1 not in encoded(vocabulary, "ab").ids


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["<pad>", "<unk>", "<unk> <s>", "</s>", "a<unk>b"])
def test_no_text_spells_a_special_symbol(kind, text):
    for corpus in ([text], [*CORPUS, text] * 3):
        vocabulary = SequenceVocabulary.train(corpus, kind, size=400)
        ids = encoded(vocabulary, text).ids
        assert len(ids) > 0
        assert np.all(ids > 3)
        assert vocabulary.decode(ids) == text


@pytest.mark.parametrize("kind", KINDS)
def test_decoding_ends_at_the_end(vocabularies, kind):
    vocabulary = vocabularies[kind]
    ids = encoded(vocabulary, "the dog").ids.tolist()
    assert vocabulary.decode([2, 0, *ids, 3, *ids, 0]) == "the dog"
    assert vocabulary.decode([]) == ""
    assert len(encoded(vocabulary, "")) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_texts_give_the_same_vocabulary(kind):
    # Every word is seen as often as the others, so that nothing but ties is decided.
    texts = [f"{a}{b} {b}{a}{b}" for a in "abcdefg" for b in "hijkl"] + CORPUS
    trained = {
        SequenceVocabulary.train(texts, kind, size=150).to_json() for _ in range(4)
    }
    assert len(trained) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "syllable"}, "'word', 'character', 'bpe', 'unigram'"),
        ({"split": "tokens"}, "'whitespace', 'words'"),
        ({"size": 4}, "'size'.*5 or more"),
        ({"size": 20, "kind": "bpe"}, r"a size of \d+ or more"),
        ({"size": 20, "kind": "unigram"}, r"a size of \d+ or more"),
        ({"min_frequency": 0}, "'min_frequency'.*1 or more"),
    ],
)
def test_wrong_arguments(arguments, said):
    with pytest.raises(ArgumentError, match=said):
        SequenceVocabulary.train(CORPUS, **arguments)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_learn_from(kind):
    with pytest.raises(DataError, match="at least 3 times"):
        SequenceVocabulary.train(["ab", "cd"], kind, min_frequency=3)
    with pytest.raises(DataError, match=r"Text 1 .* character 1"):
        SequenceVocabulary.train(["a", "b\ud800"], kind)


def test_wrong_texts_and_ids(vocabularies):
    vocabulary = vocabularies["bpe"]
    with pytest.raises(ArgumentError, match=r"\[text\]"):
        vocabulary.encode("the dog")
    with pytest.raises(ArgumentError, match="Text 1"):
        vocabulary.encode(["the", 7])
    with pytest.raises(DataError, match="Text 0"):
        vocabulary.encode(["\ud800"])
    assert vocabulary.encode([]) == []
    for wrong in (-1, len(vocabulary)):
        with pytest.raises(ArgumentError, match="outside of the vocabulary"):
            vocabulary.decode([wrong])


def test_a_tokenised_corpus_comes_back(shared_data):
    path = shared_data / "multi30k" / "tok" / "val.lc.norm.tok.de.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        texts = [line.rstrip("\n") for line in file]
    counts = Counter(word for text in texts for word in text.split(" "))
    words = SequenceVocabulary.train(texts, min_frequency=2)
    assert len(words) == 4 + sum(count > 1 for count in counts.values())
    for vocabulary in (words, SequenceVocabulary.train(texts, "bpe", size=2_000)):
        for text, sequence in zip(texts, vocabulary.encode(texts), strict=True):
            if 1 not in sequence.ids:
                assert vocabulary.decode(sequence.ids) == text
            assert vocabulary.join(sequence.tokens) == text
