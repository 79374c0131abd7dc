"""A text classifier that starts as naive Bayes or a regression."""

from collections.abc import Sequence

import keras
import numpy as np

from regard.classification.config import TextClassifierConfig
from regard.classification.evidence_pooling import EvidencePooling, LabelEvidencePooling
from regard.classification.feature_counts import feature_shares
from regard.classification.network import ATTENTION, CLASSES, EMBEDDING, bias_of
from regard.types import FloatArray, IntArray

# An even function of the evidence x for a class, low at 0 and flat from about 3 on:
# tanh(STEEP x - OFFSET) + tanh(-STEEP x - OFFSET).
_STEEP, _OFFSET = 0.7, 1.5
# So many texts say how far the evidence of tokens is spread.
_READ = 500
# Beside that the score starts small, so that chance says little about where to look.
_QUIET = 0.3


def start_from_naive_bayes(
    model: keras.Model, odds: FloatArray, config: TextClassifierConfig
) -> None:
    r"""Let the model start as naive Bayes, with attention on what tells classes apart.

    Unit ``c`` of the embedding of a feature starts as its log-odds for class ``c``, and
    the output layer starts by reading these units. A learned attention score starts as
    an even function of them: words without evidence for or against a class are passed
    over.

    Args:
        model: A classifier, started randomly.
        odds: ``(rows, classes)``, see ``log_odds``.
        config: The settings of the model.

    References:
        Wang, Manning: Baselines and bigrams (2012), https://aclanthology.org/P12-2018.
    """
    classes = odds.shape[1]
    table = model.get_layer(EMBEDDING).table
    start = keras.ops.convert_to_numpy(table).copy()
    start[:, :classes] = odds
    table.assign(start)
    _read_evidence(model, classes, config.naive_bayes)
    if _is_learned(model):
        _look_at_evidence(model, classes, config.salience)


def start_from_regression(
    model: keras.Model, weights: FloatArray, bias: FloatArray, share: float = 0.0
) -> None:
    """Let the model start as a linear one, with what it looks at as it is.

    The units of the embedding after those with the evidence start as the weights, the
    output layer starts by reading nothing else, but for a share of the evidence, and a
    learned attention score without them.

    Args:
        model: A classifier, started from naive Bayes.
        weights: ``(rows, classes)``, of the mean of the features of a text.
        bias: ``(classes,)``.
        share: The share of the evidence, made as large as the weights are, beside that
            of the weights: where texts are few and short they are better together
            (Wang and Manning 2012, section 2.3).
    """
    classes = len(bias)
    evidence, units = slice(classes), slice(classes, 2 * classes)
    embedding = model.get_layer(EMBEDDING)
    table = keras.ops.convert_to_numpy(embedding.table).copy()
    table[:, units] = weights
    embedding.table.assign(table)
    as_large = mean_size(weights) / (mean_size(table[:, evidence]) or 1.0)
    layer = model.get_layer(CLASSES)
    kernel = keras.ops.convert_to_numpy(layer.kernel).copy()
    heads = model.get_layer(ATTENTION).num_heads
    kernel[:] = 0
    read = kernel.reshape(heads, -1, classes)
    read[:, evidence] = share * as_large * np.eye(classes) / heads
    read[:, units] = (1 - share) * np.eye(classes) / heads
    layer.kernel.assign(kernel)
    prior = keras.ops.convert_to_numpy(bias_of(model))
    bias_of(model).assign((1 - share) * bias + share * prior)
    if _is_learned(model):
        layer = model.get_layer(ATTENTION)
        kernel, hidden_bias, vector = layer.get_weights()
        kernel[units] = 0
        layer.set_weights([kernel, hidden_bias, vector])


def sharpen(
    model: keras.Model, documents: Sequence[IntArray], config: TextClassifierConfig
) -> None:
    """Let the attention prefer what speaks for the whole of a text, and bound it.

    Args:
        model: A classifier with attention on evidence, at its start.
        documents: The rows of the features of each text; the first ones are read.
        config: The settings of the model; bound and sharpness are in units of the
            spread of the evidence of tokens.
    """
    embedding = model.get_layer(EMBEDDING)
    table = keras.ops.convert_to_numpy(embedding.table)
    if embedding.frozen:
        table = table.copy()
        table[: embedding.frozen] += keras.ops.convert_to_numpy(embedding.frozen_table)
    of_features = table @ keras.ops.convert_to_numpy(model.get_layer(CLASSES).kernel)
    evidence = np.concatenate(
        [
            np.einsum(
                "tfc,tf->tc",
                of_features[document],
                feature_shares(document, embedding.ngrams),
            )
            for document in documents[:_READ]
        ]
    )
    # A random start says nothing yet.
    shared = evidence.mean(axis=1, keepdims=True)
    if isinstance(model.get_layer(ATTENTION), LabelEvidencePooling):
        shared = evidence.mean(axis=0, keepdims=True)
    spread = max((evidence - shared).std(), 1.0)
    model.get_layer(CLASSES).bound.assign(config.evidence_bound * spread)
    model.get_layer(ATTENTION).sharpness.assign(config.sharpness / spread)


def _is_learned(model: keras.Model) -> bool:
    return not isinstance(model.get_layer(ATTENTION), EvidencePooling)


def mean_size(weights: FloatArray) -> float:
    """How far the weights of classes are from their mean, on the mean."""
    return float(np.abs(weights - weights.mean(axis=1, keepdims=True)).mean())


def evident_attention(evidence: FloatArray, salience: float) -> FloatArray:
    """The attention that ``start_from_naive_bayes`` starts with, but for chance.

    Args:
        evidence: ``(tokens, classes)``, the log-odds of tokens.
        salience: How strongly evidence is looked at.

    Returns:
        ``(tokens,)``.
    """
    read = _STEEP * evidence[:, : _classes_read(evidence.shape[1])]
    scores = salience * (np.tanh(read - _OFFSET) + np.tanh(-read - _OFFSET)).sum(axis=1)
    powers = np.exp(scores - scores.max(initial=-np.inf))
    weights: FloatArray = powers / powers.sum()
    return weights


def _classes_read(classes: int) -> int:
    # Of two classes the evidence for one is that against the other.
    return classes if classes > 2 else 1


def _read_evidence(model: keras.Model, classes: int, strength: float) -> None:
    layer = model.get_layer(CLASSES)
    kernel = keras.ops.convert_to_numpy(layer.kernel).copy()
    heads = model.get_layer(ATTENTION).num_heads
    evidence = np.eye(classes) * strength / heads
    kernel.reshape(heads, -1, classes)[:, :classes] = evidence
    layer.kernel.assign(kernel)


def _look_at_evidence(model: keras.Model, classes: int, salience: float) -> None:
    layer = model.get_layer(ATTENTION)
    kernel, bias, vector = layer.get_weights()
    kernel *= _QUIET
    vector *= _QUIET
    read = range(_classes_read(classes))
    units = [(c, sign) for c in read for sign in (1, -1)][: kernel.shape[1]]
    for unit, (c, sign) in enumerate(units):
        kernel[:, unit] = 0
        kernel[c, unit] = sign * _STEEP
        bias[unit] = -_OFFSET
        vector[unit] = salience
    layer.set_weights([kernel, bias, vector])
