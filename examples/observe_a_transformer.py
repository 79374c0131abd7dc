"""See what a causal Transformer looks at: a Keras model that was never made for it."""

import regard  # noqa: I001 - before Keras: where no backend is chosen it takes JAX

import keras
import numpy as np

LENGTH, WORDS, UNITS = 12, 50, 32


def block(states: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Causal self-attention and a small network, each around a shortcut."""
    attention = keras.layers.MultiHeadAttention(2, UNITS // 2, name=f"{name}_attention")
    states = states + attention(states, states, use_causal_mask=True)
    return states + keras.layers.Dense(UNITS, activation="relu")(states)


tokens = keras.Input((LENGTH,), dtype="int32")
states = keras.layers.Embedding(WORDS, UNITS)(tokens)
for number in (1, 2):
    states = block(states, f"block_{number}")
model = keras.Model(tokens, keras.layers.Dense(WORDS)(states))

batch = np.random.default_rng(0).integers(1, WORDS, (4, LENGTH))
observation = regard.observe(model, layers="block_2*").predict(batch, verbose=0)

look = observation.attention["block_2_attention"]
print(look)
for query, row in enumerate(look.select(batch=0, heads=0).weights):
    print(f"{query:2}", " ".join(f"{weight:.2f}" for weight in row[: query + 1]))
