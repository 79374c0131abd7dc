"""Texts as inputs of an exported text classifier, and its outputs as answers.

This file runs by itself: it needs Python 3.11, numpy and tokenizers, and nothing of
regard, Keras or a deep learning library. ``regard export … --reader`` writes it beside
a program.

    session = onnxruntime.InferenceSession("reviews.onnx")
    reader = TextReader(session.get_modelmeta().custom_metadata_map)
    batch = reader.read(["A film that never finds its feet."])
    outputs = session.run(["probabilities", "attention"], {"tokens": batch.rows})
    for answer in reader.answers(batch, *outputs):
        print(answer.label, answer.probability, answer.tokens, answer.weights)
"""

import base64
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers

Integers = npt.NDArray[np.integer[Any]]
Numbers = npt.NDArray[np.floating[Any]]

_VERSION = "1"
_UNKNOWN, _NOTHING = 1, 0
# A word is marked at its ends; its pieces are all strings of so many characters of it.
_PIECES = (3, 4, 5)
_REMEMBERED = 1 << 16


@dataclass(frozen=True, eq=False)
class Batch:
    """Some texts as a program reads them.

    Args:
        rows: ``(texts, tokens, features)``, int32; 0 where a text has ended.
        texts: The texts.
        offsets: Of each text ``(tokens, 2)``: where its tokens start and end, in
            characters.
        truncated: Of each text, whether it is longer than the model reads.
    """

    rows: Integers
    texts: tuple[str, ...]
    offsets: tuple[Integers, ...]
    truncated: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """What a classifier says of a text.

    Args:
        label: The most probable label.
        probability: That of the label.
        probabilities: That of each label.
        tokens: The tokens as they stand in the text.
        offsets: ``(tokens, 2)``, where they stand, in characters.
        weights: ``(tokens,)``, the attention on each, the mean over the heads.
        truncated: Whether the text is longer than the model reads.
        given: The labels that the text has, where it may have several; else None. The
            weights are then those of the most probable label.
    """

    label: Any
    probability: float
    probabilities: dict[Any, float]
    tokens: tuple[str, ...]
    offsets: Integers
    weights: Numbers
    truncated: bool
    given: tuple[Any, ...] | None = None


