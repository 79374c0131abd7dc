"""What happens between two steps of a training: telling, and saving."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import keras

from regard.translation.pair_batches import EpochBatches, PairBatches
from regard.translation.progress_state import TranslationCallback, TranslationProgress

Logs = Mapping[str, Any] | None

_SECONDS_BETWEEN_TELLING = 0.2
_SECONDS_BETWEEN_SAVING = 30.0


class Telling(keras.callbacks.Callback):
    """Tells how far a training is, a few times a second.

    Args:
        report: What is told, or None.
        batches: Those of every epoch.
        epochs: The most epochs.
    """

    def __init__(
        self, report: TranslationCallback | None, batches: PairBatches, epochs: int
    ) -> None:
        super().__init__()
        self._report, self._batches, self._epochs = report, batches, epochs
        self._began = self._told = self._epoch_began = time.monotonic()
        self._first: int | None = None
        self._tokens = 0
        self._loss = 0.0

    def begin(self, epoch: int, step: int, batches: EpochBatches) -> None:
        """An epoch begins, or goes on, at a step."""
        self._epoch, self._step, self._current = epoch, step, batches
        self._tokens, self._epoch_began = 0, time.monotonic()
        if self._first is None:
            self._first = epoch * len(self._batches) + step

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Count a step, and tell unless that was done a moment ago."""
        self._step += 1
        self._tokens += self._current.tokens(batch)
        if self._report is None:
            return
        if time.monotonic() - self._told >= _SECONDS_BETWEEN_TELLING:
            self._loss = float((logs or {}).get("loss", self._loss))
            self._tell(None)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Remember the loss of the epoch."""
        self._loss = float((logs or {}).get("loss", self._loss))

    def end(self, validation_loss: float | None) -> None:
        """An epoch has ended, validation included."""
        self._tell(validation_loss)

    def _tell(self, validation_loss: float | None) -> None:
        if self._report is None:
            return
        self._told = now = time.monotonic()
        steps = len(self._batches)
        done = self._epoch * steps + self._step
        seconds, made = now - self._began, max(done - (self._first or 0), 1)
        self._report(
            TranslationProgress(
                epoch=self._epoch + 1,
                epochs=self._epochs,
                step=self._step,
                steps=steps,
                loss=self._loss,
                tokens_per_second=self._tokens / max(now - self._epoch_began, 1e-9),
                validation_loss=validation_loss,
                seconds=seconds,
                seconds_left=seconds * (self._epochs * steps - done) / made,
            )
        )


class Saving(keras.callbacks.Callback):
    """Saves the training from time to time.

    Args:
        save: Called with the number of steps of the epoch that are done.
        step: Those that were done before.
    """

    def __init__(self, save: Callable[[int], None], step: int) -> None:
        super().__init__()
        self._save, self._done = save, step
        self._saved = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Save, unless that was done a while ago only."""
        self._done += 1
        if time.monotonic() - self._saved >= _SECONDS_BETWEEN_SAVING:
            self._save(self._done)
            self._saved = time.monotonic()
