"""The record of a training: its measures, settings, and attention as pictures.

A store of such records is a subclass that says how each of them is written. What goes
wrong there costs the record, never the training.
"""

import json
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import keras

from regard._validate import check_count, wrong_value
from regard.errors import ArgumentError, TrackingWarning
from regard.observation import observe
from regard.text.text_validation import checked_texts
from regard.training.callbacks import Logs, plain_logs
from regard.training.devices import is_first_process, process_count
from regard.training.training_run import TrainingCallback, TrainingRun
from regard.types import Translation

if TYPE_CHECKING:
    from regard.plot._plot import Plot

# A server that is gone is waited for each time it is asked.
_MOST_FAILURES = 3
Frequency = int | Literal["epoch"]


class Tracker(TrainingCallback, keras.callbacks.Callback):
    """Keeps a record of a training, of ``fit`` of this library or of Keras.

    Args:
        examples: What the attention is drawn of.
        tokens: What the keys of each of them are called.
        layers: The layers that are drawn of a Keras model.
        update_freq: After how many steps the loss so far is written.
    """

    #: What it writes to, as the subject of a sentence.
    _store: ClassVar[str]

    def __init__(
        self,
        examples: Any,
        tokens: Sequence[Sequence[str]] | None,
        layers: str | Sequence[str],
        update_freq: Frequency,
    ) -> None:
        keras.callbacks.Callback.__init__(self)
        if isinstance(examples, str):
            raise wrong_value("examples", examples, "a list of texts, or arrays")
        if update_freq != "epoch":
            update_freq = check_count("update_freq", update_freq)
        self._examples, self._tokens, self._layers = examples, tokens, layers
        self._update_freq = update_freq
        if self._draws:
            from regard.plot.canvas import require_matplotlib  # noqa: PLC0415 - an extra

            require_matplotlib()
        self._reset({}, 0)

    @abstractmethod
    def _open(self, settings: Mapping[str, Any], step: int) -> None:
        """Begin the record, or go on with it, after so many steps."""

    @abstractmethod
    def _write_measures(self, measures: Mapping[str, float], step: int) -> None:
        """Write numbers that were measured after so many steps."""

    @abstractmethod
    def _write_pictures(self, pictures: Sequence[bytes], step: int) -> None:
        """Write a PNG file of each example."""

    @abstractmethod
    def _write_end(self, measures: Mapping[str, float], pages: Sequence[str]) -> None:
        """Write what came of it: the last measures, and pages of the examples."""

    def _write_estimator(self, estimator: Any) -> None:
        """Write what was trained, where the store has a place for it."""

    @abstractmethod
    def _close(self, error: BaseException | None) -> None:
        """End the record; what failed, if something has."""

    def _recover(self) -> None:
        """Something could not be written: let go of what may be damaged."""

    # The training of a classifier or translator

    def on_begin(self, run: TrainingRun) -> None:
        """Write the settings."""
        if self._draws:
            self._texts = _checked_texts(self._examples)
        settings = {"kind": run.kind, "seed": run.seed, **run.settings}
        self._begin(settings, run.steps_done)

    def on_step(self, run: TrainingRun, measures: Mapping[str, float]) -> None:
        """Write the loss so far, every so many steps."""
        self._note_step(run.steps_done, measures)

    def on_epoch(self, run: TrainingRun, measures: Mapping[str, float]) -> None:
        """Write the measures of the epoch, and draw the examples."""
        self._note_epoch(
            run.epoch,
            run.steps_done,
            measures,
            run.model,
            lambda: self._plots_of(run.current()),
        )

    def on_end(self, run: TrainingRun) -> None:
        """Write the last measures, the page of the examples and the model."""
        estimator = run.estimator
        if self._is_writer:
            self._end(
                lambda: self._measures_of(estimator),
                lambda: [self._page_of(estimator)],
            )
            self._try(lambda: self._write_estimator(estimator))
        self._finish(None)

    def on_failure(self, run: TrainingRun, error: BaseException) -> None:  # noqa: ARG002 - it is told
        """End the record."""
        self._finish(error)

    def _answers(self, estimator: Any) -> Any:
        translate = getattr(estimator, "translate", None)
        if translate is not None:
            # The model of the moment is asked each epoch: the quick way.
            return [best[0] for best in translate(self._texts, beam=1)]
        return estimator.explain(self._texts)

    def _plots_of(self, estimator: Any) -> "list[Plot]":
        return [_drawn([answer]) for answer in self._answers(estimator)]

    def _measures_of(self, estimator: Any) -> Mapping[str, float]:
        # Where the training has not made the evaluation, asking for it does; of several
        # processes that would be asked of one alone.
        if process_count() > 1 or estimator.validation is None:
            return self._last
        measures = estimator.provenance["measures"]
        # What is not finite is none there.
        return {name: value for name, value in measures.items() if value is not None}

    def _page_of(self, estimator: Any) -> str:
        return _drawn(self._answers(estimator)).to_html()

    # The fit of a Keras model

    def on_train_begin(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Write the settings."""
        params, optimizer = self.params or {}, self.model.optimizer
        settings = {
            "model": self.model.name,
            "parameters": self.model.count_params(),
            "optimizer": optimizer.name,
            "epochs": params.get("epochs"),
            "steps": params.get("steps"),
        }
        # Of a model that was trained before the steps go on.
        self._begin(settings, int(keras.ops.convert_to_numpy(optimizer.iterations)))
        if self._draws:
            self._observed = observe(self.model, self._layers)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Write the loss so far, every so many steps."""
        self._step += 1
        self._note_step(self._step, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the measures of the epoch, and draw the examples."""
        measures = plain_logs(logs)
        self._note_epoch(
            epoch + 1, self._step, measures, self.model, self._observed_plots
        )

    def on_train_end(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes it
        """Write the last measures and the pages of the examples."""
        self._end(
            lambda: self._last,
            lambda: [plot.to_html() for plot in self._observed_plots()],
        )
        self._finish(None)

    def _observed_plots(self) -> "list[Plot]":
        from regard import plot  # noqa: PLC0415 - only who draws needs it

        seen = self._observed.predict(self._examples, verbose=0)
        count = len(next(iter(seen.attention.values())).weights)
        tokens: Sequence[Sequence[str] | None] = self._tokens or [None] * count
        return [
            plot.attention(seen, of_one, batch=index)
            for index, of_one in enumerate(tokens)
        ]

    # Both

    @property
    def _draws(self) -> bool:
        return self._examples is not None and len(self._examples) > 0

    def _reset(self, settings: Mapping[str, Any], step: int) -> None:
        self._settings, self._step, self._begun_at = settings, step, step
        self._failures, self._is_open, self._is_waiting = 0, False, False
        self._last: Mapping[str, float] = {}
        # The others of a training that several share have the same to tell.
        self._is_writer = is_first_process()

    def _begin(self, settings: Mapping[str, Any], step: int) -> None:
        self._reset(settings, step)
        self._try(lambda: None)

    def _note_step(self, step: int, measures: Mapping[str, Any]) -> None:
        if self._update_freq == "epoch" or step % self._update_freq:
            return
        self._try(
            lambda: self._write_measures({"batch_loss": float(measures["loss"])}, step)
        )

    def _note_epoch(
        self,
        epoch: int,
        step: int,
        measures: Mapping[str, float],
        model: keras.Model,
        plots: "Callable[[], list[Plot]]",
    ) -> None:
        self._last, self._is_waiting = measures, False

        def write() -> None:
            rate = {"learning_rate": _learning_rate(model), "epoch": float(epoch)}
            self._write_measures({**measures, **rate}, step)
            if self._draws:
                self._write_pictures([plot.to_png() for plot in plots()], step)

        self._try(write)

    def _end(
        self,
        measures: Callable[[], Mapping[str, float]],
        pages: Callable[[], Sequence[str]],
    ) -> None:
        self._is_waiting = False
        self._try(
            lambda: self._write_end(measures(), pages() if self._draws else []),
        )

    def _finish(self, error: BaseException | None) -> None:
        if not self._is_writer or not self._is_open:
            return
        self._try(lambda: self._close(error))
        if self._failures:
            # What it has begun is ended in any case.
            with suppress(Exception):
                self._close(error)

    def _try(self, write: Callable[[], None]) -> None:
        """Write something; what fails is warned of once, and tried less and less."""
        if not self._is_writer or self._is_waiting or self._failures >= _MOST_FAILURES:
            return
        try:
            if not self._is_open:
                self._open(self._settings, self._begun_at)
                self._is_open = True
            write()
        except Exception as error:  # noqa: BLE001 - whatever a store fails with
            self._failures, self._is_waiting = self._failures + 1, True
            self._recover()
            if self._failures == 1:
                warnings.warn(
                    f"{self._store} cannot take the record of the training ({error}). "
                    "The training goes on.",
                    TrackingWarning,
                    stacklevel=2,
                )


def plain_settings(settings: Mapping[str, Any]) -> dict[str, bool | float | str]:
    """Settings as stores take them: truth values, numbers and texts."""
    return {
        name: value
        if isinstance(value, bool | int | float | str)
        else json.dumps(value, default=str)
        for name, value in settings.items()
    }


def _checked_texts(examples: Any) -> list[str]:
    if not isinstance(examples, Iterable) or not all(
        isinstance(each, str) for each in examples
    ):
        raise ArgumentError(
            "The examples of a training on texts are no texts.",
            expected="a list of texts as 'examples'",
            received=f"a {type(examples).__name__}",
        )
    return checked_texts(list(examples))


def _drawn(answers: Sequence[Any]) -> "Plot":
    from regard import plot  # noqa: PLC0415 - only who draws needs it

    if isinstance(answers[0], Translation):
        return plot.alignment(answers)
    return plot.text(answers)


def _learning_rate(model: keras.Model) -> float:
    # Within fit the variables lie elsewhere on JAX.
    getattr(model, "jax_state_sync", lambda: None)()
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
