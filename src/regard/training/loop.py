"""The loop of a training: epoch by epoch, from a checkpoint on where there is one."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import keras
import numpy as np

from regard._lock import locked
from regard.errors import ArgumentError, CheckpointWarning
from regard.training.batches import as_input
from regard.training.callbacks import (
    CheckpointSaver,
    InterruptBetweenSteps,
    MetricsRestorer,
    ProgressReporter,
)
from regard.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
    unusable,
)
from regard.training.devices import (
    in_first,
    is_first_process,
    on_one_device,
    together,
)
from regard.training.model_selection import EpochMetrics, ModelSelection
from regard.training.training_run import RunCallbacks

ModelT = TypeVar("ModelT")

# Raised when what a checkpoint holds is understood in another way.
_CHECKPOINT_FORMAT = 3


@dataclass(frozen=True, eq=False)
class TrainingOutcome(Generic[ModelT]):
    """The outcome of a training.

    Args:
        model: The model with the selected weights, without any state of the training.
        history: The measures of the epochs that were finished.
        interrupted: Whether an interrupt ended the training.
        validation: How good the model is on the validation examples; None where nobody
            has measured it.
        counts: The numbers of examples, by what they were for.
    """

    model: ModelT
    history: tuple[EpochMetrics, ...]
    interrupted: bool
    validation: Any = None
    counts: Mapping[str, int] = field(default_factory=dict)


class EpochSource(Protocol):
    """The batches of every epoch, which depend on nothing but its number."""

    def epoch(self, number: int, start: int = 0) -> keras.utils.PyDataset:
        """The batches of an epoch from batch ``start`` on."""

    def __len__(self) -> int:
        """The batches of an epoch."""


@dataclass(eq=False, kw_only=True)
class TrainingLoop:
    """Trains a model until no better epoch comes.

    With a checkpoint a training that was stopped at any moment goes on where it was,
    and ends with the same weights as one that was not.

    Args:
        model: The model to train, compiled, its optimizer built.
        fresh: Makes a model that takes the selected weights. The one in training may
            be without its arrays after an interrupt, and the state of the optimizer
            belongs in no bundle.
        batches: The batches of every epoch.
        validate: The validation measures of the model after an epoch; it lets
            interrupts through.
        selection: What chooses among the epochs.
        reporter: What tells how far the training is.
        epochs: The most epochs.
        loss_name: The name Keras has for the training loss.
        identity: What a checkpoint must agree with, as plain values by their names.
        checkpoint: The file that holds how far the training is, or None.
        callbacks: Those of the user, who are told about it.
    """

    model: Any
    fresh: Callable[[], Any]
    batches: EpochSource
    validate: Callable[[InterruptBetweenSteps], Mapping[str, float]]
    selection: ModelSelection
    reporter: ProgressReporter
    epochs: int
    loss_name: str
    identity: Mapping[str, Any]
    checkpoint: Path | None
    callbacks: RunCallbacks | None = None

    def __post_init__(self) -> None:
        self._told = self.callbacks or RunCallbacks.of_nobody()
        self.identity = {"checkpoint format": _CHECKPOINT_FORMAT, **self.identity}
        self._epoch = self._step = 0
        self._is_warned = False
        # The measures of the epoch that goes on: as Keras tells and as it counts them.
        self._logs: Mapping[str, float] = {}
        self._metrics: Sequence[Any] = ()

    def run(self) -> TrainingOutcome[Any]:
        """Train, or go on with it.

        Raises:
            ArgumentError: The checkpoint is that of another training.
            BundleError: It is damaged.
            InUseError: Another process works on it.
            KeyboardInterrupt: There was one before the end of the first epoch. A later
                one ends the training with the best weights so far.
        """
        if self.checkpoint is None:
            return self._run()
        place = self.checkpoint.parent
        in_first(lambda: place.mkdir(parents=True, exist_ok=True))
        with ExitStack() as kept:
            in_first(partial(kept.enter_context, locked(self.checkpoint)))
            return self._run()

    def _run(self) -> TrainingOutcome[Any]:
        self._restore()
        with InterruptBetweenSteps().listening() as interrupts:
            interrupts.share()
            try:
                with together():
                    self._train(interrupts)
                interrupts.hold()
            except KeyboardInterrupt:
                if not self.selection.history:
                    raise
            self._told.end_steps()
            with on_one_device():
                model = self.fresh()
            model.set_weights(self.selection.selected())
        history = tuple(self.selection.history)
        return TrainingOutcome(model, history, interrupts.came)

    def _train(self, interrupts: InterruptBetweenSteps) -> None:
        if self.selection.history:
            interrupts.keep()
        self._told.begin(
            self.model,
            self.fresh,
            epochs=self.epochs,
            steps=len(self.batches),
            loss_name=self.loss_name,
            position=(self._epoch, self._step),
            history=self.selection.history,
        )
        is_stopped = False
        while (
            self._epoch < self.epochs
            and not is_stopped
            and not self.selection.is_over()
        ):
            logs = self._fit_epoch(interrupts)
            validation = self.validate(interrupts)
            weights = [np.array(weight) for weight in self.model.get_weights()]
            metrics = EpochMetrics(self._epoch + 1, logs[self.loss_name], validation)
            # The best weights are safe before anybody is told about the epoch.
            self.selection.add(metrics, weights)
            interrupts.keep()
            self._epoch, self._step = self._epoch + 1, 0
            self._save(0, {})
            self.reporter.end(logs, validation)
            is_stopped = self._told.end_epoch(self.selection.history, logs)
            interrupts.agree()

    def _fit_epoch(self, interrupts: InterruptBetweenSteps) -> Mapping[str, float]:
        batches = self.batches.epoch(self._epoch, self._step)
        self.reporter.begin(self._epoch, self._step, batches)
        told = self._told.begin_epoch(self._epoch, self._step, self.selection.history)
        metrics, self._metrics = self._metrics, ()
        # It may have been stopped after its last step, before it was measured.
        if self._step == len(self.batches):
            return self._logs
        callbacks = [
            MetricsRestorer(metrics, batches),
            self.reporter,
            CheckpointSaver(self._save, self._step),
            *told,
            interrupts,
        ]
        history = self.model.fit(
            as_input(batches), epochs=1, shuffle=False, verbose=0, callbacks=callbacks
        )
        return {name: float(values[0]) for name, values in history.history.items()}

    def _save(self, step: int, logs: Mapping[str, float]) -> None:
        if self.checkpoint is None or not is_first_process():
            return
        # Within an epoch of fit the variables lie elsewhere on JAX.
        getattr(self.model, "jax_state_sync", lambda: None)()
        variables = self._variables()
        if step:
            variables["metrics"] = self.model.metrics_variables
        groups = {
            name: [np.array(keras.ops.convert_to_numpy(value)) for value in values]
            for name, values in variables.items()
        }
        kept = self.selection.weights
        groups["kept"] = [array for weights in kept for array in weights]
        position = {
            "identity": self.identity,
            "epoch": self._epoch,
            "step": step,
            "logs": logs,
            "history": [metrics.to_dict() for metrics in self.selection.history],
        }
        try:
            save_checkpoint(self.checkpoint, Checkpoint(position, groups))
        except OSError as error:
            # What was learned is in memory, and better off there than lost.
            if not self._is_warned:
                warnings.warn(
                    f"The checkpoint '{self.checkpoint}' cannot be written "
                    f"({error.strerror or error}). The training goes on without it.",
                    CheckpointWarning,
                    stacklevel=2,
                )
            self._is_warned = True

    def _restore(self) -> None:
        """Go back to where the checkpoint is, if there is one."""
        path = self.checkpoint
        stored = None if path is None else load_checkpoint(path)
        if path is None or stored is None:
            return
        try:
            self._check_same(stored.position["identity"])
            self._take_over(stored)
        # What is no checkpoint of ours fails in many ways.
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ArgumentError):
                raise
            raise unusable(path, _problem(error)) from error

    def _take_over(self, stored: Checkpoint) -> None:
        """Be where a checkpoint is.

        Raises:
            LookupError, TypeError, ValueError, AttributeError: It is not whole.
        """
        epoch, step = stored.position["epoch"], stored.position["step"]
        steps = len(self.batches) if epoch != self.epochs else 0
        _check_within("epoch", epoch, self.epochs)
        _check_within("step", step, steps)
        logs = _numbers("logs", stored.position["logs"])
        if step and not set(self.reporter.log_names) <= set(logs):
            raise ValueError("the measures of the epoch are not all there")
        history = [_metrics(each) for each in stored.position["history"]]
        if [metrics.epoch for metrics in history] != list(range(1, epoch + 1)):
            raise ValueError("the epochs that are finished are not all there")
        variables = self._variables()
        unknown = sorted(set(stored.groups) - {*variables, "metrics", "kept"})
        if unknown:
            raise ValueError(f"it has arrays of '{unknown[0]:.40}'")
        for name, of_group in variables.items():
            _check_arrays(name, stored.groups[name], of_group)
        kept, size = list(stored.groups.get("kept", ())), len(self.model.weights)
        for start in range(0, len(kept), size):
            _check_arrays("kept", kept[start : start + size], self.model.weights)
        if bool(kept) != bool(history):
            raise ValueError("the weights of the best epoch are not there")
        for name, of_group in variables.items():
            for variable, value in zip(of_group, stored.groups[name], strict=True):
                variable.assign(value)
        self._epoch, self._step, self._logs = epoch, step, logs
        self._metrics = stored.groups.get("metrics", ())
        self.selection.history = history
        self.selection.weights = [
            kept[start : start + size] for start in range(0, len(kept), size)
        ]
        self.selection.is_over()  # Asks for the measures that it chooses by.

    def _check_same(self, identity: Mapping[str, Any]) -> None:
        mine = self.identity
        others = [name for name in mine if identity.get(name) != mine[name]]
        if others:
            raise ArgumentError(
                f"The checkpoint '{self.checkpoint}' is that of another training, with "
                f"another value of {', '.join(others)}.",
                expected="the same data, settings, seed and release",
                arguments=[name for name in others if name.isidentifier()],
                fix="Go on with what it was begun with, or remove the file.",
            )

    def _variables(self) -> dict[str, list[Any]]:
        return {
            "model": list(self.model.variables),
            "optimizer": list(self.model.optimizer.variables),
        }


def _check_within(name: str, value: Any, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"the {name} {value!r:.40} is none from 0 to {most}")


def _numbers(name: str, stored: Any) -> dict[str, float]:
    if not isinstance(stored, dict):
        raise TypeError(f"its {name} are no measures")
    for value in stored.values():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{value!r:.40} among its {name} is no number")
    return {measure: float(value) for measure, value in stored.items()}


def _metrics(stored: Any) -> EpochMetrics:
    if not isinstance(stored, dict) or type(stored.get("epoch")) is not int:
        raise TypeError("the history is none of epochs")
    loss = _numbers("history", {"loss": stored["loss"]})["loss"]
    validation = _numbers("history", stored["validation"])
    return EpochMetrics(stored["epoch"], loss, validation)


def _check_arrays(
    name: str, arrays: Sequence[np.ndarray[Any, Any]], variables: Sequence[Any]
) -> None:
    if len(arrays) != len(variables):
        raise ValueError(
            f"it has {len(arrays)} arrays of '{name}' instead of {len(variables)}"
        )
    for array, variable in zip(arrays, variables, strict=True):
        if array.shape != tuple(variable.shape) or array.dtype.kind not in "iufb":
            raise ValueError(
                f"an array of '{name}' is {array.dtype} {array.shape} instead of "
                f"{variable.dtype} {tuple(variable.shape)}"
            )


def _problem(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error} in it"
    return str(error)
