# ruff: noqa: ARG002 - callbacks are called with all there is
"""One surface of all estimators, whatever they learn: fit, go on, ask, measure."""

import copy
import json
import os
import pickle
import signal
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, replace
from typing import Any

import keras
import numpy as np
import pytest

import regard
import toy
import toy_pairs
from light_compilation import kept_programs, light_compilation
from regard.bundle import write_bundle
from regard.errors import ArgumentError, BundleError, BundleWarning, DataError
from regard.training import (
    EpochMetrics,
    History,
    TrainingCallback,
    TrainingProgress,
    callbacks,
)
from regard.training.estimator import Estimator
from regard.training.model_selection import ModelSelection

EPOCHS, BATCH_SIZE = 3, 16
# What chance decides in a training has to go on as well.
DROPOUT = {"dropout": 0.2, "attention_dropout": 0.1}


@dataclass(frozen=True)
class Kind:
    """A class that is trained, and a problem for it.

    Args:
        make: An object that was not trained.
        train: What it is trained on, inputs and targets.
        held_out: What the best epoch is chosen on.
        ask: Its answer to a text, or to several.
        trained: The fixture with one that has learned its problem.
        measures: The names of the validation measures.
    """

    make: Callable[..., Any]
    train: tuple[list[str], list[str]]
    held_out: tuple[list[str], list[str]]
    ask: Callable[[Any, Any], Any]
    trained: str
    measures: set[str]


CLASSIFIER = Kind(
    lambda **settings: regard.TextClassifier(
        seed=0, **toy.SETTINGS | DROPOUT | {"feature_dropout": 0.1} | settings
    ),
    toy.messages(60),
    toy.messages(12, seed=9),
    lambda classifier, texts: classifier.explain(texts),
    "toy_classifier",
    {"loss", "accuracy", "temperature"},
)
TRANSLATOR = Kind(
    lambda **settings: regard.Translator(
        seed=0, **toy_pairs.SETTINGS | DROPOUT | {"units": 8} | settings
    ),
    toy_pairs.sentences(60),
    toy_pairs.sentences(12, seed=9),
    lambda translator, texts: translator.translate(texts, beam=1),
    "toy_translator",
    {"loss"},
)
STEPS = 4


@pytest.fixture(scope="module", params=[CLASSIFIER, TRANSLATOR], ids=["text", "pairs"])
def kind(request) -> Kind:
    return request.param


@pytest.fixture(autouse=True, scope="module")
def _quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    with light_compilation(), kept_programs(folder):
        yield


def fit(kind: Kind, **options):
    given = {"validation": kind.held_out, "epochs": EPOCHS, "batch_size": BATCH_SIZE}
    return kind.make(epochs=50).fit(*kind.train, **given | options)


@pytest.fixture(scope="module")
def reports() -> list[TrainingProgress]:
    return []


@pytest.fixture(scope="module")
def undisturbed(kind, reports):
    reports.clear()
    return fit(kind, progress=reports.append)


@pytest.fixture
def trained(kind, request):
    return request.getfixturevalue(kind.trained)


def weights_of(estimator) -> list[np.ndarray]:
    return estimator.trained.model.get_weights()


# Fitting


def test_epochs_and_batch_size_of_a_training(undisturbed, reports):
    assert undisturbed.settings["epochs"] == 50
    config = undisturbed.trained.config
    assert (config.epochs, config.batch_size) == (EPOCHS, BATCH_SIZE)
    ends = [report for report in reports if report.step == report.steps]
    assert [report.epoch for report in ends] == [1, 2, 3]
    assert {(report.epochs, report.steps) for report in reports} == {(EPOCHS, STEPS)}
    assert not undisturbed.interrupted


def test_the_history_has_the_measures_of_each_epoch(kind, undisturbed, reports):
    ends = [report for report in reports if report.step == report.steps]
    assert [metrics.epoch for metrics in undisturbed.history] == [1, 2, 3]
    for metrics, report in zip(undisturbed.history, ends, strict=True):
        assert metrics.loss == report.loss
        assert set(metrics.validation) == kind.measures
        assert metrics.validation["loss"] == report.validation_loss
    plain = [metrics.to_dict() for metrics in undisturbed.history]
    again = json.loads(json.dumps(plain))
    assert tuple(EpochMetrics(**metrics) for metrics in again) == undisturbed.history


