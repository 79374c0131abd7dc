"""The network of a text classifier: features, attention pooling, classes."""

from itertools import count

import keras

from regard.classification.config import TextClassifierConfig
from regard.classification.feature_embedding import FeatureEmbedding
from regard.layers import GRU, AttentionPooling

#: The name of the layer whose attention says what a prediction rests on.
ATTENTION = "attention"
EMBEDDING, CLASSES = "features", "classes"


def build_text_classifier(
    config: TextClassifierConfig,
    *,
    rows: int,
    ngrams: int,
    width: int,
    classes: int,
    seed: int,
) -> keras.Model:
    r"""A network that reads features of tokens and gives probabilities.

    .. math::
        p = \mathrm{softmax}(W v + b), \qquad v = \sum_t a_t h_t

    with :math:`h_t` the embedding of token :math:`t` (``FeatureEmbedding``), beside it
    the state of a bidirectional GRU where ``config`` asks for one, and :math:`a` its
    attention (``AttentionPooling``, score ``"context"``). The pooled vector is all that
    the prediction is made from.

    Args:
        config: The settings.
        rows: The number of features, row 0 for none included.
        ngrams: How many of the columns hold n-grams of words.
        width: The number of columns, the features of a token.
        classes: The number of classes.
        seed: What the initial weights and the dropout depend on, and nothing else.

    Returns:
        A model from features ``(batch, time, width)`` to probabilities ``(batch,
        classes)``.
    """
    seeds = count(1000 * seed)
    initializers = keras.initializers
    features = keras.Input((None, width), dtype="int32", name="tokens")
    states = FeatureEmbedding(
        rows,
        config.embedding_units,
        ngrams,
        dropout=config.feature_dropout,
        seed=next(seeds),
        name=EMBEDDING,
    )(features)
    if config.recurrent_units:
        states = _with_context(states, config, seeds)
    context = AttentionPooling(
        score="context",
        units=config.attention_units,
        num_heads=config.num_heads,
        dropout=config.attention_dropout,
        # A score that starts small starts as the mean, and departs from it slowly.
        kernel_initializer=initializers.VarianceScaling(0.1, seed=next(seeds)),
        seed=next(seeds),
        name=ATTENTION,
    )(states)
    context = keras.layers.Dropout(config.dropout, seed=next(seeds))(context)
    probabilities = keras.layers.Dense(
        classes,
        activation="softmax",
        kernel_initializer=initializers.GlorotUniform(seed=next(seeds)),
        name=CLASSES,
    )(context)
    return keras.Model(features, probabilities, name="text_classifier")


def _with_context(
    states: keras.KerasTensor, config: TextClassifierConfig, seeds: "count[int]"
) -> keras.KerasTensor:
    """The states, and beside each what a recurrent layer knows there."""
    dropped = keras.layers.Dropout(config.dropout, seed=next(seeds))(states)
    layer = GRU(
        config.recurrent_units,
        return_sequences=True,
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
        recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)),
        seed=next(seeds),
        name="gru",
    )
    around = keras.layers.Bidirectional(layer, name="around")(dropped)
    return keras.layers.Concatenate(name="states")([states, around])
