"""A training that runs, and the callbacks that are told about it."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Self

import keras

from regard._validate import wrong_value
from regard.errors import ArgumentError
from regard.training.base_config import BaseConfig
from regard.training.callbacks import Logs, plain_logs
from regard.training.devices import on_one_device, process_count, true_anywhere
from regard.training.model_selection import EpochMetrics, History

_EXPECTED = "a list of regard.training.TrainingCallback or keras.callbacks.Callback"
# Callbacks of Keras that cannot do here what they are for, and what does it instead.
_REFUSED = {
    "BackupAndRestore": "Give fit(..., checkpoint=...): a training that was stopped "
    "goes on from there.",
    "LearningRateScheduler": "The step size falls along a schedule of its own: set "
    "'learning_rate'.",
    "ReduceLROnPlateau": "The step size falls along a schedule of its own: set "
    "'learning_rate'.",
    "SwapEMAWeights": "Which weights are kept is chosen by the validation examples.",
}


class TrainingRun:
    """A training that runs, as its callbacks see it.

    Attributes:
        kind: What is trained, as a bundle calls it.
        settings: All settings of the training, plain values by their names.
        seed: What its random choices depend on.
        epochs: The most epochs there will be.
        steps: The steps of an epoch.
        epoch: The epoch that runs, or has just ended, from 1.
        step: The steps of it that are done.
        history: The measures of the epochs that are finished, also of those before the
            training went on from a checkpoint.
        model: The Keras model in training. Its weights are those of the last step; at
            the end of an epoch and of the training they may be looked at.
        estimator: What was trained, once it has ended; None before.
        stopped: Whether a callback has asked the training to end.
    """

    def __init__(self, kind: str, seed: int, make: Callable[[Any], Any]) -> None:
        self.kind, self.seed = kind, seed
        self.settings: Mapping[str, Any] = {}
        self.epochs = self.steps = self.step = 0
        self.epoch = 1
        self.history = History()
        self.model: Any = None
        self.estimator: Any = None
        self.stopped = False
        self._make = make
        self._trained_of: Callable[[Any], Any] | None = None
        self._fresh: Callable[[], Any] | None = None
        self._current: Any = None

    @property
    def steps_done(self) -> int:
        """The steps of all epochs that are done."""
        return (self.epoch - 1) * self.steps + self.step

    def current(self) -> Any:
        """A classifier or translator with the weights that the model has now.

        It answers, explains and saves as one that was trained: so the attention of a
        few fixed texts can be drawn while the training goes on. It is a copy, the same
        object each time, so that its programs are compiled once; this call gives it the
        weights of this moment. The temperature of a classifier is not found before the
        end.
        """
        if self.estimator is not None:
            return self.estimator
        if self._trained_of is None or self._fresh is None:
            raise ArgumentError(
                "There is no model yet.", expected="a training that has begun"
            )
        # Within an epoch of fit the variables lie elsewhere on JAX.
        getattr(self.model, "jax_state_sync", lambda: None)()
        weights = self.model.get_weights()
        if self._current is None:
            with on_one_device():
                model = self._fresh()
                model.set_weights(weights)
                self._current = self._make(self._trained_of(model))
        else:
            self._current.model.set_weights(weights)
        return self._current

    def stop(self) -> None:
        """End the training after this step; the best epoch so far is kept.

        An epoch that it ends in the middle counts as finished. Where several processes
        train together all of them end after the epoch.
        """
        self.stopped = True


class TrainingCallback:
    """Is told about a training while it runs.

    A subclass overrides what it wants to hear. Each method is called between two steps,
    in the thread that trains, which waits for it; an exception ends the training, and
    so does ``run.stop()``, with the best epoch so far. A training that goes on from a
    checkpoint begins again for its callbacks, in the epoch and at the step where it
    was. Of several processes that train together each tells its own callbacks.

    Measures have the names that Keras has for them: ``"loss"`` in nats, ``"accuracy"``
    and others of the epoch so far, and ``"val_loss"`` and the like on the validation
    examples, at the end of an epoch.
    """

    def on_begin(self, run: TrainingRun) -> None:
        """The first step is about to come: settings, model and position are there."""

    def on_step(self, run: TrainingRun, measures: Mapping[str, float]) -> None:
        """A step is done; ``measures`` are those of the epoch so far."""

    def on_epoch(self, run: TrainingRun, measures: Mapping[str, float]) -> None:
        """An epoch has ended, its validation and its checkpoint included."""

    def on_end(self, run: TrainingRun) -> None:
        """The training has ended and ``run.estimator`` is what came of it.

        Also where an interrupt ended it, see ``run.estimator.interrupted``.
        """

    def on_failure(self, run: TrainingRun, error: BaseException) -> None:
        """The training has failed; nothing came of it. The error goes on."""


class RunCallbacks:
    """The callbacks of a training, those of Keras among them, in one hand.

    Args:
        callbacks: What a user gave: ours, and those of Keras.
        kind: What is trained.
        seed: Its seed.
        make: An estimator around what was trained.

    Raises:
        ArgumentError: One is neither, or cannot do here what it is for.
    """

    def __init__(
        self, callbacks: Any, kind: str, seed: int, make: Callable[[Any], Any]
    ) -> None:
        given = checked_callbacks(callbacks)
        self.run = TrainingRun(kind, seed, make)
        self._own = [each for each in given if isinstance(each, TrainingCallback)]
        self._of_keras = [
            each for each in given if not isinstance(each, TrainingCallback)
        ]
        self._keras: Any = None
        self._loss = "loss"
        self._is_running = False

    @classmethod
    def of_nobody(cls) -> Self:
        """Those of a training that nobody wants to hear of."""
        return cls(None, "", 0, lambda trained: trained)

    def prepare(
        self, config: BaseConfig, trained_of: Callable[[Any], Any] | None
    ) -> None:
        """The settings are known, and how a model becomes what answers texts."""
        self.run.settings, self.run._trained_of = config.to_dict(), trained_of

    def begin(
        self,
        model: Any,
        fresh: Callable[[], Any],
        *,
        epochs: int,
        steps: int,
        loss_name: str,
        position: tuple[int, int] = (0, 0),
        history: Iterable[EpochMetrics] = (),
    ) -> None:
        """The first step is about to come.

        Args:
            model: The model in training.
            fresh: Makes another one like it.
            epochs: The most epochs.
            steps: The steps of each.
            loss_name: What Keras calls its loss.
            position: The epoch, from 0, and the steps of it that are done already.
            history: The measures of the epochs that are finished already.
        """
        run = self.run
        run.model, run._fresh, run.epochs, run.steps = model, fresh, epochs, steps
        run.epoch, run.step, run.history = (
            position[0] + 1,
            position[1],
            History(history),
        )
        self._loss, self._is_running = loss_name, True
        if self._of_keras:
            self._keras = keras.callbacks.CallbackList(
                self._of_keras, model=model, epochs=epochs, steps=steps, verbose=0
            )
            self._keras.on_train_begin()
        for each in self._own:
            each.on_begin(run)

    def begin_epoch(
        self, epoch: int, step: int, history: Iterable[EpochMetrics]
    ) -> list[keras.callbacks.Callback]:
        """An epoch begins, from 0, or goes on; what its steps are to be told to."""
        run = self.run
        run.epoch, run.step, run.history = epoch + 1, step, History(history)
        if self._keras is not None:
            self._keras.on_epoch_begin(epoch)
        return [_Steps(self)] if self._own or self._of_keras else []

    def begin_step(self) -> None:
        """A step is about to come."""
        if self._keras is not None:
            self._keras.on_train_batch_begin(self.run.step)

    def end_step(self, logs: Logs) -> None:
        """A step is done."""
        run = self.run
        run.step += 1
        if self._keras is not None:
            self._keras.on_train_batch_end(run.step - 1, logs)
        measures = self._measures(plain_logs(logs))
        for each in self._own:
            each.on_step(run, measures)
        run.stopped = self._is_stopped()
        # Another process would wait for the next step for ever.
        run.model.stop_training = run.stopped and process_count() == 1

    def end_epoch(
        self, history: Iterable[EpochMetrics], logs: Mapping[str, float]
    ) -> bool:
        """An epoch has ended; whether the training is to end with it."""
        run = self.run
        run.history = History(history)
        measures = self._measures(logs) | run.history[-1].measures()
        if self._keras is not None:
            self._keras.on_epoch_end(run.epoch - 1, dict(measures))
        for each in self._own:
            each.on_epoch(run, measures)
        run.stopped = true_anywhere(self._is_stopped())
        return run.stopped

    def end_steps(self) -> None:
        """No step comes any more; the weights are about to be chosen."""
        if self._keras is not None:
            self._keras.on_train_end(dict(self._last_measures()))
            self._keras = None

    def end(self, estimator: Any) -> None:
        """The training has ended, and this came of it."""
        self.run.estimator, self._is_running = estimator, False
        self.run._current = None
        for each in self._own:
            each.on_end(self.run)

    def fail(self, error: BaseException) -> None:
        """The training has failed, if it had begun."""
        if not self._is_running:
            return
        self._is_running = False
        for each in self._own:
            # What is told of an error may not hide it.
            with suppress(Exception):
                each.on_failure(self.run, error)

    def _is_stopped(self) -> bool:
        of_keras = self._keras is not None and self.run.model.stop_training
        return self.run.stopped or bool(of_keras)

    def _measures(self, logs: Mapping[str, float]) -> dict[str, float]:
        """The measures that Keras has, with the loss that is meant by its name."""
        if self._loss not in logs:
            return dict(logs)
        rest = {name: logs[name] for name in logs if name not in {self._loss, "loss"}}
        return {"loss": logs[self._loss], **rest}

    def _last_measures(self) -> Mapping[str, float]:
        history = self.run.history
        return history[-1].measures() if history else {}


def checked_callbacks(callbacks: Any) -> list[Any]:
    """Callbacks as a list; None: none.

    Raises:
        ArgumentError: One is no callback, or cannot do here what it is for.
    """
    if callbacks is None:
        return []
    known = TrainingCallback | keras.callbacks.Callback
    if isinstance(callbacks, known):
        return checked_callbacks([callbacks])
    if not isinstance(callbacks, list | tuple):
        raise wrong_value("callbacks", callbacks, _EXPECTED)
    for each in callbacks:
        if not isinstance(each, known):
            raise wrong_value("callbacks", each, _EXPECTED)
        for kind in type(each).__mro__:
            if kind.__module__.startswith("keras.") and kind.__name__ in _REFUSED:
                raise ArgumentError(
                    f"The callback {kind.__name__} of Keras cannot do its work here.",
                    arguments=["callbacks", "learning_rate", "checkpoint"],
                    fix=_REFUSED[kind.__name__],
                )
    return list(callbacks)


class _Steps(keras.callbacks.Callback):
    """Passes the steps of one epoch on."""

    def __init__(self, callbacks: RunCallbacks) -> None:
        super().__init__()
        self._callbacks = callbacks

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """A step is about to come."""
        self._callbacks.begin_step()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """A step is done."""
        self._callbacks.end_step(logs)
