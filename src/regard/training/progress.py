"""How far a training is, told while it runs."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training is.

    Args:
        epoch: The current epoch, from 1.
        epochs: The most epochs there will be; training may end earlier.
        step: Batches of this epoch that are done.
        steps: Batches of an epoch.
        loss: The training loss of the epoch so far, in nats.
        accuracy: The training accuracy of the epoch so far.
        validation_loss: The loss on the validation split in nats, at the end of an
            epoch; None within epochs and without validation.
        validation_accuracy: The accuracy on the validation split, likewise.
        seconds: Time since the training began.
        seconds_left: The time that the epochs to come would take at this speed.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float
    seconds_left: float


ProgressCallback: TypeAlias = Callable[[TrainingProgress], None]
Logs: TypeAlias = Mapping[str, Any] | None

#: The names of the metrics that a model in training is compiled with.
LOSS, ACCURACY = "cross_entropy", "accuracy"

_SECONDS_BETWEEN = 0.1


class Reporting(keras.callbacks.Callback):
    """Passes the state of ``fit`` on: at most ten times a second, and after an epoch.

    The names of the arguments of its methods are Keras's, used or not.

    Args:
        report: What is called.
    """

    def __init__(self, report: ProgressCallback) -> None:
        super().__init__()
        self._report = report
        self._began = self._told = time.monotonic()
        self._epoch = 0

    def on_train_begin(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Start the clock."""
        self._began = self._told = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Remember the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Tell the state, unless that was done a moment ago.

        After the last batch it is not told: the end of the epoch follows.
        """
        if batch + 1 == self._steps:
            return
        if time.monotonic() - self._told >= _SECONDS_BETWEEN:
            self._tell(batch + 1, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Tell the state, validation included."""
        self._tell(self._steps, logs or {})

    @property
    def _steps(self) -> int:
        return int(self.params["steps"])

    def _tell(self, step: int, logs: Mapping[str, Any]) -> None:
        self._told = time.monotonic()
        epochs, seconds = int(self.params["epochs"]), self._told - self._began
        done = (self._epoch + step / self._steps) / epochs
        self._report(
            TrainingProgress(
                epoch=self._epoch + 1,
                epochs=epochs,
                step=step,
                steps=self._steps,
                loss=float(logs[LOSS]),
                accuracy=float(logs[ACCURACY]),
                validation_loss=_optional(logs.get(f"val_{LOSS}")),
                validation_accuracy=_optional(logs.get(f"val_{ACCURACY}")),
                seconds=seconds,
                seconds_left=seconds * (1 - done) / done,
            )
        )


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)