def test_the_history_does_not_change(undisturbed):
    first = undisturbed.history[0]
    with pytest.raises(FrozenInstanceError):
        first.loss = 0.0
    with pytest.raises(TypeError):
        first.validation["loss"] = 0.0


def test_the_history_travels(undisturbed):
    stored = pickle.dumps(undisturbed.history)
    assert pickle.loads(stored) == undisturbed.history  # noqa: S301 - made just before
    assert copy.deepcopy(undisturbed.history) == undisturbed.history


def test_the_validation_is_the_evaluation_on_the_validation_examples(kind, undisturbed):
    measured = undisturbed.evaluate(*kind.held_out)
    # The training has the answers already, of programs of its own.
    assert_close(undisturbed.validation.to_dict(), measured.to_dict())
    assert undisturbed.validation is undisturbed.validation


def assert_close(values, others):
    """Both say the same, numbers but for their last digits."""
    if isinstance(values, dict):
        assert values.keys() == others.keys()
        for name, value in values.items():
            assert_close(value, others[name])
    elif isinstance(values, float):
        assert values == pytest.approx(others, abs=1e-6)
    else:
        assert values == others


def test_without_validation_the_history_has_losses_only(kind):
    estimator = fit(kind, validation=None, validation_split=0, epochs=1)
    assert estimator.validation is None
    [metrics] = estimator.history
    assert metrics.loss > 0
    assert metrics.validation == {}


def test_what_is_loaded_has_settings_and_no_history(kind, undisturbed, tmp_path):
    undisturbed.save(tmp_path / "some.regard")
    loaded = regard.load(tmp_path / "some.regard")
    assert type(loaded) is type(undisturbed)
    # Those that were chosen, and neither the others nor those of one training.
    assert loaded.settings == undisturbed.settings
    assert loaded.settings["epochs"] == 50
    assert len(loaded.settings) < len(loaded.trained.config.names())
    assert loaded.seed == undisturbed.seed
    assert (loaded.history, loaded.validation, loaded.interrupted) == ((), None, False)


def test_an_interrupt_keeps_what_there_is(kind, tmp_path):
    def press(progress):
        if (progress.epoch, progress.step) == (1, progress.steps):
            signal.raise_signal(signal.SIGINT)

    estimator = fit(kind, progress=press)
    assert estimator.interrupted
    assert len(estimator.history) == 1
    assert len(kind.ask(estimator, kind.held_out[0])) == 12


PLACES = {
    "the weights are chosen": (ModelSelection, "selected"),
    "the object takes them": (Estimator, "_adopt"),
}


@pytest.mark.backends
@pytest.mark.parametrize(("owner", "name"), PLACES.values(), ids=PLACES)
def test_no_further_interrupt_loses_what_there_is(kind, monkeypatch, owner, name):
    """Who presses Ctrl-C once more is in a hurry, and wants the model all the same."""
    original = getattr(owner, name)

    def pressed(*arguments, **named):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return original(*arguments, **named)

    def press(progress):
        if (progress.epoch, progress.step) == (1, progress.steps):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(owner, name, pressed)
    estimator = fit(kind, progress=press)
    assert estimator.interrupted
    assert len(kind.ask(estimator, kind.held_out[0])) == 12
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("odd", [5, b"x", "", ["x"], object()])
def test_a_checkpoint_is_the_path_of_a_file(kind, odd):
    with pytest.raises(ArgumentError, match=r"'checkpoint'.*the path of a file"):
        fit(kind, checkpoint=odd)


