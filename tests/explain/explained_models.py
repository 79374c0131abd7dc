"""Small models with known answers, for the tests of attributions."""

import keras
import numpy as np
from keras import ops

import regard

WORDS = 30


def ids(rows=4, length=7, seed=0):
    """Ids from 1 on; the second row ends early, the third has one position."""
    drawn = np.random.default_rng(seed).integers(1, WORDS, (rows, length))
    drawn[1, length - 3 :] = 0
    drawn[2, 1:] = 0
    return drawn


def randomised(model, seed=0, scale=0.7):
    """All weights drawn, so that nothing is 0 that need not be."""
    generator = np.random.default_rng(seed)
    model.set_weights(
        [generator.normal(0, scale, each.shape) for each in model.get_weights()]
    )
    return model


def pooled(recurrent=False, heads=2, activation="softmax", dropout=0.5):
    """Embedding, attention pooling, classes."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    states = keras.layers.Embedding(WORDS, 6, mask_zero=True, name="words")(tokens)
    if recurrent:
        states = regard.layers.GRU(5, return_sequences=True, seed=0)(states)
    context = regard.layers.AttentionPooling(
        score="context", units=4, num_heads=heads, dropout=dropout, seed=0, name="pool"
    )(states)
    context = keras.layers.Dropout(dropout, seed=0)(context)
    answer = keras.layers.Dense(3, activation=activation, name="classes")(context)
    return randomised(keras.Model(tokens, answer))


def averaged(length=7, activation="softmax"):
    """A bag of words without a mask: each position adds its own share."""
    tokens = keras.Input((length,), dtype="int32")
    states = keras.layers.Embedding(WORDS, 6, name="words")(tokens)
    mean = keras.layers.GlobalAveragePooling1D()(states)
    answer = keras.layers.Dense(3, activation=activation, name="classes")(mean)
    return randomised(keras.Model(tokens, answer))


def array(tensor):
    return ops.convert_to_numpy(tensor)


def logits(model, x, target):
    """The logit of a target, of a model that ``pooled`` made."""
    return logits_of(model, model.get_layer("words")(x), x != 0, target)


def logits_of(model, vectors, mask, target):
    """The same, of the vectors of the words."""
    mask = ops.convert_to_tensor(mask)
    states = ops.convert_to_tensor(vectors)
    for layer in model.layers:
        if isinstance(layer, regard.layers.GRU | regard.layers.AttentionPooling):
            states = layer(states, mask=mask)
    dense = model.get_layer("classes")
    whole = array(states) @ array(dense.kernel) + array(dense.bias)
    return whole[np.arange(len(whole)), target]
