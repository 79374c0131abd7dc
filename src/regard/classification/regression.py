"""A logistic regression on the features of texts that trusts naive Bayes."""

import importlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np

from regard.classification.feature_counts import (
    feature_shares,
    features_of_texts,
    few_at_a_time,
)
from regard.text.id_file import lengths_of
from regard.text.tokenizer import on_all_cores
from regard.types import FloatArray, IntArray

# So many products are added up at once.
_ENTRIES = 1 << 18
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
        weights: ``(documents,)``, as how many texts each counts; None: as one.
    """

    documents: int
    owners: IntArray
    rows: IntArray
    shares: FloatArray
    length: float
    weights: FloatArray | None = None

    @classmethod
    def of(
        cls,
        documents: Sequence[IntArray],
        ngrams: int,
        attention: Attention | None = None,
        weights: FloatArray | None = None,
    ) -> "FeatureBags":
        """The bags of texts.

        Args:
            documents: The rows of the features of each text, ``(tokens, features)``.
            ngrams: How many columns hold n-grams; the rest hold pieces of the word.
            attention: The weights ``(tokens,)`` that tokens are pooled with, by their
                features and the shares of these; None: the even mean.
            weights: ``(texts,)``, as how many each counts; None: as one.
        """
        bags = partial(_bags, ngrams=ngrams, attention=attention)
        parts = on_all_cores(bags, few_at_a_time(documents))
        owners, rows, shares = zip(*parts, strict=True)
        return cls(
            len(documents),
            np.concatenate(owners),
            np.concatenate(rows),
            np.concatenate(shares),
            float(np.average(lengths_of(documents), weights=weights)),
            weights,
        )

    def scores(self, weights: FloatArray) -> FloatArray:
        """The sums ``(columns, texts)`` of the weights ``(columns, rows)``."""
        return self._of_texts.sums(weights)

    def slopes(self, errors: FloatArray, rows: int) -> FloatArray:
        """The slopes of the weights ``(columns, rows)`` by those of the scores."""
        seen = self._of_rows.sums(errors.astype(np.float32))
        return np.pad(seen, ((0, 0), (0, rows - seen.shape[1])))

    @cached_property
    def _of_texts(self) -> "_Groups":
        ends = np.searchsorted(self.owners, np.arange(self.documents + 1))
        return _Groups.of(self.rows, self.shares, ends)

    @cached_property
    def _of_rows(self) -> "_Groups":
        ends = np.searchsorted(self.owners, np.arange(self.documents + 1))
        shape = self.documents, int(self.rows.max(initial=0)) + 1
        by_row = sparse((self.shares, self.rows, ends), shape).tocsc()
        return _Groups.of(by_row.indices, by_row.data, by_row.indptr)


@dataclass(frozen=True, eq=False)
class _Groups:
    """Entries of which those of one group are beside each other, in a fixed order.

    The products are of float32 and are added up one after the other in float64, as
    ``np.bincount`` does it, which keeps all other threads waiting.

    Args:
        sources: ``(entries,)``, which number of a column each is multiplied with.
        shares: ``(entries,)``, what it is multiplied with.
        starts: ``(groups + 1,)``, the first entry of each group, and the end.
        cuts: Groups between which the entries are cut into pieces.
    """

    sources: IntArray
    shares: FloatArray
    starts: IntArray
    cuts: IntArray

    @classmethod
    def of(cls, sources: IntArray, shares: FloatArray, starts: IntArray) -> "_Groups":
        """Those that lie as they are, in pieces that stay in the processor's cache."""
        pieces = np.arange(0, len(sources), _ENTRIES)
        cuts = np.unique([0, *np.searchsorted(starts, pieces), len(starts) - 1])
        # NumPy takes by numbers of this type only, and makes them of any other.
        return cls(sources.astype(np.intp), shares, starts, cuts)

    def sums(self, columns: FloatArray) -> FloatArray:
        """The sums ``(columns, groups)`` of some columns."""

        def piece(groups: tuple[int, int]) -> FloatArray:
            starts = self.starts[groups[0] : groups[1] + 1]
            entries = slice(starts[0], starts[-1])
            sources, shares = self.sources[entries], self.shares[entries]
            # What is added up are the rows of a matrix of one column.
            indices = np.zeros(len(sources), np.int32)
            ends = (starts - starts[0]).astype(np.int32)
            shape, one = (len(ends) - 1, 1), np.ones(1)
            found = []
            for column in columns:
                products = (shares * column.take(sources)).astype(np.float64)
                found.append(sparse((products, indices, ends), shape) @ one)
            return np.stack(found).astype(np.float32)

        pieces = on_all_cores(piece, pairwise(self.cuts.tolist()))
        return np.concatenate(list(pieces), axis=1)


