"""How often features are in texts, and what they say for the classes."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from regard.text.id_file import lengths_of
from regard.text.tokenizer import on_all_cores
from regard.types import FloatArray, IntArray

# So many tokens at once.
_TOKENS = 1 << 15


def log_odds(
    documents: Sequence[IntArray],
    targets: IntArray,
    rows: int,
    classes: int,
    weights: FloatArray | None = None,
) -> FloatArray:
    r"""The evidence of each feature for each class, in nats.

    .. math::
        r_{fc} = \log \frac{(n_{fc} + 1) / (n_c + 2)}
                           {(n_f - n_{fc} + 1) / (n - n_c + 2)}

    with :math:`n_{fc}` texts of class ``c`` that hold feature ``f``, and sums over what
    is left out. Row 0, no feature, is 0.

    Args:
        documents: The rows of the features of each text.
        targets: ``(documents,)``, the index of the class; or ``(documents, classes)``,
            1 where a text is in it: then ``n`` and :math:`n_f` count it once all the
            same.
        rows: The number of features.
        classes: The number of classes.
        weights: ``(documents,)``, as how many texts each counts; None: as one.

    Returns:
        ``(rows, classes)``, float32.
    """
    if targets.ndim == 2:
        return _odds_of_sets(documents, targets, rows, weights)
    held_by = np.zeros(rows * classes)

    def count(some: tuple[int, Sequence[IntArray]]) -> tuple[IntArray, Any]:
        first, texts = some
        lengths = np.asarray(list(map(len, texts)))
        pairs, bits = features_of_texts(np.concatenate(texts), lengths)
        pairs, _ = _counted(pairs)
        features = pairs & ((1 << bits) - 1)
        owners = (pairs >> bits) + first
        cells = features * classes + targets[owners]
        if weights is None:
            return _counted(cells)
        found, entry = np.unique(cells, return_inverse=True)
        return found, np.bincount(entry, weights[owners], len(found))

    for found, counts in on_all_cores(count, few_at_a_time(documents)):
        held_by[found] += counts
    holding = held_by.reshape(rows, classes)
    texts = np.bincount(targets, weights, minlength=classes)
    elsewhere = holding.sum(axis=1, keepdims=True) - holding
    inside = (holding + 1) / (texts + 2)
    outside = (elsewhere + 1) / (texts.sum() - texts + 2)
    odds = np.log(inside / outside).astype(np.float32)
    odds[0] = 0
    return odds


def _odds_of_sets(
    documents: Sequence[IntArray],
    targets: IntArray,
    rows: int,
    weights: FloatArray | None,
) -> FloatArray:
    """``log_odds`` where a text is in several classes, or in none."""
    counts = np.ones(len(targets)) if weights is None else np.asarray(weights, float)
    # A class more, which all are in.
    inside = np.concatenate([targets, np.ones((len(targets), 1))], axis=1)
    inside *= counts[:, None]
    columns = inside.shape[1]

    def count(some: tuple[int, Sequence[IntArray]]) -> tuple[Any, Any]:
        first, texts = some
        lengths = np.asarray(list(map(len, texts)))
        pairs, bits = features_of_texts(np.concatenate(texts), lengths)
        pairs, _ = _counted(pairs)
        features, owners = pairs & ((1 << bits) - 1), (pairs >> bits) + first
        found, entry = np.unique(features, return_inverse=True)
        held = [
            np.bincount(entry, inside[owners, column], len(found))
            for column in range(columns)
        ]
        return found, np.stack(held, axis=1)

    held_by = np.zeros((rows, columns))
    for found, held in on_all_cores(count, few_at_a_time(documents)):
        held_by[found] += held
    holding, of_all = held_by[:, :-1], held_by[:, -1:]
    texts, everything = inside[:, :-1].sum(axis=0), counts.sum()
    odds = np.log((holding + 1) / (texts + 2))
    odds -= np.log((of_all - holding + 1) / (everything - texts + 2))
    odds[0] = 0
    return odds.astype(np.float32)


def _counted(numbers: IntArray) -> tuple[IntArray, IntArray]:
    """The different numbers, and how often each is there."""
    # ``np.unique`` without counts goes through hashes, at twenty times the cost.
    return np.unique(numbers, return_counts=True)


def few_at_a_time(
    documents: Sequence[IntArray],
) -> Iterator[tuple[int, Sequence[IntArray]]]:
    """The place of the first of some, and as many as stay in the processor's cache."""
    first = tokens = 0
    for place, length in enumerate(lengths_of(documents).tolist()):
        tokens += length
        if tokens >= _TOKENS or place == len(documents) - 1:
            yield first, documents[first : place + 1]
            first, tokens = place + 1, 0


def features_of_texts(joined: IntArray, lengths: IntArray) -> tuple[IntArray, int]:
    """A number for each feature of some texts, each time that it is there.

    Args:
        joined: ``(tokens, features)``, the rows of all of them; 0 is none.
        lengths: ``(texts,)``, how many tokens each has.

    Returns:
        For each entry that is not 0 the text, above so many bits with the row.
    """
    present = np.flatnonzero(joined)
    owners = np.repeat(np.arange(len(lengths)), lengths * joined.shape[1])[present]
    bits = int(joined.max(initial=0)).bit_length()
    return (owners << bits) | joined.ravel()[present], bits


def feature_shares(document: IntArray, ngrams: int) -> FloatArray:
    """How much of each feature ``FeatureEmbedding`` adds, ``(tokens, features)``."""
    present = document != 0
    pieces = present[:, ngrams:].sum(axis=1, keepdims=True)
    shares = present.astype(np.float32)
    shares[:, ngrams:] /= np.sqrt(np.maximum(pieces, 1))
    return shares
