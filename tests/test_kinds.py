"""A new kind of trained thing is a class and a row: nothing else needs to know it."""

import json
import re
import sys
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import pytest
from keras.src.utils import module_utils
from starlette.testclient import TestClient
from typer.testing import CliRunner

import regard
import regard_cli
from regard.bundle import PartNames, write_bundle
from regard.errors import ArgumentError, BundleError, ExportError
from regard.inference import Job, RequestError, RequestSchema, Shapes
from regard.inference.json_format import NUMBER, TEXT, array, record
from regard.kinds import KINDS, kind_of
from regard.serve import Limits, create_app
from regard.types import Explanation
from regard_cli.app import app as commands

SOURCES = [Path(module.__file__).parent for module in (regard, regard_cli)]


# The toy: it knows some words, and looks at those of a text that it knows.


class WordSpotter:
    """Labels a text "known" where it has one of some words."""

    kind = "word-spotter"
    labels = ("known", "unknown")

    def __init__(self, words, weight=1.0):
        self.words, self.weight = frozenset(words), weight

    def explain(self, text):
        spans = [match.span() for match in re.finditer(r"\S+", text)]
        tokens = tuple(text[start:end] for start, end in spans)
        known = np.array([token in self.words for token in tokens], dtype=float)
        is_known = bool(known.any())
        weights = known if is_known else np.ones(len(tokens))
        return Explanation(
            text=text,
            label=self.labels[not is_known],
            labels=self.labels,
            probabilities=np.array([is_known, not is_known], dtype=float),
            tokens=tokens,
            offsets=np.array(spans, dtype=int).reshape(-1, 2),
            weights=weights / max(weights.sum(), 1),
        )

    def predict(self, texts):
        return [self.explain(text).label for text in texts]

    def evaluate(self, texts, labels):
        pairs = zip(self.predict(texts), labels, strict=True)
        return Share(sum(told == right for told, right in pairs) / len(labels))

    def save(self, path):
        words = json.dumps(sorted(self.words)).encode()
        write_bundle(path, self.kind, {"words.json": words})


class Share:
    """The share of texts that are right."""

    def __init__(self, value):
        self.value = value

    def to_dict(self):
        return {"right": self.value}


class WordSpotterKind:
    """All that the rest of the library has to know of it."""

    name = WordSpotter.kind
    parts = PartNames(frozenset({"words.json"}), optional=frozenset({"weight.json"}))
    batch_size = 2
    shades = ("attention",)
    text_column = "text"
    request_examples: ClassVar = {"one": {"inputs": "a known word"}}

    def facts(self, model):
        return {"labels": list(model.labels)}

    def load(self, bundle):
        with bundle.reading("words.json") as content:
            words = json.loads(content)
        if "weight.json" not in bundle.parts:
            return WordSpotter(words)
        with bundle.reading("weight.json") as content:
            return WordSpotter(words, json.loads(content))

    def answer(self, model, texts):
        return [model.explain(text) for text in texts]

    def to_json(self, answer):
        return {"told": answer.label}

    def to_row(self, answer):
        return {"told": answer and answer.label}

    def plot(self, answers, left_out=0, *, shade="attention"):
        return regard.plot.TextPlot(answers, left_out, shade)

    def evaluate(self, model, data, options):
        rows = [line.split("\t") for line in data[0].read_text().splitlines()]
        assert options["reading"]["encoding"] == "utf-8"
        return model.evaluate(*zip(*rows, strict=True))

    def evaluation_table(self, evaluation):
        return f"right {evaluation.value:.0%}\n"

    def request_schema(self, _, limits):
        return RequestSchema(limits, ("spots",))

    def response_schema(self):
        return record({"told": TEXT, "weights": array(NUMBER)}, optional=("weights",))

    def exportable(self, _):
        raise ExportError("A word spotter has no network.")

    def engine(self, model, limits, batch_size):
        return WordSpotterEngine(model, limits, batch_size)


