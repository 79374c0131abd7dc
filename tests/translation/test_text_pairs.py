"""The pairs a translator is trained on, out of lists or files, and those refused.

Nothing is trained here: what a training would be given is written down instead.
"""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import regard
import toy_pairs
from regard.errors import ArgumentError, DataError, DataWarning, NotTrainedError
from regard.training import EpochMetrics
from regard.training.loop import TrainingOutcome
from regard.translation import translator as module

SOURCES, TARGETS = toy_pairs.sentences(20)


class Recorder:
    """Takes the place of training."""

    def __init__(self, trained):
        self._trained = trained
        self.train = self.held_out = self.options = None

    def __call__(self, train, held_out, **options):
        self.train, self.held_out, self.options = train, held_out, options
        history = (EpochMetrics(1, 1.5, {"loss": 0.5}),)
        return TrainingOutcome(self._trained, history, interrupted=False)

    def pairs(self):
        return self.train.sources, self.train.targets


@pytest.fixture
def recorder(toy_translator, monkeypatch) -> Recorder:
    stub = Recorder(toy_translator.trained)
    monkeypatch.setattr(module, "fit_translator", stub)
    return stub


def table(path: Path, mark: str, names=("source", "target")) -> Path:
    rows = [names, *zip(SOURCES, TARGETS, strict=True)]
    path.write_text("".join(f"{mark.join(row)}\n" for row in rows))
    return path


def texts(path: Path, lines) -> Path:
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def lists(folder):
    return SOURCES, TARGETS


def arrays(folder):
    return np.array(SOURCES), tuple(TARGETS)


def csv(folder):
    return (table(folder / "pairs.csv", ","),)


def tsv(folder):
    return (str(table(folder / "pairs.tsv", "\t")),)


def json_lines(folder):
    rows = [
        json.dumps({"target": target, "source": source})
        for source, target in zip(SOURCES, TARGETS, strict=True)
    ]
    return (texts(folder / "pairs.jsonl", rows),)


def two_files(folder):
    return texts(folder / "a.de", SOURCES), str(texts(folder / "a.en.gz", TARGETS))


@pytest.mark.parametrize("given", [lists, arrays, csv, tsv, json_lines, two_files])
def test_the_pairs_are_those_that_were_given(recorder, tmp_path, given):
    learner = regard.Translator(seed=3, units=7)
    assert learner.fit(*given(tmp_path), validation_split=0) is learner
    assert recorder.pairs() == (SOURCES, TARGETS)
    assert recorder.held_out is None
    assert recorder.options["config"].units == 7
    assert recorder.options["seed"] == 3
    assert recorder.options["checkpoint"] is None
    assert learner.validation_loss == (0.5,)
    assert learner.trained is not None


def test_other_columns_for_training_and_validation(recorder, tmp_path):
    names = ("de", "en")
    learner = regard.Translator()
    learner.fit(
        table(tmp_path / "train.tsv", "\t", names),
        source="de",
        target="en",
        validation=table(tmp_path / "held.csv", ",", names),
        checkpoint=str(tmp_path / "run"),
    )
    assert recorder.pairs() == (SOURCES, TARGETS)
    assert recorder.held_out.sources == SOURCES
    assert recorder.options["checkpoint"] == tmp_path / "run"


@pytest.mark.parametrize("as_files", [False, True])
def test_two_sides_for_validation(recorder, tmp_path, as_files):
    sides = SOURCES[:3], TARGETS[:3]
    if as_files:
        sides = texts(tmp_path / "v.de", sides[0]), texts(tmp_path / "v.en", sides[1])
    regard.Translator().fit(SOURCES, TARGETS, validation=sides)
    assert recorder.pairs() == (SOURCES, TARGETS)
    assert recorder.held_out.sources == SOURCES[:3]
    assert recorder.held_out.targets == TARGETS[:3]


def test_a_share_is_held_out_by_the_seed(recorder):
    def held_out(seed):
        regard.Translator(seed=seed).fit(SOURCES, TARGETS, validation_split=0.2)
        pairs = zip(recorder.held_out.sources, recorder.held_out.targets, strict=True)
        return list(pairs), list(zip(*recorder.pairs(), strict=True))

    held, kept = held_out(0)
    assert len(held) == 4
    assert sorted(held + kept) == sorted(zip(SOURCES, TARGETS, strict=True))
    assert held_out(0) == (held, kept)
    assert held_out(1) != (held, kept)


