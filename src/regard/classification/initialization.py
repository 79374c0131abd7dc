"""The weights a text classifier starts with: noise, naive Bayes, a regression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np

from regard.classification.config import TextClassifierConfig
from regard.classification.evidence_pooling import (
    EvidencePooling,
    LabelEvidencePooling,
)
from regard.classification.feature_counts import feature_shares, log_odds
from regard.classification.network import (
    ATTENTION,
    CLASSES,
    EMBEDDING,
    bias_of,
    build_text_classifier,
)
from regard.classification.regression import FeatureBags, regression_weights
from regard.classification.vector_evidence import (
    KnownVectors,
    VectorRegression,
    shares_of,
    some_of,
)
from regard.text.features import Features
from regard.text.id_file import IdFile, lengths_of
from regard.training.batches import EncodedExamples
from regard.types import FloatArray, IntArray

_WORD_SCALE = 0.1
# An even function of the evidence x for a class, low at 0 and flat from about 3 on:
# tanh(STEEP x - OFFSET) + tanh(-STEEP x - OFFSET).
_STEEP, _OFFSET = 0.7, 1.5
# So many texts say how far the evidence of tokens is spread.
_READ = 500
# Of a file so many tokens are read for the regression, which needs all of them at once:
# of more, those of texts that the seed chooses.
_MOST_TOKENS = 6_000_000
# Into so many parts texts are cut to see how much of the vectors is good; of more
# tokens one of the parts does.
_FOLDS, _FEW_TOKENS = 5, 1_000_000
# Beside that the score starts small, so that chance says little about where to look.
_QUIET = 0.3


class Network(Protocol):
    """What a training makes its model of, and where that begins."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it is, beside settings and examples, for who goes on with a training."""

    def build(
        self, classes: int, config: TextClassifierConfig, seed: int
    ) -> keras.Model:
        """A model that nothing was learned by."""

    def start(
        self,
        model: keras.Model,
        train: EncodedExamples,
        classes: int,
        config: TextClassifierConfig,
        *,
        seed: int,
    ) -> None:
        """Put such a model where a training on some examples begins."""


@dataclass(frozen=True, eq=False)
class FeatureNetwork:
    """A network over the features of tokens; see ``Network``.

    Args:
        features: What is read of each token.
        vectors: The vectors of its words; None: nobody gave any.
        several: Whether a text may have several labels.
    """

    features: Features
    vectors: KnownVectors | None = None
    several: bool = False
    # What is found once, for all of a training: see ``_shares``.
    _found: list[FloatArray] = field(default_factory=list)

    @property
    def facts(self) -> Mapping[str, Any]:
        """The vectors: its features come of the examples."""
        return {} if self.vectors is None else {"word vectors": self.vectors.digest}

    def build(
        self, classes: int, config: TextClassifierConfig, seed: int
    ) -> keras.Model:
        """A model whose words are noise and whose other features are zero."""
        features = self.features
        model = build_text_classifier(
            config,
            rows=features.size,
            ngrams=features.order,
            width=features.width,
            classes=classes,
            seed=seed,
            frozen=features.words if config.freeze_vectors and self.vectors else 0,
            several=self.several,
        )
        start_randomly(model, features.words, seed)
        if self.vectors is not None:
            _start_from_vectors(model, self.vectors, classes, config)
        return model

    def start(
        self,
        model: keras.Model,
        train: EncodedExamples,
        classes: int,
        config: TextClassifierConfig,
        *,
        seed: int,
    ) -> None:
        """Let it start from what the features say; see ``start_from_evidence``."""
        vectors = self.vectors
        start_from_evidence(
            model,
            train,
            self.features,
            classes,
            config,
            seed=seed,
            vectors=None if vectors is None else (vectors, self._found),
        )


def start_randomly(model: keras.Model, words: int, seed: int) -> None:
    """Words start as small noise; all other features start at zero, without a say."""
    table = model.get_layer(EMBEDDING).table
    start = np.zeros(table.shape, np.float32)
    noise = np.random.default_rng(seed).normal(size=(words - 1, table.shape[1]))
    start[1:words] = _WORD_SCALE * noise
    table.assign(start)


def start_from_evidence(
    model: keras.Model,
    train: EncodedExamples,
    features: Features,
    classes: int,
    config: TextClassifierConfig,
    *,
    seed: int,
    vectors: tuple[KnownVectors, list[FloatArray]] | None = None,
) -> None:
    """Let a model, started randomly, start from what the features say for the classes.

    Args:
        model: A classifier.
        train: The examples it is trained on. The regression reads a part of those that
            are in a large file.
        features: What is read of each token.
        classes: The number of classes.
        config: The settings of the model.
        seed: What the choice of that part depends on.
        vectors: Those of its words, and a place to remember how much of them is good.
    """
    # Without a unit for each class there is no place for its evidence.
    if config.naive_bayes and classes <= config.embedding_units:
        _start_as_linear(
            model, train, features, classes, config, seed=seed, vectors=vectors
        )
    if config.sharpness:
        sharpen(model, train.sequences, config)


