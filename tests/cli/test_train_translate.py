"""``regard train translate`` with a training that costs nothing, and for real once."""

import re

import pytest

import regard
import toy_pairs
from light_compilation import light_compilation
from regard.training import EpochMetrics
from regard.training.loop import TrainingOutcome
from regard.translation import translator as module
from regard.translation.config import TranslatorConfig
from regard.translation.trainer import TranslationProgress

SOURCES, TARGETS = toy_pairs.sentences(6)
DONE = {
    "loss": 1.5,
    "tokens_per_second": 12_345.6,
    "seconds": 61.0,
    "seconds_left": 9.0,
}


class Training:
    """Takes the place of training: makes the toy out of whatever is given."""

    def __init__(self, trained):
        self._trained = trained
        self.interrupts: str | None = None
        self.train = self.held_out = self.options = None

    def __call__(self, train, held_out, *, checkpoint, progress, **options):
        self.train, self.held_out, self.options = train, held_out, options
        checkpoint.touch()
        if self.interrupts == "at once":
            raise KeyboardInterrupt
        place = {"epoch": 1, "epochs": 2, "steps": 2}
        progress(TranslationProgress(**place, step=1, validation_loss=None, **DONE))
        progress(TranslationProgress(**place, step=2, validation_loss=0.25, **DONE))
        history = (EpochMetrics(1, 1.5, {"loss": 0.25}),)
        return TrainingOutcome(self._trained, history, self.interrupts == "later")


@pytest.fixture
def training(toy_translator, monkeypatch):
    training_stub = Training(toy_translator.trained)
    monkeypatch.setattr(module, "fit_translator", training_stub)
    return training_stub


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.tsv"
    rows = [("de", "en"), *zip(SOURCES, TARGETS, strict=True)]
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


@pytest.fixture
def two_files(tmp_path):
    paths = tmp_path / "a.de", tmp_path / "a.en"
    for path, texts in zip(paths, (SOURCES, TARGETS), strict=True):
        path.write_text("".join(f"{text}\n" for text in texts))
    return paths


COLUMNS = ("--source", "de", "--target", "en")


def test_training_tells_what_happens_and_saves(run, training, pairs, tmp_path):
    out = tmp_path / "x.regard"
    options = ["--units", 7, "--epochs", 9, "--batch-size", 8, "--lowercase"]
    options += ["--vocabulary", "bpe", "--target-vocabulary", "character"]
    options += ["--split", "words", "--seed", 3]
    result = run("train", "translate", pairs, *COLUMNS, "--out", out, *options)
    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines() == [
        "6 pairs",
        "words in a source       5 to 5, median 5",
        "words in a target       5 to 5, median 5",
        "epoch  1  loss 1.500  validation loss 0.250  12,346 tokens/s  1:01",
        f"Saved {out}.",
    ]
    assert (training.train.sources, training.train.targets) == (SOURCES, TARGETS)
    assert training.held_out is None
    assert training.options["seed"] == 3
    wanted = {
        "units": 7,
        "epochs": 9,
        "batch_size": 8,
        "lowercase": True,
        "source_vocabulary": "bpe",
        "target_vocabulary": "character",
        "split": "words",
    }
    settings = training.options["config"].to_dict()
    assert {name: settings[name] for name in wanted} == wanted
    assert isinstance(regard.load(out), regard.Translator)
    # What it could go on from is not needed any more.
    assert sorted(tmp_path.iterdir()) == [pairs, out]


