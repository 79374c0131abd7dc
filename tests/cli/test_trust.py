"""``regard trust`` on a classifier of a moment, and on wrong input."""

import importlib
import json
import signal

import pytest

import toy
from regard.trust import TrustReport


@pytest.fixture(scope="module")
def bundle(toy_classifier, tmp_path_factory):
    path = tmp_path_factory.mktemp("trust") / "toy.regard"
    toy_classifier.save(path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "messages.csv"
    texts, _ = toy.messages(80, seed=3)
    path.write_text("text\n" + "".join(f"{text}\n" for text in texts))
    return path


def test_a_report_for_people(run, bundle, data):
    result = run("trust", bundle, data, "--n", "60")
    assert result.code == 0
    first, _, sentence, *_ = result.out.splitlines()
    assert first in {"EXPLAINS", "POINTS ONLY"}
    assert sentence.endswith("on 60 texts of messages.csv, for this model only.")
    assert "words hole" in result.out


def test_a_report_for_programs_is_the_one_that_is_saved(run, bundle, data, tmp_path):
    out = tmp_path / "trust.json"
    result = run("trust", bundle, data, "--n", "60", "--json", "--out", out)
    assert json.loads(result.out) == json.loads(out.read_text())
    report = TrustReport.load(out)
    assert len(report.texts) == 60
    same = run("trust", out, out)
    assert same.out == "Nothing changed.\n"
    changed = json.loads(out.read_text()) | {"verdict": "misleads"}
    other = tmp_path / "other.json"
    other.write_text(json.dumps(changed))
    said = run("trust", out, other).out
    assert said == f"verdict: {report.verdict} before, misleads now\n"
    refused = run("trust", out, other, "--out", tmp_path / "third.json")
    assert refused.code == 2
    assert "--out" in refused.err
    assert json.loads(run("trust", out, other, "--json").out) == {
        "changes": [said.strip()]
    }
    assert run("trust", out, other, "--require", "points only").code == 3
    assert run("trust", other, out, "--require", "points only").code == 0


def test_too_few_texts_cannot_tell_and_are_not_enough(run, bundle, tmp_path):
    few = tmp_path / "few.txt"
    few.write_text("the refund\nmy parcel\na password\n")
    result = run("trust", bundle, few, "--require", "points only")
    assert result.code == 3
    assert result.out.startswith("CANNOT TELL")
    assert "3 texts are too few: 50 or more are needed." in result.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--budget", "0"], "--budget"),
        (["--n", "0"], "--n"),
        (["--seed", "-1"], "--seed"),
        (["--require", "splendid"], "--require"),
        (["--text", "review"], "'review'"),
        (["--out", "nowhere/trust.json"], "no folder"),
    ],
)
def test_wrong_options_are_refused(run, bundle, data, arguments, said):
    result = run("trust", bundle, data, *arguments)
    assert result.code == 2
    assert said in result.err
    assert result.out == ""


@pytest.mark.parametrize(
    ("content", "said"), [("", "empty"), ("text\n", "no rows"), ("text\n\n", "no rows")]
)
def test_files_without_texts_are_refused(run, bundle, tmp_path, content, said):
    path = tmp_path / "empty.csv"
    path.write_text(content)
    result = run("trust", bundle, path)
    assert result.code == 2
    assert said in result.err


def test_what_is_read_is_not_written_over(run, bundle, data):
    before = data.read_bytes()
    result = run("trust", bundle, data, "--out", data)
    assert result.code == 2
    assert "is read, and would be written over" in result.err
    assert data.read_bytes() == before


def test_an_interrupted_examination_is_reported_and_not_taken_for_done(
    run, bundle, data, monkeypatch
):
    monkeypatch.setattr("regard.trust.examination._PART", 16)
    measure = "regard.trust.examination.measure"
    own = importlib.import_module("regard.trust.examination").measure
    calls = []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return own(*arguments)

    monkeypatch.setattr(measure, interrupted)
    result = run("trust", bundle, data, "--require", "explains")
    assert result.code == 130
    assert "on 32 texts of messages.csv (of 80 asked for" in result.out
    assert "Interrupted" in result.err


def test_a_table_is_known_by_its_last_suffix(run, bundle, data, tmp_path):
    table = tmp_path / "names.txt.csv"
    table.write_bytes(data.read_bytes())
    assert "80 texts of names.txt.csv" in run("trust", bundle, table).out


def test_text_files_are_utf_8(run, bundle, tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text("a refund")
    result = run("trust", bundle, lines, "--encoding", "latin-1")
    assert result.code == 2
    assert "--encoding" in result.err


def test_a_missing_model_is_named(run, data, tmp_path):
    result = run("trust", tmp_path / "none.regard", data)
    assert result.code == 2
    assert "none.regard" in result.err
