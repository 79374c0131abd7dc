"""A text classifier and texts, as an examination asks them."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np

from regard.classification import TextClassifier
from regard.classification.network import ATTENTION, CLASSES
from regard.errors import DataError
from regard.runtime import compile_function
from regard.text.padding import bucket_of, pad
from regard.text.tokenizer import EncodedText
from regard.trust.measurement import CONTRIBUTION
from regard.trust.subject import Baseline, BoolArray, Passage
from regard.types import FloatArray, IntArray

#: The rows of a batch of states; batches are filled up to it.
_ROWS = 32


class ClassifierSubject:
    """A text classifier and the texts it is examined on.

    A token that is erased by ``"hole"`` is masked out where it stands, with every
    n-gram that holds it: what is left beside the hole was not side by side. By
    ``"swap"`` a token drawn from the texts stands in its place.

    Args:
        classifier: A trained classifier.
        texts: The texts; those without a token are passed over.

    Raises:
        DataError: No text has a token.
    """

    erasers: tuple[str, ...] = ("hole", "swap")

    def __init__(self, classifier: TextClassifier, texts: Sequence[str]) -> None:
        self._trained = classifier.trained
        self._features = self._trained.reader.features
        encoded = self._trained.reader.read(texts)
        #: The index of each examined text among those that were given.
        self.indices: IntArray = np.flatnonzero([len(each.ids) > 0 for each in encoded])
        if not len(self.indices):
            raise DataError(
                "There is no text to examine.", expected="texts with a word or more"
            )
        self._rows = [encoded[index].ids for index in self.indices.tolist()]
        self._passages = [_passage(texts[i], encoded[i]) for i in self.indices.tolist()]
        self.labels = tuple(map(str, classifier.labels))
        # What a swapped token is drawn from: all tokens, as often as they occur.
        self._pool = np.concatenate(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def baseline(self, texts: IntArray) -> Baseline:
        """The undisturbed answers to texts; see ``Subject``."""
        rows = [self._rows[text] for text in texts.tolist()]
        seen = self._trained.predictor.observe(rows)
        lengths = np.array([len(each) for each in rows])
        of_texts = [each[ATTENTION].weights for each in seen.attention]
        weights = np.zeros((len(rows), of_texts[0].shape[0], lengths.max()))
        for row, each in enumerate(of_texts):
            weights[row, :, : each.shape[-1]] = each
        parts = self._parts(rows, weights, seen.outputs.argmax(axis=-1))
        return Baseline(
            seen.outputs.astype(float),
            weights,
            lengths,
            self.forced(texts, weights),
            {CONTRIBUTION: parts},
        )

    def erased(
        self, texts: IntArray, keep: BoolArray, eraser: str, draws: FloatArray
    ) -> FloatArray:
        """The answers with tokens erased; see ``Subject``."""
        erase = self._with_holes if eraser == "hole" else self._swapped
        rows = []
        for text, kept, drawn in zip(texts.tolist(), keep, draws, strict=True):
            row = self._rows[text]
            rows.append(erase(row, kept[: len(row)], drawn[: len(row)]))
        return self._trained.predictor.predict(rows).astype(float)

    def forced(self, texts: IntArray, weights: FloatArray) -> FloatArray:
        """The answers under given weights; see ``Subject``."""
        rows = [self._rows[text] for text in texts.tolist()]
        given = [each[:, : len(row)] for row, each in zip(rows, weights, strict=True)]
        predictor = self._trained.predictor
        return predictor.predict(rows, attention={ATTENTION: given}).astype(float)

    def passages(self, texts: IntArray) -> list[Passage]:
        """The texts as far as the model reads them; see ``evidence.Showing``."""
        return [self._passages[text] for text in texts.tolist()]

    def _with_holes(self, row: IntArray, kept: BoolArray, _: FloatArray) -> IntArray:
        row = np.where(kept[:, None], row, 0)
        whole = kept
        for column in range(1, self._features.order):
            # An n-gram is whole where all of its tokens are.
            before = np.concatenate([np.ones(column, bool), kept])[: len(kept)]
            whole = whole & before
            row[:, column] = np.where(whole, row[:, column], 0)
        return row

    def _swapped(self, row: IntArray, kept: BoolArray, drawn: FloatArray) -> IntArray:
        others = self._pool[(drawn * len(self._pool)).astype(np.int64)]
        mixed = np.where(kept[:, None], row, others)
        rows = self._features.rows(mixed[:, 0])
        order = self._features.order
        rows[:, order:] = mixed[:, order:]
        return rows

    def _parts(
        self, rows: Sequence[IntArray], weights: FloatArray, labels: IntArray
    ) -> FloatArray:
        r"""What each token adds to the logit of the label.

        .. math:: c_t = \sum_h w_{ht} \, h_t \cdot W_h[\text{label}]
        """
        kernel = self._head[:, labels]
        heads, keys = weights.shape[1:]
        parts = np.zeros((len(rows), keys))
        for row, (label, states) in enumerate(
            zip(kernel.T, self._states(rows), strict=True)
        ):
            added = states @ label.reshape(heads, -1).T
            length = len(states)
            parts[row, :length] = (added * weights[row, :, :length].T).sum(axis=-1)
        return parts

    def _states(self, rows: Sequence[IntArray]) -> list[FloatArray]:
        """The states that the attention weighs, of each text."""
        lengths = self._trained.predictor.lengths
        sizes = np.array([len(each) for each in rows])
        buckets = bucket_of(sizes, lengths)
        states: list[Any] = [None] * len(rows)
        for bucket in np.unique(buckets).tolist():
            members = np.flatnonzero(buckets == bucket)
            for start in range(0, len(members), _ROWS):
                batch = members[start : start + _ROWS].tolist()
                padded = pad([rows[row] for row in batch], _ROWS, lengths[bucket])
                for row, each in zip(batch, self._encode(padded), strict=False):
                    states[row] = each[: sizes[row]].astype(float)
        return states

    @cached_property
    def _encode(self) -> Any:
        model = self._trained.model
        encoder = keras.Model(model.inputs, model.get_layer(ATTENTION).input)

        def states(ids: Any) -> Any:
            return keras.tree.flatten(encoder(ids, training=False))[0]

        return compile_function(encoder, states)

    @cached_property
    def _head(self) -> FloatArray:
        """From pooled features to logits, ``(heads * features, classes)``."""
        layer = self._trained.model.get_layer(CLASSES)
        kernel = keras.ops.convert_to_numpy(layer.kernel)
        return kernel.astype(float) / self._trained.temperature


def _passage(text: str, encoded: EncodedText) -> Passage:
    seen = int(encoded.offsets[-1, 1]) if encoded.truncated else len(text)
    return Passage(text[:seen], encoded.offsets)
