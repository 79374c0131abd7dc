"""``regard trust`` on a classifier of a moment, and on wrong input."""

import importlib
import json
import os
import shutil
import signal
from dataclasses import replace

import pytest

import regard
import toy
from regard.bundle.trust_part import sealed
from regard.errors import BundleError
from regard.trust import TrustReport, Verdict
from regard_cli.progress_bar import examination_progress


@pytest.fixture(scope="module")
def bundle(toy_classifier, tmp_path_factory):
    path = tmp_path_factory.mktemp("trust") / "toy.regard"
    toy_classifier.save(path)
    return path


@pytest.fixture(autouse=True)
def _compiled(bundle, toy_classifier, monkeypatch):
    """What was compiled for the bundle is kept; changed copies of it are loaded."""
    load = regard.load

    def loaded(path):
        return toy_classifier if path == bundle else load(path)

    monkeypatch.setattr(regard, "load", loaded)


@pytest.fixture
def own(bundle, tmp_path):
    """A bundle that may be changed."""
    (tmp_path / "mine").mkdir()
    return shutil.copytree(bundle, tmp_path / "mine" / "toy.regard")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def examined(run, bundle, data):
    """Runs the command on the toy and its texts."""
    return lambda *options: run("trust", bundle, data, *options)


def contents(folder):
    return {each.name: each.read_bytes() for each in folder.iterdir()}


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
    other = tmp_path / "other.json"
    edited = json.loads(out.read_text()) | {"verdict": "misleads"}
    other.write_text(json.dumps(edited))
    for refused in (run("trust", other), run("trust", out, other)):
        assert refused.code == 2
        assert "changed after it was made" in refused.err
    replace(report, verdict=Verdict.MISLEADS).save(other)
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


def test_a_saved_report_is_no_file_of_texts(run, own, data, tmp_path):
    out = tmp_path / "trust.json"
    run("trust", own, data, "--n", "4", "--out", out)
    hint = run("trust", own, out)
    assert hint.code == 2
    assert f"{out} is a report, and {own} has none" in hint.err
    assert f"regard trust {out}." in hint.err
    run("trust", own, data, "--n", "4", "--save")
    assert run("trust", own, out).out == "Nothing changed.\n"
    saved = run("trust", own, out, "--save")
    assert (saved.code, saved.out) == (2, "")
    assert "no new one is made" in saved.err


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