# What it refuses


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ((["a", "b"], ["x"]), ArgumentError, "2 sources and 1 targets"),
        ((["a", "b"],), ArgumentError, "two lists of texts.*list and NoneType"),
        ((["a"], "x.txt"), ArgumentError, "two lists of texts.*list and str"),
        (("x.txt", ["a"]), ArgumentError, "two lists of texts.*str and list"),
        ((Path("x.txt"), ["a"]), ArgumentError, "two lists of texts.*Path and list"),
        ((5, 6), ArgumentError, "two lists of texts.*int and int"),
        (([], []), DataError, "no pair"),
        ((["a", 5], ["x", "y"]), ArgumentError, "source of pair 1.*int"),
        ((["a", "b"], ["x", None]), ArgumentError, "target of pair 1.*NoneType"),
        ((["a", "\ud800"] * 4, ["x", "y"] * 4), DataError, "not valid Unicode"),
        ((["", " "] * 4, ["x", "x"] * 4), DataError, "no word to learn from"),
        ((["a b c"], ["x y z"]), DataError, "seen at least 2 times"),
        ((["a"] * 9, ["x " * 101] * 9), DataError, "1 to 100.*all of them.*longer"),
        (("none.csv",), DataError, "There is no file none.csv"),
        (("none.de", "none.en"), DataError, r"There is no file none\.de"),
    ],
)
def test_what_cannot_be_learned_from(given, error, match):
    learner = regard.Translator()
    with pytest.raises(error, match=match):
        learner.fit(*given)
    with pytest.raises(NotTrainedError):
        learner.translate(["a"])


def test_files_that_do_not_pair_up(tmp_path):
    one, other = texts(tmp_path / "a.de", "abc"), texts(tmp_path / "a.en", "xy")
    with pytest.raises(DataError, match=r"a\.de has 3 lines and .*a\.en has 2"):
        regard.Translator().fit(one, other)
    texts(other, ["x", "", " "])
    with pytest.raises(DataError, match=r"a\.en: 2 pairs .*: line 2, line 3\."):
        regard.Translator().fit(one, other)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("de\ten\na\tb\n", "no column 'source'"),
        ("source\ten\na\tb\n", "no column 'target'"),
        ("source\ttarget\na\tb\nc\n", "line 3: too few fields"),
        ("source\ttarget\na\tb\n\tb\n", r"a text is empty: line 3\."),
        ("", "is empty"),
    ],
)
def test_a_table_that_is_wrong(tmp_path, content, match):
    path = tmp_path / "pairs.tsv"
    path.write_text(content)
    for options in ({}, {"validation": path}):
        given = (path,) if not options else (SOURCES, TARGETS)
        with pytest.raises(DataError, match=match) as caught:
            regard.Translator().fit(*given, **options)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"validation": (["a"],)}, "two lists.*1 parts"),
        ({"validation": (["a"], ["b", "c"])}, "1 sources and 2 targets"),
        ({"validation_split": 1.0}, "from 0 up to"),
        ({"validation_split": -0.1}, "from 0 up to"),
        ({"validation_split": float("nan")}, "from 0 up to"),
    ],
)
def test_options_that_make_no_sense(options, match):
    with pytest.raises(ArgumentError, match=match):
        regard.Translator().fit(SOURCES, TARGETS, **options)


@pytest.mark.parametrize(
    "ask",
    [
        lambda new: new.translate(["a"]),
        lambda new: new.align(["a"], ["b"]),
        lambda new: new.evaluate(["a"], ["b"]),
        lambda new: new.save("nowhere"),
        lambda new: new.trained,
    ],
)
def test_what_was_not_trained_cannot_be_asked(ask):
    with pytest.raises(NotTrainedError, match="fit"):
        ask(regard.Translator())


def test_an_unknown_setting_is_named():
    with pytest.raises(ArgumentError, match=r"no setting 'unit'.*embedding_units"):
        regard.Translator(unit=3)


def test_dirty_pairs_are_mended_and_told(recorder, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("source\ttarget\na \tx\n\ty\nb\tz\n")
    with pytest.raises(DataError, match=r"line 3\..*clean=True"):
        regard.Translator().fit(path)
    lists = ["a ", None, "b"], ["x", "y", "z"]
    for given in ((path,), lists):
        with pytest.warns(DataWarning, match="Left out 1 pair without a text on both"):
            regard.Translator().fit(*given, clean=True, validation_split=0)
        assert recorder.pairs() == (["a", "b"], ["x", "z"])