class WordSpotterEngine:
    def __init__(self, model, limits, batch_size):
        self.model, self.limits, self.batch_size = model, limits, batch_size
        self.shapes = Shapes([limits.tokens], [1])

    def read(self, questions):
        return list(map(self.job, questions))

    def job(self, question):
        words = question.text.split()
        if len(words) > self.limits.tokens:
            return RequestError.over_limit(422, "tokens", self.limits.tokens, "Long.")
        return Job(question, words, self.shapes.bucket(0))

    def compile(self, shape):
        self.model.explain("")
        self.shapes.add(shape)

    def compute(self, jobs):
        return [self.model.explain(job.question.text) for job in jobs]

    def reply(self, job, answer):
        reply = {"told": answer.label}
        with_weights = job.question.request.with_weights
        return reply | ({"weights": answer.weights} if with_weights else {})


@pytest.fixture
def spotter(monkeypatch):
    """A model of a new kind. This is the row."""
    monkeypatch.setitem(KINDS, "word-spotter", WordSpotterKind)
    return WordSpotter({"refund", "parcel"})


@pytest.fixture
def bundle(spotter, tmp_path):
    path = tmp_path / "spotter.regard"
    spotter.save(path)
    return path


def command(*arguments):
    result = CliRunner().invoke(commands, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="it is there")
def test_loading_imports_no_other_backend(toy_translator, tmp_path, monkeypatch):
    def fail():
        raise AssertionError("TensorFlow is imported")

    bundle = tmp_path / "de-en.regard"
    toy_translator.save(bundle)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(module_utils.tensorflow, "_available", None)
    monkeypatch.setattr(module_utils.tensorflow, "initialize", fail)
    assert regard.load(bundle).translate("ein hund")
    with pytest.raises(AssertionError, match="TensorFlow is imported"):
        assert module_utils.tensorflow.available


@pytest.mark.parametrize("odd", [5, None, b"x", ["x"], {}])
def test_what_is_no_path_is_not_loaded(odd):
    with pytest.raises(ArgumentError, match=r"'path'.*the path of a bundle"):
        regard.load(odd)


def test_it_is_loaded_and_predicts_and_explains(bundle):
    model = regard.load(bundle)
    assert model.words == {"refund", "parcel"}
    assert model.predict(["my refund", "hello"]) == ["known", "unknown"]
    assert model.explain("my refund").weights.tolist() == [0, 1]
    assert model.evaluate(["my refund"], ["known"]).value == 1
    assert kind_of(model).name == "word-spotter"


def test_its_bundle_may_lack_an_optional_part_but_no_other(bundle, tmp_path):
    words = b'["a"]'
    write_bundle(
        tmp_path / "with", "word-spotter", {"words.json": words, "weight.json": b"3"}
    )
    assert regard.load(tmp_path / "with").weight == 3
    assert regard.load(bundle).weight == 1
    write_bundle(tmp_path / "without", "word-spotter", {"weight.json": b"3"})
    with pytest.raises(BundleError, match=r"\['words.json'\] and may have \['weight"):
        regard.load(tmp_path / "without")
    write_bundle(tmp_path / "more", "word-spotter", {"words.json": words, "x": b""})
    with pytest.raises(BundleError, match="lists the parts"):
        regard.load(tmp_path / "more")


def test_the_command_line_predicts_with_it(bundle, tmp_path):
    page = tmp_path / "why.html"
    shown = command("predict", bundle, "my refund", "the parcel", "--html", page)
    assert "[refund 1.000]" in shown
    assert page.read_text("utf-8").count("<article") == 2
    file = tmp_path / "in.txt"
    file.write_text("my refund\nhello\n\n")
    lines = command("predict", bundle, "--file", file, "--json").splitlines()
    told = [json.loads(line)["told"] for line in lines]
    assert told == ["known", "unknown", "unknown"]


def test_the_command_line_evaluates_it(bundle, tmp_path):
    data = tmp_path / "data.tsv"
    data.write_text("my refund\tknown\nmy parcel\tunknown\n")
    assert command("evaluate", bundle, data) == "right 50%\n"
    assert json.loads(command("evaluate", bundle, data, "--json")) == {"right": 0.5}