def test_text_files_have_the_encoding_that_is_said(run, bundle, tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_bytes("a refund \xe9".encode("latin-1"))
    assert "not valid UTF-8" in run("trust", bundle, lines).err
    result = run("trust", bundle, lines, "--encoding", "latin-1")
    assert result.code == 0
    assert "lines.txt" in result.out


def test_a_missing_model_is_named(run, data, tmp_path):
    result = run("trust", tmp_path / "none.regard", data)
    assert result.code == 2
    assert "none.regard" in result.err


# The report in the bundle


def test_a_saved_report_is_shown_with_the_answers(run, own, data, tmp_path):
    before = contents(own)
    result = run("trust", own, data, "--n", "60", "--save")
    assert result.code == 0
    assert result.err == f"Put the report into {own}.\n"
    after = contents(own)
    assert {name for name in after if after[name] != before.get(name)} == {
        "README.md",
        "manifest.json",
        "trust.json",
    }
    line = TrustReport.load(own).line
    assert line.sentence.endswith("60 texts of messages.csv")
    told = run("predict", own, "where is my refund", "a parcel")
    assert told.err == f"The weights: {line.sentence}.\n"
    objects = run("predict", own, "where is my refund", "--json")
    assert objects.err == ""
    assert json.loads(objects.out)["trust"] == line.to_dict()
    # Two bundles are compared by their reports.
    assert run("trust", own, own).out == "Nothing changed.\n"
    page = tmp_path / "why.html"
    run("predict", own, "where is my refund", "--html", page)
    assert page.exists()


def test_a_person_is_told_once_how_to_get_one(run, bundle, monkeypatch):
    quiet = run("predict", bundle, "a refund")
    assert quiet.err == ""
    monkeypatch.setattr("regard_cli.models.sys.stderr.isatty", lambda: True)
    told = run("predict", bundle, "a refund", "my parcel")
    assert told.err.count("\n") == 1
    assert f"regard trust {bundle} DATA --save" in told.err
    assert run("predict", bundle, "a refund", "--json").err == ""


def test_a_report_on_another_model_is_said_once_and_not_used(run, own, data):
    run("trust", own, data, "--n", "4", "--save")
    stored = json.loads((own / "trust.json").read_text()) | {"model": "ab12"}
    vouch(own, json.dumps(sealed(stored)).encode())
    result = run("predict", own, "a refund")
    assert result.code == 0
    assert result.err.count("another model") == result.err.count("\n") == 1
    assert result.err.startswith("Warning: ")
    # A new one takes its place.
    assert run("trust", own, data, "--n", "4", "--save").code == 0
    assert "cannot tell" in run("predict", own, "a refund").err


def test_a_damaged_report_is_said_with_what_to_do(run, own, data, tmp_path):
    run("trust", own, data, "--n", "4", "--save")
    whole = (own / "trust.json").read_bytes()
    (own / "trust.json").write_bytes(whole[:-40])
    remedy = f"regard trust {own} DATA --save"
    page = tmp_path / "why.html"
    result = run("predict", own, "a refund", "--html", page)
    assert result.code == 0
    assert result.err.startswith(f"Warning: The trust.json of '{own}' is not used: ")
    assert remedy in result.err
    assert result.err.count("trust.json") == 1
    assert "cannot tell" not in page.read_text("utf-8")
    shown = run("trust", own)
    assert shown.code == 2
    assert remedy in shown.err
    assert "cannot be loaded" not in shown.err
    vouch(own, b"{}")
    assert run("predict", own, "a refund").code == 0
    assert run("trust", own, data, "--n", "4", "--save").code == 0
    assert "cannot tell" in run("predict", own, "a refund").err


def vouch(bundle, content):
    import hashlib

    (bundle / "trust.json").write_bytes(content)
    manifest = json.loads((bundle / "manifest.json").read_text())
    digest = hashlib.sha256(content).hexdigest()
    manifest["parts"]["trust.json"] = {"size": len(content), "sha256": digest}
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def test_what_quotes_no_text_holds_none(run, own, data):
    run("trust", own, data, "--n", "4", "--save")
    text = json.loads((own / "trust.json").read_text())["texts"]
    assert any("shown" in each for each in text)
    run("trust", own, data, "--n", "4", "--save", "--examples", "0")
    stored = (own / "trust.json").read_text()
    assert not any(word in stored for word in toy.WORDS.values())


def test_a_bundle_that_cannot_be_changed_is_refused_before_the_work(
    run, own, data, monkeypatch
):
    monkeypatch.setattr("regard.trust.examination.measure", None)
    (own / "notes.txt").write_text("mine")
    before = contents(own)
    result = run("trust", own, data, "--save")
    assert result.code == 2
    assert "'notes.txt'" in result.err
    assert contents(own) == before
    (own / "notes.txt").unlink()
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: mode != os.W_OK and access(path, mode)
    )
    result = run("trust", own, data, "--save")
    assert result.code == 2
    assert "may not be written" in result.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    examined, folder, monkeypatch
):
    monkeypatch.setattr("regard.trust.examination.measure", None)
    os.mkfifo("pipe.json")
    result = examined("--out", "pipe.json")
    assert result.code == 2
    assert "no file" in result.err
    (folder / "pipe.json").unlink()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("regard_cli.targets.NamedTemporaryFile", full)
    result = examined("--out", "trust.json")
    assert result.code == 2
    assert "No space left on device" in result.err
    assert list(folder.iterdir()) == []


