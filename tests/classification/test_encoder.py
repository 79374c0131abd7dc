"""A backbone of KerasHub as the encoder of a text classifier."""

import copy
import json
import pickle
import random
import re
import socket
import subprocess
import sys

import hub_encoders as hub
import keras
import numpy as np
import pytest

import regard
from light_compilation import light_compilation
from regard.bundle.manifest import PartDigest
from regard.classification._encoder import hub_encoder
from regard.classification._encoder.encoder_classifier import encoder_config
from regard.classification._encoder.encoder_network import EncoderNetwork, PieceInputs
from regard.classification._encoder.hub_encoder import HubEncoder
from regard.classification._encoder.text_pieces import PieceTokenizer
from regard.errors import ArgumentError, BundleError, DataError, MissingExtraError
from regard.inference import Limits, Question
from regard.inference.answer_columns import KeptAttention
from regard.inference.request_schema import PredictionRequest
from regard.kinds import kind_of
from regard.training import callbacks

SETTINGS = {"max_length": 16, "epochs": 1, "batch_size": 16, "learning_rate": 1e-2}
TEXT = "The films was BAD, feet!"
WORDS = ("The", "films", "was", "BAD", ",", "feet", "!")


@pytest.fixture(autouse=True, scope="module")
def _quick():
    with light_compilation():
        yield


@pytest.fixture(scope="module")
def tokenizer():
    return hub.word_pieces(lowercase=True)


@pytest.fixture(scope="module")
def pair(tokenizer):
    keras.utils.set_random_seed(0)
    return hub.bert(tokenizer), tokenizer


@pytest.fixture(scope="module")
def classifier(pair):
    texts, labels = hub.messages(64)
    classifier = regard.TextClassifier(seed=0, encoder=pair, **SETTINGS)
    return classifier.fit(texts, labels, validation_split=0)


