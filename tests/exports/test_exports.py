"""Models as programs that run without Keras, and texts as their inputs."""

import ast
import importlib.util
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import regard
import toy
from light_compilation import light_compilation
from regard._backend import backend_name
from regard.errors import ArgumentError, ExportError, MissingExtraError
from regard.exports import exporter
from regard.exports.text_reader import TextReader

pytest.importorskip("onnxruntime", reason="needs the extra export")
pytest.importorskip("flatbuffers", reason="needs the extra export")

# What this process writes itself.
OWN = {"jax": "stablehlo", "torch": "onnx"}.get(backend_name())
TEXTS = [
    "My parcel was lost, don't tell me it's on the page!",
    "",
    "[PAD] [UNK] refund",
    "Zürich ½ naïve 東京 👩‍👩‍👧 \u2019s",
    "password " * 40,
]


@pytest.fixture(autouse=True, scope="module")
def _quick():
    with light_compilation():
        yield


@pytest.fixture(scope="module")
def classifier():
    settings = toy.SETTINGS | {"epochs": 1}
    return regard.TextClassifier(seed=0, **settings).fit(*toy.messages(60))


@pytest.fixture(scope="module")
def exported(classifier, tmp_path_factory):
    """The classifier as this process writes it, or another one for it."""
    folder = tmp_path_factory.mktemp("exported")
    path = folder / f"toy.{OWN or 'stablehlo'}"
    return regard.export(classifier, path, reader=folder / "read_toy.py")


def ran(exported, inputs):
    """The outputs of the program in a file, by their names."""
    content = exported.path.read_bytes()
    names = [port.name for port in exported.outputs]
    if exported.format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(content)
        told = session.get_modelmeta().custom_metadata_map
        assert told == exported.notes
        return dict(zip(names, session.run(names, inputs), strict=True))
    from jax import export

    assert json.loads(exported.beside.read_text("utf-8")) == exported.notes
    given = export.deserialize(bytearray(content)).call(**inputs)
    return {name: np.asarray(given[name]) for name in names}


def check_answers(exported, classifier, texts, reader):
    batch = reader.read(texts)
    given = ran(exported, {"tokens": batch.rows})
    answers = reader.answers(batch, given["probabilities"], given["attention"])
    for answer, why in zip(answers, classifier.explain(texts), strict=True):
        assert answer.label == why.label
        assert answer.tokens == why.tokens
        assert answer.truncated == why.truncated
        np.testing.assert_array_equal(answer.offsets, why.offsets)
        np.testing.assert_allclose(answer.weights, why.weights, atol=1e-5)
        shares = list(answer.probabilities.values())
        np.testing.assert_allclose(shares, why.probabilities, atol=1e-5)


@pytest.mark.backends
def test_a_classifier_answers_texts_from_its_file(exported, classifier):
    assert [port.name for port in exported.outputs] == ["probabilities", "attention"]
    assert exported.outputs[1].axes == ("batch", 2, "time")
    assert json.loads(exported.notes["regard.axes"]) == {
        "attention": ["batch", "heads", "keys"]
    }
    assert exported.difference < 1e-5
    assert exported.size == exported.path.stat().st_size
    reader = exported.path.with_name("read_toy.py")
    spec = importlib.util.spec_from_file_location("read_toy", reader)
    written = importlib.util.module_from_spec(spec)
    sys.modules["read_toy"] = written
    spec.loader.exec_module(written)
    check_answers(exported, classifier, TEXTS, written.TextReader(exported.notes))


ALONE = """
import json, sys
for name in ("keras", "jax", "torch", "tensorflow", "regard"):
    sys.modules[name] = None
import onnxruntime
from read_toy import TextReader

session = onnxruntime.InferenceSession("toy.onnx")
reader = TextReader(session.get_modelmeta().custom_metadata_map)
batch = reader.read(json.loads(sys.argv[1]))
outputs = session.run(["probabilities", "attention"], {"tokens": batch.rows})
told = reader.answers(batch, *outputs)
print(json.dumps([[one.label, one.probability, one.weights.tolist()] for one in told]))
"""


