"""Training on several devices beside one: seconds for a step, and how far they agree.

    XLA_FLAGS=--xla_force_host_platform_device_count=2 python benchmarks/devices.py 1 2

The devices are those of JAX; the flag cuts a processor. Examples are made on the spot:
texts of 100 words for a classifier that is trained from its default start, and pairs of
about ten words for a translator of the default size.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import _backend

os.environ["KERAS_BACKEND"] = _backend.choose_backend("jax", ["jax"])

import numpy as np

import regard
from regard.training import callbacks

# The first steps of each shape compile.
_SKIPPED = 0.5


class _Steps:
    """Notes when each step ended, and its loss so far in the epoch."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.losses: list[float] = []

    def note(self, logs: Any) -> None:
        name = "cross_entropy" if "cross_entropy" in logs else "loss"
        self.losses.append(float(logs[name]))
        self.times.append(time.perf_counter())

    def seconds(self) -> float:
        """The median time of a step, in the second half."""
        between = np.diff(self.times)
        return float(np.median(between[int(_SKIPPED * len(between)) :]))


def _watch(steps: _Steps) -> None:
    callbacks.CheckpointSaver.on_train_batch_end = lambda _saver, _batch, logs=None: (
        steps.note(logs)
    )


def _texts(count: int, words: int, seed: int = 0) -> list[str]:
    draw = np.random.default_rng(seed)
    numbers = np.minimum(draw.zipf(1.3, (count, words)), 8_000)
    return [" ".join(f"w{number}" for number in row) for row in numbers.tolist()]


def _classifier(devices: int, count: int) -> Any:
    texts = _texts(count, 100)
    labels = [text.count("w1 ") % 2 for text in texts]
    model = regard.TextClassifier(seed=0, devices=devices, calibration_folds=0)
    return model.fit(texts, labels, epochs=2)


def _translator(devices: int, count: int) -> Any:
    sources = _texts(count, 10)
    targets = [text.replace("w", "v") for text in sources]
    model = regard.Translator(seed=0, devices=devices)
    return model.fit(sources, targets, epochs=1)


def _measure(
    train: Callable[[int, int], Any], numbers: Sequence[int], count: int
) -> None:
    first: tuple[_Steps, np.ndarray[Any, Any]] | None = None
    for devices in numbers:
        steps = _Steps()
        _watch(steps)
        model = train(devices, count).trained.model
        weights = np.concatenate([each.ravel() for each in model.get_weights()])
        first = first or (steps, weights)
        loss, one = np.asarray(steps.losses), np.asarray(first[0].losses)
        print(
            f"{train.__name__[1:]:<12} {devices} devices  "
            f"{1e3 * steps.seconds():8.1f} ms a step of {len(loss)}  "
            f"loss {np.abs(loss / one - 1).max():.1e}  "
            f"weights {np.abs(weights - first[1]).max():.1e}",
            flush=True,
        )


def main() -> None:
    """Measure a classifier and a translator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("devices", type=int, nargs="+")
    parser.add_argument("--smoke", action="store_true")
    _backend.add_argument(parser, "jax", ["jax"])
    chosen = parser.parse_args()
    print(_backend.environment(), flush=True)
    _measure(_classifier, chosen.devices, 200 if chosen.smoke else 4_000)
    _measure(_translator, chosen.devices, 200 if chosen.smoke else 2_000)


if __name__ == "__main__":
    main()
