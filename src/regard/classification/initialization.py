"""The weights a text classifier starts with: noise, naive Bayes, a regression."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np

from regard.classification.config import TextClassifierConfig
from regard.classification.feature_counts import log_odds
from regard.classification.known_vectors import KnownVectors
from regard.classification.linear_start import (
    evident_attention,
    mean_size,
    sharpen,
    start_from_naive_bayes,
    start_from_regression,
)
from regard.classification.network import EMBEDDING, bias_of, build_text_classifier
from regard.classification.regression import FeatureBags, regression_weights
from regard.classification.vector_evidence import VectorRegression, shares_of, some_of
from regard.text.features import Features
from regard.text.id_file import IdFile, lengths_of
from regard.training.batches import EncodedExamples
from regard.types import FloatArray, IntArray

_WORD_SCALE = 0.1
# Of a file so many tokens are read for the regression, which needs all of them at once:
# of more, those of texts that the seed chooses.
_MOST_TOKENS = 6_000_000
# Into so many parts texts are cut to see how much of the vectors is good; of more
# tokens one of the parts does.
_FOLDS, _FEW_TOKENS = 5, 1_000_000


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
        as_large = mean_size(weights) / (mean_size(odds) or 1.0)
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
