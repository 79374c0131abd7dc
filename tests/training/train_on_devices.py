"""Trainings on several devices, in a process of its own that is given them.

``python train_on_devices.py OUT CLUSTER RUN…`` writes for each run the loss of every
step and the weights in the end. A run is called after what is trained and on how many
devices: ``classifier-4``; one called ``dying-4`` ends with the second process. With
``PORT,PROCESSES,PROCESS`` for CLUSTER it is one of several processes.
"""

import os
import signal
import sys
from pathlib import Path

import jax
import keras
import numpy as np

import regard
import toy
import toy_pairs
from light_compilation import light_compilation
from regard.errors import ClusterError
from regard.ops.additive import dispatch
from regard.training import callbacks

CLASSIFIER = toy.SETTINGS | {
    "naive_bayes": 0.0,
    "feature_dropout": 0.4,
    "attention_dropout": 0.2,
    "dropout": 0.3,
    "learning_rate": 3e-3,
    "epochs": 3,
}
TRANSLATOR = toy_pairs.SETTINGS | {
    "units": 8,
    "embedding_units": 8,
    "dropout": 0.3,
    "attention_dropout": 0.1,
    "learning_rate": 2e-3,
    "epochs": 2,
}


class StoppedError(Exception):
    """As if the process had ended."""


class Steps:
    """Notes the loss of each step alone, where Keras tells the mean of an epoch."""

    def __init__(
        self, stop_after: int | None = None, die_after: int | None = None
    ) -> None:
        self.losses: list[float] = []
        self.stop_after, self.die_after = stop_after, die_after

    def note(self, saver, batch, logs) -> None:
        del batch
        name = "cross_entropy" if "cross_entropy" in logs else "loss"
        self.losses.append(float(logs[name]))
        saver.model.jax_state_sync()
        for variable in saver.model.metrics_variables:
            variable.assign(np.zeros(variable.shape))
        if len(self.losses) == self.die_after:
            os.kill(os.getpid(), signal.SIGKILL)
        if len(self.losses) == self.stop_after:
            saver._save(saver._step + 1, callbacks.plain_logs(logs))
            raise StoppedError
        saver._step += 1


def _watched(steps: Steps) -> None:
    callbacks.CheckpointSaver.on_train_batch_end = lambda saver, batch, logs=None: (
        steps.note(saver, batch, logs)
    )


def _classifier(devices: int, data: int = 0, **options):
    classifier = regard.TextClassifier(seed=0, devices=devices, **CLASSIFIER)
    return classifier.fit(*toy.messages(100, data), **options).trained.model


def _translator(devices: int, **options):
    translator = regard.Translator(seed=0, devices=devices, **TRANSLATOR)
    pairs = toy_pairs.sentences(150)
    return translator.fit(*pairs, validation_split=0.2, **options).trained.model


def _resumed(devices: int, folder: Path):
    """Begun on one number of devices, and ended on another one."""
    place = folder / "checkpoint"
    place.unlink(missing_ok=True)
    first, then = Steps(stop_after=8), Steps()
    _watched(first)
    try:
        _classifier(4, checkpoint=place)
    except StoppedError:
        _watched(then)
        model = _classifier(devices, checkpoint=place)
    return first.losses + then.losses, model


def _with_other_data(devices: int) -> str:
    """What is said where each process has data of its own."""
    try:
        _classifier(devices, data=jax.process_index())
    except ClusterError as error:
        return str(error)
    return ""


def _as_on_a_gpu() -> None:
    """Take the way of the kernels, which here ends at loops."""
    dispatch._has_nvidia = lambda: True
    dispatch._fault_of_kernels = lambda: None
    dispatch.SMALL_ON_GPU = 0


def _of_a_user(devices: int):
    """A model of Keras with a layer of ours, within the scope of a distribution."""
    losses = []
    keras.utils.set_random_seed(0)
    names = keras.distribution.list_devices()[:devices]
    with keras.distribution.DataParallel(devices=names).scope():
        ids = keras.Input((None,), dtype="int32")
        states = keras.layers.Embedding(20, 8, mask_zero=True)(ids)
        states = regard.layers.SelfAttention(score="additive", units=8)(states)
        pooled = regard.layers.AttentionPooling(dropout=0.2, name="pooling")(states)
        model = keras.Model(ids, keras.layers.Dense(2)(pooled))
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
        draw = np.random.default_rng(0)
        texts = draw.integers(1, 20, (64, 24)) * (draw.random((64, 24)) < 0.8)
        for _ in range(2):
            fitted = model.fit(
                texts, texts.sum(axis=1) % 2, 16, shuffle=False, verbose=0
            )
            losses += fitted.history["loss"]
        result = regard.observe(model).predict(texts[:8], verbose=0)
    return losses, model, result.attention["pooling"].weights


def join(port: int, processes: int, process: int) -> None:
    jax.distributed.initialize(
        f"127.0.0.1:{port}",
        processes,
        process,
        cluster_detection_method="deactivate",
        heartbeat_timeout_seconds=10,
        shutdown_timeout_seconds=10,
    )


def main(out: Path, runs: list[str]) -> None:
    found = {}
    for run in runs:
        kind, _, count = run.rpartition("-")
        dies = kind == "dying" and jax.process_index() == 1
        steps = Steps(die_after=5 if dies else None)
        _watched(steps)
        weights: list[np.ndarray] = []
        if kind == "kernel":
            _as_on_a_gpu()
        if kind in {"keras", "kernel"}:
            steps.losses, model, seen = _of_a_user(int(count))
            weights = [seen]
        elif kind == "different":
            found[f"{run}/error"] = np.asarray(_with_other_data(int(count)))
            continue
        elif kind == "resumed":
            steps.losses, model = _resumed(int(count), out.parent)
        else:
            train = _translator if kind == "translator" else _classifier
            model = train(int(count))
        weights += model.get_weights()
        found[f"{run}/losses"] = np.asarray(steps.losses)
        found[f"{run}/weights"] = np.concatenate([each.ravel() for each in weights])
    np.savez(out, **found)


if __name__ == "__main__":
    out, cluster, *runs = sys.argv[1:]
    if cluster != "alone":
        join(*map(int, cluster.split(",")))
    with light_compilation():
        main(Path(out), runs)
