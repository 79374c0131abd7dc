"""Callbacks between two steps of a training: progress, checkpoints, interrupts."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from types import FrameType
from typing import Any, ClassVar, Self

import keras
import numpy as np

from regard.errors import BundleError
from regard.training.devices import process_count, true_anywhere

Logs = Mapping[str, Any] | None

_SECONDS_BETWEEN_REPORTS = 0.2
_SECONDS_BETWEEN_CHECKPOINTS = 30.0


@dataclass(frozen=True, kw_only=True)
class TrainingProgress:
    """The progress of a training.

    Args:
        epoch: The current epoch, from 1.
        epochs: The most epochs there will be; training may end earlier.
        step: Batches of this epoch that are done.
        steps: Batches of an epoch.
        loss: The training loss of the epoch so far, in nats.
        validation_loss: The loss on the validation examples in nats, at the end of an
            epoch; None within epochs and without validation.
        seconds: Time since the training began, or went on.
        seconds_left: The time that the epochs to come would take at this speed.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    validation_loss: float | None
    seconds: float
    seconds_left: float

    def figures(self) -> str:
        """What is measured while an epoch runs, in a few words."""
        return f"loss {self.loss:z.3f}"

    def figures_of_epoch(self) -> str:
        """What is measured once it has ended, on the validation examples, too."""
        if self.validation_loss is None:
            return self.figures()
        return f"{self.figures()}  validation loss {self.validation_loss:z.3f}"


class ProgressReporter(keras.callbacks.Callback):
    """Reports how far a training is, a few times a second and after each epoch.

    A kind of training says in ``describe`` what its progress is made of.

    Args:
        report: Called with the progress; None: nothing is.
        epochs: The most epochs.
        steps: The batches of an epoch.
    """

    #: The measures of an epoch that ``describe`` needs, by the names Keras has.
    log_names: ClassVar[tuple[str, ...]] = ("loss",)

    def __init__(
        self, report: Callable[[Any], None] | None, epochs: int, steps: int
    ) -> None:
        super().__init__()
        self._report, self._epochs, self._steps = report, epochs, steps
        self._began = self._reported = time.monotonic()
        self._epoch = self._step = 0
        self._first: int | None = None

    def describe(
        self,
        logs: Mapping[str, float],
        validation: Mapping[str, float],
        **position: Any,
    ) -> TrainingProgress:
        """The progress that is reported.

        Args:
            logs: The measures of the epoch so far, by the names Keras has for them.
            validation: The validation measures; empty within epochs.
            **position: The fields of ``TrainingProgress`` that measure nothing.
        """
        raise NotImplementedError

    def begin(self, epoch: int, step: int, batches: Any) -> None:  # noqa: ARG002 - for those who count
        """An epoch begins, or goes on, at a step."""
        self._epoch, self._step = epoch, step
        if self._first is None:
            self._first = epoch * self._steps + step

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Count a step, and report unless that was done a moment ago.

        After the last batch nothing is reported: the end of the epoch follows.
        """
        self._step += 1
        if self._report is None or self._step == self._steps:
            return
        if time.monotonic() - self._reported >= _SECONDS_BETWEEN_REPORTS:
            self._tell(plain_logs(logs), {})

    def end(self, logs: Mapping[str, float], validation: Mapping[str, float]) -> None:
        """An epoch has ended, validation included."""
        self._tell(logs, validation)

    def _tell(self, logs: Mapping[str, float], validation: Mapping[str, float]) -> None:
        if self._report is None:
            return
        self._reported = time.monotonic()
        seconds = self._reported - self._began
        finished = self._epoch * self._steps + self._step
        own = max(finished - (self._first or 0), 1)
        progress = self.describe(
            logs,
            validation,
            epoch=self._epoch + 1,
            epochs=self._epochs,
            step=self._step,
            steps=self._steps,
            seconds=seconds,
            seconds_left=seconds * (self._epochs * self._steps - finished) / own,
        )
        self._report(progress)


class CheckpointSaver(keras.callbacks.Callback):
    """Saves a training from time to time.

    Args:
        save: Called with the steps of the epoch that are done, and their measures.
        step: The steps that were done before.
    """

    def __init__(self, save: Callable[[int, Mapping[str, float]], None], step: int):
        super().__init__()
        self._save, self._step = save, step
        self._saved = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Save, unless that was done a while ago only."""
        self._step += 1
        if time.monotonic() - self._saved >= _SECONDS_BETWEEN_CHECKPOINTS:
            self._save(self._step, plain_logs(logs))
            self._saved = time.monotonic()


