"""Pairs that are streamed: the same translator as of lists, whatever comes between."""

from functools import partial

import numpy as np
import pytest

import regard
import toy_pairs
from light_compilation import light_compilation
from regard.data.streamed_file import StreamedFile
from regard.errors import ArgumentError, DataError
from regard.text import SequenceVocabulary, id_file
from regard.text.vocabulary import TextStream
from regard.training.example_cache import cache_of
from regard.translation import read_pairs as module
from regard.translation.config import TranslatorConfig
from regard.translation.read_pairs import pairs_on_disk, read_pairs
from regard.translation.text_pairs import (
    PairColumns,
    TextPairs,
    train_validation_split,
)

pytest.importorskip("pyarrow", reason="the extra that what is read is stored with")

PAIRS = toy_pairs.sentences(80)
CONFIG = TranslatorConfig()


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(id_file, "_ROWS", 7)
    monkeypatch.setattr(module, "_AT_ONCE", 10)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "pairs.tsv"
    rows = map("\t".join, zip(*PAIRS, strict=True))
    path.write_text("\n".join(["source\ttarget", *rows]) + "\n", "utf-8")
    return path


@pytest.fixture
def parallel(tmp_path):
    paths = tmp_path / "text.de", tmp_path / "text.en"
    for path, side in zip(paths, PAIRS, strict=True):
        path.write_text("\n".join(side), "utf-8")
    return paths


def on_disk(*files, validation=None, share=0.05, config=CONFIG, **options):
    options = {"choose_by": "loss", "seed": 0, "checkpoint": None} | options
    file = StreamedFile(files, ("source", "target"))
    return pairs_on_disk(file, validation, share=share, config=config, **options)


def of_lists(validation=None, share=0.05, config=CONFIG):
    pairs, columns = TextPairs(*PAIRS), PairColumns()
    split = partial(train_validation_split, columns=columns, seed=0, share=share)
    return read_pairs(*split(pairs, validation), config)


def assert_same(read, known):
    for mine, other in ((read.source, known.source), (read.target, known.target)):
        assert mine.to_json() == other.to_json()
    assert (read.held_out is None) == (known.held_out is None)
    for mine, other in ((read.train, known.train), (read.held_out, known.held_out)):
        for side in ("sources", "targets") if mine is not None else ():
            pairs = zip(getattr(mine, side), getattr(other, side), strict=True)
            assert all(np.array_equal(one, another) for one, another in pairs)
    if known.held_texts is not None:
        assert read.held_texts.sources == known.held_texts.sources
        assert read.held_texts.targets == known.held_texts.targets


def test_a_table_and_two_files_are_read_as_lists_are(table, parallel):
    beside = TextPairs(*toy_pairs.sentences(9, seed=3))
    with on_disk(table) as read:
        assert_same(read, of_lists())
    with on_disk(*parallel, validation=beside) as read:
        assert_same(read, of_lists((beside.sources, beside.targets)))
    with on_disk(*parallel, share=0) as read:
        assert_same(read, of_lists(share=0))


@pytest.mark.parametrize("kind", ["word", "character", "bpe", "unigram"])
def test_vocabularies_are_the_same_of_a_stream(kind):
    options = {"size": 60, "lowercase": True, "split": "words"}
    texts = [*PAIRS[1], "One Two", "Öl  und Wein"]
    stream = TextStream(lambda: iter(texts))
    learned = SequenceVocabulary.train(stream, kind, **options)
    assert (
        learned.to_json() == SequenceVocabulary.train(texts, kind, **options).to_json()
    )


def test_what_cannot_be_learned_is_told(table, parallel):
    for match, error, options in (
        (
            "No pair can be trained on",
            DataError,
            {"config": TranslatorConfig(max_length=2)},
        ),
        ("cannot be chosen by BLEU", ArgumentError, {"choose_by": "bleu", "share": 0}),
    ):
        with pytest.raises(error, match=match), on_disk(table, **options):
            pass
    parallel[1].write_text("one\n\nthree\n", "utf-8")
    with pytest.raises(DataError, match="not parallel"), on_disk(*parallel):
        pass
    parallel[0].write_text("eins\nzwei\ndrei\n", "utf-8")
    with pytest.raises(DataError, match="a text is empty: line 2"), on_disk(*parallel):
        pass


def test_the_translator_is_that_of_lists_also_after_an_interruption(table):
    settings = toy_pairs.SETTINGS | {"units": 4, "embedding_units": 4, "epochs": 2}
    translator = partial(regard.Translator, seed=0, **settings)
    with light_compilation():
        of_lists = translator().fit(*PAIRS)
    checkpoint, seen = table.with_name("checkpoint"), []

    def stop(progress):
        if progress.validation_loss is not None:
            raise OSError("stopped")

    options = {"stream": True, "checkpoint": checkpoint}
    with light_compilation(), pytest.raises(OSError, match="stopped"):
        translator().fit(table, progress=stop, **options)
    cached = cache_of(checkpoint)
    before = {file.name: file.stat().st_mtime_ns for file in cached.iterdir()}
    with light_compilation():
        of_file = translator().fit(table, progress=seen.append, **options)
    assert {progress.epoch for progress in seen} == {2}
    after = {file.name: file.stat().st_mtime_ns for file in cached.iterdir()}
    assert after == before
    for mine, other in zip(
        of_file.trained.model.get_weights(),
        of_lists.trained.model.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, other)
    assert of_file.history == of_lists.history