def test_files_are_read_as_it_is_said(run, training, two_files, tmp_path):
    """There was no such option."""
    out, path = tmp_path / "x.regard", tmp_path / "pairs.txt"
    path.write_bytes("a \xe9|1\nb|2\n".encode("cp1252"))
    command = ["train", "translate", "--out", out, "--encoding", "cp1252"]
    table = [path, "--format", "csv", "--no-header", "--source", 1, "--target", 2]
    held_out = ["--validation", two_files[0], "--validation-targets", two_files[1]]
    assert run(*command, *table, *held_out).code == 0
    assert (training.train.sources, training.train.targets) == (
        ["a é", "b"],
        ["1", "2"],
    )
    assert training.held_out.targets == TARGETS
    assert regard.load(out).columns == {"source": "1", "target": "2"}
    path.write_bytes("é\n".encode("cp1252"))
    assert run(*command, path, path).code == 0
    assert training.train.sources == ["é"]
    result = run(*command, path, path, "--delimiter", ";")
    assert result.code == 2
    assert "have a text a line, and no columns" in result.err


def test_what_is_not_said_is_left_to_the_library(run, training, two_files, tmp_path):
    out = tmp_path / "x.regard"
    assert run("train", "translate", *two_files, "--out", out).code == 0
    assert training.options["config"] == TranslatorConfig()
    assert (training.train.sources, training.train.targets) == (SOURCES, TARGETS)


def test_files_to_choose_the_best_epoch_on(run, training, two_files, pairs, tmp_path):
    out = tmp_path / "x.regard"
    held_out = ["--validation", two_files[0], "--validation-targets", two_files[1]]
    command = ["train", "translate", pairs, *COLUMNS, "--out", out]
    assert run(*command, *held_out).code == 0
    assert training.held_out.targets == TARGETS
    training.held_out = None
    assert run(*command, "--validation", pairs).code == 0
    assert training.held_out.sources == SOURCES


def test_an_interrupt_keeps_the_best_model(run, training, two_files, tmp_path):
    training.interrupts = "later"
    out = tmp_path / "x.regard"
    checkpoint = tmp_path / "x.regard.checkpoint"
    result = run("train", "translate", *two_files, "--out", out)
    assert result.code == 130
    assert "Interrupted: keeping the best model so far." in result.err
    assert f"{checkpoint} has how far it is: the same command" in result.err
    assert out.is_dir()
    assert checkpoint.exists()
    training.interrupts = None
    again = run("train", "translate", *two_files, "--out", out)
    assert again.code == 0
    assert f"Going on from {checkpoint}." in again.err
    assert not checkpoint.exists()


def test_an_interrupt_before_there_is_a_model(run, training, two_files, tmp_path):
    training.interrupts = "at once"
    out = tmp_path / "x.regard"
    result = run("train", "translate", *two_files, "--out", out)
    assert result.code == 130
    assert "there is no model yet" in result.err
    assert not out.exists()
    training.interrupts = None
    anew = run("train", "translate", *two_files, "--out", out, "--restart")
    assert anew.code == 0
    assert "Going on" not in anew.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("source\ten\na\tb\n", "no column 'target'"),
        ("source\ttarget\na\n", "line 2: too few fields"),
        (
            "source\ttarget\na\tb\n\tb\na\t \n",
            "2 pairs have an empty text: line 3, line 4",
        ),
        ("source\ttarget\na b\tx y\n", "seen at least 2 times"),
        ("", "is empty"),
    ],
)
def test_a_table_that_is_wrong(run, tmp_path, content, said):
    data = tmp_path / "pairs.tsv"
    data.write_text(content)
    result = run("train", "translate", data, "--out", tmp_path / "x.regard")
    assert (result.code, result.out) == (2, "")
    assert re.search(said, result.err)
    assert list(tmp_path.iterdir()) == [data]


def test_cleaning_leaves_out_empty_sides_and_says_so(run, training, tmp_path):
    data, out = tmp_path / "pairs.tsv", tmp_path / "x.regard"
    data.write_text("source\ttarget\na \tb\n\tb\na\t \nc\td\nc\tc\n")
    command = ["train", "translate", data, "--out", out]
    refused = run(*command)
    assert refused.code == 2
    assert "line 3, line 4" in refused.err
    assert "--clean" in refused.err
    result = run(*command, "--clean", "--validation", data)
    assert result.code == 0, result.err
    assert training.train.sources == training.held_out.sources == ["a", "c", "c"]
    assert training.train.targets == training.held_out.targets == ["b", "d", "c"]
    said = "Left out 2 pairs without a text on both sides."
    assert result.err.count(f"{data}: {said}\n") == 2
    assert f"{data}: Took white space off the ends of a pair.\n" in result.err
    assert "- 1 pair has two equal sides.\n" in result.err


