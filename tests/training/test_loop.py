"""A loop goes on from a whole checkpoint, and says what is wrong with another."""

import json

import keras
import numpy as np
import pytest

from regard._lock import locked
from regard.errors import (
    ArgumentError,
    BundleError,
    CheckpointWarning,
    InUseError,
)
from regard.training import loop as module
from regard.training.batches import BucketedBatches, EncodedExamples
from regard.training.callbacks import ProgressReporter, TrainingProgress
from regard.training.loop import TrainingLoop
from regard.training.model_selection import ModelSelection

pytestmark = pytest.mark.backends

EPOCHS, STEPS = 3, 2
EXAMPLES = EncodedExamples(
    [np.full(8, index % 4) for index in range(8)], np.arange(8) % 2
)


class Reporter(ProgressReporter):
    def describe(self, logs, validation, **position):
        return TrainingProgress(
            loss=logs["loss"], validation_loss=validation.get("loss"), **position
        )


class StopError(Exception):
    """As when the machine is switched off."""


def build() -> keras.Model:
    keras.utils.set_random_seed(0)
    tokens = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(4, 3)(tokens)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(tokens, keras.layers.Dense(2, activation="softmax")(x))


@pytest.fixture(scope="module")
def model():
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


def training(model, checkpoint, progress=None) -> TrainingLoop:
    return TrainingLoop(
        model=model,
        fresh=build,
        batches=BucketedBatches(EXAMPLES, 4, 8, seed=0),
        validate=lambda _: {"loss": 1.0},
        selection=ModelSelection(lambda measures: (-measures["loss"],), patience=9),
        reporter=Reporter(progress, EPOCHS, STEPS),
        epochs=EPOCHS,
        loss_name="loss",
        identity={"seed": 0},
        checkpoint=checkpoint,
    )


def stop(progress):
    if (progress.epoch, progress.step) == (2, STEPS):
        raise StopError


@pytest.fixture(scope="module")
def stored(model, tmp_path_factory):
    """The arrays of a checkpoint after two epochs."""
    path = tmp_path_factory.mktemp("training") / "checkpoint"
    with pytest.raises(StopError):
        training(model, path, stop).run()
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.fixture
def path(tmp_path, stored):
    return write(tmp_path / "checkpoint", stored)


def write(path, arrays):
    with path.open("wb") as stream:
        np.savez(stream, **arrays)
    return path


def test_what_is_whole_is_gone_on_from(model, path):
    outcome = training(model, path).run()
    assert [metrics.epoch for metrics in outcome.history] == [1, 2, 3]
    assert not path.with_name(".checkpoint.lock").exists()


def changed(**position):
    return lambda stored: stored | position


def without(name):
    return lambda stored: {key: stored[key] for key in stored if key != name}


EPOCH = {"epoch": 1, "loss": 0.5, "validation": {"loss": 1.0}}
POSITIONS = {
    "epoch below 0": changed(epoch=-1),
    "epoch beyond the end": changed(epoch=EPOCHS + 1),
    "epoch is a text": changed(epoch="x"),
    "epoch is a half": changed(epoch=0.5),
    "epoch is true": changed(epoch=True),
    "no epoch": without("epoch"),
    "step below 0": changed(step=-1),
    "step beyond the epoch": changed(step=STEPS + 1),
    "step is nothing": changed(step=None),
    "step after the last epoch": changed(epoch=EPOCHS, step=1),
    "step without measures": changed(step=STEPS, logs={}),
    "no step": without("step"),
    "logs are a list": changed(logs=[1]),
    "logs are texts": changed(logs={"loss": "low"}),
    "no logs": without("logs"),
    "no history": without("history"),
    "history is too short": changed(history=[EPOCH]),
    "history is out of order": changed(history=[EPOCH, EPOCH]),
    "history of texts": changed(history=["x", "y"]),
    "history without measures": changed(
        history=[EPOCH | {"validation": {}}, EPOCH | {"epoch": 2}]
    ),
    "history of other measures": changed(
        history=[EPOCH | {"epoch": n, "validation": {"f1": 1.0}} for n in (1, 2)]
    ),
    "no identity": without("identity"),
    "identity is a list": changed(identity=["seed"]),
}


@pytest.mark.parametrize("change", POSITIONS.values(), ids=POSITIONS)
def test_a_position_that_cannot_be_is_refused(model, stored, tmp_path, change):
    position = change(json.loads(stored["training"].tobytes()))
    content = np.frombuffer(json.dumps(position).encode(), np.uint8)
    refuses(model, write(tmp_path / "crafted", stored | {"training": content}))


def lacking(group):
    return lambda stored: {
        name: stored[name] for name in stored if not name.startswith(f"{group}-")
    }


def another(group, array):
    return lambda stored: stored | {f"{group}-0": array}


GROUPS = {
    "no model": lacking("model"),
    "no optimizer": lacking("optimizer"),
    "no best weights": lacking("kept"),
    "one array too many": lambda stored: stored | {"model-9": np.zeros(1)},
    "half of the best weights": lambda stored: stored | {"kept-9": np.zeros(1)},
    "arrays of something else": another("odd", np.zeros(1)),
    "model of another shape": another("model", np.zeros((4, 2))),
    "model of texts": another("model", np.full((4, 3), "x")),
    "optimizer of another shape": another("optimizer", np.zeros(7)),
    "best weights of another shape": another("kept", np.zeros((4, 2))),
    "measures of another training": lambda stored: (
        stored
        | {
            "metrics-0": np.zeros(7),
            "training": np.frombuffer(
                json.dumps(
                    json.loads(stored["training"].tobytes())
                    | {"step": 1, "logs": {"loss": 0.5}}
                ).encode(),
                np.uint8,
            ),
        }
    ),
}


@pytest.mark.parametrize("change", GROUPS.values(), ids=GROUPS)
def test_arrays_of_another_model_are_refused(model, stored, tmp_path, change):
    refuses(model, write(tmp_path / "crafted", change(stored)))


def test_packed_arrays_are_refused(model, stored, tmp_path):
    path = tmp_path / "crafted"
    with path.open("wb") as stream:
        np.savez_compressed(stream, **stored)
    refuses(model, path)


def refuses(model, path) -> None:
    before = path.read_bytes()
    with pytest.raises(BundleError) as caught:
        training(model, path).run()
    assert "checkpoint" in str(caught.value)
    assert "Remove it" in str(caught.value)
    assert path.read_bytes() == before


def test_the_checkpoint_of_another_training_is_refused_as_such(model, stored, path):
    position = json.loads(stored["training"].tobytes())
    position["identity"]["seed"] = 1
    content = np.frombuffer(json.dumps(position).encode(), np.uint8)
    write(path, stored | {"training": content})
    with pytest.raises(ArgumentError, match="another value of seed"):
        training(model, path).run()


def test_two_trainings_do_not_share_a_checkpoint(model, path):
    with locked(path), pytest.raises(InUseError, match="is working on"):
        training(model, path).run()


def test_a_checkpoint_that_cannot_be_written_does_not_end_a_training(
    model, tmp_path, monkeypatch
):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_checkpoint", full)
    with pytest.warns(CheckpointWarning, match="No space left.*goes on") as caught:
        outcome = training(model, tmp_path / "checkpoint").run()
    assert len(outcome.history) == EPOCHS
    assert [each.category for each in caught].count(CheckpointWarning) == 1
