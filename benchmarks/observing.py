"""The price of seeing the attention of a classifier, measured in one run.

Three ways to predict the same reviews with the same model, taking turns:

- ``predict``: ``model.predict``, the prediction alone
- ``observed``: ``regard.observe(model).predict``, prediction and attention in one pass
- ``two passes``: ``model.predict``, then a second model for the recurrent states and
  the attention of these states once more, as is done without observation

Run: ``python benchmarks/observing.py [--backend jax] [--smoke]``
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax")

import keras
import numpy as np

import regard

VOCABULARY, LENGTH, BATCH = 20_000, 200, 256
WIDTH, UNITS = 64, 64
BARS = {"observed / predict": 1.05, "observed / two passes": 0.60}


def classifier() -> keras.Model:
    """A bidirectional LSTM under attention pooling."""
    ids = keras.Input((LENGTH,), dtype="int32")
    x = keras.layers.Embedding(VOCABULARY, WIDTH, mask_zero=True)(ids)
    lstm = keras.layers.LSTM(UNITS, return_sequences=True)
    states = keras.layers.Bidirectional(lstm, name="states")(x)
    context = regard.layers.AttentionPooling(
        "context", units=UNITS, name="attention_pooling"
    )(states)
    return keras.Model(ids, keras.layers.Dense(2, activation="softmax")(context))


def reviews(count: int) -> np.ndarray:
    """Right-padded random ids, between half and the full length."""
    random = np.random.default_rng(0)
    ids = random.integers(1, VOCABULARY, (count, LENGTH), dtype="int32")
    lengths = random.integers(LENGTH // 2, LENGTH + 1, (count, 1))
    return np.where(np.arange(LENGTH) < lengths, ids, 0)


class Weights(keras.Model):
    """The weights of an attention layer over states computed before."""

    def __init__(self, pooling: keras.Layer) -> None:
        super().__init__()
        self.pooling = pooling

    def call(self, inputs: list[np.ndarray]) -> np.ndarray:
        """States and their mask to weights."""
        states, mask = inputs
        return self.pooling(states, mask=mask, return_attention_scores=True)[1]


def two_passes(model: keras.Model) -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """The way without observation: a second model, and the attention once more."""
    states_of = keras.Model(model.inputs, model.get_layer("states").output)
    weights_of = Weights(model.get_layer("attention_pooling"))

    def predict(ids: np.ndarray) -> tuple[np.ndarray, ...]:
        outputs = model.predict(ids, batch_size=BATCH, verbose=0)
        states = states_of.predict(ids, batch_size=BATCH, verbose=0)
        inputs = [states, ids != 0]
        return outputs, weights_of.predict(inputs, batch_size=BATCH, verbose=0)

    return predict


def measure(
    ways: dict[str, Callable[[np.ndarray], object]], ids: np.ndarray, repeats: int
) -> dict[str, float]:
    """Median seconds of each way; they take turns, so that all see the same machine."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(ids)
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            way(ids)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def check(model: keras.Model, observed: regard.Observed, ids: np.ndarray) -> None:
    """All ways must give the same answer before their speed means anything."""
    outputs, weights = two_passes(model)(ids)
    result = observed.predict(ids, batch_size=BATCH, verbose=0)
    np.testing.assert_allclose(result.outputs, outputs, atol=1e-6)
    seen = result.attention["attention_pooling"].weights
    np.testing.assert_allclose(seen, weights, atol=1e-5)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    _backend.add_argument(parser, "jax")
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--batches", type=int, default=2)
    parser.add_argument("--smoke", action="store_true", help="a few short texts, once")
    arguments = parser.parse_args()
    if arguments.smoke:
        globals().update(VOCABULARY=50, LENGTH=6, BATCH=4, WIDTH=4, UNITS=4)
        arguments.repeats = arguments.batches = 1
    keras.utils.set_random_seed(0)
    model, ids = classifier(), reviews(arguments.batches * BATCH)
    observed = regard.observe(model)
    check(model, observed, ids)
    seconds = measure(
        {
            "predict": lambda x: model.predict(x, batch_size=BATCH, verbose=0),
            "observed": lambda x: observed.predict(x, batch_size=BATCH, verbose=0),
            "two passes": two_passes(model),
        },
        ids,
        arguments.repeats,
    )
    report(seconds, arguments)


def report(seconds: dict[str, float], arguments: argparse.Namespace) -> None:
    """The table, with what it was measured on."""
    print(
        f"BiLSTM({UNITS}) + AttentionPooling, vocabulary {VOCABULARY:,}, length "
        f"{LENGTH}, batch {BATCH}, {arguments.batches} batches, median of "
        f"{arguments.repeats}"
    )
    print(f"{_backend.environment()}\n")
    for name, time_taken in seconds.items():
        print(f"{name:<24}{1000 * time_taken:>10.1f} ms")
    for name, bar in BARS.items():
        above, below = name.split(" / ")
        ratio = seconds[above] / seconds[below]
        print(f"{name:<24}{ratio:>10.3f}    (at most {bar:.2f})")


if __name__ == "__main__":
    main()