def test_a_folder_or_a_pipe_is_no_checkpoint(kind, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for odd, what in ((tmp_path, "a folder"), (tmp_path / "pipe", "a pipe")):
        with pytest.raises(ArgumentError, match=what):
            fit(kind, checkpoint=odd)


@pytest.mark.parametrize("odd", [5, "bar", 0.0, []])
def test_progress_is_told_to_what_can_be_called(kind, odd):
    with pytest.raises(ArgumentError, match=r"'progress'.*a function"):
        fit(kind, progress=odd)


@pytest.mark.parametrize("odd", ["x", -1, 0.5, True, None, 2**63])
def test_a_seed_is_a_whole_number(kind, odd):
    with pytest.raises(ArgumentError, match=r"'seed'.*a whole number"):
        type(kind.make())(seed=odd)


def test_a_seed_may_be_large(kind):
    estimator = kind.make()
    estimator.seed = 2**63 - 1
    estimator.fit(*kind.train, validation=kind.held_out, epochs=1, batch_size=16)
    assert len(estimator.history) == 1


# Going on


class StopError(Exception):
    """As when the machine is switched off: nothing of ours sees it."""


def stop_at(epoch: int, step: int):
    def progress(state):
        if (state.epoch, state.step) == (epoch, step):
            raise StopError

    return progress


@pytest.fixture
def _saving_every_step(monkeypatch):
    monkeypatch.setattr(callbacks, "_SECONDS_BETWEEN_CHECKPOINTS", 0)
    monkeypatch.setattr(callbacks, "_SECONDS_BETWEEN_REPORTS", 0)


@pytest.mark.backends
@pytest.mark.usefixtures("_saving_every_step")
def test_a_training_that_was_stopped_ends_as_one_that_was_not(
    kind, undisturbed, tmp_path
):
    checkpoint = tmp_path / "training"
    for epoch, step in [(1, 3), (1, STEPS), (3, 2)]:
        with pytest.raises(StopError):
            fit(kind, checkpoint=checkpoint, progress=stop_at(epoch, step))
    gone_on = fit(kind, checkpoint=str(checkpoint))
    for weight, wanted in zip(
        weights_of(gone_on), weights_of(undisturbed), strict=True
    ):
        np.testing.assert_array_equal(weight, wanted)
    assert gone_on.history == undisturbed.history
    # Once more, with nothing left to do.
    assert fit(kind, checkpoint=checkpoint).history == undisturbed.history


def test_the_checkpoint_of_another_training_is_refused(kind, tmp_path):
    checkpoint = tmp_path / "training"
    with pytest.raises(StopError):
        fit(kind, checkpoint=checkpoint, progress=stop_at(1, STEPS))
    for changed, named in [
        ({"epochs": 4}, "epochs"),
        ({"validation": None}, "training .*, validation"),
    ]:
        with pytest.raises(ArgumentError, match=f"another training.*of {named}"):
            fit(kind, checkpoint=checkpoint, **changed)
    other = TRANSLATOR if kind is CLASSIFIER else CLASSIFIER
    with pytest.raises(ArgumentError, match="another training"):
        fit(other, checkpoint=checkpoint)


# Callbacks


class Diary(TrainingCallback):
    """Writes down what it is told, with the answers of the model of the moment."""

    def __init__(self, kind: Kind | None = None, stop_at: Any = None) -> None:
        self.kind, self.stop_at = kind, stop_at
        self.begun: list[Any] = []
        self.steps: list[tuple[int, int]] = []
        self.epochs: list[dict[str, float]] = []
        self.answers: list[Any] = []
        self.ends: list[Any] = []

    def on_begin(self, run):
        self.begun.append((run.kind, dict(run.settings), run.epochs, run.steps))

    def on_step(self, run, measures):
        assert measures["loss"] > 0
        self.steps.append((run.epoch, run.step))
        if (run.epoch, run.step) == self.stop_at:
            run.stop()

    def on_epoch(self, run, measures):
        assert len(run.history) == run.epoch
        self.epochs.append(dict(measures))
        if self.kind is not None:
            # The same object each time: what was compiled is not compiled again.
            assert run.current() is run.current()
            self.answers.append(self.kind.ask(run.current(), self.kind.held_out[0][0]))
        if (run.epoch, None) == self.stop_at:
            run.stop()

    def on_end(self, run):
        self.ends.append(run.estimator)

    def on_failure(self, run, error):
        self.ends.append(error)


@pytest.mark.backends
def test_callbacks_hear_of_the_whole_training(kind, undisturbed):
    diary = Diary(kind)
    estimator = fit(kind, callbacks=[diary])
    [(name, settings, epochs, steps)] = diary.begun
    assert (name, epochs, steps) == (estimator.kind, EPOCHS, STEPS)
    assert settings == estimator.trained.config.to_dict()
    all_steps = [(e + 1, s + 1) for e in range(EPOCHS) for s in range(STEPS)]
    assert diary.steps == all_steps
    assert diary.ends == [estimator]
    for measures, metrics in zip(diary.epochs, estimator.history, strict=True):
        assert metrics.measures().items() <= measures.items()
    # Being looked at changes nothing.
    assert estimator.history == undisturbed.history
    for weight, wanted in zip(
        weights_of(estimator), weights_of(undisturbed), strict=True
    ):
        np.testing.assert_array_equal(weight, wanted)
    # Its attention is that of the weights of the moment, not those of the first time.
    first, *_, last = (attention_of(answer) for answer in diary.answers)
    assert not np.array_equal(first, last)


def attention_of(answer) -> np.ndarray:
    one = as_list(answer)[0]
    return one.weights if hasattr(one, "weights") else one.alignment


@pytest.mark.backends
def test_the_model_of_the_last_epoch_is_the_one_that_is_kept(kind):
    diary = Diary(kind)
    estimator = fit(
        kind, callbacks=diary, epochs=1, validation=None, validation_split=0
    )
    kept = kind.ask(estimator, kind.held_out[0][0])
    np.testing.assert_allclose(
        attention_of(diary.answers[-1]), attention_of(kept), atol=1e-6
    )


@pytest.mark.parametrize(("at", "epochs"), [((2, 1), 2), ((1, None), 1)])
def test_a_callback_ends_a_training(kind, at, epochs):
    diary = Diary(stop_at=at)
    estimator = fit(kind, callbacks=[diary])
    assert len(estimator.history) == epochs
    assert not estimator.interrupted
    assert diary.steps[-1] == (at if at[1] else (1, STEPS))
    assert diary.ends == [estimator]


def test_callbacks_hear_of_a_failure_and_of_going_on(kind, tmp_path):
    diary, checkpoint = Diary(), tmp_path / "training"
    with pytest.raises(StopError):
        fit(
            kind,
            callbacks=[diary],
            checkpoint=checkpoint,
            progress=stop_at(1, STEPS),
        )
    [error] = diary.ends
    assert isinstance(error, StopError)
    assert diary.epochs == []
    again = Diary()
    estimator = fit(kind, callbacks=[again], checkpoint=checkpoint)
    assert again.steps[0] == (2, 1)
    assert len(again.epochs) == EPOCHS - 1
    assert again.ends == [estimator]


def test_what_fails_before_it_begins_is_told_to_nobody(kind):
    diary = Diary()
    with pytest.raises((ArgumentError, DataError)):
        kind.make().fit([], [], callbacks=[diary])
    assert diary.begun == diary.ends == []


def test_an_exception_of_a_callback_ends_the_training(kind):
    class Broken(Diary):
        def on_epoch(self, run, measures):
            raise StopError

        def on_failure(self, run, error):
            super().on_failure(run, error)
            raise ValueError("told of an error, it fails")

    broken = Broken()
    with pytest.raises(StopError):
        fit(kind, callbacks=[broken])
    assert len(broken.ends) == 1


@pytest.mark.parametrize("odd", [5, "x", [print], {"a": 1}, [None]])
def test_callbacks_are_callbacks(kind, odd):
    with pytest.raises(ArgumentError, match=r"'callbacks'.*TrainingCallback"):
        kind.make().fit(*kind.train, callbacks=odd)


@pytest.mark.parametrize("name", ["ReduceLROnPlateau", "BackupAndRestore"])
def test_a_callback_that_cannot_do_its_work_is_refused(kind, name):
    arguments = {"backup_dir": "x"} if name == "BackupAndRestore" else {}
    callback = getattr(keras.callbacks, name)(**arguments)
    with pytest.raises(ArgumentError, match=f"{name} of Keras cannot"):
        kind.make().fit(*kind.train, callbacks=[callback])


class KerasDiary(keras.callbacks.Callback):
    """Writes down what Keras's own would be told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []
        self.logs: list[Any] = []

    def on_train_begin(self, logs=None):
        self.told.append("train")

    def on_epoch_begin(self, epoch, logs=None):
        self.told.append(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        self.told.append(f"batch {batch}")

    def on_train_batch_end(self, batch, logs=None):
        assert logs["loss"] > 0

    def on_epoch_end(self, epoch, logs=None):
        assert len(self.model.get_weights()) > 1
        self.logs.append(logs)

    def on_train_end(self, logs=None):
        self.told.append("end")


@pytest.mark.backends
def test_callbacks_of_keras_work(kind, tmp_path):
    diary, lines = KerasDiary(), tmp_path / "log.csv"
    saved = str(tmp_path / "{epoch}-{val_loss:.2f}.keras")
    estimator = fit(
        kind,
        callbacks=[
            diary,
            keras.callbacks.CSVLogger(lines),
            keras.callbacks.ModelCheckpoint(saved),
            keras.callbacks.TerminateOnNaN(),
            # No epoch is better by so much than the first.
            keras.callbacks.EarlyStopping(
                "val_loss", min_delta=100, patience=1, restore_best_weights=True
            ),
        ],
    )
    assert len(estimator.history) == 2 < EPOCHS
    batches = [f"batch {number}" for number in range(STEPS)]
    assert diary.told == ["train", 0, *batches, 1, *batches, "end"]
    for logs, metrics in zip(diary.logs, estimator.history, strict=True):
        assert metrics.measures().items() <= logs.items()
    assert lines.read_text().startswith("epoch,")
    assert len(list(tmp_path.glob("1-*.keras"))) == 1


def test_the_history_as_keras_has_it(undisturbed):
    history = undisturbed.history
    assert isinstance(history, History)
    told = history.to_dict()
    assert told["epoch"] == [1, 2, 3]
    assert told["loss"] == [metrics.loss for metrics in history]
    assert told["val_loss"] == [metrics.validation["loss"] for metrics in history]
    pytest.importorskip("pandas", reason="an extra")
    assert history.to_pandas()["val_loss"].tolist() == told["val_loss"]
    assert "val_loss=" in repr(history[0])
    assert History().to_dict() == {"epoch": []}


# Asking


def test_one_text_gives_one_answer_and_several_a_list(kind, trained):
    texts = kind.held_out[0][:3]
    listed = kind.ask(trained, texts)
    assert isinstance(listed, list)
    assert len(listed) == 3
    alone = kind.ask(trained, texts[0])
    assert type(alone) is type(listed[0])
    for answer, same in zip(as_list(alone), as_list(listed[0]), strict=True):
        assert answer.text == same.text
    assert len(kind.ask(trained, tuple(texts))) == 3
    assert len(kind.ask(trained, (text for text in texts))) == 3


def as_list(answer) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]


@pytest.mark.parametrize("texts", [[], (), np.array([], dtype=str), iter([])])
def test_no_text_has_no_answer(kind, trained, texts):
    assert kind.ask(trained, texts) == []


def test_no_text_has_no_label_and_no_row(toy_classifier):
    assert toy_classifier.predict([]) == []
    assert toy_classifier.predict_proba([]).shape == (0, 3)


def test_nothing_cannot_be_measured(trained):
    with pytest.raises((ArgumentError, DataError), match="There is no"):
        trained.evaluate([], [])


def test_the_beginning_of_one_text(toy_translator):
    text = toy_pairs.sentences(1, seed=1)[0][0]
    [best] = toy_translator.translate(text, beam=1, prefixes="two two")
    [[same]] = toy_translator.translate([text], beam=1, prefixes=["two two"])
    assert best.text == same.text
    assert best.text.startswith("two two ")


# Bundles


def changed_settings(estimator, change) -> dict[str, bytes]:
    parts = estimator.trained.to_parts()
    content = json.loads(parts["config.json"])
    change(content["settings"])
    return parts | {"config.json": json.dumps(content).encode()}


def test_a_setting_that_a_bundle_lacks_takes_its_default(undisturbed, tmp_path):
    assert undisturbed.settings["epochs"] == 50
    parts = changed_settings(undisturbed, lambda settings: settings.pop("epochs"))
    write_bundle(tmp_path / "older.regard", undisturbed.kind, parts)
    config = regard.load(tmp_path / "older.regard").trained.config
    default = type(config)()
    assert config == replace(undisturbed.trained.config, epochs=default.epochs)


def test_what_is_saved_again_keeps_what_was_chosen(undisturbed, tmp_path):
    for name in ("one.regard", "two.regard"):
        undisturbed.save(tmp_path / name)
        undisturbed = regard.load(tmp_path / name)
    assert "epochs" in undisturbed.settings
    assert undisturbed.trained.chosen == undisturbed.settings


def test_settings_are_plain_values_however_they_were_given(kind):
    estimator = kind.make(epochs=np.int64(3))
    assert type(estimator.settings["epochs"]) is int


def test_a_chosen_setting_that_is_unknown_or_wrong_is_refused(undisturbed, tmp_path):
    parts = undisturbed.trained.to_parts()
    for chosen, match in [({"width": 1}, "width"), ({"epochs": 0}, "'epochs'")]:
        content = json.loads(parts["config.json"]) | {"chosen": chosen}
        parts |= {"config.json": json.dumps(content).encode()}
        write_bundle(tmp_path / "odd.regard", undisturbed.kind, parts)
        with pytest.raises(BundleError, match=match):
            regard.load(tmp_path / "odd.regard")


def test_settings_that_are_not_those_of_the_model_are_refused(undisturbed, tmp_path):
    config = undisturbed.trained.config
    for name in {"embedding_units", "num_heads", "units"} & set(config.names()):
        value = getattr(config, name) + 1
        parts = changed_settings(
            undisturbed, lambda of, n=name, v=value: of.update({n: v})
        )
        write_bundle(tmp_path / "odd.regard", undisturbed.kind, parts)
        with pytest.raises(
            BundleError, match=rf"config\.json.*'{name}' is {value}, and"
        ):
            regard.load(tmp_path / "odd.regard")


def test_a_stranger_in_a_bundle_is_named(undisturbed, tmp_path):
    path = tmp_path / "some.regard"
    undisturbed.save(path)
    (path / ".DS_Store").touch()  # What the system leaves is nobody's.
    regard.load(path)
    (path / "notes.txt").touch()
    with pytest.warns(BundleWarning, match=r"no part of the bundle.*'notes\.txt'"):
        regard.load(path)


def test_a_setting_of_a_newer_version_is_refused(undisturbed, tmp_path):
    parts = changed_settings(undisturbed, lambda settings: settings.update(width=1))
    write_bundle(tmp_path / "newer.regard", undisturbed.kind, parts)
    with pytest.raises(BundleError, match=r"config\.json.*'width'.*") as refused:
        regard.load(tmp_path / "newer.regard")
    assert refused.value.fix.startswith("Update regard")
    assert "Copy it again" not in str(refused.value)


# Words


def test_what_it_is_in_a_line(kind, trained, undisturbed):
    name = type(trained).__name__
    made = kind.make()
    assert repr(made).startswith(f"<{name}(seed=0, ")
    assert repr(made).endswith("not trained>")
    assert "trained: " in repr(trained)
    parameters = f"{trained.model.count_params():,} parameters"
    assert parameters in repr(trained)
    told = [trained, trained.trained, undisturbed.history, undisturbed.validation]
    told += [regard.observe(trained.model)] if kind is CLASSIFIER else []
    told += [kind.ask(trained, kind.held_out[0][0])]
    for each in told:
        assert 20 < len(repr(each)) < 400
        assert " object at 0x" not in repr(each)
    first, *_ = vars(trained.trained).values()
    assert " object at 0x" not in repr(first)
