"""Attention over time: where in a noisy signal the bump is that decides its class."""

import regard  # noqa: I001 - before Keras: where no backend is chosen it takes JAX

import keras
import numpy as np

STEPS = 48


def signals(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise with a bump up or down; its place is known."""
    generator = np.random.default_rng(seed)
    places = generator.integers(4, STEPS - 4, count)
    classes = generator.integers(0, 2, count)
    distance = np.arange(STEPS) - places[:, None]
    bump = np.exp(-(distance**2) / 4) * np.where(classes, 2, -2)[:, None]
    noise = generator.normal(0, 0.4, (count, STEPS))
    return (bump + noise)[..., None].astype("float32"), classes, places


keras.utils.set_random_seed(0)
inputs = keras.Input((None, 1))
states = keras.layers.Conv1D(16, 5, padding="same", activation="relu")(inputs)
pooled = regard.layers.AttentionPooling(score="gated", units=8, name="when")(states)
model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(pooled))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

x, y, _ = signals(2_000, seed=0)
model.fit(x, y, epochs=8, verbose=0)

x, y, places = signals(200, seed=1)
observation = regard.observe(model).predict(x, verbose=0)
weights = observation.attention["when"].mean().weights
near = np.abs(np.arange(STEPS) - places[:, None]) <= 3
accuracy = np.mean(observation.outputs.argmax(axis=1) == y)
on_bump = (weights * near).sum(axis=1).mean()
print(f"accuracy {accuracy:.1%}")
print(f"attention within 3 steps of the bump {on_bump:.1%}; even: {near.mean():.1%}")
