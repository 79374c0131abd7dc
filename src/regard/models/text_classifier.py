"""The network of a text classifier: words, attention pooling, classes."""

from itertools import count

import keras

from regard.layers import AttentionPooling
from regard.models.config import TextClassifierConfig

#: The name of the layer whose attention says what a prediction rests on.
ATTENTION = "attention"


def build_text_classifier(
    config: TextClassifierConfig, vocabulary_size: int, classes: int, seed: int
) -> keras.Model:
    r"""A network that reads word ids and gives probabilities.

    .. math::
        p = \mathrm{softmax}(W v + b), \qquad v = \sum_t a_t h_t

    with :math:`h_t` the embedding of word :math:`t` and :math:`a` its attention
    (``AttentionPooling``, score ``"context"``).

    Args:
        config: The settings.
        vocabulary_size: The number of ids, padding (0) among them.
        classes: The number of classes.
        seed: What the initial weights and the dropout depend on, and nothing else.

    Returns:
        A model from ids ``(batch, time)`` to probabilities ``(batch, classes)``.
    """
    seeds = count(1000 * seed)
    initializers = keras.initializers
    ids = keras.Input((None,), dtype="int32", name="ids")
    states = keras.layers.Embedding(
        vocabulary_size,
        config.embedding_units,
        mask_zero=True,
        embeddings_initializer=initializers.RandomUniform(seed=next(seeds)),
        name="words",
    )(ids)
    states = keras.layers.Dropout(config.dropout, seed=next(seeds))(states)
    context = AttentionPooling(
        score="context",
        units=config.attention_units,
        num_heads=config.num_heads,
        kernel_initializer=initializers.GlorotUniform(seed=next(seeds)),
        name=ATTENTION,
    )(states)
    context = keras.layers.Dropout(config.dropout, seed=next(seeds))(context)
    probabilities = keras.layers.Dense(
        classes,
        activation="softmax",
        kernel_initializer=initializers.GlorotUniform(seed=next(seeds)),
        name="classes",
    )(context)
    return keras.Model(ids, probabilities, name="text_classifier")
