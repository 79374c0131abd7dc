"""The loop of a training: epoch by epoch, from a checkpoint on where there is one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import keras
import numpy as np

from regard.errors import ArgumentError
from regard.training.batches import as_input
from regard.training.callbacks import (
    CheckpointSaver,
    InterruptBetweenSteps,
    MetricsRestorer,
    ProgressReporter,
)
from regard.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from regard.training.model_selection import EpochMetrics, ModelSelection

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
    """

    model: ModelT
    history: tuple[EpochMetrics, ...]
    interrupted: bool


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

    def __post_init__(self) -> None:
        self.identity = {"checkpoint format": _CHECKPOINT_FORMAT, **self.identity}
        self._epoch = self._step = 0
        # The measures of the epoch that goes on: as Keras tells and as it counts them.
        self._logs: Mapping[str, float] = {}
        self._metrics: Sequence[Any] = ()

    def run(self) -> TrainingOutcome[Any]:
        """Train, or go on with it.

        Raises:
            ArgumentError: The checkpoint is that of another training.
            KeyboardInterrupt: There was one before the end of the first epoch. A later
                one ends the training with the best weights so far.
        """
        self._restore()
        interrupts = InterruptBetweenSteps()
        interrupted = False
        try:
            with interrupts.listening():
                self._train(interrupts)
        except KeyboardInterrupt:
            if not self.selection.history:
                raise
            interrupted = True
        model = self.fresh()
        model.set_weights(self.selection.selected())
        return TrainingOutcome(model, tuple(self.selection.history), interrupted)

    def _train(self, interrupts: InterruptBetweenSteps) -> None:
        while self._epoch < self.epochs and not self.selection.is_over():
            logs = self._fit_epoch(interrupts)
            validation = self.validate(interrupts)
            weights = [np.array(weight) for weight in self.model.get_weights()]
            metrics = EpochMetrics(self._epoch + 1, logs[self.loss_name], validation)
            # The best weights are safe before anybody is told about the epoch.
            self.selection.add(metrics, weights)
            self._epoch, self._step = self._epoch + 1, 0
            self._save(0, {})
            self.reporter.end(logs, validation)

    def _fit_epoch(self, interrupts: InterruptBetweenSteps) -> Mapping[str, float]:
        batches = self.batches.epoch(self._epoch, self._step)
        self.reporter.begin(self._epoch, self._step, batches)
        metrics, self._metrics = self._metrics, ()
        # It may have been stopped after its last step, before it was measured.
        if self._step == len(self.batches):
            return self._logs
        callbacks = [
            MetricsRestorer(metrics, batches),
            self.reporter,
            CheckpointSaver(self._save, self._step),
            interrupts,
        ]
        history = self.model.fit(
            as_input(batches), epochs=1, shuffle=False, verbose=0, callbacks=callbacks
        )
        return {name: float(values[0]) for name, values in history.history.items()}

    def _save(self, step: int, logs: Mapping[str, float]) -> None:
        if self.checkpoint is None:
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
        save_checkpoint(self.checkpoint, Checkpoint(position, groups))

    def _restore(self) -> None:
        """Go back to where the checkpoint is, if there is one."""
        stored = None if self.checkpoint is None else load_checkpoint(self.checkpoint)
        if stored is None:
            return
        self._check_same(stored.position.get("identity", {}))
        for name, variables in self._variables().items():
            for variable, value in zip(variables, stored.groups[name], strict=True):
                variable.assign(value)
        self._epoch, self._step = stored.position["epoch"], stored.position["step"]
        self._logs = stored.position["logs"]
        self._metrics = stored.groups.get("metrics", ())
        history = stored.position["history"]
        self.selection.history = [EpochMetrics(**metrics) for metrics in history]
        count = len(self.model.weights)
        kept = list(stored.groups.get("kept", ()))
        self.selection.weights = [
            kept[start : start + count] for start in range(0, len(kept), count)
        ]

    def _check_same(self, identity: Mapping[str, Any]) -> None:
        mine = self.identity
        others = [name for name in mine if identity.get(name) != mine[name]]
        if others:
            raise ArgumentError(
                f"The checkpoint '{self.checkpoint}' is that of another training.",
                expected="the same data, settings and seed",
                received=f"another value of {', '.join(others)}",
                fix="Go on with what it was begun with, or remove the file.",
            )

    def _variables(self) -> dict[str, list[Any]]:
        return {
            "model": list(self.model.variables),
            "optimizer": list(self.model.optimizer.variables),
        }