def test_two_files_are_cleaned_too(run, training, two_files, tmp_path):
    two_files[1].write_text("".join(f"{text}\n" for text in ["", *TARGETS[1:]]))
    command = ["train", "translate", *two_files, "--out", tmp_path / "x.regard"]
    assert "--clean" in run(*command).err
    assert run(*command, "--clean").code == 0
    assert training.train.sources == SOURCES[1:]


def test_files_that_do_not_pair_up(run, two_files, tmp_path):
    one, other = two_files
    command = ["train", "translate", one, other, "--out", tmp_path / "x.regard"]
    other.write_text("one\n\ntwo\n")
    result = run(*command)
    assert result.code == 2
    assert f"{one} has 6 lines and {other} has 3" in result.err
    other.write_text("a\n\nb\nc\n\nd\n")
    result = run(*command)
    assert result.code == 2
    assert f"{other}: 2 pairs have an empty text: line 2, line 5." in result.err
    assert sorted(tmp_path.iterdir()) == [one, other]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--units", 0], "--units"),
        (["--vocabulary", "syllable"], "'syllable'"),
        (["--split", "odd"], "'odd'"),
        (["--source", "target"], "'target' twice"),
        (["--validation", "none.tsv"], "There is no file none.tsv"),
        (["--validation-targets", "x.en"], "of --validation, which is missing"),
    ],
)
def test_options_that_make_no_sense(run, training, tmp_path, options, said):
    data = tmp_path / "pairs.tsv"
    data.write_text("source\ttarget\na\tb\n")
    result = run("train", "translate", data, "--out", tmp_path / "x.regard", *options)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert training.train is None
    assert list(tmp_path.iterdir()) == [data]


def test_from_files_to_alignments(run, two_files, tmp_path):
    out, links = tmp_path / "x.regard", tmp_path / "links.txt"
    options = ["--units", 6, "--epochs", 1, "--batch-size", 4]
    with light_compilation():
        trained = run("train", "translate", *two_files, "--out", out, *options)
        assert trained.code == 0, trained.err
        assert "\nepoch  1  loss " in trained.err
        search = ["--beam", 1, "--max-length", 4, "--alignments", links]
        result = run("translate", out, "eins zwei", "acht", *search)
    assert result.code == 0, result.err
    assert len(result.out.splitlines()) == 2
    assert len(links.read_text().splitlines()) == 2
    assert sorted(tmp_path.iterdir()) == sorted([*two_files, out, links])


def test_what_is_said_of_a_model_is_kept_in_it(run, training, pairs, tmp_path):
    out = tmp_path / "x.regard"
    said = ["--describe", "Numbers in words.", "--example", "eins", "--example", "zwei"]
    result = run("train", "translate", pairs, "--out", out, *COLUMNS, *said)
    assert result.code == 0
    about = regard.load(out).about
    assert about.description == "Numbers in words."
    assert about.examples == ("eins", "zwei")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (["--describe", "a" * 2_001], "A text of --describe is too long."),
        (["--example", "a"] * 13, "There are too many --example."),
        (["--example", " "], "--example has a wrong value."),
    ],
)
def test_what_cannot_be_kept_is_refused_before_the_training(
    run, training, pairs, said, words
):
    out = pairs.with_name("x.regard")
    result = run("train", "translate", pairs, "--out", out, *COLUMNS, *said)
    assert result.code == 2
    assert words in result.err
    assert training.train is None
