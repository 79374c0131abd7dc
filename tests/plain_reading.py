"""Texts read one token after the other: what every faster way must equal."""

import hashlib
from collections import Counter
from functools import lru_cache

import numpy as np

from regard.text.segmentation import Splitter, splitter
from regard.text.tokenizer import EncodedText


class PlainReader:
    """Reads as a ``FeatureReader`` does, as it is written down in its words.

    Args:
        reader: The one it is the same as.
        quick: Whether texts of ASCII characters are cut by Python's expression, as they
            were before whole arrays were cut; otherwise the library cuts all.
    """

    def __init__(self, reader, quick=False):
        self._reader = reader
        self._pipeline = reader.tokenizer._pipeline
        self._vocabulary = self._pipeline.get_vocab()
        self._id_of = lru_cache(1 << 17)(self._look_up)
        self._quick = Splitter(self._pipeline) if quick else None
        self._library = splitter(self._pipeline)
        self._known = {}

    def read(self, texts):
        if self._quick:
            cut = self._quick.split(texts)
        else:
            cut = (each.offsets for each in self._library.encode_batch(texts))
        return [self._encoded(*pair) for pair in zip(texts, cut, strict=True)]

    def _encoded(self, text, spans):
        kept = spans[: self._reader.max_length]
        ids = [self._id_of(text[start:end]) for start, end in kept]
        ids = np.asarray(ids, np.int32)
        rows = self._rows(ids)
        features = self._reader.features
        if features.columns:
            for row, id_, (start, end) in zip(rows, ids.tolist(), kept, strict=True):
                row[features.order :] = self._pieces(id_, text[start:end])
        offsets = np.asarray(kept, np.int32).reshape(-1, 2)
        return EncodedText(rows, offsets, len(spans) > len(kept))

    def _normalise(self, piece):
        return self._pipeline.normalizer.normalize_str(piece)

    def _look_up(self, piece):
        return self._vocabulary.get(self._normalise(piece), 1) or 1

    def _rows(self, ids):
        features = self._reader.features
        rows = np.zeros((len(ids), features.width), np.int32)
        rows[:, 0] = ids
        first = features.words
        for column, known in enumerate(features.ngrams, start=1):
            keys = ids.astype(np.int64)
            for step in range(1, column + 1):
                earlier = np.concatenate([np.zeros(step, np.int64), ids])[: len(ids)]
                keys = keys + earlier * features.words**step
            found = find(keys, known)
            rows[:, column] = np.where(found < 0, 0, found + first)
            first += len(known)
        return rows

    def _pieces(self, id_, piece):
        # Those of known words were found once before, too.
        if id_ != 1 and id_ in self._known:
            return self._known[id_]
        features = self._reader.features
        found = find(piece_keys(self._normalise(piece)), features.pieces)
        known = found[found >= 0] + features.words + sum(map(len, features.ngrams))
        if len(known) > features.columns:
            places = np.linspace(0, len(known) - 1, features.columns)
            known = known[places.round().astype(int)]
        rows = np.zeros(features.columns, np.int32)
        rows[: len(known)] = known
        self._known[id_] = rows
        return rows


def piece_keys(word):
    marked = f"<{word}>"
    pieces = [
        marked[start : start + length]
        for length in (3, 4, 5)
        for start in range(len(marked) - length + 1)
    ]
    return np.asarray([digest(piece) for piece in pieces if len(word) > 1], np.int64)


def digest(piece):
    content = hashlib.blake2b(piece.encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(content, "little") >> 1


def find(wanted, keys):
    if not len(keys):
        return np.full(len(wanted), -1)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, places, -1)


def assert_same(actual, expected):
    assert len(actual) == len(expected)
    for ours, plain in zip(actual, expected, strict=True):
        assert ours.truncated == plain.truncated
        assert ours.ids.dtype == ours.offsets.dtype == np.int32
        np.testing.assert_array_equal(ours.ids, plain.ids)
        np.testing.assert_array_equal(ours.offsets, plain.offsets)


def plain_counts(pipeline, texts):
    """How often each normalised word occurs, text by text."""
    cut = splitter(pipeline)
    return Counter(
        pipeline.normalizer.normalize_str(text[start:end])
        for text in texts
        for start, end in cut.encode(text).offsets
    )


def _keys(ids, order, words):
    for place in range(len(ids)):
        last = reversed(ids[max(0, place + 1 - order) : place + 1])
        yield sum(id_ * words**step for step, id_ in enumerate(last))


def plain_features(documents, spelled, words, *, order, min_texts, max_ngrams):
    """The keys of n-grams and of pieces that occur in enough texts."""
    ngrams = []
    for n in range(2, order + 1):
        texts = Counter(
            key for ids in documents for key in {*_keys(ids.tolist(), n, words)}
        )
        kept = sorted(key for key, count in texts.items() if count >= min_texts)
        kept.sort(key=lambda key: -texts[key])
        ngrams.append(sorted(kept[:max_ngrams]))
    texts_of = Counter(word for text in spelled for word in set(text))
    pieces = Counter()
    for word, texts in texts_of.items():
        for key in set(piece_keys(word).tolist()):
            pieces[key] += texts
    return ngrams, sorted(key for key, count in pieces.items() if count >= min_texts)