def test_the_command_of_one_kind_refuses_it(bundle):
    result = CliRunner().invoke(commands, ["translate", str(bundle), "a"])
    assert result.exit_code == 2
    assert "holds no translator" in result.output


def test_it_is_served(bundle, spotter):
    app = create_app({"file": bundle, "memory": spotter}, limits=Limits(tokens=4))
    with TestClient(app, base_url="http://localhost") as client:
        for name in ("file", "memory"):
            address = f"/v1/models/{name}/predict"
            reply = client.post(address, json={"inputs": ["my refund", "a"]}).json()
            assert reply["kind"] == "word-spotter"
            # Of a kind that carries no report, too.
            assert reply["trust"] is None
            assert reply["predictions"] == [
                {"told": "known", "weights": [0, 1]},
                {"told": "unknown", "weights": [1]},
            ]
            refused = client.post(address, json={"inputs": "a b c d e"})
            assert (refused.status_code, refused.json()["limit"]) == (422, "tokens")
        listed = client.get("/v1/models").json()["models"][0]
        assert (listed["layers"], listed["beams"]) == (["spots"], [])
        paths = client.get("/openapi.json").json()["paths"]
        post = paths["/v1/models/file/predict"]["post"]
        asked = post["requestBody"]["content"]["application/json"]
        assert asked["examples"] == {"one": {"value": {"inputs": "a known word"}}}
        assert "beam" not in asked["schema"]["properties"]


def test_it_says_what_of_it_is_exported(bundle, tmp_path):
    pytest.importorskip("flatbuffers", reason="needs the extra export")
    with pytest.raises(ExportError, match="has no network"):
        regard.export(bundle, tmp_path / "x.stablehlo")


def test_without_its_row_it_is_unknown(bundle, spotter, monkeypatch):
    monkeypatch.delitem(KINDS, "word-spotter")
    with pytest.raises(BundleError, match="kind 'word-spotter' is unknown"):
        regard.load(bundle)
    with pytest.raises(ArgumentError, match="a WordSpotter"):
        create_app({"a": spotter})
    with pytest.raises(ArgumentError, match="text-classifier, translator"):
        kind_of("a path")


# Nobody branches by kind.

#: Where a kind is named: its row, its package, and the command that only it has.
NAMED = {"kinds.py", "classification", "translation", "translate.py"}
#: Whose ``kind`` is that of something else: a vocabulary, a layer, a picture, a dtype.
OTHERS = {
    *("data", "explain", "legacy", "observation", "plot", "tasks", "text"),
    *("translation", "trust"),
}
BRANCHES = [
    re.compile(r"\b(if|elif|while)\b.*\bkind(\.name)?\s*(==|!=|\bin\b)"),
    re.compile(r"\bmatch\b.*\bkind"),
    re.compile(r"\b(isinstance|issubclass)\(.*\b(TextClassifier|Translator)\b"),
    re.compile(r"\b(is|is not|==|!=) (regard\.)?(TextClassifier|Translator)\b"),
]


def lines_of_code():
    """Every line, its place, and the room that it is in."""
    for source in SOURCES:
        for path in sorted(source.rglob("*.py")):
            room = path.relative_to(source).parts[0]
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                yield line, f"{path}:{number}", room


def branches(line, patterns=BRANCHES):
    return any(pattern.search(line) for pattern in patterns)


def test_nothing_branches_by_kind():
    classes = BRANCHES[2:]
    assert not [
        place
        for line, place, room in lines_of_code()
        if branches(line, classes if room in OTHERS else BRANCHES)
    ]


def test_a_kind_is_named_in_its_row_and_its_package_alone():
    name = re.compile("|".join(f"[\"']{name}[\"']" for name in KINDS))
    assert not [
        place
        for line, place, room in lines_of_code()
        if name.search(line) and room not in NAMED
    ]


@pytest.mark.parametrize(
    "line",
    [
        "    if bundle.kind == translating.KIND:",
        "if kind in {'a'}:",
        "elif model.kind.name != 'a':",
        "match kind:",
        "    if not isinstance(model, regard.Translator):",
        "x = type(model) is TextClassifier",
    ],
)
def test_the_same_check_sees_a_branch(line):
    assert branches(line)
