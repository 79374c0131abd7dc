"""A logistic regression on the features of texts that trusts naive Bayes."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from regard.classification.feature_counts import (
    feature_shares,
    features_of_texts,
    few_at_a_time,
)
from regard.text.id_file import lengths_of
from regard.text.tokenizer import on_all_cores
from regard.types import FloatArray, IntArray

Attention = Callable[[IntArray, FloatArray], FloatArray]
Objective = Callable[[FloatArray], tuple[float, FloatArray]]

# L-BFGS: how many steps it takes at least and at most, and how much work, in products
# of an entry and a column; how many of the last steps it remembers, and the share of
# the loss that a step has to save.
_STEPS, _WORK, _MEMORY, _SAVED = (10, 60), 1e9, 6, 1e-5
# The share of what the slope promises that a step has to keep, and how often it is
# halved for that.
_KEPT, _HALVINGS = 1e-4, 20


@dataclass(frozen=True, eq=False)
class FeatureBags:
    """The features of texts without their places, pooled over the tokens of each.

    Args:
        documents: How many texts there are.
        owners: ``(entries,)``, the text of each entry.
        rows: ``(entries,)``, its feature; a text has an entry for each.
        shares: ``(entries,)``, how much of the feature is in the pooled text.
        length: The mean number of tokens of a text.
    """

    documents: int
    owners: IntArray
    rows: IntArray
    shares: FloatArray
    length: float

    @classmethod
    def of(
        cls,
        documents: Sequence[IntArray],
        ngrams: int,
        attention: Attention | None = None,
    ) -> "FeatureBags":
        """The bags of texts.

        Args:
            documents: The rows of the features of each text, ``(tokens, features)``.
            ngrams: How many columns hold n-grams; the rest hold pieces of the word.
            attention: The weights ``(tokens,)`` that tokens are pooled with, by their
                features and the shares of these; None: the even mean.
        """
        bags = partial(_bags, ngrams=ngrams, attention=attention)
        parts = on_all_cores(bags, few_at_a_time(documents))
        owners, rows, shares = zip(*parts, strict=True)
        return cls(
            len(documents),
            np.concatenate(owners),
            np.concatenate(rows),
            np.concatenate(shares),
            float(np.mean(lengths_of(documents))),
        )

    def scores(self, weights: FloatArray) -> FloatArray:
        """The sums ``(columns, texts)`` of the weights ``(columns, rows)``."""
        return self._sums(weights, self.rows, self.owners, self.documents)

    def slopes(self, errors: FloatArray, rows: int) -> FloatArray:
        """The slopes of the weights ``(columns, rows)`` by those of the scores."""
        return self._sums(errors.astype(np.float32), self.owners, self.rows, rows)

    def _sums(
        self, columns: FloatArray, source: IntArray, target: IntArray, size: int
    ) -> FloatArray:
        sums = [
            np.bincount(target, self.shares * column[source], size)
            for column in columns
        ]
        return np.stack(sums).astype(np.float32)


def _bags(
    some: tuple[int, Sequence[IntArray]],
    *,
    ngrams: int,
    attention: Attention | None,
) -> tuple[IntArray, IntArray, FloatArray]:
    first, documents = some
    lengths = np.asarray(list(map(len, documents)))
    joined = np.concatenate(documents)
    pairs, bits = features_of_texts(joined, lengths)
    if attention is None and joined.shape[1] == ngrams:
        # All shares of a text are the same.
        pairs, counts = np.unique(pairs, return_counts=True)
        pooled = counts * _even(lengths)[pairs >> bits].astype(np.float64)
    else:
        pairs, entry = np.unique(pairs, return_inverse=True)
        shares = feature_shares(joined, ngrams)
        shares *= _weights(joined, shares, lengths, attention)[:, None]
        pooled = np.bincount(entry, shares.ravel()[np.flatnonzero(joined)], len(pairs))
    rows = (pairs & ((1 << bits) - 1)).astype(np.int32)
    return (pairs >> bits) + first, rows, pooled.astype(np.float32)


def _weights(
    joined: IntArray,
    shares: FloatArray,
    lengths: IntArray,
    attention: Attention | None,
) -> FloatArray:
    if attention is None:
        return np.repeat(_even(lengths), lengths)
    ends = np.cumsum(lengths)[:-1]
    pairs = zip(np.split(joined, ends), np.split(shares, ends), strict=True)
    return np.concatenate([attention(*pair) for pair in pairs])


def _even(lengths: IntArray) -> FloatArray:
    return np.float32(1) / np.maximum(lengths, 1).astype(np.float32)


def regression_weights(
    bags: FeatureBags, targets: IntArray, odds: FloatArray, strength: float
) -> tuple[FloatArray, FloatArray]:
    r"""Fit a logistic regression that trusts features as far as naive Bayes does.

    .. math::
        \min_{V, b} \; \sum_i -\log p_{i y_i} + \frac{1}{2 s} |V|^2, \qquad
        p_i = \mathrm{softmax}(x_i^\top W + b), \qquad W = m \, R \odot V

    with :math:`R` the evidence of the features for the classes: weight on what says
    little in naive Bayes is dear. With :math:`m`, the mean number of tokens of a text,
    the same strength :math:`s` suits short texts and long ones. Of two classes the
    evidence for one is that against the other, and so are the weights.

    Args:
        bags: The texts.
        targets: ``(texts,)``, the index of the class.
        odds: ``(rows, classes)``, see ``log_odds``.
        strength: ``s``; the higher, the weaker the penalty.

    Returns:
        ``W`` ``(rows, classes)`` and ``b`` ``(classes,)``, float32.

    References:
        Wang, Manning: Baselines and bigrams (2012), https://aclanthology.org/P12-2018.
    """
    rows, classes = odds.shape
    two = classes == 2
    scale = bags.length * (odds[:, 1:] if two else odds).T
    columns, number = len(scale), np.arange(bags.documents)
    penalty = 1 / (strength * bags.documents)

    def objective(point: FloatArray) -> tuple[float, FloatArray]:
        values, bias = _parts(point, columns)
        scores = bags.scores(scale * values) + bias[:, None]
        logits = np.concatenate([-scores, scores]) / 2 if two else scores
        logits -= logits.max(axis=0)
        powers = np.exp(logits)
        sums = powers.sum(axis=0)
        loss = float((np.log(sums) - logits[targets, number]).mean())
        errors = powers / sums
        errors[targets, number] -= 1
        errors = (errors[1:] if two else errors) / bags.documents
        slopes = scale * bags.slopes(errors, rows) + penalty * values
        loss += penalty / 2 * float(np.vdot(values, values))
        return loss, np.append(slopes.ravel(), errors.sum(axis=1))

    steps = int(np.clip(_WORK / max(len(bags.rows) * columns, 1), *_STEPS))
    start = np.zeros(columns * (rows + 1), np.float32)
    values, bias = _parts(_minimum(objective, start, steps), columns)
    weights = (scale * values).T
    if two:
        weights, bias = np.hstack([-weights, weights]) / 2, np.append(-bias, bias) / 2
    return weights.astype(np.float32), bias.astype(np.float32)


def _parts(point: FloatArray, columns: int) -> tuple[FloatArray, FloatArray]:
    return point[:-columns].reshape(columns, -1), point[-columns:]


def _minimum(objective: Objective, point: FloatArray, steps: int) -> FloatArray:
    """About where a convex function is least, by L-BFGS.

    References:
        Liu, Nocedal: On the limited memory BFGS method for large scale optimization
        (1989), https://doi.org/10.1007/BF01589116.
    """
    loss, slope = objective(point)
    # Steps, and by how much the slope changed.
    moves: deque[tuple[FloatArray, FloatArray]] = deque(maxlen=_MEMORY)
    for _ in range(steps):
        direction = -_newton(slope, moves)
        promised = float(np.vdot(direction, slope))
        size = 1.0
        for _ in range(_HALVINGS):
            there = point + np.float32(size) * direction
            loss_there, slope_there = objective(there)
            if loss_there <= loss + _KEPT * size * promised:
                break
            size /= 2
        else:
            return point
        if np.vdot(there - point, slope_there - slope) > 0:
            moves.append((there - point, slope_there - slope))
        saved = loss - loss_there
        point, loss, slope = there, loss_there, slope_there
        if saved < _SAVED * loss:
            break
    return point


def _newton(
    slope: FloatArray, moves: Sequence[tuple[FloatArray, FloatArray]]
) -> FloatArray:
    """The slope by about the inverse of the second derivative."""
    if not moves:
        return slope / (float(np.linalg.norm(slope)) or 1.0)
    parts = []
    for move, change in reversed(moves):
        part = np.vdot(move, slope) / np.vdot(move, change)
        slope = slope - part * change
        parts.append(part)
    move, change = moves[-1]
    slope = slope * (np.vdot(move, change) / np.vdot(change, change))
    for (move, change), part in zip(moves, reversed(parts), strict=True):
        slope = slope + (part - np.vdot(change, slope) / np.vdot(move, change)) * move
    return slope
