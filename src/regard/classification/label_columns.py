"""The answers of a text classifier as columns of Arrow, made of many texts at once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from regard.classification.artifact import TrainedTextClassifier
from regard.classification.network import ATTENTION, is_of_labels
from regard.inference.answer_columns import KeptAttention, list_offsets
from regard.observation import observe
from regard.text import EncodedText
from regard.text.feature_reader import BoolArray
from regard.text.joined_texts import Pieces
from regard.text.padding import bucket_of, length_buckets
from regard.types import FloatArray, IntArray

# Tokens of a batch, padding among them: with more of them the work leaves the cache of
# a processor. 256 texts of 200 tokens took 0.54 ms each where 32 took 0.35.
_TOKENS = 1 << 13
# What is left over runs in batches of a smaller size: two shapes are compiled a length.
_SMALLER = 8
# Texts at a time: enough to fill batches of each length.
_TEXTS = 1 << 12
# The first byte of a character, in UTF-8, is none of 10xxxxxx.
_LATER, _LATER_BITS = 0x80, 0xC0


class _ReadTexts(NamedTuple):
    """Texts, their tokens side by side, and which of them are longer than is read.

    Where the model reads several pieces of a token, ``encoded`` says which.
    """

    texts: Sequence[str]
    pieces: Pieces
    truncated: BoolArray
    encoded: Sequence[EncodedText] = ()


class _Labelled(NamedTuple):
    """What the model said of texts.

    Args:
        read: The texts.
        probabilities: ``(texts, labels)``.
        weights: ``(tokens,)`` of all texts, one after the other.
    """

    read: _ReadTexts
    probabilities: FloatArray
    weights: FloatArray


class LabelColumns:
    """Labels, probabilities and attention as columns; see ``AnswerColumns``.

    Texts are sorted by length and run in batches of one number of tokens: the shorter
    they are, the more of them. No object is made for a text or a token.

    Args:
        trained: The classifier.
        attention: How much of the attention is kept.
    """

    most: int = _TEXTS
    about: Mapping[str, Any]
    fields: Sequence[pa.Field]

    def __init__(
        self, trained: TrainedTextClassifier, attention: KeptAttention
    ) -> None:
        self._reader, self._kept = trained.reader, attention.most
        self._lengths = length_buckets(trained.config.max_length)
        # Without what each token has to say: nobody asks for it here.
        self._observed = observe(trained.model, ATTENTION)
        self._names = pa.array(list(trained.labels.values))
        self._thresholds = trained.thresholds if trained.labels.several else None
        self._of_labels = is_of_labels(trained.model)
        self.about = {"labels": list(trained.labels.values)}
        fields = [
            pa.field("label", self._names.type),
            pa.field("probability", pa.float32()),
            pa.field("probabilities", pa.list_(pa.float32())),
            pa.field("truncated", pa.bool_()),
        ]
        if self._thresholds is not None:
            fields.insert(1, pa.field("labels", pa.list_(self._names.type)))
        if self._kept != 0:
            span = pa.struct([("start", pa.int32()), ("end", pa.int32())])
            fields += [
                pa.field("tokens", pa.list_(pa.string())),
                pa.field("offsets", pa.list_(span)),
                pa.field("weights", pa.list_(pa.float32())),
            ]
        self.fields = fields

    def read(self, texts: Sequence[str]) -> _ReadTexts:
        """Cut texts into tokens, and look their features up."""
        return _ReadTexts(texts, *self._reader.read_joined(texts))

    def compute(self, read: _ReadTexts) -> _Labelled:
        """Probabilities and attention of each text, of one pass."""
        pieces = read.pieces
        starts = np.cumsum(pieces.counts) - pieces.counts
        # Padding is what stands behind the last token, of which no weight is kept.
        nothing = len(pieces.ids)
        ids = np.concatenate(
            [pieces.ids, np.zeros((1, *pieces.ids.shape[1:]), np.int32)]
        )
        weights = np.zeros(nothing + 1, np.float32)
        probabilities: Any = None
        for members, rows, length in self._batches(pieces.counts):
            at = np.arange(length)
            places = np.full((rows, length), nothing)
            places[: len(members)] = np.where(
                at < pieces.counts[members, None], starts[members, None] + at, nothing
            )
            seen = self._observed.predict_on_batch(ids.take(places, axis=0))
            outputs = np.asarray(seen.outputs)
            if probabilities is None:
                shape = len(pieces.counts), outputs.shape[-1]
                probabilities = np.empty(shape, np.float32)
            probabilities[members] = outputs[: len(members)]
            if self._kept != 0:
                seen_weights = seen.attention[ATTENTION].weights
                if self._of_labels:
                    best = outputs.argmax(axis=1)
                    weights[places] = seen_weights[np.arange(rows), best]
                else:
                    weights[places] = seen_weights.mean(axis=1)
        return _Labelled(*_of_tokens(read, probabilities, weights[:-1]))

    def to_arrow(self, computed: _Labelled) -> list[pa.Array]:
        """The columns, a row for each text."""
        read, probabilities, weights = computed
        count, labels = probabilities.shape
        best = probabilities.argmax(axis=1)
        columns = [
            self._names.take(pa.array(best)),
            pa.array(probabilities[np.arange(count), best]),
            pa.ListArray.from_arrays(
                list_offsets(np.full(count, labels)), pa.array(probabilities.ravel())
            ),
            pa.array(read.truncated),
        ]
        if self._thresholds is not None:
            given = probabilities >= self._thresholds
            named = self._names.take(pa.array(np.nonzero(given)[1]))
            offsets = list_offsets(given.sum(axis=1))
            columns.insert(1, pa.ListArray.from_arrays(offsets, named))
        if self._kept == 0:
            return columns
        pieces = read.pieces
        owners = np.repeat(np.arange(count), pieces.counts)
        spans, counts = pieces.spans, pieces.counts
        if self._kept is not None:
            kept = _strongest(owners, pieces, weights, self._kept)
            owners, spans, weights = owners[kept], spans[kept], weights[kept]
            counts = np.minimum(counts, self._kept)
        offsets = list_offsets(counts)
        ends = [pa.array(np.ascontiguousarray(spans[:, side])) for side in (0, 1)]
        tokens = _spelled(read.texts, owners, spans)
        pairs = pa.StructArray.from_arrays(ends, ["start", "end"])
        of_tokens = tokens, pairs, pa.array(weights)
        return columns + [pa.ListArray.from_arrays(offsets, each) for each in of_tokens]

    def _batches(self, counts: IntArray) -> Iterator[tuple[IntArray, int, int]]:
        """The texts that run together, and the shape they are padded to."""
        buckets = bucket_of(counts, self._lengths)
        for bucket in np.unique(buckets).tolist():
            length = self._lengths[bucket]
            most = 1 << max(0, (_TOKENS // length).bit_length() - 1)
            few = max(1, most // _SMALLER)
            waiting = np.flatnonzero(buckets == bucket)
            while len(waiting):
                rows = most if 2 * len(waiting) > most else few
                yield waiting[:rows], rows, length
                waiting = waiting[rows:]


def _of_tokens(
    read: _ReadTexts, probabilities: FloatArray, weights: FloatArray
) -> tuple[_ReadTexts, FloatArray, FloatArray]:
    """The same, of tokens where the model read pieces of them."""
    if not read.encoded:
        return read, probabilities, weights
    ends = np.cumsum(read.pieces.counts)[:-1]
    parts = np.split(weights, ends)
    sums = [each.summed(part) for each, part in zip(read.encoded, parts, strict=True)]
    spans = np.concatenate([each.offsets for each in read.encoded])
    counts = np.asarray([len(each.offsets) for each in read.encoded])
    tokens = Pieces.of(np.zeros(len(spans), np.int32), spans, counts)
    return read._replace(pieces=tokens), probabilities, np.concatenate(sums)


def _strongest(
    owners: IntArray, pieces: Pieces, weights: FloatArray, most: int
) -> IntArray:
    """The places of the strongest weights of each text, in the order of the text."""
    by_weight = np.lexsort((pieces.places, -weights, owners))
    # They are sorted by text first, so that the places are ranks now.
    return np.sort(by_weight[pieces.places < most])


def _spelled(texts: Sequence[str], owners: IntArray, spans: IntArray) -> pa.Array:
    """Tokens as they stand in their texts, ``(tokens,)``, cut as bytes all at once."""
    joined = np.frombuffer("".join(texts).encode("utf-8"), np.uint8)
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    firsts = np.cumsum(sizes) - sizes
    begin, end = (firsts[owners][:, None] + spans).T
    if len(joined) != sizes.sum():
        is_first = (joined & _LATER_BITS) != _LATER
        byte_of = np.append(np.flatnonzero(is_first), len(joined))
        begin, end = byte_of[begin], byte_of[end]
    lengths = end - begin
    offsets = np.zeros(len(begin) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    moved = np.repeat(begin - offsets[:-1], lengths)
    content = joined[np.arange(len(moved)) + moved]
    return pa.StringArray.from_buffers(
        len(begin), pa.py_buffer(offsets), pa.py_buffer(content)
    )
