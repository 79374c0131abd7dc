# ruff: noqa: ARG002 - callbacks are called with all there is
"""The record of a training, in TensorBoard's files and in MLflow."""

import struct
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest

import regard
import toy
import toy_pairs
from light_compilation import light_compilation
from regard.errors import ArgumentError, MissingExtraError, TrackingWarning
from regard.training import MLflow, TensorBoard, TrainingCallback, tracking

pytest.importorskip("tensorboardX", reason="needs the extra tensorboard")

TEXTS = ["my parcel was in the order", "a refund of the page"]
STEPS = 4


@pytest.fixture(autouse=True, scope="module")
def _quick():
    with light_compilation():
        yield


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """MLflow, which writes to a folder."""
    mlflow = pytest.importorskip("mlflow", reason="needs the extra mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    yield mlflow
    while mlflow.active_run() is not None:
        mlflow.end_run()
    mlflow.set_tracking_uri(before)


def fit(callbacks, **options):
    classifier = regard.TextClassifier(seed=0, **toy.SETTINGS | {"epochs": 2})
    return classifier.fit(
        *toy.messages(60),
        validation=toy.messages(12, seed=9),
        callbacks=callbacks,
        **options,
    )


def events(folder: Path) -> list:
    """The events in the files of a folder, those of files in their order."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.glob("events.*")):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            found.append(Event.FromString(content[at + 12 : at + 12 + length]))
            at += length + 16
    return found


def shown(folder: Path) -> dict[str, dict[int, list]]:
    """What TensorBoard shows: after a start nothing from its step on counts."""
    kept = []
    for event in events(folder):
        if event.HasField("session_log"):
            kept = [each for each in kept if each.step < event.step]
        kept.append(event)
    by_tag: dict[str, dict[int, list]] = {}
    for event in kept:
        for value in event.summary.value:
            steps = by_tag.setdefault(value.tag, {})
            steps.setdefault(event.step, []).append(value)
    return by_tag


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [
        (step, one.simple_value)
        for step, values in shown(folder)[tag].items()
        for one in values
    ]


def pictures(folder: Path, tag: str) -> list[bytes]:
    return [
        one.image.encoded_image_string
        for values in shown(folder)[tag].values()
        for one in values
    ]


@pytest.mark.backends
def test_tensorboard_has_the_measures_and_the_attention_of_each_epoch(tmp_path):
    classifier = fit([TensorBoard(tmp_path, TEXTS, update_freq=3)])
    first, second = classifier.history
    for tag, wanted in [
        ("loss", [first.loss, second.loss]),
        ("val_loss", [each.validation["loss"] for each in (first, second)]),
        ("epoch", [1, 2]),
    ]:
        steps, values = zip(*scalars(tmp_path, tag), strict=True)
        assert steps == (STEPS, 2 * STEPS)
        np.testing.assert_allclose(values, wanted, rtol=1e-6)
    rates = [rate for _, rate in scalars(tmp_path, "learning_rate")]
    assert toy.SETTINGS["learning_rate"] > rates[0] > rates[1] >= 0
    assert [step for step, _ in scalars(tmp_path, "batch_loss")] == [3, 6]
    [(_, final)] = scalars(tmp_path, "final/accuracy")
    assert final == pytest.approx(classifier.validation.accuracy)
    for tag in ("attention/1", "attention/2"):
        drawn = pictures(tmp_path, tag)
        assert len(drawn) == 2
        assert all(each.startswith(b"\x89PNG") for each in drawn)
    assert "_hparams_/session_start_info" in shown(tmp_path)


def test_texts_with_several_labels_are_drawn_too(tmp_path):
    classifier = regard.TextClassifier(seed=0, **toy.SETTINGS | {"epochs": 1})
    texts, labels = toy.messages(60)
    several = [[label, "urgent"] for label in labels]
    classifier.fit(texts, several, callbacks=[TensorBoard(tmp_path, TEXTS)])
    assert len(pictures(tmp_path, "attention/2")) == 1
    [(_, final)] = scalars(tmp_path, "final/micro_f1")
    assert final == pytest.approx(classifier.validation.micro_f1)


def test_translations_are_drawn_too(tmp_path):
    pairs, few = toy_pairs.sentences(40), toy_pairs.sentences(4)
    board = TensorBoard(tmp_path, pairs[0][:1])
    settings = toy_pairs.SETTINGS | {"units": 8, "epochs": 1}
    regard.Translator(seed=0, **settings).fit(*pairs, validation=few, callbacks=[board])
    assert len(pictures(tmp_path, "attention/1")) == 1
    assert len(scalars(tmp_path, "final/bleu")) == 1


@pytest.mark.backends
def test_a_keras_model_is_observed_while_it_is_trained(tmp_path, runs):
    keras.utils.set_random_seed(0)
    ids = keras.Input((5,), dtype="int32")
    wide = keras.initializers.RandomNormal(stddev=3, seed=0)
    embedded = keras.layers.Embedding(9, 4, wide)(ids)
    seen = regard.layers.AttentionPooling()(embedded)
    model = keras.Model(ids, keras.layers.Dense(1)(seen))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    x = np.arange(40).reshape(8, 5) % 9
    folder = tmp_path / "board"
    tokens = [list("abcde"), list("fghij")]
    board = TensorBoard(folder, x[:2], tokens=tokens, update_freq=1)
    tracker = MLflow(x[:2], tokens=tokens)
    options = {"batch_size": 4, "verbose": 0, "callbacks": [board, tracker]}
    history = model.fit(x, x.mean(1), epochs=2, **options).history
    steps, losses = zip(*scalars(folder, "loss"), strict=True)
    assert steps == (2, 4)
    np.testing.assert_allclose(losses, history["loss"], rtol=1e-6)
    assert [step for step, _ in scalars(folder, "batch_loss")] == [1, 2, 3, 4]
    # They are drawn of the model of the moment; small changes have the same shade.
    drawn = [pictures(folder, f"attention/{number}") for number in (1, 2)]
    assert [len(each) for each in drawn] == [2, 2]
    assert len({*drawn[0], *drawn[1]}) > 2
    stored = runs.get_run(tracker.run_id)
    assert stored.data.metrics["final/loss"] == pytest.approx(history["loss"][-1])
    # Trained further, it goes on.
    model.fit(x, x.mean(1), epochs=1, **options)
    assert [step for step, _ in scalars(folder, "loss")] == [2, 4, 6]


def test_mlflow_has_measures_settings_pictures_the_page_and_the_bundle(
    tmp_path, runs, monkeypatch
):
    tracker = MLflow(TEXTS, update_freq=2)
    classifier = fit([tracker])
    assert runs.active_run() is None
    run, client = runs.get_run(tracker.run_id), runs.MlflowClient()
    assert run.info.status == "FINISHED"
    assert run.data.params["learning_rate"] == "0.05"
    losses = client.get_metric_history(tracker.run_id, "val_loss")
    assert [(each.step, each.value) for each in losses] == [
        ((number + 1) * STEPS, each.validation["loss"])
        for number, each in enumerate(classifier.history)
    ]
    final = run.data.metrics["final/accuracy"]
    assert final == pytest.approx(classifier.validation.accuracy)
    place = Path(run.info.artifact_uri.removeprefix("file://"))
    assert len(list((place / "images").glob("attention_1*.png"))) == 2
    page = (place / "attention.html").read_text("utf-8")
    assert "parcel" in page
    assert not [path for path in place.rglob("*") if path.suffix in {".pkl", ".pt"}]
    loaded = regard.load(place / "model.regard")
    assert loaded.predict(TEXTS) == classifier.predict(TEXTS)


def test_the_active_run_is_written_to_and_stays(runs):
    with runs.start_run() as mine:
        tracker = MLflow(log_model=False)
        fit([tracker], epochs=1)
        assert tracker.run_id == mine.info.run_id
        assert runs.active_run() is not None


class StopError(Exception):
    pass


class Stop(TrainingCallback):
    """Ends a training in the middle of its second epoch."""

    def on_step(self, run, measures):
        if (run.epoch, run.step) == (2, 3):
            raise StopError


def test_a_training_that_goes_on_is_one_record(tmp_path, runs):
    board, tracker = TensorBoard(tmp_path, update_freq=1), MLflow(update_freq=1)
    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(StopError):
        fit([board, tracker, Stop()], checkpoint=checkpoint)
    assert runs.active_run() is None
    assert runs.get_run(tracker.run_id).info.status == "FAILED"
    assert scalars(tmp_path, "batch_loss")[-1][0] == STEPS + 3
    again = TensorBoard(tmp_path, update_freq=1)
    going_on = MLflow(update_freq=1, run_id=tracker.run_id)
    classifier = fit([again, going_on], checkpoint=checkpoint)
    every = list(range(1, 2 * STEPS + 1))
    assert [step for step, _ in scalars(tmp_path, "batch_loss")] == every
    assert [step for step, _ in scalars(tmp_path, "loss")] == [STEPS, 2 * STEPS]
    client = runs.MlflowClient()
    for name, wanted in [("batch_loss", every), ("epoch", [STEPS, 2 * STEPS])]:
        history = client.get_metric_history(tracker.run_id, name)
        assert [each.step for each in history] == wanted
    # The best epoch was before, and its evaluation is made again.
    [(_, final)] = scalars(tmp_path, "final/macro_f1")
    assert final == pytest.approx(classifier.validation.macro_f1)


def test_a_new_training_takes_the_place_of_another(tmp_path):
    for _ in range(2):
        fit([TensorBoard(tmp_path)], epochs=1)
    assert [step for step, _ in scalars(tmp_path, "loss")] == [STEPS]


def test_a_full_disk_costs_the_record_and_not_the_training(tmp_path, monkeypatch):
    from tensorboardX.event_file_writer import EventsWriter

    write, count = EventsWriter.write_event, [0]

    def full(self, event):
        # From the second step until the first epoch is over.
        count[0] += bool(event.summary.value)
        if event.summary.value and 4 <= count[0] <= 5:
            raise OSError(28, "No space left on device")
        write(self, event)

    monkeypatch.setattr(EventsWriter, "write_event", full)
    with pytest.warns(TrackingWarning, match="No space left.*goes on") as told:
        classifier = fit([TensorBoard(tmp_path, update_freq=1)])
    assert [each.category for each in told].count(TrackingWarning) == 1
    assert len(classifier.history) == 2
    # The last epoch found space again.
    assert [step for step, _ in scalars(tmp_path, "loss")] == [2 * STEPS]


def test_a_server_that_is_gone_is_not_asked_for_ever(runs, monkeypatch):
    asked = []

    def gone(*arguments, **options):
        asked.append(1)
        raise ConnectionError("refused")

    monkeypatch.setattr(runs, "start_run", gone)
    with pytest.warns(TrackingWarning, match="MLflow cannot .*refused"):
        classifier = fit([MLflow(update_freq=1)], epochs=5)
    assert len(classifier.history) > 2
    assert len(asked) == 3


def test_of_several_processes_the_first_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(tracking, "is_first_process", lambda: False)
    fit([TensorBoard(tmp_path / "board", TEXTS)], epochs=1)
    assert not (tmp_path / "board").exists()


@pytest.mark.parametrize(
    ("package", "make", "install"),
    [
        ("tensorboardX", lambda: TensorBoard("x"), r"regard\[tensorboard\]"),
        ("mlflow", MLflow, r"regard\[mlflow\]"),
        ("matplotlib", lambda: TensorBoard("x", TEXTS), r"regard\[plot\]"),
    ],
)
def test_a_package_that_is_missing_is_told_at_once(monkeypatch, package, make, install):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=install):
        make()


@pytest.mark.parametrize(
    "options",
    [{"log_dir": 5}, {"examples": "one text"}, {"update_freq": 0}],
    ids=lambda options: next(iter(options)),
)
def test_what_makes_no_sense_is_refused(options):
    with pytest.raises(ArgumentError):
        TensorBoard(**{"log_dir": "x"} | options)


def test_examples_of_a_classifier_are_texts(tmp_path):
    with pytest.raises(ArgumentError, match="examples"), warnings.catch_warnings():
        fit([TensorBoard(tmp_path / "board", [[1, 2]])])
    assert not (tmp_path / "board").exists()
