"""A text classifier and texts, as an examination asks them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from regard import _compat
from regard._validate import check_same_length
from regard.classification import TextClassifier
from regard.classification.network import ATTENTION
from regard.errors import ArgumentError, DataError
from regard.explain.explained_inputs import parts_of_rows
from regard.explain.explained_model import ExplainedModel
from regard.explain.explained_pass import Inner, inner_tensor
from regard.explain.gradients import integrate
from regard.explain.question import PartOfQuestion
from regard.text.tokenizer import EncodedText
from regard.trust.measurement import CONTRIBUTION
from regard.trust.plausibility import read_marks, tokens_marked
from regard.trust.subject import Baseline, BoolArray, Passage
from regard.types import FloatArray, IntArray

# One size: of thousands of rows few are filled up, and each size of each length costs
# a compilation, which takes most of the time.
_BATCH_SIZES = (128,)
_FEW = 32


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
        if self._trained.labels.several:
            raise ArgumentError(
                "A classifier that gives several labels a text cannot be examined.",
                expected="one that gives one label",
                fix="Train one that says whether a text has the label asked about.",
            )
        self._predictor = self._trained.predictor_of(_BATCH_SIZES)
        self._features = self._trained.reader.features
        encoded = self._trained.reader.read(texts)
        self._texts = texts
        # Of texts that were asked for, see ``_spread``.
        self._shares: dict[int, Any] = {}
        #: The index of each examined text among those that were given.
        self.indices: IntArray = np.flatnonzero([len(each.ids) > 0 for each in encoded])
        if not len(self.indices):
            raise DataError(
                "There is no text to examine.", expected="texts with a word or more"
            )
        self._encoded = [encoded[index] for index in self.indices.tolist()]
        self._rows = [each.ids for each in self._encoded]
        self._passages = [_passage(texts[i], encoded[i]) for i in self.indices.tolist()]
        self.labels = classifier.trained.labels.names
        # What a swapped token is drawn from: all tokens, as often as they occur.
        self._pool = np.concatenate(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def baseline(self, texts: IntArray) -> Baseline:
        """The undisturbed answers to texts; see ``Subject``."""
        rows = [self._rows[text] for text in texts.tolist()]
        readings = self._trained.readings(rows, self._predictor)
        encoded = [self._encoded[text] for text in texts.tolist()]
        lengths = np.array([len(each.offsets) for each in encoded])
        heads, longest = len(readings[0].weights), lengths.max()
        weights = np.zeros((len(rows), heads, longest))
        parts = np.zeros((len(rows), longest))
        for row, (length, reading) in enumerate(zip(lengths, readings, strict=True)):
            weights[row, :, :length] = encoded[row].summed(reading.weights)
            label = reading.probabilities.argmax()
            parts[row, :length] = encoded[row].summed(reading.contributions[:, label])
            self._shares[int(texts[row])] = _shares(encoded[row], reading.weights)
        probabilities = np.stack([each.probabilities for each in readings])
        gradients, figures = self._gradients(texts, probabilities.argmax(axis=1))
        return Baseline(
            probabilities.astype(float),
            weights,
            lengths,
            self.forced(texts, weights),
            {CONTRIBUTION: parts, **gradients},
            figures,
        )

    def _gradients(
        self, texts: IntArray, labels: IntArray
    ) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        """Scores by gradients, and how far they are from adding up; in logits."""
        explained = ExplainedModel.of(self._trained.model)
        encoded = [self._encoded[text] for text in texts.tolist()]
        rows = [each.ids for each in encoded]
        lengths = self._predictor.lengths
        longest = max(len(row) for row in rows)
        at_input, integrated = np.zeros((2, len(rows), longest))
        error, alike = np.zeros((2, len(rows)))
        attention = Inner(ATTENTION, explained.model.get_layer(ATTENTION))

        def conicity(x: Any, mask: Any) -> dict[str, Any]:
            return {"": inner_tensor(explained.model, x, mask, attention, _conicity)}

        for part in parts_of_rows(rows, lengths, self._features.without):
            targets = labels[part.rows].astype(np.int32)
            plan = explained.plan(part, self._trained.differentiated)
            run = integrate(PartOfQuestion(explained, plan, part, targets))
            width = min(longest, part.explained.shape[1])
            at_input[part.rows, :width] = run["at_input"][:, :width]
            integrated[part.rows, :width] = run["scores"][:, :width]
            error[part.rows] = run["error"]
            alike[part.rows] = explained.look("conicity", part, conicity, _FEW)[""]
        orders: dict[str, FloatArray] = {
            "gradient_x_input": _of_tokens(encoded, at_input),
            "integrated_gradients": _of_tokens(encoded, integrated),
        }
        return orders, {"conicity": alike, "completeness error": error}

    def erased(
        self, texts: IntArray, keep: BoolArray, eraser: str, draws: FloatArray
    ) -> FloatArray:
        """The answers with tokens erased; see ``Subject``."""
        erase = self._with_holes if eraser == "hole" else self._swapped
        rows = []
        for text, kept, drawn in zip(texts.tolist(), keep, draws, strict=True):
            each = self._encoded[text]
            count = len(each.offsets)
            of_pieces = each.spread(kept[:count]), each.spread(drawn[:count])
            rows.append(erase(each.ids, *of_pieces))
        return self._predictor.predict(rows).astype(float)

    def forced(self, texts: IntArray, weights: FloatArray) -> FloatArray:
        """The answers under given weights; see ``Subject``."""
        rows = [self._rows[text] for text in texts.tolist()]
        given = [
            self._spread(text, each)
            for text, each in zip(texts.tolist(), weights, strict=True)
        ]
        forced = {ATTENTION: given}
        return self._predictor.predict(rows, attention=forced).astype(float)

    def passages(self, texts: IntArray) -> list[Passage]:
        """The texts as far as the model reads them; see ``evidence.Showing``."""
        return [self._passages[text] for text in texts.tolist()]

    def marked(self, gold: Sequence[Any]) -> list[BoolArray]:
        """Which tokens of each text are marked; see ``Markable``."""
        check_same_length({"texts": self._texts, "gold marks": gold})
        spans = [
            read_marks(each, text, f"Text {index}")
            for index, (each, text) in enumerate(zip(gold, self._texts, strict=True))
        ]
        return [
            tokens_marked(spans[index], passage.offsets)
            for index, passage in zip(
                self.indices.tolist(), self._passages, strict=True
            )
        ]

    def weights(self, texts: IntArray) -> list[FloatArray]:
        """The weights of texts; see ``Markable``."""
        rows = [self._rows[text] for text in texts.tolist()]
        readings = self._trained.readings(rows, self._predictor)
        return [
            self._encoded[text].summed(each.weights.mean(axis=0))
            for text, each in zip(texts.tolist(), readings, strict=True)
        ]

    def classes_of(self, labels: Sequence[Any]) -> IntArray:
        """The class of each text, by the labels of all; see ``Answerable``."""
        check_same_length({"texts": self._texts, "labels": labels})
        return self._trained.labels.encode(labels)[self.indices]

    def _with_holes(self, row: IntArray, kept: BoolArray, _: FloatArray) -> IntArray:
        return self._features.without(row, kept)

    def _swapped(self, row: IntArray, kept: BoolArray, drawn: FloatArray) -> IntArray:
        others = self._pool[(drawn * len(self._pool)).astype(np.int64)]
        return self._features.swapped(row, kept, others)

    def _spread(self, text: int, weights: FloatArray) -> FloatArray:
        """Weights of tokens as those of what the model reads of each, as it had them.

        Args:
            text: The text.
            weights: ``(heads, tokens)``, and more behind the end.
        """
        each = self._encoded[text]
        of_pieces = each.spread(weights[:, : len(each.offsets)])
        return np.asarray(of_pieces * self._shares.get(text, 1.0))


def _shares(encoded: EncodedText, weights: FloatArray) -> Any:
    """The share of each piece in the weight of its token, ``(heads, pieces)``."""
    if len(encoded.offsets) == len(encoded.ids):
        return 1.0
    of_tokens = encoded.spread(encoded.summed(weights.astype(float)))
    return np.divide(
        weights, of_tokens, out=np.zeros_like(of_tokens), where=of_tokens > 0
    )


def _of_tokens(encoded: Sequence[EncodedText], values: FloatArray) -> FloatArray:
    """Values of what the model reads, ``(texts, …)``, as those of tokens."""
    sums = [
        each.summed(row[: len(each.ids)])
        for each, row in zip(encoded, values, strict=True)
    ]
    longest = max(map(len, sums))
    return np.stack([np.pad(each, (0, longest - len(each))) for each in sums])


def _conicity(inner: Inner, method: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
    """The mean cosine of the states that a layer is given with their mean."""
    states, mask = ops.cast(args[0], "float32"), _compat.mask_of(args[0])
    valid = ops.cast(kwargs.get("mask", mask), "float32")
    total = ops.sum(states * valid[..., None], axis=1, keepdims=True)
    lengths = ops.sqrt(ops.sum(states**2, -1) * ops.sum(total**2, -1))
    cosines = ops.sum(states * total, -1) / ops.maximum(lengths, 1e-12)
    count = ops.maximum(ops.sum(valid, axis=1), 1)
    return ops.sum(cosines * valid, axis=1) / count


def _passage(text: str, encoded: EncodedText) -> Passage:
    seen = int(encoded.offsets[-1, 1]) if encoded.truncated else len(text)
    return Passage(text[:seen], encoded.offsets)
