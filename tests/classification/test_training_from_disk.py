"""A file that is streamed: the same classifier as of lists, whatever comes between."""

import csv
import errno
import gzip
import json
from contextlib import contextmanager

import numpy as np
import pytest

import regard
import toy
from light_compilation import light_compilation
from regard._lock import locked
from regard.classification import initialization, streamed_corpus
from regard.classification.config import TextClassifierConfig, recipe
from regard.classification.corpus import corpus_of
from regard.classification.labelled_texts import (
    LabelledColumns,
    LabelledTexts,
    train_validation_split,
)
from regard.classification.streamed_corpus import corpus_on_disk
from regard.data import streamed_file
from regard.data.streamed_file import StreamedFile
from regard.errors import ArgumentError, DataError, InUseError, MissingExtraError
from regard.text import Labels, id_file
from regard.training.batches import EncodedExamples
from regard.training.example_cache import cache_of

pa = pytest.importorskip("pyarrow", reason="the extra that stores what is read")
pq = pytest.importorskip("pyarrow.parquet", reason="the same")

TEXTS, LABELS = toy.messages(90)
SETTINGS = toy.SETTINGS | {"epochs": 2}
COLUMNS = ("text", "label")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(id_file, "_ROWS", 7)
    monkeypatch.setattr(streamed_corpus, "_AT_ONCE", 300)


def written(path, texts=TEXTS, labels=LABELS):
    rows = list(zip(texts, labels, strict=True))
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            for text, label in rows:
                file.write(json.dumps({"text": text, "label": label}) + "\n")
        else:
            csv.writer(file).writerows([COLUMNS, *rows])
    return path


@pytest.fixture
def path(tmp_path):
    return written(tmp_path / "data.csv")


def on_disk(path, checkpoint=None, validation=None, share=0.1, **settings):
    return corpus_on_disk(
        StreamedFile((path,), COLUMNS),
        validation,
        share=share,
        settings=SETTINGS | settings,
        seed=0,
        checkpoint=checkpoint,
    )


def of_lists(validation=None, share=0.1):
    labels = Labels.of(LABELS)
    train, held_out = train_validation_split(
        LabelledTexts(TEXTS, LABELS),
        labels,
        validation,
        share=share,
        columns=LabelledColumns(),
        seed=0,
    )
    defaults = recipe(len(train.texts), len(labels), learned=True)
    config = TextClassifierConfig.of(defaults | SETTINGS)
    return corpus_of(train, held_out, labels, config)


def assert_same(read, known):
    assert read.labels == known.labels
    assert read.config == known.config
    assert (read.held_out is None) == (known.held_out is None)
    for mine, other in ((read.train, known.train), (read.held_out, known.held_out)):
        if mine is not None:
            assert mine.targets.tolist() == other.targets.tolist()
            for one, another in zip(mine.sequences, other.sequences, strict=True):
                np.testing.assert_array_equal(one, another)


def fitted(*data, settings=SETTINGS, **options):
    with light_compilation():
        return regard.TextClassifier(seed=0, **settings).fit(*data, **options)


@pytest.mark.backends
def test_the_classifier_is_that_of_lists_also_after_an_interruption(path, monkeypatch):
    settings = SETTINGS | {"regression": 1.0, "sharpness": 1.0, "naive_bayes": 0.5}
    with monkeypatch.context() as patched:
        # Without a checkpoint nobody asks for it.
        patched.setattr(EncodedExamples, "digest", None)
        of_lists = fitted(TEXTS, LABELS, settings=settings)
    checkpoint, seen = path.with_name("checkpoint"), []
    options = {"settings": settings, "stream": True, "checkpoint": checkpoint}

    def stop(progress):
        if progress.validation_loss is not None:
            raise OSError("stopped")

    with pytest.raises(OSError, match="stopped"):
        fitted(path, progress=stop, **options)
    cached = cache_of(checkpoint)
    before = {file.name: file.stat().st_mtime_ns for file in cached.iterdir()}
    assert {"train.arrow", "validation.arrow", "about.json"} < set(before)
    of_file = fitted(path, progress=seen.append, **options)
    assert {progress.epoch for progress in seen} == {2}
    after = {file.name: file.stat().st_mtime_ns for file in cached.iterdir()}
    assert after == before
    for mine, other in zip(
        of_file.trained.model.get_weights(),
        of_lists.trained.model.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, other)
    told, known = of_file.validation, of_lists.validation
    assert told.confusion.tolist() == known.confusion.tolist()
    text = TEXTS[:1]
    assert of_file.predict_proba(text).tolist() == of_lists.predict_proba(text).tolist()


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv.gz", ".tsv"])
def test_all_formats_are_read(suffix, path):
    other = path.with_name(f"data{suffix}")
    if suffix == ".parquet":
        table = pa.table({"text": TEXTS, "label": LABELS})
        pq.write_table(table, other, row_group_size=20)
    elif suffix == ".csv.gz":
        other.write_bytes(gzip.compress(path.read_bytes()))
    elif suffix == ".tsv":
        rows = map("\t".join, zip(TEXTS, LABELS, strict=True))
        other.write_text("\n".join(["text\tlabel", *rows]), "utf-8")
    else:
        written(other)
    with on_disk(other) as read:
        assert_same(read, of_lists())
        assert read.counts == dict.fromkeys(read.labels.names, 30)