class MetricsRestorer(keras.callbacks.Callback):
    """Lets the measures of an epoch go on where a checkpoint has them.

    Args:
        values: Those of the variables of the metrics; none where an epoch begins.
        batches: The batches that come.
    """

    def __init__(self, values: Sequence[Any], batches: Any) -> None:
        super().__init__()
        self._values, self._batches = values, batches

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Put the values back, which Keras has just reset."""
        if not self._values:
            return
        if len(self.model.metrics_variables) != len(self._values):
            # On TensorFlow Keras makes them when they first measure something.
            x, y, shares = keras.utils.unpack_x_y_sample_weight(self._batches[0])
            self.model.compute_metrics(x, y, self.model(x, training=False), shares)
        variables = self.model.metrics_variables
        shapes = [tuple(variable.shape) for variable in variables]
        if shapes != [np.shape(value) for value in self._values]:
            raise BundleError(
                "The checkpoint has the measures of another training.",
                fix="Remove it to train from the start.",
            )
        pairs = zip(variables, self._values, strict=True)
        for variable, value in pairs:
            variable.assign(value)


class _Phase(Enum):
    """What an interrupt does: it comes at once, between two steps, or not any more."""

    AT_ONCE, BETWEEN_STEPS, HELD = range(3)


@dataclass
class _Interrupts:
    """The interrupts of a training, however many parts of it listen.

    Args:
        phase: What the next one does.
        came: Whether there was one.
        kept: Whether there is a model by now that none of them may lose.
        shared: Whether other processes train along: they would wait for ever for one
            that leaves between two steps.
    """

    phase: _Phase
    came: bool = False
    kept: bool = False
    shared: bool = False


# Who is told of an interrupt that waits for the end of a step.
_telling: ContextVar[Callable[[], None] | None] = ContextVar(
    "regard_telling", default=None
)


@contextmanager
def telling_of_interrupts(tell: Callable[[], None]) -> Iterator[None]:
    """Tell of interrupts that wait for the end of a step, which may take a while.

    Args:
        tell: Called in the handler of the signal, where little may be done.
    """
    token = _telling.set(tell)
    try:
        yield
    finally:
        _telling.reset(token)


class InterruptBetweenSteps(keras.callbacks.Callback):
    """Raises ``KeyboardInterrupt`` between two steps of ``fit``, never within one.

    Within a step the arrays of the model are given away, and NumPy and JAX have places
    that swallow the exception, so that training would just go on. A second Ctrl-C is
    not held back; once there is a model to keep, all that come after the one that ended
    the training are, so that it is not lost on its way into the hands of the user.
    Where the user has a handler of their own, theirs stays.
    """

    def __init__(self) -> None:
        super().__init__()
        self._interrupts = _Interrupts(_Phase.BETWEEN_STEPS)

    @property
    def came(self) -> bool:
        """Whether there was an interrupt."""
        return self._interrupts.came

    @contextmanager
    def listening(self, *, at_once: bool = False) -> Iterator[Self]:
        """Hold interrupts back inside the block.

        Where another listens already, its interrupts are those of this one, too.

        Args:
            at_once: They are not held back until a part of the block listens itself.

        Raises:
            KeyboardInterrupt: There was one after the last step, and nothing to keep.
        """
        outer = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
        is_inner = isinstance(outer, InterruptBetweenSteps)
        if isinstance(outer, InterruptBetweenSteps):
            self._interrupts = outer._interrupts
        elif _is_default():
            signal.signal(signal.SIGINT, self._note)
        else:
            yield self
            return
        before = self._interrupts.phase
        if not at_once or not is_inner:
            phase = _Phase.AT_ONCE if at_once else _Phase.BETWEEN_STEPS
            self._interrupts.phase = phase
        try:
            yield self
        finally:
            kept = self._interrupts.kept
            self._interrupts.phase = _Phase.HELD if kept else before
            if not is_inner:
                signal.signal(signal.SIGINT, signal.default_int_handler)
        if not self._interrupts.kept:
            self.raise_pending()

    def keep(self) -> None:
        """There is a model that no interrupt may lose."""
        self._interrupts.kept = True

    def share(self) -> None:
        """Other processes train along: an interrupt comes where ``agree`` asks."""
        self._interrupts.shared = process_count() > 1

    def agree(self) -> None:
        """Let an interrupt of any process through, in all of them.

        Raises:
            KeyboardInterrupt: There was one.
        """
        if self._interrupts.shared and true_anywhere(self._interrupts.came):
            self._interrupts.came = True
            self._hold_where_kept()
            raise KeyboardInterrupt

    def hold(self) -> None:
        """Hold all interrupts back to the end of the block, or until one listens."""
        self._interrupts.phase = _Phase.HELD

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Let an interrupt through."""
        self.raise_pending()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Let an interrupt through."""
        self.raise_pending()

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Let an interrupt through."""
        self.raise_pending()

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self._interrupts.came = self._interrupts.came, True
        phase = self._interrupts.phase
        if phase is _Phase.AT_ONCE or (phase is _Phase.BETWEEN_STEPS and again):
            self._hold_where_kept()
            signal.default_int_handler(number, frame)
        elif phase is _Phase.BETWEEN_STEPS and _telling.get() is not None:
            _telling.get()()  # type: ignore[misc]  # it is there

    def raise_pending(self) -> None:
        """Let an interrupt through, between two steps of any other work.

        Raises:
            KeyboardInterrupt: There was one.
        """
        if self._interrupts.came and not self._interrupts.shared:
            self._hold_where_kept()
            raise KeyboardInterrupt

    def _hold_where_kept(self) -> None:
        """One is enough to end a training with the model that there is."""
        if self._interrupts.kept:
            self._interrupts.phase = _Phase.HELD


def plain_logs(logs: Logs) -> dict[str, float]:
    """The measures that Keras passes to a callback, as numbers of Python."""
    return {name: float(value) for name, value in (logs or {}).items()}


def _is_default() -> bool:
    """Whether Ctrl-C is Python's own, in the only thread that may change that."""
    return (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