class TextReader:
    """Makes inputs of texts, and answers of outputs.

    Args:
        notes: What the program says of itself: the ``custom_metadata_map`` of a session
            of ONNX Runtime, or what is in the ``.json`` file beside StableHLO.

    Raises:
        ValueError: It is not what a text classifier says, or of other rules.
    """

    def __init__(self, notes: Mapping[str, str]) -> None:
        if notes.get("regard.version") != _VERSION or "regard.features" not in notes:
            raise ValueError(
                "These are not the notes of a text classifier that this file can read."
            )
        self.labels: list[Any] = json.loads(notes["regard.labels"])
        self.thresholds = json.loads(notes.get("regard.thresholds", "null"))
        # Where a text may have several labels, each may have an attention of its own.
        self._of_labels = notes.get("regard.attention_of") == "labels"
        self.max_length = int(notes["regard.max_length"])
        rules = tokenizers.Tokenizer.from_str(notes["regard.tokenizer"])
        self._cut = rules.pre_tokenizer.pre_tokenize_str
        self._normalize = rules.normalizer.normalize_str
        self._vocabulary: dict[str, int] = rules.get_vocab()
        content = base64.b64decode(notes["regard.features"])
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            words, order, columns = arrays["sizes"].tolist()
            self._ngrams = [arrays[f"order_{n}"] for n in range(2, order + 1)]
            self._pieces = arrays["pieces"]
        self._words, self._columns = words, columns
        # Words come first among the rows, then n-grams, order by order, then pieces.
        sizes = [words, *map(len, self._ngrams)]
        self._starts = np.cumsum(sizes).tolist()
        self._word = lru_cache(_REMEMBERED)(self._look_up)

    def read(self, texts: Sequence[str]) -> Batch:
        """Some texts as the input ``tokens``; such of like lengths run best together.

        Raises:
            ValueError: A text holds half a surrogate pair.
        """
        offsets, truncated, features = [], [], []
        for text in texts:
            text.encode("utf-8")
            spans = [span for _, span in self._cut(text)]
            kept = spans[: self.max_length]
            truncated.append(len(spans) > len(kept))
            offsets.append(np.asarray(kept, np.int32).reshape(-1, 2))
            features.append(self._rows([text[start:end] for start, end in kept]))
        width = 1 + len(self._ngrams) + self._columns
        # One token at least, so that there is something to run.
        longest = max([1, *map(len, features)])
        rows = np.zeros((len(texts), longest, width), np.int32)
        for row, of_text in zip(rows, features, strict=True):
            row[: len(of_text)] = of_text
        return Batch(rows, tuple(texts), tuple(offsets), tuple(truncated))

    def answers(
        self, batch: Batch, probabilities: Numbers, attention: Numbers
    ) -> list[Answer]:
        """What the outputs of a program say of the texts of a batch.

        Args:
            batch: What ``read`` made of them.
            probabilities: ``(texts, labels)``.
            attention: ``(texts, heads, tokens)``.
        """
        return [
            Answer(
                self.labels[int(shares.argmax())],
                float(shares.max()),
                dict(zip(self.labels, shares.tolist(), strict=True)),
                tuple(text[start:end] for start, end in offsets.tolist()),
                offsets,
                self._shown(shares, weights)[: len(offsets)],
                truncated,
                self._given(shares),
            )
            for text, offsets, truncated, shares, weights in zip(
                batch.texts,
                batch.offsets,
                batch.truncated,
                probabilities,
                attention,
                strict=True,
            )
        ]

    def _shown(self, shares: Numbers, weights: Numbers) -> Numbers:
        if self._of_labels:
            return np.asarray(weights[int(shares.argmax())])
        return np.asarray(weights.mean(axis=0))

    def _given(self, shares: Numbers) -> tuple[Any, ...] | None:
        if self.thresholds is None:
            return None
        places = np.flatnonzero(shares >= np.asarray(self.thresholds, shares.dtype))
        return tuple(self.labels[place] for place in places.tolist())

    def _rows(self, pieces: Sequence[str]) -> Integers:
        """The features of the tokens of one text: word, n-grams, pieces of the word."""
        found = [self._word(piece) for piece in pieces]
        ids = np.asarray([id_ for id_, _ in found], np.int64)
        rows = np.zeros((len(ids), 1 + len(self._ngrams) + self._columns), np.int32)
        rows[:, 0] = ids
        # The n-gram that ends at a token, as one number; before a text stands 0.
        keys = ids
        for column, known in enumerate(self._ngrams, start=1):
            earlier = np.concatenate([np.zeros(column, np.int64), ids])[: len(ids)]
            keys = keys + earlier * self._words**column
            rows[:, column] = _found(keys, known, self._starts[column - 1])
        for row, (_, of_word) in zip(rows, found, strict=True):
            row[len(row) - self._columns :] = of_word
        return rows

    def _look_up(self, piece: str) -> tuple[int, Integers]:
        """The id of a word, and the rows of the pieces of its spelling."""
        word = self._normalize(piece)
        # A word that spells the sign of padding is no padding.
        id_ = self._vocabulary.get(word, _UNKNOWN) or _UNKNOWN
        rows = np.zeros(self._columns, np.int32)
        if not self._columns or len(word) < 2:
            return id_, rows
        marked = f"<{word}>"
        spelled = [
            marked[start : start + length]
            for length in _PIECES
            for start in range(len(marked) - length + 1)
        ]
        keys = np.asarray(list(map(_digest, spelled)), np.int64)
        known = _found(keys, self._pieces, self._starts[-1])
        known = known[known != _NOTHING]
        if len(known) > self._columns:
            places = np.linspace(0, len(known) - 1, self._columns)
            known = known[places.round().astype(int)]
        rows[: len(known)] = known
        return id_, rows


def _found(keys: Integers, known: Integers, first: int) -> Integers:
    """The row of each key among sorted ones, 0 where there is none."""
    if not len(known):
        return np.zeros(len(keys), np.int64)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[places] == keys, places + first, _NOTHING)


def _digest(piece: str) -> int:
    content = hashlib.blake2b(piece.encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(content, "little") >> 1
