"""``regard train classify`` and ``regard evaluate``, and both for real once."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

import regard
from regard._lock import locked
from regard.classification import ClassificationProgress
from regard.errors import CheckpointWarning, DataWarning
from regard.training.checkpoint import Checkpoint, save_checkpoint
from regard.training.example_cache import cache_of
from regard_cli.progress_bar import training_progress

SOURCE = Path(regard.__file__).parents[1]
METRICS = """\
accuracy 0.7500
macro F1 0.7000
loss     0.5000 nats
ECE      0.0250

label  precision     recall         F1   examples
bad       1.0000     0.5000     0.6000      1,200
良い      0.0000     0.0000     0.0000          3
"""


def test_training_tells_what_happens_and_saves(run, fake, table, tmp_path):
    out = tmp_path / "x.regard"
    options = ["--epochs", 7, "--batch-size", 8, "--seed", 3]
    result = run("train", "classify", table, "--out", out, *options)
    assert result.code == 0
    assert result.out == METRICS
    assert result.err.splitlines() == [
        "2 texts, 2 labels",
        "  bad                           1   50.0%",
        "  good                          1   50.0%",
        "words in a text         2 to 2, median 2",
        "characters              9 to 9, median 9",
        "Looks wrong:",
        "- Of the labels 'bad' (1) and 'good' (1) there is a single text each.",
        "epoch  1  loss 0.600  accuracy 0.600  validation loss 0.500  accuracy 0.700"
        "  1:01",
        f"Saved {out}.",
        "On the validation examples:",
    ]
    texts = ["fine film", "poor film"]
    assert fake.trained_on == (texts, ["good", "bad"], None, 7, 8, 3)
    assert out.is_dir()


def test_labels_and_examples_count_as_the_command_says(
    run, fake, tmp_path, monkeypatch
):
    table, seen = tmp_path / "data.csv", {}
    table.write_text("text,label,w\nfine film,good,1\npoor film,bad,2.5\n,bad,9\n")
    plain = fake.__init__

    def noted(self, seed=0, devices=None, **settings):
        seen.update(settings)
        plain(self, seed, devices)

    def fit(self, *_, sample_weight, validation, **__):
        seen.update(sample_weight=sample_weight, validation=validation)

    monkeypatch.setattr(fake, "__init__", noted)
    monkeypatch.setattr(fake, "fit", fit)
    options = ["--class-weight", "bad=3", "--class-weight", "a=b=2", "--clean"]
    options += ["--sample-weight", "w", "--choose-by", "loss", "--validation", table]
    result = run("train", "classify", table, "--out", tmp_path / "x.regard", *options)
    assert result.code == 0, result.err
    texts, labels = ["fine film", "poor film"], ["good", "bad"]
    assert seen == {
        "class_weight": {"bad": 3, "a=b": 2},
        "choose_by": "loss",
        "sample_weight": [1, 2.5],
        "validation": (texts, labels, [1, 2.5]),
    }
    for wrong in ("even", "=3", "bad=much"):
        options = ["--out", tmp_path / "y.regard", "--class-weight", wrong]
        result = run("train", "classify", table, *options)
        assert result.code == 2
        assert "neither balanced nor LABEL=WEIGHT" in " ".join(result.err.split())
    options += ["--class-weight", "balanced"]
    options[3] = "bad=3"
    result = run("train", "classify", table, *options)
    assert result.code == 2
    assert "balanced weighs every label" in result.err


def test_an_encoder_of_a_folder(run, fake, table, tmp_path, monkeypatch):
    seen = {}
    plain = fake.__init__

    def noted(self, seed=0, devices=None, **settings):
        seen.update(settings)
        plain(self, seed, devices)

    monkeypatch.setattr(fake, "__init__", noted)
    options = ["--out", tmp_path / "x.regard", "--encoder", tmp_path / "preset"]
    result = run("train", "classify", table, *options)
    assert (result.code, seen) == (2, {})
    assert "no folder" in result.err
    (tmp_path / "preset").mkdir()
    (tmp_path / "preset" / "config.json").write_text("{}")
    result = run("train", "classify", table, *options)
    assert result.code == 0, result.err
    assert seen == {"encoder": str(tmp_path / "preset")}


def test_word_vectors_of_a_file(run, fake, table, tmp_path, monkeypatch):
    seen = {}
    plain = fake.__init__

    def noted(self, seed=0, devices=None, **settings):
        seen.update(settings)
        plain(self, seed, devices)

    def fit(self, *_, vectors, **__):
        seen.update(vectors=vectors)

    monkeypatch.setattr(fake, "__init__", noted)
    monkeypatch.setattr(fake, "fit", fit)
    file = tmp_path / "v.txt"
    options = ["--out", tmp_path / "x.regard", "--vectors", file]
    result = run("train", "classify", table, *options)
    assert (result.code, seen) == (2, {})
    assert "There is no file" in result.err
    file.write_text("film 1\n", encoding="utf-8")
    result = run("train", "classify", table, *options, "--freeze-vectors")
    assert result.code == 0, result.err
    assert seen == {"vectors": file, "freeze_vectors": True}
    result = run("train", "classify", table, *options, "--checkpoint", file)
    assert result.code == 2
    assert file.read_text(encoding="utf-8") == "film 1\n"


def test_a_loss_that_rounds_to_zero_has_no_sign(capsys):
    place = {"epoch": 1, "epochs": 1, "step": 1, "steps": 1}
    times = {"seconds": 1.0, "seconds_left": 0.0}
    losses = {"loss": -1e-9, "validation_loss": -0.0}
    right = {"accuracy": 1.0, "validation_accuracy": 1.0}
    with training_progress() as show:
        show(ClassificationProgress(**place, **times, **losses, **right))
    assert (
        "loss 0.000  accuracy 1.000  validation loss 0.000" in capsys.readouterr().err
    )


def test_other_columns_another_encoding_and_a_validation_file(run, fake, tmp_path):
    train, held_out = tmp_path / "train.csv", tmp_path / "held.tsv"
    train.write_bytes("mark,body\n1,café\n0,thé\n".encode("latin-1"))
    held_out.write_bytes("body\tmark\nté\t0\n".encode("latin-1"))
    options = ["--text", "body", "--label", "mark", "--encoding", "latin-1"]
    options += ["--validation", held_out, "--out", tmp_path / "x.regard"]
    assert run("train", "classify", train, *options).code == 0
    expected = (["café", "thé"], ["1", "0"], (["té"], ["0"]))
    assert fake.trained_on[:3] == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text,label\nfine,good\nodd\n", "line 3: too few fields"),
        ("text,mark\nfine,good\n", "there is no column 'label'"),
        ("", "is empty"),
    ],
)
def test_wrong_data(run, fake, tmp_path, content, said):
    data = tmp_path / "data.csv"
    data.write_text(content)
    result = run("train", "classify", data, "--out", tmp_path / "x.regard")
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert fake.trained_on == ()
    assert list(tmp_path.iterdir()) == [data]


DIRTY = """text,label
fine film,good
great film,Good
poor film,bad
dull film,"bad "
a film,NaN
,good
odd film,
so so,good
"""


def test_dirty_labels_are_told_and_made_classes_by_no_mistake(run, fake, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text(DIRTY.replace("odd film,\n", ""))
    result = run("train", "classify", data, "--out", tmp_path / "x.regard")
    assert result.code == 0
    told = result.err
    assert "7 texts, 5 labels" in told
    assert "  good                          3   42.9%\n" in told
    assert "- There is a label 'NaN' (1): so programs write what is missing." in told
    assert "- The labels 'good' (3) and 'Good' (1) differ in case or space" in told
    assert "- The labels 'bad' (1) and 'bad ' (1) differ" in told
    assert "- 1 row has no text." in told
    assert "--clean mends" in told
    # It is told, and not more than asked is done.
    assert fake.trained_on[1].count("bad ") == 1


def test_missing_labels_are_refused_with_their_line_and_a_way_out(run, fake, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text(DIRTY)
    result = run("train", "classify", data, "--out", tmp_path / "x.regard")
    assert result.code == 2
    assert "line 8: the label in column 'label' is empty" in result.err
    assert "--clean" in result.err
    assert fake.trained_on == ()


def test_cleaning_mends_and_says_what_it_did(run, fake, tmp_path):
    data, held_out = tmp_path / "data.csv", tmp_path / "held.csv"
    data.write_text(DIRTY)
    held_out.write_text("text,label\nfine,GOOD\nno,\npoor,None\n")
    command = ["train", "classify", data, "--out", tmp_path / "x.regard"]
    result = run(*command, "--clean", "--validation", held_out)
    assert result.code == 0, result.err
    texts = ["fine film", "great film", "poor film", "dull film", "so so"]
    assert fake.trained_on[0] == texts
    assert fake.trained_on[1] == ["good", "good", "bad", "bad", "good"]
    assert fake.trained_on[2] == (["fine"], ["good"])
    assert result.err.splitlines()[:7] == [
        f"{data}: Left out 2 rows without a label.",
        f"{data}: Left out 1 row without a text.",
        f"{data}: Took the label 'Good' (1) for 'good'.",
        f"{data}: Took the label 'bad ' (1) for 'bad'.",
        f"{held_out}: Left out 2 rows without a label.",
        f"{held_out}: Took the label 'GOOD' (1) for 'good'.",
        "5 texts, 2 labels",
    ]
    assert "Looks wrong" not in result.err


def test_text_and_label_are_two_columns(run, fake, table, tmp_path):
    columns = ["--text", "label", "--label", "label"]
    for command in (["train", "classify", table], ["evaluate", "x.regard", table]):
        out = ["--out", tmp_path / "x.regard"] if command[0] == "train" else []
        result = run(*command, *out, *columns)
        assert (result.code, result.out) == (2, "")
        assert "the same column" in result.err
    assert fake.trained_on == ()


def test_one_class_only(run, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("text,label\nfine film,good\ngreat film,good\n")
    result = run("train", "classify", data, "--out", tmp_path / "x.regard")
    assert result.code == 2
    assert "'good'" in result.err
    assert not (tmp_path / "x.regard").exists()


def test_a_validation_label_never_seen_is_placed(run, fake, table, tmp_path):
    held_out = tmp_path / "held.csv"
    held_out.write_text("text,label\nfine,good\nso,middling\n")
    options = ["--validation", held_out, "--out", tmp_path / "x.regard"]
    result = run("train", "classify", table, *options)
    assert result.code == 2
    assert "line 3: the label 'middling' was never seen" in result.err
    assert fake.trained_on == ()


def test_an_interrupt_keeps_the_best_model(run, fake, table, tmp_path):
    fake.interrupts = "later"
    out = tmp_path / "x.regard"
    result = run("train", "classify", table, "--out", out)
    assert result.code == 130
    assert "keeping the best model so far" in result.err
    assert f"Saved {out}." in result.err
    assert out.is_dir()


def test_an_interrupt_before_there_is_a_model(run, fake, table, tmp_path):
    fake.interrupts = "at once"
    out = tmp_path / "x.regard"
    result = run("train", "classify", table, "--out", out)
    assert result.code == 130
    assert "there is no model yet" in result.err
    assert not out.exists()


def test_an_interrupt_while_it_is_saved_loses_nothing(
    run, fake, table, tmp_path, monkeypatch
):
    fake.interrupts = "later"
    save = fake.save

    def pressed(self, path):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        save(self, path)

    monkeypatch.setattr(fake, "save", pressed)
    out = tmp_path / "x.regard"
    result = run("train", "classify", table, "--out", out)
    assert result.code == 130
    assert f"Saved {out}." in result.err
    assert out.is_dir()


@pytest.fixture
def full_disks(fake, monkeypatch):
    """Folders in which nothing can be saved."""
    folders: list[Path] = []
    save = fake.save

    def saved(self, path):
        if any(folder in path.parents for folder in folders):
            raise OSError(28, "No space left on device", str(path))
        save(self, path)

    monkeypatch.setattr(fake, "save", saved)
    return folders


def test_a_full_disk_does_not_lose_the_model(
    run, full_disks, table, tmp_path, monkeypatch
):
    full, free = tmp_path / "full", tmp_path / "free"
    for folder in (full, free):
        folder.mkdir()
    full_disks.append(full)
    monkeypatch.chdir(full)
    monkeypatch.setattr(tempfile, "tempdir", str(free))
    out = full / "x.regard"
    result = run("train", "classify", table, "--out", out)
    assert result.code == 1
    said = f"Error: {out} cannot be written: No space left on device. The model is in "
    assert said in result.err
    [kept] = free.glob("*/x.regard")
    assert f"The model is in {kept}." in result.err
    # What could not take it has nothing of it.
    assert [path.name for path in full.iterdir()] == ["x.regard.checkpoint"]


def test_where_all_disks_are_full_the_training_goes_on_from_its_checkpoint(
    run, full_disks, table, tmp_path, monkeypatch
):
    full_disks.append(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    out = tmp_path / "x.regard"
    result = run("train", "classify", table, "--out", out)
    assert result.code == 1
    assert "could be saved nowhere" in result.err
    assert f"The training is in {out}.checkpoint: make room" in result.err
    full_disks.clear()
    again = run("train", "classify", table, "--out", out)
    assert again.code == 0
    assert f"Going on from {out}.checkpoint." in again.err
    assert sorted(tmp_path.iterdir()) == [table, out]


@pytest.mark.parametrize("command", ["classify", "translate"])
def test_two_trainings_do_not_end_in_one_place(run, fake, command, table, tmp_path):
    out = tmp_path / "x.regard"
    with locked(out):
        result = run("train", command, table, "--out", out)
    assert result.code == 2
    assert f"Process {os.getpid()} on " in result.err
    assert f"is working on '{out}'" in result.err
    assert fake.trained_on == ()
    assert list(tmp_path.iterdir()) == [table]


def test_a_checkpoint_that_cannot_be_written_is_a_line(
    run, fake, table, tmp_path, monkeypatch
):
    fit = fake.fit

    def warned(self, *arguments, **options):
        warnings.warn("No space left. It goes on.", CheckpointWarning, stacklevel=2)
        fit(self, *arguments, **options)

    monkeypatch.setattr(fake, "fit", warned)
    result = run("train", "classify", table, "--out", tmp_path / "x.regard")
    assert result.code == 0
    assert "\nWarning: No space left. It goes on.\n" in result.err


def test_a_classifier_goes_on_or_begins_anew(run, fake, table, tmp_path):
    out = tmp_path / "x.regard"
    checkpoint = tmp_path / "x.regard.checkpoint"
    fake.interrupts = "later"
    result = run("train", "classify", table, "--out", out)
    assert f"{checkpoint} has how far it is: the same command" in result.err
    fake.interrupts = None
    out.rmdir()
    anew = run("train", "classify", table, "--out", out, "--restart")
    assert "Going on" not in anew.err
    out.rmdir()
    checkpoint.touch()
    again = run("train", "classify", table, "--out", out)
    assert f"Going on from {checkpoint}." in again.err
    assert not checkpoint.exists()


def test_what_is_streamed_is_handed_on_unread(run, fake, table, tmp_path, monkeypatch):
    given = []

    def fit(self, file, *, validation, checkpoint, **_):
        given.append((file, validation, checkpoint))
        warnings.warn("A label. " + file.mending, DataWarning, stacklevel=2)
        folder = cache_of(checkpoint)
        folder.mkdir()
        (folder / "about.json").touch()

    monkeypatch.setattr(fake, "fit", fit)
    out, place = tmp_path / "x.regard", tmp_path / "place"
    options = ["--stream", "--delimiter", ",", "--checkpoint", place]
    options += ["--validation", table]
    result = run("train", "classify", table, "--out", out, *options)
    assert result.code == 0, result.err
    [(file, validation, checkpoint)] = given
    assert file.files == validation.files == (table,)
    assert file.reading["delimiter"] == validation.reading["delimiter"] == ","
    assert checkpoint == place
    assert f"Reading {table} from disk, about 0 MB of text." in result.err
    assert "Warning: A label. --clean mends what can be mended of that." in result.err
    # What was read is not needed any more.
    assert set(tmp_path.iterdir()) == {table, out}
    other = tmp_path / "y.regard"
    refused = run("train", "classify", table, "--out", other, "--stream", "--clean")
    assert refused.code == 2
    assert "This cannot be streamed. Expected: a file, as it is" in refused.err


@pytest.mark.parametrize("wrong", ["nowhere", "host:", ":9999", "host:99999"])
def test_a_coordinator_has_an_address(run, fake, table, wrong, tmp_path):
    options = ["--coordinator", wrong, "--processes", 2, "--process", 1]
    out = tmp_path / "x.regard"
    result = run("train", "classify", table, "--out", out, *options)
    assert result.code == 2
    assert "is no HOST:PORT of the first process" in result.err
    assert fake.trained_on == ()


def test_a_checkpoint_is_no_file_of_something_else(run, fake, table, tmp_path):
    out, notes = tmp_path / "x.regard", tmp_path / "notes.txt"
    notes.write_text("mine")
    before = table.read_bytes()
    (tmp_path / "folder").mkdir()
    for taken in (table, tmp_path / "folder" / ".." / table.name, out, notes):
        options = ["--checkpoint", taken, "--restart"]
        result = run("train", "classify", table, "--out", out, *options)
        assert result.code == 2
        assert "Choose another name" in result.err or "Remove it, or" in result.err
    assert table.read_bytes() == before
    assert notes.read_text() == "mine"
    assert fake.trained_on == ()
    checkpoint = tmp_path / "place"
    save_checkpoint(checkpoint, Checkpoint({}, {}))
    options = ["--checkpoint", checkpoint, "--restart"]
    assert run("train", "classify", table, "--out", out, *options).code == 0
    assert not checkpoint.exists()


@pytest.mark.parametrize("name", ["/", ".", ".."])
@pytest.mark.parametrize("command", ["classify", "translate"])
def test_a_place_without_a_name_is_refused(run, fake, command, table, name):
    result = run("train", command, table, "--out", name)
    assert result.code == 2
    assert "--out" in result.err
    assert fake.trained_on == ()


def test_evaluating(run, fake, table):
    result = run("evaluate", "x.regard", table)
    assert (result.code, result.out) == (0, METRICS)
    assert fake.trained_on == (["fine film", "poor film"], ["good", "bad"])
    measured = json.loads(run("evaluate", "x.regard", table, "--json").out)
    assert measured["accuracy"] == 0.75
    assert measured["per_class"]["bad"]["support"] == 1200


def test_labels_that_were_numbers_are_found_in_a_file(run, fake, tmp_path):
    fake.labels = (0, 1)
    data = tmp_path / "data.csv"
    data.write_text("text,label\na,1\nb,0\n")
    assert run("evaluate", "x.regard", data).code == 0
    assert fake.trained_on == (["a", "b"], [1, 0])


def test_a_label_never_seen_is_placed(run, fake, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("text,label\na,good\nb,odd\n")
    result = run("evaluate", "x.regard", data)
    assert result.code == 2
    assert "line 3: the label 'odd' was never seen" in result.err


def test_evaluating_mends_where_asked_and_says_so(run, fake, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("text,label\na,Good\nb,bad \n,good\nc,\nd,bad\n")
    refused = run("evaluate", "x.regard", data)
    assert refused.code == 2
    assert "line 2: the label 'Good' was never seen" in refused.err
    assert "Did you mean 'good'?" in refused.err
    result = run("evaluate", "x.regard", data, "--clean")
    assert (result.code, result.out) == (0, METRICS)
    assert fake.trained_on == (["a", "b", "d"], ["good", "bad", "bad"])
    assert result.err.splitlines() == [
        "Left out 1 row without a label.",
        "Left out 1 row without a text.",
        "Took the label 'Good' (1) for 'good'.",
        "Took the label 'bad ' (1) for 'bad'.",
    ]
    data.write_text("text,label\na,\n")
    assert "With --clean" in run("evaluate", "x.regard", data).err


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    """A problem that is learned at once: one word decides."""
    path = tmp_path_factory.mktemp("messages") / "data.csv"
    fillers = ["please look", "thank you so much", "as I said before", "it is late"]
    rows = [
        f"{filler} {word} {filler},{label}\n"
        for filler in fillers * 10
        for word, label in (("refund", "money"), ("password", "login"))
    ]
    path.write_text("text,label\n" + "".join(rows))
    return path


def started(*arguments, **options):
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "KERAS_BACKEND": "jax"}
    command = [sys.executable, "-m", "regard_cli", *map(str, arguments)]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_from_a_file_to_a_page(run, messages, tmp_path):
    bundle, page = tmp_path / "x.regard", tmp_path / "why.html"
    trained = run("train", "classify", messages, "--out", bundle, "--epochs", 8)
    assert trained.code == 0, trained.err
    assert run("evaluate", bundle, messages).code == 0
    texts = ["a refund, please", "my password, again 😀"]
    result = run("predict", bundle, *texts, "--json", "--html", page)
    assert result.code == 0, result.err
    answers = [json.loads(line) for line in result.out.splitlines()]
    assert [answer["text"] for answer in answers] == texts
    assert all(abs(sum(answer["weights"]) - 1) < 1e-5 for answer in answers)
    assert "password" in page.read_text("utf-8")
    part = bundle / "model.keras"
    part.write_bytes(part.read_bytes()[:-1])
    broken = run("predict", bundle, "a refund")
    assert broken.code == 2
    assert "model.keras" in broken.err


def test_control_c_in_a_real_training(messages, tmp_path):
    bundle = tmp_path / "x.regard"
    options = ["--out", bundle, "--epochs", 100_000, "--batch-size", 8]
    with started("train", "classify", messages, *options) as process:
        seen = ""
        while "epoch  1 " not in seen:
            line = process.stderr.readline()
            assert line, seen
            seen += line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=240)
    assert process.returncode == 130, err
    assert "keeping the best model so far" in err
    assert "accuracy" in out
    assert regard.load(bundle).labels == ("login", "money")


@pytest.mark.parametrize(
    "option",
    [
        ("--alignments", "gold.txt"),
        ("--beam", 3),
        ("--tokenize", "zh"),
        ("--source", "a"),
        ("--target", "a"),
        ("targets.txt",),
    ],
)
def test_options_of_a_translator_are_refused_for_a_classifier(
    run, fake, table, tmp_path, option
):
    result = run("evaluate", "x.regard", table, *option)
    assert (result.code, result.out) == (2, "")
    assert "text-classifier, which has no use for it" in result.err
    name = option[0] if len(option) > 1 else "TARGETS"
    assert f"Invalid value for {name}" in result.err
    assert fake.trained_on == ()


def test_a_missing_column_is_told_with_the_options_that_help(run, fake, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("a film,good\nanother,bad\n")
    refused = run("evaluate", "x.regard", data)
    assert refused.code == 2
    assert "if the first line is no header, say so: --no-header." in refused.err
    data.write_text("text;label\na;good\n")
    refused = run("evaluate", "x.regard", data, "--delimiter", ",")
    assert "by ';' it is: name it, --delimiter." in refused.err


@pytest.mark.parametrize("devices", ["0", "two", "1.5"])
def test_what_is_no_number_of_devices(run, table, tmp_path, devices):
    out = tmp_path / "x.regard"
    refused = run("train", "classify", table, "--out", out, "--devices", devices)
    assert refused.code == 2
    assert "--devices has a wrong value" in refused.err
    assert "1 or more, or 'all'" in refused.err


@pytest.mark.parametrize(
    "options",
    [
        ("--processes", 2),
        ("--coordinator", "here:1", "--processes", 2),
        ("--coordinator", "here:1", "--processes", 2, "--process", 2),
    ],
)
def test_processes_that_do_not_know_each_other(run, fake, table, tmp_path, options):
    out = tmp_path / "x.regard"
    refused = run("train", "classify", table, "--out", out, *options)
    assert refused.code == 2
    assert "--coordinator" in refused.err
    assert fake.trained_on == ()
    assert not out.exists()