@pytest.fixture(scope="module")
def bundle(classifier, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "encoder.regard"
    classifier.save(path)
    return path


# Pieces

TOKENIZERS = {
    "word pieces": hub.word_pieces,
    "word pieces, lower case": lambda: hub.word_pieces(lowercase=True),
    "word pieces, no accents": lambda: hub.word_pieces(
        lowercase=True, strip_accents=True
    ),
    "byte pairs": hub.byte_pairs,
    "sentence pieces": hub.sentence_pieces,
    "sentence pieces, folded": lambda: hub.sentence_pieces("nmt_nfkc_cf"),
}
CUT = {
    "The films, don't  feet!": ("The", "films", ",", "don't", "feet", "!"),
    "A FÊTE café cafe\u0301 Straße": ("A", "FÊTE", "café", "cafe\u0301", "Straße"),
    "我喜欢films.": ("我", "喜", "欢", "films", "."),
    "  \n the\tfilm\u00a0bad ": ("the", "film", "bad"),
    "½ \ufb01lm \uff26\uff4d": ("½", "\ufb01lm", "\uff26\uff4d"),
    "": (),
    " \n": (),
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_pieces_are_those_of_the_tokenizer_and_stand_in_words(name):
    given = TOKENIZERS[name]()
    reader = PieceTokenizer(given)
    for text, encoded in zip(CUT, reader.encode(list(CUT), 100), strict=True):
        # What stands between white space is told apart by one space.
        whole = np.asarray(given(" ".join(text.split()))).ravel()
        np.testing.assert_array_equal(encoded.ids - 1, whole)
        assert encoded.pieces(text) == CUT[text]
        assert len(encoded.words) == len(encoded.ids)
        assert sorted(set(encoded.words.tolist())) == list(range(len(CUT[text])))


@pytest.mark.parametrize("name", TOKENIZERS)
def test_emoji_are_whole_characters_of_the_text(name):
    text = "😀😀 the 👨\u200d👩\u200d👧 film…"
    (encoded,) = PieceTokenizer(TOKENIZERS[name]()).encode([text], 100)
    pieces = encoded.pieces(text)
    assert "".join(pieces) == "".join(text.split())
    assert {"the", "👨\u200d👩\u200d👧", "film", "…"} <= set(pieces)
    starts, ends = encoded.offsets.T
    assert np.all(starts < ends)
    assert np.all(ends[:-1] <= starts[1:])


def test_a_long_text_is_cut_behind_a_word(tokenizer):
    reader = PieceTokenizer(tokenizer)
    (encoded,) = reader.encode(["the films feet"], 4)  # the film ##s | fe ##et
    assert encoded.truncated
    assert encoded.pieces("the films feet") == ("the", "films")
    (encoded,) = reader.encode(["films"], 1)
    assert (len(encoded.ids), encoded.pieces("films")) == (1, ("films",))


def test_half_a_surrogate_pair_is_no_text(tokenizer):
    with pytest.raises(DataError, match=r"Text 1 .* character 4"):
        PieceTokenizer(tokenizer).encode(["the", "bad \ud800"], 10)


def test_values_of_pieces_are_summed_to_words_and_given_back(tokenizer):
    (encoded,) = PieceTokenizer(tokenizer).encode(["the films feet"], 10)
    values = np.array([[1.0, 2, 4, 8, 16]])
    np.testing.assert_array_equal(encoded.summed(values), [[1, 6, 24]])
    np.testing.assert_array_equal(encoded.summed(values.T, axis=0), [[1], [6], [24]])
    np.testing.assert_array_equal(encoded.spread(np.array([5, 6, 7])), [5, 6, 6, 7, 7])


@pytest.mark.backends
def test_what_a_backbone_reads_of_pieces():
    names = ("padding_mask", "segment_ids", "token_ids")
    layer = PieceInputs(101, 102, 9, names)
    # A text of three pieces, one with a hole, one of none.
    given = np.array([[6, 7, 8, 0], [6, 0, 8, 0], [0, 0, 0, 0]])
    seen = {
        name: keras.ops.convert_to_numpy(each).tolist()
        for name, each in layer(given).items()
    }
    assert seen["token_ids"] == [
        [101, 5, 6, 7, 102, 9],
        [101, 5, 9, 7, 102, 9],
        [101, 102, 9, 9, 9, 9],
    ]
    assert seen["padding_mask"] == [
        [1, 1, 1, 1, 1, 0],
        [1, 1, 0, 1, 1, 0],
        [1, 1, 0, 0, 0, 0],
    ]
    assert not np.any(seen["segment_ids"])


# A trained classifier


@pytest.mark.backends
def test_it_answers_and_tells_the_words_of_the_text(classifier):
    why = classifier.explain(TEXT)
    assert why.tokens == WORDS
    assert why.weights.shape == (len(WORDS),)
    np.testing.assert_allclose(why.weights.sum(), 1, atol=1e-5)
    logits = why.contributions.sum(axis=0) + why.bias
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(why.probabilities, expected, atol=1e-5)
    (answer,) = classifier.predict_proba([TEXT])
    np.testing.assert_allclose(answer, why.probabilities, atol=1e-6)


@pytest.mark.backends
def test_the_encoder_is_seen_by_the_same_call(classifier):
    seen = classifier.observe(TEXT)
    path = "encoder/transformer_layer_0/self_attention_layer"
    assert set(seen.attention) == {path, "attention"}
    pieces = classifier.spelled(TEXT)
    assert pieces[:4] == ("[CLS]", "the", "film", "##s")
    assert pieces[-2:] == ("!", "[SEP]")
    weights = seen.attention[path].weights[0, :, : len(pieces)]
    np.testing.assert_allclose(weights[..., : len(pieces)].sum(-1), 1, atol=1e-5)
    assert not weights[..., len(pieces) :].any()
    pooled = seen.attention["attention"].weights[0].mean(axis=0)
    (encoded,) = classifier.trained.reader.read([TEXT])
    np.testing.assert_allclose(
        encoded.summed(pooled[: len(encoded.ids)]),
        classifier.explain(TEXT).weights,
        atol=1e-6,
    )


def test_what_was_given_stays_as_it_is(pair, classifier):
    keras.utils.set_random_seed(0)
    fresh = hub.bert(pair[1])
    for given, expected in zip(pair[0].weights, fresh.weights, strict=True):
        np.testing.assert_array_equal(given, expected)
    trained = classifier.trained.encoder.backbone
    assert not np.array_equal(trained.weights[0], fresh.weights[0])


def test_stopped_and_resumed_from_batches_it_is_the_same(
    pair, classifier, monkeypatch, tmp_path
):
    monkeypatch.setattr(callbacks, "_SECONDS_BETWEEN_CHECKPOINTS", 0)
    monkeypatch.setattr(callbacks, "_SECONDS_BETWEEN_REPORTS", 0)
    texts, labels = hub.messages(64)
    steps = []

    def fit(stop=None):
        def progress(state):
            steps.append(state.step)
            if state.step == stop:
                raise OSError("stopped")

        made = regard.TextClassifier(seed=0, encoder=pair, **SETTINGS)
        return made.fit(
            ((texts[n : n + 24], labels[n : n + 24]) for n in range(0, 64, 24)),
            validation_split=0,
            checkpoint=tmp_path / "training",
            progress=progress,
        )

    with pytest.raises(OSError, match="stopped"):
        fit(stop=2)
    resumed = fit()
    # The second step was told before it was kept, and is done again.
    assert steps == [1, 2, 2, 3, 4]
    for weight, wanted in zip(
        resumed.trained.model.get_weights(),
        classifier.trained.model.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(weight, wanted)


@pytest.mark.backends
def test_it_is_saved_and_loaded_without_network(
    bundle, classifier, monkeypatch, tmp_path
):
    def refuse(*_args, **_kwargs):
        raise AssertionError("nothing is fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    loaded = regard.load(bundle)
    texts, _ = hub.messages(8, seed=1)
    np.testing.assert_array_equal(
        loaded.predict_proba(texts), classifier.predict_proba(texts)
    )
    assert loaded.explain(TEXT).tokens == WORDS
    loaded.save(tmp_path / "again.regard")
    first, again = (
        json.loads((path / "manifest.json").read_text())["parts"]["pieces.json"]
        for path in (bundle, tmp_path / "again.regard")
    )
    assert first == again


@pytest.mark.slow
def test_another_process_loads_it(bundle, classifier):
    code = """import sys, regard
print(regard.load(sys.argv[1]).predict_proba([sys.argv[2]]))"""
    told = subprocess.run(
        [sys.executable, "-c", code, str(bundle), TEXT],
        capture_output=True,
        text=True,
        check=True,
    )
    numbers = [float(each) for each in re.findall(r"[\d.e-]+\d", told.stdout)]
    np.testing.assert_allclose(numbers, classifier.predict_proba([TEXT])[0], atol=1e-5)


def test_copies_answer_the_same(classifier):
    copied = pickle.loads(pickle.dumps(classifier))  # noqa: S301 - made here
    np.testing.assert_array_equal(
        copied.predict_proba([TEXT]), classifier.predict_proba([TEXT])
    )
    assert copied.encoder.digest() == copied.trained.encoder.digest()


def test_one_that_is_not_trained_is_copied_with_its_encoder(pair):
    plain = regard.TextClassifier(encoder=pair)
    copied = copy.deepcopy(plain)
    assert copied.encoder.digest() == plain.encoder.digest()


def test_the_service_and_batch_jobs_tell_the_same_words(classifier):
    why = classifier.explain(TEXT)
    kind = kind_of(classifier)
    engine = kind.engine(classifier, Limits(), 1)
    (job,) = engine.read([Question(TEXT, PredictionRequest((TEXT,), html=True))])
    (answer,) = engine.compute([job])
    reply = engine.reply(job, answer)
    assert reply["tokens"] == WORDS
    assert "feet" in reply["html"]
    np.testing.assert_allclose(reply["weights"], why.weights, atol=1e-3)
    columns = kind.columns(classifier, KeptAttention(None))
    table = columns.to_arrow(columns.compute(columns.read([TEXT, "the film", ""])))
    tokens, _, weights = table[-3:]
    assert tokens.to_pylist() == [list(WORDS), ["the", "film"], []]
    np.testing.assert_allclose(weights.to_pylist()[0], why.weights, atol=1e-5)


@pytest.mark.backends
def test_its_words_are_examined(classifier):
    texts, _ = hub.messages(12, seed=2)
    subject = regard.trust.examination.SUBJECTS["text-classifier"](classifier, texts)
    every = np.arange(len(texts))
    baseline = subject.baseline(every)
    words = [len(classifier.explain(text).tokens) for text in texts[:1]]
    assert baseline.lengths[0] == words[0]
    np.testing.assert_allclose(baseline.weights.sum(-1), 1, atol=1e-5)
    # The weights that are told, put back, give the answers that were given.
    np.testing.assert_allclose(baseline.replayed, baseline.probabilities, atol=1e-5)
    keep = np.ones((len(texts), baseline.weights.shape[-1]), bool)
    draws = np.full(keep.shape, 0.5)
    for eraser in subject.erasers:
        np.testing.assert_allclose(
            subject.erased(every, keep, eraser, draws),
            baseline.probabilities,
            atol=1e-5,
        )


@pytest.mark.parametrize("name", ["gradient_x_input", "contribution"])
def test_attributions_have_a_score_for_each_piece(classifier, name):
    told = getattr(regard.explain, name)(classifier, [TEXT])
    pieces = len(classifier.spelled(TEXT)) - 2
    assert np.count_nonzero(told.scores[0]) == pieces
    assert told.tokens[0][:3] == ("The", "films", "films")


@pytest.mark.backends
def test_an_encoder_may_stay_as_it_is(pair):
    encoder = HubEncoder.of(pair)
    config = encoder_config(encoder, {"train_encoder": False})
    assert config.learning_rate > encoder_config(encoder, {}).learning_rate
    network = EncoderNetwork(encoder)
    model = network.build(2, config, seed=0)
    network.start(model, None, 2, config, seed=0)
    trained = {each.path.split("/")[0] for each in model.trainable_weights}
    assert trained == {"attention", "classes"}


@pytest.mark.backends
def test_a_network_is_the_same_from_the_same_seed(pair):
    encoder = HubEncoder.of(pair)
    network, config = EncoderNetwork(encoder), encoder_config(encoder, {})
    state = random.getstate()
    models = [network.build(2, config, seed=3) for _ in range(2)]
    assert random.getstate() == state
    for first, again in zip(*(model.variables for model in models), strict=True):
        np.testing.assert_array_equal(
            *map(keras.ops.convert_to_numpy, (first, again)), err_msg=first.path
        )


# What is refused


def test_other_settings_say_nothing(pair):
    texts, labels = hub.messages(8)
    with pytest.raises(ArgumentError, match="'ngram_order', 'subwords'"):
        regard.TextClassifier(encoder=pair, ngram_order=2, subwords=4).fit(
            texts, labels
        )
    with pytest.raises(ArgumentError, match="max_length of 16 or less"):
        regard.TextClassifier(encoder=pair, max_length=17).fit(texts, labels)
    with pytest.raises(ArgumentError, match="no encoder to train"):
        regard.TextClassifier(train_encoder=False).fit(texts, labels)


def test_a_file_is_not_read_from_disk_again_and_again(pair, tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("text,label\nthe film,a\nthe bad film,b\n")
    with pytest.raises(ArgumentError, match="stream=False"):
        regard.TextClassifier(encoder=pair).fit(path, stream=True)


def test_only_a_backbone_and_its_tokenizer_are_an_encoder(pair, tmp_path):
    backbone, tokenizer = pair
    with pytest.raises(ArgumentError, match="encoder=\\(keras_hub"):
        regard.TextClassifier(encoder=backbone)
    task = hub.keras_hub.models.BertTextClassifier(backbone=backbone, num_classes=2)
    with pytest.raises(ArgumentError, match=r"\(task\.backbone"):
        regard.TextClassifier(encoder=task)
    with pytest.raises(ArgumentError, match="This backbone cannot"):
        regard.TextClassifier(encoder=(keras.Sequential(), tokenizer))
    with pytest.raises(ArgumentError, match="more pieces than the backbone"):
        regard.TextClassifier(
            encoder=(hub.bert(tokenizer, vocabulary_size=9), tokenizer)
        )
    texts, labels = hub.messages(8)
    with pytest.raises(ArgumentError, match="Nothing is downloaded"):
        regard.TextClassifier(encoder="bert_base_en").fit(texts, labels)


def test_the_folder_of_a_preset_is_an_encoder(pair, tmp_path):
    for each in pair:
        each.save_to_preset(tmp_path)
    read = HubEncoder.of(tmp_path)
    assert read.digest() == HubEncoder.of(pair).digest()


def test_without_keras_hub_it_says_what_to_install(bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(
        (MissingExtraError, BundleError), match=r'"regard\[keras-hub\]"'
    ):
        regard.load(bundle)
    with pytest.raises(MissingExtraError, match=r'"regard\[keras-hub\]"'):
        regard.TextClassifier(encoder=(1, 2))


def test_it_is_not_trained_again_by_an_examination(classifier):
    with pytest.raises(ArgumentError, match="cannot be trained again"):
        regard.trust.retrained(classifier, [TEXT], ["no"], seed=1)


def test_its_parameters_are_those_it_was_made_with(pair):
    classifier = regard.TextClassifier(encoder=pair, epochs=2)
    assert "(BertBackbone, BertTokenizer)" in repr(classifier)
    again = regard.TextClassifier(**classifier.get_params())
    assert again.encoder is classifier.encoder
    assert again.settings == {"epochs": 2}


def test_another_encoder_is_another_training(pair, tokenizer):
    keras.utils.set_random_seed(1)
    other = EncoderNetwork(HubEncoder.of((hub.bert(tokenizer), tokenizer)))
    assert other.facts != EncoderNetwork(HubEncoder.of(pair)).facts
    assert EncoderNetwork(HubEncoder.of(pair)).facts == (
        EncoderNetwork(HubEncoder.of(pair)).facts
    )


# Files that nobody vouches for


def tampered(bundle, tmp_path, part, change):
    folder = tmp_path / "tampered.regard"
    folder.mkdir()
    for each in bundle.iterdir():
        (folder / each.name).write_bytes(each.read_bytes())
    content = change((folder / part).read_bytes())
    (folder / part).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = PartDigest.of(content)
    manifest["parts"][part] = {"size": digest.size, "sha256": digest.sha256}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def replaced(old, new):
    def change(content):
        stored = content.decode()
        assert old in stored
        return stored.replace(old, new).encode()

    return change


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"BertTokenizer"', '"GPT2Tokenizer"'),
        ('"lowercase": true', '"lowercase": "true"'),
        ('"lowercase"', '"name"'),
        ('"vocabulary.txt"', '"../vocabulary.txt"'),
        ("[UNK]\\n", ""),
    ],
)
def test_a_tokenizer_that_is_not_known_is_not_loaded(bundle, tmp_path, old, new):
    folder = tampered(bundle, tmp_path, "pieces.json", replaced(old, new))
    with pytest.raises(BundleError, match=r"pieces\.json"):
        regard.load(folder)


def test_other_classes_of_keras_hub_are_not_loaded(bundle, monkeypatch):
    monkeypatch.setattr(
        "regard.classification._encoder.encoder_classifier.BACKBONES", ("GPT2Backbone",)
    )
    with pytest.raises(BundleError, match="'BertBackbone' of 'keras_hub"):
        regard.load(bundle)


def test_every_class_that_is_taken_is_there():
    for name in (*hub_encoder.BACKBONES, *hub_encoder._TOKENIZERS):
        assert hasattr(hub.keras_hub.models, name)


# Elsewhere


def test_it_is_exported_with_its_pieces(classifier, tmp_path):
    pytest.importorskip("flatbuffers", reason="needs the extra export")
    exported = regard.export(classifier, tmp_path / "x.stablehlo")
    assert exported.difference < 1e-5
    assert json.loads(exported.notes["regard.pieces"])["class"] == "BertTokenizer"
    with pytest.raises(ArgumentError, match="Nothing makes the inputs"):
        regard.export(classifier, tmp_path / "y.stablehlo", reader=tmp_path / "y.py")