def test_a_report_is_shown_where_it_cannot_be_kept(examined, folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TrustReport, "save", full)
    result = examined("--n", "4", "--out", "trust.json")
    assert result.code == 1
    assert result.out.startswith("CANNOT TELL")
    assert "No space left on device" in result.err


def test_an_interrupted_report_is_not_put_into_the_bundle(run, own, data, monkeypatch):
    monkeypatch.setattr("regard.trust.examination._PART", 16)
    own_measure = importlib.import_module("regard.trust.examination").measure

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        return own_measure(*arguments)

    monkeypatch.setattr("regard.trust.examination.measure", interrupted)
    before = contents(own)
    result = run("trust", own, data, "--save")
    assert result.code == 130
    assert "on 16 texts" in result.out
    assert "stayed as it was" not in result.out
    assert "stays as it was" in result.err
    assert contents(own) == before


def test_an_interrupt_before_there_is_a_report(examined, folder, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("regard.trust.examine", interrupted)
    result = examined("--out", "trust.json")
    assert (result.code, result.out) == (130, "")
    assert "there is no report" in result.err
    assert list(folder.iterdir()) == []


def test_an_interrupt_while_it_loads_ends_it_at_once(examined, monkeypatch):
    seen = []

    def load(_):
        seen.append(signal.getsignal(signal.SIGINT))
        raise BundleError("damaged")

    monkeypatch.setattr(regard, "load", load)
    assert examined().code == 2
    assert seen == [signal.SIG_DFL]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# Marks


def marked(path, marks):
    texts, _ = toy.messages(len(marks), seed=3)
    rows = [
        json.dumps({"text": text, "why": mark(text) if callable(mark) else mark})
        for text, mark in zip(texts, marks, strict=True)
    ]
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


def deciding(text):
    return [int(word in toy.WORDS.values()) for word in text.split()]


def test_weights_are_held_against_marks(run, bundle, tmp_path):
    file = marked(tmp_path / "marked.jsonl", [deciding] * 6 + [None, []])
    result = run("trust", bundle, file, "--gold", "why")
    assert result.code == 0
    heading, _, figures = result.out.partition("Plausibility")
    assert "mass" not in heading
    assert "on 6 texts with marks" in figures
    found = json.loads(run("trust", bundle, file, "--gold", "why", "--json").out)
    assert found["plausibility"]["precision"]["value"] > 0.9
    assert found["plausibility"]["texts"] == 6
    bare = json.loads(run("trust", bundle, file, "--json").out)
    assert bare["plausibility"] is None
    assert bare["verdict"] == found["verdict"]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("refund", "no marks"),
        ("[[0, 999]]", "line 2, column 'why': a mark lies outside"),
        ("[1, 0]", "for each of its 3 words"),
        ("{}", "no marks"),
        ("", "In none of the texts"),
    ],
)
def test_marks_that_are_none_name_their_line(run, bundle, tmp_path, cell, said):
    file = tmp_path / "marked.tsv"
    file.write_text(f"text\twhy\nwhere is refund\t{cell}\n")
    result = run("trust", bundle, file, "--gold", "why")
    assert (result.code, result.out) == (2, "")
    assert said in result.err


# Repetitions


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    path = tmp_path_factory.mktemp("training") / "training.csv"
    rows = zip(*toy.messages(60), strict=True)
    path.write_text("text,label\n" + "".join(f"{a},{b}\n" for a, b in rows))
    return path


def test_trained_again_from_other_seeds(examined, training, monkeypatch):
    asked = []

    def retrained(model, texts, labels, *, seed, progress):
        asked.append((len(texts), sorted(set(labels)), seed, callable(progress)))
        return model

    monkeypatch.setattr("regard.trust.retrained", retrained)
    options = ("--n", "60", "--seed", "7")
    result = examined("--retrain", "2", "--training", training, *options)
    assert result.code == 0
    # The seeds after that of the model, whatever the texts are drawn by.
    assert asked == [(60, sorted(toy.WORDS), seed, True) for seed in (1, 2)]
    once = examined(*options).out
    assert result.out.startswith(once)
    table = result.out.removeprefix(once)
    verdict = once.partition("\n")[0].lower()
    for seed in (1, 2):
        assert f"seed {seed}" + " " * 18 + verdict in table
    assert "lowest" in table
    assert f"{once.partition(chr(10))[0].lower()}: words" in result.err
    assert "Training again from seed 2." in result.err


