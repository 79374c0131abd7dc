"""Word vectors in a classifier: which words it knows, what they say, what is kept."""

import json

import keras
import numpy as np
import pytest

import regard
import toy
from light_compilation import light_compilation
from regard.classification.initialization import FeatureNetwork
from regard.classification.known_vectors import KnownVectors
from regard.classification.vector_evidence import VectorRegression, shares_of
from regard.errors import ArgumentError, DataError
from regard.text import Tokenizer, WordVectors
from regard.training.batches import EncodedExamples

# Words that no text of the training holds, near to those that decide.
NEAR = {"account": "login", "billing": "payback", "delivery": "package"}
TEXTS, LABELS = toy.messages(90)
SETTINGS = {"max_length": 16, "subwords": 0, "calibration_folds": 0, "epochs": 1}


@pytest.fixture(autouse=True, scope="module")
def _quick():
    with light_compilation():
        yield


def vectors() -> WordVectors:
    """Words of a kind have nearly the same vector; filler is anywhere."""
    generator = np.random.default_rng(0)
    words, rows = ["New_York"], [np.ones(6)]
    for place, label in enumerate(sorted(toy.WORDS)):
        for word in (toy.WORDS[label], NEAR[label]):
            words.append(word)
            rows.append(3 * np.eye(6)[place] + 0.1 * generator.normal(size=6))
    for word in [*toy.FILLER, "elsewhere"]:
        words.append(word)
        rows.append(np.r_[np.zeros(3), generator.normal(size=3)])
    return WordVectors(words, np.asarray(rows))


def write(path, found: WordVectors) -> str:
    path.write_text(
        "".join(
            " ".join([word, *map(str, row)]) + "\n"
            for word, row in zip(found.words, found.values.tolist(), strict=True)
        ),
        encoding="utf-8",
    )
    return str(path)


@pytest.fixture(scope="module")
def learned():
    return regard.TextClassifier(**SETTINGS).fit(TEXTS, LABELS, vectors=vectors())


@pytest.mark.backends
def test_words_that_were_never_seen_say_what_words_like_them_say(learned):
    for label, word in NEAR.items():
        why = learned.explain(f"the order of {word} in my week")
        assert why.label == label
        assert why.tokens[why.weights.argmax()] == word
        logits = why.contributions.sum(axis=0) + why.bias
        shares = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(shares, why.probabilities, atol=1e-5)


@pytest.mark.backends
@pytest.mark.parametrize("freeze", [False, True])
def test_what_is_saved_needs_no_vectors(learned, freeze, tmp_path):
    kept = learned
    if freeze:
        kept = regard.TextClassifier(**SETTINGS, freeze_vectors=True)
        kept.fit(TEXTS, LABELS, vectors=write(tmp_path / "v.txt", vectors()))
        (tmp_path / "v.txt").unlink()
        frozen = kept.model.get_layer("features")
        assert frozen.frozen == kept.trained.reader.tokenizer.vocabulary_size
        assert frozen.frozen_table.name == "frozen_table"
        assert [each.name for each in frozen.trainable_weights] == ["table"]
        assert np.abs(keras.ops.convert_to_numpy(frozen.frozen_table)).max() > 1
        assert kept.predict(["my payback"]) == ["billing"]
        record = json.loads(kept._parts()["training.json"])
        assert record["examples"]["words_with_vectors"] == 14
        assert record["examples"]["other_words"] == 4
    kept.save(tmp_path / "x.regard")
    again = regard.load(tmp_path / "x.regard")
    texts = [*TEXTS[:3], "my payback of it", "nothing known"]
    np.testing.assert_allclose(
        again.predict_proba(texts), kept.predict_proba(texts), atol=1e-6
    )
    assert again.trained.config.freeze_vectors is freeze


def test_streamed_from_disk_it_is_the_same_classifier(tmp_path):
    pytest.importorskip("pyarrow")
    file = tmp_path / "data.csv"
    rows = [f'"{text}",{label}' for text, label in zip(TEXTS, LABELS, strict=True)]
    file.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    path = write(tmp_path / "v.txt", vectors())
    made = [
        regard.TextClassifier(**SETTINGS).fit(
            str(file), stream=stream, vectors=path, checkpoint=tmp_path / f"{stream}.c"
        )
        for stream in (False, True)
    ]
    asked = [*TEXTS[:5], "payback"]
    np.testing.assert_array_equal(*[each.predict_proba(asked) for each in made])
    # It went on from there; with other vectors it is another training.
    other = WordVectors(vectors().words, vectors().values + 1)
    for stream in (False, True):
        with pytest.raises(ArgumentError, match="another training"):
            regard.TextClassifier(**SETTINGS).fit(
                str(file),
                stream=stream,
                vectors=other,
                checkpoint=tmp_path / f"{stream}.c",
            )


