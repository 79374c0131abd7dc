"""The examples of a training from a file that is never held in memory."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from regard._label_values import without_fractions
from regard._validate import check_share
from regard.classification.config import TextClassifierConfig, config_for
from regard.classification.corpus import Corpus, as_weights, learned_tokenizer
from regard.classification.known_vectors import KnownVectors, VectorSource, digest_of
from regard.classification.labelled_texts import LabelledTexts
from regard.data.streamed_file import StreamedFile, changed
from regard.text import FeatureReader, Labels, Tokenizer
from regard.text.feature_reader import texts_with
from regard.text.features import Features, learn_features
from regard.text.id_file import IdFile, IdFileWriter, some_joined
from regard.text.labels import train_test_split
from regard.text.tokenizer import on_all_cores, portions
from regard.training.batches import EncodedExamples
from regard.training.checkpoint import digest
from regard.training.example_cache import example_cache
from regard.types import IntArray

_TRAIN, _HELD_OUT, _WORDS = "train.arrow", "validation.arrow", "words.arrow"
_WEIGHTS = "weights.npy"
_TOKENIZER, _FEATURES, _VECTORS = "tokenizer.json", "features.npz", "vectors.npz"
# Characters that are read at once, and texts whose n-grams are looked up at once.
_AT_ONCE, _ROWS = 1 << 19, 1 << 10
_BoolArray = Any


@contextmanager
def corpus_on_disk(
    source: StreamedFile,
    validation: StreamedFile | LabelledTexts | None,
    *,
    share: float,
    settings: Mapping[str, Any],
    seed: int,
    checkpoint: Path | None,
    vectors: VectorSource | None = None,
) -> Iterator[Corpus]:
    """As ``corpus_of``, of a file that is never held in memory; in the end the same.

    Args:
        source: The file.
        validation: Separate examples to choose the best epoch on.
        share: Without them, the share of the file held out; 0: none.
        settings: The settings that the user chose.
        seed: What the split depends on.
        checkpoint: The file beside which what is read is stored; None: it is removed
            after the block.
        vectors: Word vectors.

    Raises:
        DataError: The file is damaged, or there is nothing to learn; the message says
            where.
    """
    check_share("validation_split", share)
    plain = TextClassifierConfig.of(settings).to_dict()
    facts = {
        **source.facts(),
        "validation": _facts_of(validation),
        "share": None if validation is not None else share,
        "seed": seed,
        "settings": {name: plain[name] for name in sorted(settings)},
        **({} if vectors is None else {"vectors": digest_of(vectors)}),
    }

    def build(folder: Path) -> Mapping[str, Any]:
        labels, targets, counts = _labels_of(source)
        held = np.zeros(len(targets), np.bool_)
        if validation is None and share:
            held[train_test_split(targets, share, labels, seed)[1]] = True
        config = config_for(settings, int((~held).sum()), len(labels))
        _write(folder, source, targets, held, config, vectors=vectors)
        if validation is not None:
            reader = _stored_reader(folder, config)
            _write_validation(folder, validation, labels, reader)
        _store_weights(folder, source, validation, held)
        return {"labels": labels.to_dict(), "counts": counts}

    def load(folder: Path, about: Mapping[str, Any], name: str) -> Corpus:
        labels = Labels.from_dict(about["labels"])
        train = _stored(folder / _TRAIN, name, folder / _WEIGHTS)
        config = config_for(settings, len(train), len(labels))
        held_out = folder / _HELD_OUT
        return Corpus(
            _stored_reader(folder, config),
            labels,
            config,
            train,
            _stored(held_out, name, folder / f"h-{_WEIGHTS}")
            if held_out.exists()
            else None,
            about["counts"],
            None if vectors is None else KnownVectors.load(folder / _VECTORS),
        )

    with example_cache(checkpoint, facts, build, load) as corpus:
        yield corpus


def _facts_of(validation: StreamedFile | LabelledTexts | None) -> Any:
    if isinstance(validation, StreamedFile):
        return validation.facts()
    if validation is None:
        return None
    said = [*validation.texts, *map(str, validation.labels)]
    beside = as_weights(validation.weights)
    known = [np.frombuffer(each.encode(), np.uint8) for each in said]
    return digest(known if beside is None else [*known, beside])


def _stored(path: Path, name: str, weights: Path) -> EncodedExamples:
    ids = IdFile(path, f"{name} {path.stem}")
    if ids.targets is None:
        raise ValueError("there are no classes")
    known = np.load(weights) if weights.exists() else None
    return EncodedExamples(ids, ids.targets, known)


def _store_weights(
    folder: Path,
    source: StreamedFile,
    validation: StreamedFile | LabelledTexts | None,
    held: _BoolArray,
) -> None:
    """Store how much examples count, a number each, where anything says it."""
    weights = as_weights(source.weights())
    if weights is not None:
        if len(weights) != len(held):
            raise changed(source.name)
        np.save(folder / _WEIGHTS, weights[~held])
        if held.any():
            np.save(folder / f"h-{_WEIGHTS}", weights[held])
    if validation is not None:
        beside = as_weights(
            validation.weights()
            if isinstance(validation, StreamedFile)
            else validation.weights
        )
        if beside is not None:
            np.save(folder / f"h-{_WEIGHTS}", beside)


def _stored_reader(folder: Path, config: TextClassifierConfig) -> FeatureReader:
    tokenizer = Tokenizer.from_json((folder / _TOKENIZER).read_text("utf-8"))
    features = Features.from_bytes((folder / _FEATURES).read_bytes())
    return FeatureReader(tokenizer, features, config.max_length)


def _labels_of(source: StreamedFile) -> tuple[Labels, IntArray, dict[str, int]]:
    """The labels of a file, the class of each text, and how often each label is there.

    A number a text is held, no label.
    """
    numbers: dict[str, int] = {}
    codes = array("i", (numbers.setdefault(x, len(numbers)) for x in source.labels()))
    of_texts = np.frombuffer(codes, np.int32)
    names = without_fractions(list(numbers))
    if len(set(names)) < 2:
        # The error counts the texts.
        names = [names[code] for code in codes]
        return Labels.of(names), of_texts, {}
    labels = Labels.of(names)
    counts: Counter[str] = Counter()
    found = np.bincount(of_texts, minlength=len(names)).tolist()
    for name, count in zip(names, found, strict=True):
        counts[name] += count
    return labels, labels.encode(names)[of_texts], dict(counts)


def _write(
    folder: Path,
    source: StreamedFile,
    targets: IntArray,
    held: _BoolArray,
    config: TextClassifierConfig,
    *,
    vectors: VectorSource | None,
) -> None:
    """Learn the words of what is not held out, and store what is read of all texts."""

    def texts(*, of_train: bool = False) -> Iterator[str]:
        count = 0
        for text, _ in source.examples():
            if count == len(held):
                raise changed(source.name)
            if not (of_train and held[count]):
                yield text
            count += 1
        if count != len(held):
            raise changed(source.name)

    tokenizer, known = learned_tokenizer(texts(of_train=True), config, vectors)
    if known is not None:
        known.save(folder / _VECTORS)
    texts_of: Counter[str] = Counter()

    def words_of(some: Sequence[str]) -> tuple[IntArray, IntArray]:
        pieces, _ = tokenizer.encode_joined(
            some, config.max_length, lambda _, pieces: pieces.ids
        )
        return pieces.ids, pieces.counts

    words = folder / _WORDS
    with IdFileWriter(words) as of_train, IdFileWriter(folder / f"h-{_WORDS}") as rest:
        row = 0
        for ids, lengths in on_all_cores(words_of, portions(texts(), _AT_ONCE)):
            out = held[row : row + len(lengths)]
            _divide(of_train, rest, ids, lengths, out)
            row += len(lengths)
    if config.subwords:
        for some in portions(texts(of_train=True), _AT_ONCE):
            encoded = tokenizer.encode(some, config.max_length)
            texts_of.update(texts_with(tokenizer, encoded, some))
    features = learn_features(
        IdFile(words),
        texts_of,
        tokenizer.vocabulary_size,
        order=config.ngram_order,
        min_texts=config.min_texts,
        max_ngrams=config.max_ngrams,
        columns=config.subwords,
    )
    (folder / _TOKENIZER).write_text(tokenizer.to_json(), "utf-8")
    (folder / _FEATURES).write_bytes(features.to_bytes())
    reader = FeatureReader(tokenizer, features, config.max_length)
    parts = (
        (held == out, folder / name, folder / stored)
        for out, name, stored in (
            (False, _TRAIN, _WORDS),
            (True, _HELD_OUT, f"h-{_WORDS}"),
        )
    )
    for own, path, stored in parts:
        if not own.any():
            continue
        read = (
            _read_texts(compress(texts(), own), reader)
            if config.subwords
            else _with_ngrams(stored, features)
        )
        _store(path, read, targets[own])
    for stored in (words, folder / f"h-{_WORDS}"):
        stored.unlink(missing_ok=True)


def _divide(
    first: IdFileWriter,
    second: IdFileWriter,
    ids: IntArray,
    lengths: IntArray,
    is_second: _BoolArray,
) -> None:
    """Give each of some texts to one of two files."""
    of_second = np.repeat(is_second, lengths)
    for writer, rows, tokens in (
        (first, ~is_second, ~of_second),
        (second, is_second, of_second),
    ):
        if rows.all():
            writer.add(ids, lengths)
        elif rows.any():
            writer.add(ids[tokens], lengths[rows])


def _read_texts(
    texts: Iterator[str], reader: FeatureReader
) -> Iterator[tuple[IntArray, IntArray]]:
    """What a model reads of texts, of some at a time."""

    def read(some: Sequence[str]) -> tuple[IntArray, IntArray]:
        pieces, _ = reader.read_joined(some)
        return pieces.ids, pieces.counts

    return on_all_cores(read, portions(texts, _AT_ONCE))


def _with_ngrams(
    stored: Path, features: Features
) -> Iterator[tuple[IntArray, IntArray]]:
    """The same of words that are stored."""

    def read(some: tuple[IntArray, IntArray]) -> tuple[IntArray, IntArray]:
        ids, lengths = some
        places = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return features.rows_of_texts(ids, places), lengths

    return on_all_cores(read, some_joined(IdFile(stored), _ROWS))


def _store(
    path: Path, read: Iterator[tuple[IntArray, IntArray]], targets: IntArray
) -> None:
    row = 0
    with IdFileWriter(path) as writer:
        for ids, lengths in read:
            writer.add(ids, lengths, targets[row : row + len(lengths)])
            row += len(lengths)


def _write_validation(
    folder: Path,
    validation: StreamedFile | LabelledTexts,
    labels: Labels,
    reader: FeatureReader,
) -> None:
    if isinstance(validation, LabelledTexts):
        classes, texts = labels.encode(validation.labels), iter(validation.texts)
    else:
        index = {name: number for number, name in enumerate(labels.names)}
        given = validation.examples(labels.names)
        classes = np.asarray(array("i", (index[label] for _, label in given)))
        texts = (text for text, _ in validation.examples(labels.names))
    _store(folder / _HELD_OUT, _read_texts(texts, reader), classes)