def test_interrupted_between_repetitions(examined, training, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("regard.trust.retrained", interrupted)
    result = examined("--retrain", "2", "--training", training, "--n", "4")
    assert result.code == 130
    assert result.out.startswith("CANNOT TELL")
    assert "trained again 0 of 2 times" in result.err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,billing\nb,other\n", "the label 'other' was never seen"),
        ("a,billing\nb,delivery\n", "no text of the label 'account'"),
    ],
)
def test_another_training_file_is_refused(examined, tmp_path, rows, said):
    file = tmp_path / "other.csv"
    file.write_text(f"text,label\n{rows}")
    result = examined("--retrain", "1", "--training", file)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


# Wrong input, as a new user gives it


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--budget", "-1"], "--budget"),
        (["--budget", "inf"], "--budget"),
        (["--budget", "soon"], "--budget"),
        (["--n", "0"], "--n"),
        (["--n", "many"], "--n"),
        (["--examples", "-1"], "--examples"),
        (["--retrain", "-1"], "--retrain"),
        (["--retrain", "3"], "--training"),
        (["--training", "x.csv"], "--retrain"),
        (["--retrain", "1", "--training", "none.csv"], "no file none.csv"),
        (["--gold", "why"], "no column 'why'"),
        (["--encoding", "klingon"], "klingon"),
        (["--out", "."], "--out"),
        (["--colour"], "--colour"),
    ],
)
def test_wrong_options_name_the_option(examined, folder, arguments, said):
    result = examined(*arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert_for_people(result.err)
    assert list(folder.iterdir()) == []


def assert_for_people(said):
    """No traceback, and no argument of Python's."""
    assert "Traceback" not in said
    for name in ("texts=", "'n'", "'budget'", "'seed'", "gold=", "examine("):
        assert name not in said


@pytest.mark.parametrize(
    "case",
    [
        ("none.csv", None, "There is no file"),
        ("folder", "", "folder"),
        ("empty.csv", b"", "is empty"),
        ("head.csv", b"text\n", "no rows"),
        ("other.csv", b"review,stars\nfine,5\n", "no column 'text'"),
        ("near.csv", b"Text\nfine\n", "Did you mean 'Text'?"),
        ("blank.csv", b'text\n" "\n""\n', "no text to examine"),
        ("binary.csv", bytes(range(256)), "not valid UTF-8"),
        ("wide.csv", "text\nfine\n".encode("utf-16-le"), "NUL byte"),
        ("null.csv", b"text\nfi\0ne\n", "NUL byte"),
        ("latin.csv", "text\ncaf\xe9\n".encode("latin-1"), "line 2, byte 4"),
        ("quote.csv", b'text\n"fine\n', "line 2"),
        ("odd.xyz", b"text\n", "format"),
        ("empty.jsonl", b"", "empty"),
        ("wrong.jsonl", b"[1]\n", "line 1"),
        ("empty.txt", b"", "no text"),
        ("broken.parquet", b"PAR1", "parquet"),
    ],
)
def test_files_of_ones_own(run, bundle, folder, case):
    name, content, said = case
    path = folder / name
    if name == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    result = run("trust", bundle, path)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert_for_people(result.err)


def test_a_text_of_a_million_words_is_read_as_far_as_the_model_does(
    run, bundle, tmp_path
):
    path = tmp_path / "huge.txt"
    path.write_text("refund " * 1_000_000 + "\n")
    result = run("trust", bundle, path)
    assert result.code == 0
    assert "1 text is too few" in result.out


@pytest.mark.parametrize(
    "case",
    [
        ("none.regard", "it does not exist"),
        ("model.keras", "neither a bundle"),
        ("report.json", "no report"),
        ("empty.regard", "manifest.json"),
        ("broken.regard", "model.keras"),
    ],
)
def test_models_that_are_none(run, bundle, data, tmp_path, case):
    name, said = case
    path = tmp_path / name
    if name.startswith("broken"):
        shutil.copytree(bundle, path)
        (path / "model.keras").write_bytes(b"PK")
    elif name.startswith("empty"):
        path.mkdir()
    elif not name.startswith("none"):
        path.write_bytes(b"{}")
    result = run("trust", path, data)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert_for_people(result.err)


def test_two_bundles_without_reports(run, bundle):
    result = run("trust", bundle, bundle)
    assert result.code == 2
    assert "--save" in result.err


def test_a_report_is_no_stranger_in_a_bundle(run, own, data):
    before = contents(own)
    result = run("trust", own, data, "--out", own / "trust.json")
    assert result.code == 2
    assert "--save" in result.err
    assert contents(own) == before


def test_a_page_of_a_new_report_of_a_saved_one_and_of_two(run, bundle, data, tmp_path):
    saved, page = tmp_path / "trust.json", tmp_path / "page.html"
    options = ("--n", "60", "--examples", "1")
    made = run("trust", bundle, data, *options, "--out", saved, "--html", page)
    assert made.code == 0
    first = page.read_text("utf-8")
    assert "<h1>May these weights be read as reasons?</h1>" in first
    assert "Texts that attention explains best" in first
    page.unlink()
    shown = run("trust", saved, "--html", page)
    assert shown.out == made.out
    assert page.read_text("utf-8") == first
    assert json.loads(run("trust", saved, "--json").out) == json.loads(
        saved.read_text("utf-8")
    )
    both = run("trust", saved, saved, "--html", page)
    assert both.out == "Nothing changed.\n"
    assert "<li>Nothing changed.</li>" in page.read_text("utf-8")


def test_a_page_that_cannot_be_written_is_refused_before(run, bundle, data, tmp_path):
    for page, said in (("page.txt", ".html"), ("none/page.html", "no folder")):
        result = run("trust", bundle, data, "--html", tmp_path / page)
        assert result.code == 2
        assert said in result.err
        assert result.out == ""


def test_nothing_new_is_saved_of_a_report_that_is_shown(run, bundle, tmp_path):
    report = tmp_path / "trust.json"
    report.write_text("{}")
    for option in (["--out", tmp_path / "other.json"], ["--save"]):
        result = run("trust", report, *option)
        assert result.code == 2
        assert option[0] in result.err
    assert "without a report" in run("trust", bundle).err


# The time left


@pytest.mark.parametrize(
    ("budget", "told"),
    [(None, ["1:30", "0:16", "0:00"]), (15, ["0:05", "0:03", "0:00"])],
)
def test_what_is_compiled_first_is_not_taken_for_the_pace(monkeypatch, budget, told):
    from rich.progress import Progress

    # Ten seconds for the first tenth, then two for each.
    times = iter([0.0, 10.0, 12.0, 28.0])
    monkeypatch.setattr("regard_cli.progress_bar.time.monotonic", lambda: next(times))
    states = []
    monkeypatch.setattr(
        Progress, "update", lambda *_, state, **__: states.append(state)
    )
    monkeypatch.setattr("regard_cli.progress_bar._console_and_bar", _silent)
    with examination_progress(budget) as show:
        for done in (30, 60, 300):
            show(done, 300)
    assert [state.split()[-2] for state in states] == told


def _silent():
    from rich.progress import Progress

    return None, Progress(disable=True)


def test_options_of_a_translator_are_refused_before_anything_is_read(examined):
    result = examined("--source", "text")
    assert (result.code, result.out) == (2, "")
    assert "Invalid value for --source" in result.err
    assert "text-classifier, which has no use for it" in result.err
