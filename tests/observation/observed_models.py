"""Small models of every kind, with what is to be seen in them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from regard.layers import AttentionPooling, CrossAttention, SelfAttention

RANDOM = np.random.default_rng(7)
IDS = RANDOM.integers(1, 20, (4, 6))
IDS[:, 4:] = 0
IDS[0] = RANDOM.integers(1, 20, 6)
STATES = RANDOM.normal(size=(4, 6, 8)).astype("float32")
POOLED = ("batch", "heads", "keys")
CROSSED = ("batch", "heads", "queries", "keys")


@dataclass(frozen=True)
class Case:
    """A way to make a model, its input and the axes of what is seen in it."""

    make: Callable[[], keras.Model]
    inputs: Any
    axes: dict[str, tuple[str, ...]]


def sequential() -> keras.Model:
    return keras.Sequential(
        [
            keras.layers.Embedding(20, 8, mask_zero=True),
            AttentionPooling("context", units=4, name="pool"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


def functional() -> keras.Model:
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(20, 8, mask_zero=True)(ids)
    x = keras.layers.Bidirectional(keras.layers.GRU(4, return_sequences=True))(x)
    x = SelfAttention("scaled_dot", num_heads=2, name="look")(x, use_causal_mask=True)
    x = AttentionPooling(num_heads=2, name="pool")(x)
    return keras.Model(ids, keras.layers.Dense(2)(x))


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """Its layers have no variables before the first call."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.embedding = keras.layers.Embedding(20, 8, mask_zero=True)
        self.look = keras.layers.MultiHeadAttention(2, 4, name="look")
        self.head = keras.layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        x = self.embedding(inputs)
        return self.head(keras.ops.mean(self.look(x, x), axis=1))


def nested() -> keras.Model:
    states = keras.Input((6, 8))
    inner = keras.Input((6, 8))
    looked = keras.layers.GroupQueryAttention(4, 4, 2, name="look")(inner, inner)
    encoder = keras.Model(inner, looked, name="encoder")
    outer = keras.Sequential([encoder, AttentionPooling(name="pool")], name="outer")
    return keras.Model(states, outer(states))


def shared() -> keras.Model:
    states = keras.Input((6, 8))
    look = SelfAttention("dot", name="look")
    return keras.Model(states, look(look(states) + 1.0))


def distributed() -> keras.Model:
    ids = keras.Input((3, 6), dtype="int32")
    words = keras.Input((6,), dtype="int32")
    x = keras.layers.Embedding(20, 8, mask_zero=True)(words)
    sentence = keras.Model(words, AttentionPooling(name="words")(x), name="sentence")
    x = keras.layers.TimeDistributed(sentence, name="each")(ids)
    return keras.Model(ids, AttentionPooling("gated", name="sentences")(x))


def distributed_twice() -> keras.Model:
    states = keras.Input((2, 3, 6, 8))
    pool = AttentionPooling("linear", name="pool")
    inner = keras.layers.TimeDistributed(pool, name="inner")
    outer = keras.layers.TimeDistributed(inner, name="outer")
    return keras.Model(states, outer(states))


def many_inputs() -> keras.Model:
    query = keras.Input((3, 8), name="query")
    value = keras.Input((6, 8), name="value")
    x = CrossAttention("additive", name="cross")(query, value)
    y = keras.layers.Attention(name="dot")([x, value])
    z = keras.layers.AdditiveAttention(name="additive")([y, value])
    outputs = {"first": keras.layers.Dense(2)(x), "second": [y, z]}
    return keras.Model({"query": query, "value": value}, outputs)


CASES = {
    "sequential": Case(sequential, IDS, {"pool": POOLED}),
    "functional": Case(functional, IDS, {"look": CROSSED, "pool": POOLED}),
    "subclassed": Case(Subclassed, IDS, {"look": CROSSED}),
    "nested": Case(
        nested, STATES, {"outer/encoder/look": CROSSED, "outer/pool": POOLED}
    ),
    "shared": Case(shared, STATES, {"look": CROSSED, "look#2": CROSSED}),
    "distributed": Case(
        distributed,
        np.stack([IDS, IDS[::-1], IDS + 1], axis=1) % 20,
        {
            "each/sentence/words": ("batch", "step", "heads", "keys"),
            "sentences": POOLED,
        },
    ),
    "distributed twice": Case(
        distributed_twice,
        RANDOM.normal(size=(4, 2, 3, 6, 8)).astype("float32"),
        {"outer/inner/pool": ("batch", "step_2", "step", "heads", "keys")},
    ),
    "many inputs": Case(
        many_inputs,
        {"query": STATES[:, :3], "value": STATES},
        {"cross": CROSSED, "dot": CROSSED, "additive": CROSSED},
    ),
}