def test_as_many_words_are_added_as_there_is_room_for():
    tokenizer = Tokenizer.train(TEXTS, 1000)
    size = tokenizer.vocabulary_size
    more, known = KnownVectors.of(vectors(), tokenizer, size + 2)
    # First ones first, and no phrase.
    assert [more.word(id_) for id_ in (size, size + 1)] == ["login", "payback"]
    assert more.vocabulary_size == size + 2
    assert known.learned == size
    np.testing.assert_allclose(np.linalg.norm(known.table[2:], axis=1), 1, rtol=1e-6)
    # None of its own ids is another one now.
    ids = [each.encode(TEXTS[:5], 99) for each in (tokenizer, more)]
    for one, other in zip(*ids, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
    assert KnownVectors.of(vectors(), tokenizer, size)[0].vocabulary_size == size


def test_a_word_is_looked_for_as_it_is_and_else_in_any_case():
    tokenizer = Tokenizer.train(["paris refund straße"], 1000)
    rows = np.eye(5)
    for words, place in (
        (["Paris", "PARIS", "paris", "b", "c"], 2),
        (["PARIS", "Paris", "a", "b", "c"], 0),
    ):
        more, known = KnownVectors.of(WordVectors(words, rows), tokenizer, 1000)
        (encoded,) = more.encode(["Paris"], 9)
        np.testing.assert_array_equal(known.table[encoded.ids[0]], rows[place])


def test_vectors_of_another_language_are_refused(tmp_path):
    strange = WordVectors(["ночь", "улица"], np.eye(2))
    with pytest.raises(DataError, match="None of the words"):
        regard.TextClassifier(**SETTINGS).fit(TEXTS, LABELS, vectors=strange)
    with pytest.raises(DataError, match=r"none\.txt"):
        regard.TextClassifier(**SETTINGS).fit(
            TEXTS, LABELS, vectors=tmp_path / "none.txt"
        )


def test_vectors_of_zeros_are_none():
    tokenizer = Tokenizer.train(["paris is a city"], 100)
    nothing = WordVectors(["paris", "city"], np.zeros((2, 4)))
    with pytest.raises(DataError, match="None of the words of the texts has a vector"):
        KnownVectors.of(nothing, tokenizer, 100)


def test_wrong_arguments_are_refused():
    with pytest.raises(ArgumentError, match=r"WordVectors\(words, values\)"):
        regard.TextClassifier().fit(TEXTS, LABELS, vectors={"a": [1.0]})
    with pytest.raises(ArgumentError, match="no vectors to freeze"):
        regard.TextClassifier(freeze_vectors=True).fit(TEXTS, LABELS)


def test_the_regression_reads_the_mean_of_a_text():
    table = np.zeros((6, 2), np.float32)
    table[2:] = [[1, 0], [-1, 0], [0, 1], [0, -1]]
    known = KnownVectors(table, 6)
    documents = [np.asarray([[word], [4]]) for word in (2, 3)] * 20
    train = EncodedExamples(documents, np.asarray([0, 1] * 20))
    found = VectorRegression.of(known, train, 2)
    # What tells them apart is the first number; of two classes one is the other's.
    assert found.weights[2, 0] > 1
    assert found.weights[3, 0] < -1
    np.testing.assert_allclose(found.weights[:, 0], -found.weights[:, 1], atol=1e-6)
    np.testing.assert_allclose(found.weights[:2], 0)
    scores = found.scores(documents[:2])
    by_hand = [(found.weights[word] + found.weights[4]) / 2 for word in (2, 3)]
    np.testing.assert_allclose(scores, np.stack(by_hand) + found.bias, atol=1e-6)


def test_a_model_that_says_nothing_gets_a_small_share():
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 2, 400)
    good = np.where(np.eye(2)[targets], 1.0, -1.0) + generator.normal(size=(400, 2))
    noise = 3 * generator.normal(size=(400, 2))
    asked = EncodedExamples([np.zeros((1, 1), np.int32)] * 400, targets)
    shares = shares_of(np.stack([good, noise]), asked)
    assert shares[0] > 0.8
    assert shares[1] < 0.2


def test_learned_attention_has_the_vectors_in_its_embedding():
    made = regard.TextClassifier(
        **(toy.SETTINGS | {"subwords": 0, "epochs": 1, "naive_bayes": 0.0})
    ).fit(TEXTS, LABELS, vectors=vectors())
    network = FeatureNetwork(made.trained.reader.features)
    assert network.facts == {}
    tokenizer = made.trained.reader.tokenizer
    table = keras.ops.convert_to_numpy(made.model.get_layer("features").table)
    login, password = (
        table[tokenizer.encode([word], 1)[0].ids[0]] for word in ("login", "password")
    )
    # Never seen, and yet beside the word it is like.
    assert login @ password > 0.3 * (login @ login)
