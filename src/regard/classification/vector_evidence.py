"""What word vectors say for the classes of texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regard.classification.known_vectors import KnownVectors
from regard.classification.regression import minimum, sparse
from regard.text.id_file import lengths_of
from regard.training.batches import EncodedExamples
from regard.types import FloatArray, IntArray

# Of more texts a part says as well what their vectors say.
_MOST_TEXTS = 100_000
_STEPS = 100


@dataclass(frozen=True, eq=False)
class VectorRegression:
    """A logistic regression on the mean of the vectors of a text.

    Args:
        weights: ``(words, classes)``, what each word adds, in nats times the number of
            words of a text.
        bias: ``(classes,)``.
    """

    weights: FloatArray
    bias: FloatArray

    @classmethod
    def of(
        cls,
        known: KnownVectors,
        train: EncodedExamples,
        classes: int,
    ) -> "VectorRegression":
        r"""Fit it.

        .. math::
            \min_{P, b} \; \sum_i -\log p_{i y_i} + \frac{1}{2} |P|^2, \qquad
            p_i = \mathrm{softmax}(P^\top m_i + b)

        with the mean :math:`m_i` of the weighted vectors of a text, which is of length
        1 on the mean. Of two classes the evidence for one is that against the other.
        """
        words = known.weighted(train.sequences)
        means = _means(train.sequences, words)
        size = float(np.sqrt(np.square(means).sum(axis=1).mean())) or 1.0
        columns = 1 if classes == 2 else classes
        width = means.shape[1]
        means /= size
        counts = _counts(train)
        texts = counts.sum()

        def objective(point: FloatArray) -> tuple[float, FloatArray]:
            values = point[: width * columns].reshape(width, columns)
            scores = means @ values + point[width * columns :]
            logits = np.hstack([-scores, scores]) / 2 if columns == 1 else scores
            losses, errors = _losses(logits, train.targets)
            errors = (errors[:, 1:] if columns == 1 else errors) * counts[:, None]
            loss = counts @ losses + float(np.vdot(values, values)) / 2
            slopes = means.T @ errors + values
            slope = np.append(slopes.ravel(), errors.sum(axis=0))
            return float(loss) / texts, slope / texts

        start = np.zeros((width + 1) * columns, np.float32)
        point = minimum(objective, start, _STEPS)
        values = point[: width * columns].reshape(width, columns)
        bias = point[width * columns :]
        weights = words @ (values / size)
        if columns == 1:
            weights, bias = (
                np.hstack([-weights, weights]) / 2,
                np.append(-bias, bias) / 2,
            )
        return cls(weights.astype(np.float32), bias.astype(np.float32))

    def scores(self, documents: Sequence[IntArray]) -> FloatArray:
        """What it says of texts, ``(texts, classes)``."""
        return _means(documents, self.weights) + self.bias


def shares_of(scores: FloatArray, asked: EncodedExamples) -> FloatArray:
    r"""How much of each of some models, all of which have scores, is best together.

    .. math::
        \min_{a} \; \sum_i -\log \mathrm{softmax}\left(\sum_j a_j s_{ji}\right)_{y_i}
        + \frac{1}{2} \sum_j \log^2 a_j

    Args:
        scores: ``(models, texts, classes)``, of texts that they were not fitted to.
        asked: These texts.
    """
    counts = _counts(asked)

    def objective(logs: FloatArray) -> tuple[float, FloatArray]:
        shares = np.exp(logs)
        losses, errors = _losses(np.tensordot(shares, scores, 1), asked.targets)
        slopes = shares * np.einsum("stc,tc,t->s", scores, errors, counts) + logs
        loss = counts @ losses + float(np.vdot(logs, logs)) / 2
        return float(loss), slopes

    found: FloatArray = np.exp(minimum(objective, np.zeros(len(scores)), _STEPS))
    return found


def _counts(examples: EncodedExamples) -> FloatArray:
    """As how many texts each counts, ``(texts,)``."""
    counts = examples.importance
    return np.ones(len(examples)) if counts is None else counts.astype(np.float64)


def some_of(texts: int, seed: int) -> IntArray:
    """The places of texts, or of as many as are enough, in no order."""
    return np.random.default_rng(seed).permutation(texts)[:_MOST_TEXTS]


def _losses(logits: FloatArray, targets: IntArray) -> tuple[FloatArray, FloatArray]:
    """The loss of each text, and its slope by the logits."""
    numbers = np.arange(len(targets))
    logits = logits - logits.max(axis=1, keepdims=True)
    powers = np.exp(logits)
    sums = powers.sum(axis=1, keepdims=True)
    losses = np.log(sums[:, 0]) - logits[numbers, targets]
    errors = powers / sums
    errors[numbers, targets] -= 1
    return losses, errors


def _means(documents: Sequence[IntArray], words: FloatArray) -> FloatArray:
    """The mean of what the words of each text have; 0 for a text without a word."""
    lengths = lengths_of(documents)
    ids = np.concatenate([document[:, 0] for document in documents])
    ends = np.append(0, np.cumsum(lengths))
    counts = sparse(
        (np.ones(len(ids), np.float32), ids, ends), (len(lengths), len(words))
    )
    means: FloatArray = (counts @ words) / np.maximum(lengths, 1)[:, None]
    return means.astype(np.float32)