def _start_as_linear(
    model: keras.Model,
    train: EncodedExamples,
    features: Features,
    classes: int,
    config: TextClassifierConfig,
    *,
    seed: int,
    vectors: tuple[KnownVectors, list[FloatArray]] | None,
) -> None:
    # The weight of a class cancels out of the shares of texts in it: it would only let
    # few texts pass for many.
    odds = log_odds(
        train.sequences, train.targets, features.size, classes, train.weights
    )
    if vectors is not None:
        # No text of the training holds them.
        odds[vectors[0].learned : features.words] = 0
    start_from_naive_bayes(model, odds, config)
    if train.targets.ndim == 2:
        # A label by itself is mostly not there.
        counts = np.average(train.targets, axis=0, weights=train.weights)
        shares = np.clip(counts, 1 / (len(train) + 1), 1 - 1 / (len(train) + 1))
        bias_of(model).assign(np.log(shares / (1 - shares)))
    if config.regression and 2 * classes <= config.embedding_units:

        def attention(document: IntArray, shares: FloatArray) -> FloatArray:
            evidence = np.einsum("tfc,tf->tc", odds[document], shares)
            return evident_attention(evidence, config.salience)

        # What a text says on the whole is an even mean.
        even = bool(config.sharpness) or not config.salience
        read = _held_at_once(train, seed)
        bags = FeatureBags.of(
            read.sequences, features.order, None if even else attention, read.importance
        )
        weights, bias = regression_weights(bags, read.targets, odds, config.regression)
        if vectors is None or not even:
            start_from_regression(model, weights, bias, config.naive_bayes_share)
            return
        known, found = vectors
        few = read.at(some_of(len(read), seed))
        spoken = VectorRegression.of(known, few, classes)
        if not found:
            found.append(_shares(few, features, known, classes, config))
        of_features, of_vectors = found[0]
        start_from_regression(
            model, of_features * weights, of_features * bias, config.naive_bayes_share
        )
        _add_spoken(model, of_vectors, spoken, config)


def _held_at_once(train: EncodedExamples, seed: int) -> EncodedExamples:
    """The examples whose features may be held in memory all at once."""
    lengths = lengths_of(train.sequences)
    if not isinstance(train.sequences, IdFile) or lengths.sum() <= _MOST_TOKENS:
        return train
    order = np.random.default_rng(seed).permutation(len(lengths))
    few = np.searchsorted(np.cumsum(lengths[order]), _MOST_TOKENS, side="right")
    return train.at(np.sort(order[: max(few, 1)]))


def _shares(
    train: EncodedExamples,
    features: Features,
    known: KnownVectors,
    classes: int,
    config: TextClassifierConfig,
) -> FloatArray:
    """How much of the features and of the vectors is best on texts not learned from."""
    if len(train) < 2 * _FOLDS:
        return np.ones(2)
    many = int(train.lengths.sum()) > _FEW_TOKENS
    scores = []
    asked_of = []
    places = np.arange(len(train)) % _FOLDS
    for fold in range(1 if many else _FOLDS):
        own, held = (
            train.at(np.flatnonzero(each)) for each in (places != fold, places == fold)
        )
        odds = log_odds(own.sequences, own.targets, features.size, classes, own.weights)
        bags = FeatureBags.of(own.sequences, features.order, weights=own.importance)
        weights, bias = regression_weights(bags, own.targets, odds, config.regression)
        share = config.naive_bayes_share
        as_large = _size(weights) / (_size(odds) or 1.0)
        linear = share * as_large * odds + (1 - share) * weights
        asked = FeatureBags.of(held.sequences, features.order)
        spoken = VectorRegression.of(known, own, classes)
        said = asked.scores(np.ascontiguousarray(linear.T)).T + (1 - share) * bias
        scores.append(np.stack([said, spoken.scores(held.sequences)]))
        asked_of.append(np.flatnonzero(places == fold))
    return shares_of(np.concatenate(scores, axis=1), train.at(np.concatenate(asked_of)))


def _add_spoken(
    model: keras.Model,
    share: float,
    spoken: VectorRegression,
    config: TextClassifierConfig,
) -> None:
    """Let words say what their vectors say, where the regression reads."""
    words, classes = spoken.weights.shape
    embedding = model.get_layer(EMBEDDING)
    units = slice(classes, 2 * classes)
    added = share * spoken.weights / (1 - config.naive_bayes_share)
    holder = embedding.frozen_table if embedding.frozen else embedding.table
    table = keras.ops.convert_to_numpy(holder).copy()
    table[:words, units] += added
    holder.assign(table)
    bias = keras.ops.convert_to_numpy(bias_of(model))
    bias_of(model).assign(bias + share * spoken.bias)


def _start_from_vectors(
    model: keras.Model,
    known: KnownVectors,
    classes: int,
    config: TextClassifierConfig,
) -> None:
    """Units of the embedding without another use start as what the vectors are like."""
    first = 0
    if config.naive_bayes and classes <= config.embedding_units:
        with_regression = config.regression and 2 * classes <= config.embedding_units
        first = 2 * classes if with_regression else classes
    components = _WORD_SCALE * known.components(config.embedding_units - first)
    embedding = model.get_layer(EMBEDDING)
    words, units = len(components), slice(first, first + components.shape[1])
    has = np.flatnonzero(known.table.any(axis=1))
    table = keras.ops.convert_to_numpy(embedding.table).copy()
    if embedding.frozen:
        table[has, first:] = 0
        frozen = np.zeros((words, config.embedding_units), np.float32)
        frozen[:, units] = components
        embedding.frozen_table.assign(frozen)
    else:
        table[has, units] = components[has]
    embedding.table.assign(table)


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
    as_large = _size(weights) / (_size(table[:, evidence]) or 1.0)
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


def _size(weights: FloatArray) -> float:
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