@pytest.mark.backends
@pytest.mark.skipif(OWN != "onnx", reason="where this process writes ONNX")
def test_onnx_answers_without_any_of_what_wrote_it(exported, classifier):
    assert exported.opset == 18
    process = subprocess.run(
        [sys.executable, "-c", ALONE, json.dumps(TEXTS)],
        cwd=exported.path.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    told = json.loads(process.stdout)
    for (label, share, weights), why in zip(
        told, classifier.explain(TEXTS), strict=True
    ):
        assert label == why.label
        assert share == pytest.approx(why.probability, abs=1e-5)
        np.testing.assert_allclose(weights, why.weights, atol=1e-5)
    # Where it was made is nobody's business.
    assert b"site-packages" not in exported.path.read_bytes()


# TensorFlow asks another process for every format, every day.
@pytest.mark.slow
@pytest.mark.skipif(OWN != "stablehlo", reason="where another process writes ONNX")
def test_another_process_writes_onnx(classifier, tmp_path):
    pytest.importorskip("torch", reason="PyTorch writes ONNX")
    exported = regard.export(classifier, tmp_path / "toy.onnx")
    check_answers(exported, classifier, TEXTS, TextReader(exported.notes))


def test_what_reads_texts_imports_nothing_but_numpy_and_tokenizers():
    tree = ast.parse(exporter._reader())
    names = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {
        node.module.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    assert names - set(sys.stdlib_module_names) == {"numpy", "tokenizers"}


def test_notes_of_something_else_are_refused(classifier):
    with pytest.raises(ValueError, match="notes of a text classifier"):
        TextReader({"regard.version": "2"})


def recurrent_model():
    """Each recurrent layer, in each direction, under masks of any form."""
    inputs = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(20, 6, mask_zero=True)(inputs)
    x = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))(x)
    x = regard.layers.GRU(3, go_backwards=True, return_sequences=True)(x)
    x = keras.layers.GRU(3, reset_after=False, return_sequences=True)(x)
    x = keras.layers.SimpleRNN(4, use_bias=False, return_sequences=True)(x)
    x, weights = regard.layers.AttentionPooling("last", name="pool")(
        x, return_attention_scores=True
    )
    last = keras.layers.Dense(2, activation="softmax", name="out")(x)
    return keras.Model(inputs, {"weights": weights, "classes": last})


@pytest.mark.backends
@pytest.mark.skipif(OWN is None, reason="TensorFlow writes neither format")
def test_recurrent_layers_run_for_any_length_and_mask(tmp_path):
    model = recurrent_model()
    exported = regard.export(model, tmp_path / "model", format=OWN)
    names = [port.name for port in exported.outputs]
    assert names == ["classes", "weights", "pool"]
    ids = np.random.default_rng(0).integers(1, 20, (5, 9)).astype("int32")
    ids[0, 5:] = ids[1, :3] = ids[2, 2:6] = ids[3] = 0
    given = ran(exported, {"ids": ids})
    expected = model.predict(ids, verbose=0)
    np.testing.assert_allclose(given["classes"], expected["classes"], atol=1e-5)
    np.testing.assert_allclose(given["pool"], expected["weights"], atol=1e-5)
    np.testing.assert_allclose(given["weights"], expected["weights"], atol=1e-5)
    # The model is as it was.
    np.testing.assert_array_equal(
        model.predict(ids, verbose=0)["classes"], expected["classes"]
    )


def attending_model():
    """Two sequences of their own lengths, attention of this library and of Keras."""
    inputs = {
        name: keras.Input((None, 4), name=name) for name in ("queries", "documents")
    }
    x = regard.layers.SelfAttention(score="additive", units=3, name="own")(
        inputs["queries"]
    )
    x = keras.layers.MultiHeadAttention(2, 3, name="heads")(x, inputs["documents"])
    return keras.Model(inputs, keras.layers.Dense(2, name="out")(x))