def sparse(parts: tuple[Any, Any, Any], shape: tuple[int, int]) -> Any:
    """A sparse matrix row by row: its values, their columns, the ends of the rows."""
    # Only a training needs it, and it is a tenth of a second.
    sparse = importlib.import_module("scipy.sparse")
    return sparse.csr_array(parts, shape=shape)


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
    evidence for one is that against the other, and so are the weights. A text that
    counts as several is several in the sum and in :math:`m`.

    Args:
        bags: The texts.
        targets: ``(texts,)``, the index of the class; or ``(texts, classes)``, 1 where
            a text is in it: then each class has a regression of its own.
        odds: ``(rows, classes)``, see ``log_odds``.
        strength: ``s``; the higher, the weaker the penalty.

    Returns:
        ``W`` ``(rows, classes)`` and ``b`` ``(classes,)``, float32.

    References:
        Wang, Manning: Baselines and bigrams (2012), https://aclanthology.org/P12-2018.
    """
    rows, classes = odds.shape
    several = targets.ndim == 2
    two = classes == 2 and not several
    scale = bags.length * (odds[:, 1:] if two else odds).T
    columns = len(scale)
    of_all = bags.documents if bags.weights is None else float(bags.weights.sum())
    counts = np.float32(1) if bags.weights is None else bags.weights
    penalty = 1 / (strength * of_all)

    def objective(point: FloatArray) -> tuple[float, FloatArray]:
        values, bias = _parts(point, columns)
        scores = bags.scores(scale * values) + bias[:, None]
        if several:
            losses, errors = _of_sets(scores, targets)
        else:
            losses, errors = _of_one(scores, targets)
        loss = float(np.average(losses, weights=bags.weights))
        errors = errors * counts / of_all
        slopes = scale * bags.slopes(errors, rows) + penalty * values
        loss += penalty / 2 * float(np.vdot(values, values))
        return loss, np.append(slopes.ravel(), errors.sum(axis=1))

    steps = int(np.clip(_WORK / max(len(bags.rows) * columns, 1), *_STEPS))
    start = np.zeros(columns * (rows + 1), np.float32)
    values, bias = _parts(minimum(objective, start, steps), columns)
    weights = (scale * values).T
    if two:
        weights, bias = np.hstack([-weights, weights]) / 2, np.append(-bias, bias) / 2
    return weights.astype(np.float32), bias.astype(np.float32)


def _of_one(scores: FloatArray, targets: IntArray) -> tuple[FloatArray, FloatArray]:
    """The loss of each text, which is in one class, and its slopes by the scores."""
    # One score is that of the second of two classes.
    two, number = len(scores) == 1, np.arange(len(targets))
    logits = np.concatenate([-scores, scores]) / 2 if two else scores
    logits -= logits.max(axis=0)
    powers = np.exp(logits)
    sums = powers.sum(axis=0)
    losses = np.log(sums) - logits[targets, number]
    errors = powers / sums
    errors[targets, number] -= 1
    return losses, errors[1:] if two else errors


def _of_sets(scores: FloatArray, targets: IntArray) -> tuple[FloatArray, FloatArray]:
    """The same where each class is a question of its own."""
    inside = targets.T
    losses = np.logaddexp(0, scores) - inside * scores
    errors = np.exp(-np.logaddexp(0, -scores)) - inside
    return losses.sum(axis=0), errors.astype(np.float32)


def _parts(point: FloatArray, columns: int) -> tuple[FloatArray, FloatArray]:
    return point[:-columns].reshape(columns, -1), point[-columns:]


def minimum(objective: Objective, point: FloatArray, steps: int) -> FloatArray:
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