def test_validation_may_be_a_file_lists_or_none(path):
    beside = LabelledTexts(*toy.messages(21, seed=4))
    other = written(path.with_name("held.csv"), beside.texts, beside.labels)
    known = of_lists((beside.texts, beside.labels))
    for validation in (beside, StreamedFile((other,), COLUMNS)):
        with on_disk(path, validation=validation) as read:
            assert_same(read, known)
    with on_disk(path, share=0) as read:
        assert_same(read, of_lists(share=0))


def test_what_is_there_is_used_and_what_is_not_is_read_anew(path, monkeypatch):
    checkpoint = path.with_name("checkpoint")
    with on_disk(path, checkpoint) as read:
        digests = read.train.digest(), read.held_out.digest()
        assert len(set(digests)) == 2
    with monkeypatch.context() as patched:
        patched.setattr(StreamedFile, "examples", None)
        with on_disk(path, checkpoint) as read:
            assert (read.train.digest(), read.held_out.digest()) == digests
            assert_same(read, of_lists())
    # Cut short, as on a disk that was full.
    stored = cache_of(checkpoint) / "train.arrow"
    stored.write_bytes(stored.read_bytes()[:-100])
    with on_disk(path, checkpoint) as read:
        assert_same(read, of_lists())
    with on_disk(path, checkpoint, max_vocabulary=9) as read:
        assert read.reader.tokenizer.vocabulary_size == 9
        assert read.train.digest() not in digests
    written(path, TEXTS[1:], LABELS[1:])
    checkpoint.write_bytes(b"")
    with (
        pytest.raises(ArgumentError, match="of another training"),
        on_disk(path, checkpoint),
    ):
        pass
    checkpoint.unlink()
    with on_disk(path, checkpoint) as read:
        assert len(read.train) + len(read.held_out) == 89


def test_two_at_a_time_are_refused(path):
    checkpoint = path.with_name("checkpoint")
    with (
        on_disk(path, checkpoint),
        pytest.raises(InUseError),
        on_disk(path, checkpoint),
    ):
        pass
    with locked(cache_of(checkpoint)), pytest.raises(InUseError):
        fitted(path, stream=True, checkpoint=checkpoint)


@contextmanager
def nothing_is_left(path):
    before = set(path.parent.iterdir())
    yield
    assert set(path.parent.iterdir()) == before


def test_what_fails_leaves_nothing(path, monkeypatch):
    checkpoint = path.with_name("checkpoint")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, nothing_is_left(path):
        patched.setattr(id_file.IdFileWriter, "_write", full)
        with pytest.raises(OSError, match="No space left on device: what is"):
            fitted(path, stream=True, checkpoint=checkpoint)
    with nothing_is_left(path), pytest.raises(DataError, match="no column 'body'"):
        fitted(path, stream=True, checkpoint=checkpoint, text="body")
    path.write_text(path.read_text("utf-8") + 'a text,"billing', "utf-8")
    with nothing_is_left(path), pytest.raises(DataError, match="line 92"):
        fitted(path, stream=True, checkpoint=checkpoint)
    written(path, TEXTS[:9], ["one"] * 9)
    with nothing_is_left(path), pytest.raises(DataError, match="two classes") as raised:
        fitted(path, stream=True, checkpoint=checkpoint)
    assert raised.value.received == "one class, ['one'], in 9 examples"


def test_a_file_that_changes_meanwhile_is_told(path, monkeypatch):
    labels = StreamedFile.labels

    def and_then_changes(self):
        yield from labels(self)
        written(path, TEXTS[:50], LABELS[:50])

    monkeypatch.setattr(StreamedFile, "labels", and_then_changes)
    with pytest.raises(DataError, match="was changed while it was read"), on_disk(path):
        pass


def test_what_is_large_is_streamed_and_what_cannot_be_is_refused(path, monkeypatch):
    def chosen(source, *, stream=None, clean=False):
        file = streamed_file.given_file(source, None, COLUMNS)
        return streamed_file.streamed_file(file, stream=stream, clean=clean)

    assert chosen(path) is None
    assert chosen(path, stream=True).files == (path,)
    monkeypatch.setattr(streamed_file, "LARGE", path.stat().st_size)
    assert chosen(str(path)).files == (path,)
    assert chosen(path, stream=False) is None
    assert chosen(path, clean=True) is None
    assert chosen(path.with_name("nothing.csv")) is None
    assert chosen(TEXTS) is None
    for refused in ({"source": TEXTS}, {"source": path, "clean": True}):
        with pytest.raises(ArgumentError, match="cannot be streamed"):
            chosen(**refused, stream=True)
    monkeypatch.setattr(streamed_file.importlib.util, "find_spec", lambda _: None)
    assert chosen(path) is None
    # Before anything of it is read.
    with pytest.raises(MissingExtraError, match=r'pip install "regard\[data\]"'):
        chosen(path, stream=True)


def test_of_a_large_file_the_regression_reads_a_part_that_the_seed_chooses(
    path, monkeypatch
):
    monkeypatch.setattr(initialization, "_MOST_TOKENS", 200)
    with on_disk(path) as read:
        parts = [initialization._held_at_once(read.train, seed) for seed in (0, 0, 1)]
        sizes = [int(part.lengths.sum()) for part in parts]
        assert all(150 < size <= 200 for size in sizes)
        first, same, other = (part.digest() for part in parts)
        assert first == same != other
    # Lists are read as a whole.
    train = of_lists().train
    assert initialization._held_at_once(train, 0) is train