@pytest.mark.backends
@pytest.mark.skipif(OWN is None, reason="TensorFlow writes neither format")
def test_each_attention_layer_and_each_length_has_its_name(tmp_path, monkeypatch):
    model = attending_model()
    exported = regard.export(model, tmp_path / "model", format=OWN)
    said = {port.name: port.axes for port in (*exported.inputs, *exported.outputs)}
    assert said == {
        "documents": ("batch", "documents_time", 4),
        "queries": ("batch", "queries_time", 4),
        "out": ("batch", "queries_time", 2),
        "own": ("batch", 1, "queries_time", "queries_time"),
        "heads": ("batch", 2, "queries_time", "documents_time"),
    }
    # What it computes was seen above.
    monkeypatch.setattr(exporter, "largest_difference", lambda *_: 0.0)
    few = regard.export(model, tmp_path / "few", format=OWN, layers="heads")
    assert [port.name for port in few.outputs] == ["out", "heads"]


def small_model():
    inputs = keras.Input((None, 3))
    x = regard.layers.AttentionPooling(name="pool")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, name="classes")(x))


class Twice(keras.Model):
    def call(self, inputs):
        return 2 * inputs


@pytest.mark.parametrize(
    ("path", "options", "said"),
    [
        ("x.pb", {}, "ends in .onnx or .stablehlo"),
        ("x", {"format": "pb"}, "'onnx'"),
        ("x.stablehlo", {"reader": "read.py"}, "Nothing makes the inputs"),
        ("none/x.stablehlo", {}, "there is no folder"),
    ],
)
def test_wrong_arguments_are_refused(path, options, said, tmp_path):
    with pytest.raises(ArgumentError, match=said):
        regard.export(small_model(), tmp_path / path, **options)
    assert not list(tmp_path.iterdir())


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(ExportError, match="does not say what its inputs are"):
        regard.export(Twice(), tmp_path / "x.stablehlo")
    with pytest.raises(ArgumentError, match="of no kind"):
        regard.export([], tmp_path / "x.stablehlo")
    assert not list(tmp_path.iterdir())


def test_a_translator_says_why_it_is_not_exported(tmp_path):
    with pytest.raises(ExportError, match="its search runs the network once for each"):
        regard.export(regard.Translator(), tmp_path / "x.onnx")


def test_a_missing_package_is_named_with_what_installs_it(
    classifier, tmp_path, monkeypatch
):
    find = importlib.util.find_spec
    for missing, extra in (("onnxscript", "export"), ("torch", "export,torch")):
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, missing=missing: None if name == missing else find(name),
        )
        with pytest.raises(MissingExtraError, match=rf'"regard\[{extra}\]"'):
            regard.export(classifier, tmp_path / "x.onnx")


@pytest.mark.skipif(OWN != "stablehlo", reason="where this process writes StableHLO")
def test_a_program_with_other_numbers_is_not_written(tmp_path, monkeypatch):
    model, other = small_model(), small_model()
    right = exporter.written

    def wrong(traced, form):
        return right(exporter.TracedModel(other), form)

    monkeypatch.setattr(exporter, "written", wrong)
    with pytest.raises(ExportError, match="the output 'classes' of the program"):
        regard.export(model, tmp_path / "x.stablehlo")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(OWN != "stablehlo", reason="where this process writes StableHLO")
@pytest.mark.parametrize("settings", [{"sharpness": 1.0}])
def test_texts_of_several_labels_have_theirs(settings, tmp_path):
    texts, labels = toy.messages(40)
    sets = [[label, "billing"] if n % 3 else [label] for n, label in enumerate(labels)]
    sets = [sorted(set(each)) for each in sets]
    settings = toy.SETTINGS | {"epochs": 1} | settings
    classifier = regard.TextClassifier(seed=0, **settings).fit(texts, sets)
    exported = regard.export(classifier, tmp_path / "x.stablehlo")
    reader = TextReader(exported.notes)
    batch = reader.read(texts[:6])
    given = ran(exported, {"tokens": batch.rows})
    answers = reader.answers(batch, given["probabilities"], given["attention"])
    for answer, why in zip(answers, classifier.explain(texts[:6]), strict=True):
        assert answer.given == why.given
        np.testing.assert_allclose(answer.weights, why.weights, atol=1e-5)
