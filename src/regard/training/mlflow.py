"""The record of a training in MLflow."""

import io
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from regard._validate import check_flag, wrong_value
from regard.errors import MissingExtraError
from regard.training.tracking import Frequency, Tracker, plain_settings

# What MLflow takes at once, and of one value.
_MOST_PARAMETERS, _LONGEST_VALUE = 100, 500


class MLflow(Tracker):
    """Writes a training to a run of MLflow, the active one or one of its own.

    For ``fit`` of a classifier or translator, and for that of any Keras model. What is
    measured has the names and steps of ``TensorBoard``; the settings are parameters;
    the attention of each example after each epoch is an image, and that of the finished
    model a page, ``attention.html``. A classifier or translator is logged as its
    bundle, the folder ``model.regard``, which ``regard.load`` reads: nothing is
    pickled.

    Where MLflow keeps its runs and what the experiment is called is said to MLflow
    (``mlflow.set_tracking_uri``, ``mlflow.set_experiment``). A training that goes on
    from a checkpoint goes on in the run named by ``run_id``: steps that are there are
    not written again.

    Args:
        examples: Whose attention is drawn, see ``TensorBoard``.
        tokens: For a Keras model, what the keys of each example are called.
        layers: For a Keras model, patterns of the layers to draw.
        update_freq: The loss is written every so many steps; ``"epoch"``: only after
            epochs.
        run_id: The run to go on with; by default the active one, or a new one.
        log_model: Whether the bundle is logged.

    Raises:
        ArgumentError: An argument has a wrong value.
        MissingExtraError: MLflow is not installed, or matplotlib, with examples.

    Warns:
        TrackingWarning: The server cannot be reached, or refuses something, once; the
            training goes on.

    Example:
        >>> tracker = regard.training.MLflow(examples=["A film that …"])
        >>> classifier.fit(texts, labels, callbacks=[tracker])
    """

    _store = "MLflow"

    def __init__(
        self,
        examples: Any = None,
        *,
        tokens: Sequence[Sequence[str]] | None = None,
        layers: str | Sequence[str] = "*",
        update_freq: Frequency = 100,
        run_id: str | None = None,
        log_model: bool = True,
    ) -> None:
        if run_id is not None and not isinstance(run_id, str):
            raise wrong_value("run_id", run_id, "the identifier of a run, or None")
        try:
            import mlflow as _  # noqa: F401, PLC0415 - an extra, and slow to import
        except ImportError as error:
            raise MissingExtraError("A record in MLflow", "mlflow", "mlflow") from error
        self._run_id, self._given_run_id = run_id or "", run_id
        self._log_model = check_flag("log_model", log_model)
        super().__init__(examples, tokens, layers, update_freq)

    @property
    def run_id(self) -> str | None:
        """The run that is written to; None before there is one."""
        return self._run_id or None

    def _open(self, settings: Mapping[str, Any], step: int) -> None:
        import mlflow  # noqa: PLC0415 - an extra

        active = mlflow.active_run()
        if self._given_run_id is not None:
            self._run_id = self._given_run_id
        elif active is not None:
            self._run_id = active.info.run_id
        else:
            self._run_id = mlflow.start_run().info.run_id
            self._is_own = True
        self._client = mlflow.MlflowClient()
        if step:
            written = self._client.get_run(self._run_id).data.metrics
            self._written = max(
                (
                    each.step
                    for name in {"epoch", "batch_loss"} & set(written)
                    for each in self._client.get_metric_history(self._run_id, name)
                ),
                default=0,
            )
        plain = plain_settings(settings)
        parameters = [
            mlflow.entities.Param(name, str(value)[:_LONGEST_VALUE])
            for name, value in plain.items()
        ]
        for start in range(0, len(parameters), _MOST_PARAMETERS):
            some = parameters[start : start + _MOST_PARAMETERS]
            self._client.log_batch(self._run_id, params=some)

    def _write_measures(self, measures: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric  # noqa: PLC0415 - an extra

        self._step_written = step
        if step <= self._written:
            return
        now = int(time.time() * 1000)
        metrics = [
            Metric(name, float(value), now, step) for name, value in measures.items()
        ]
        self._client.log_batch(self._run_id, metrics=metrics)

    def _write_pictures(self, pictures: Sequence[bytes], step: int) -> None:
        from matplotlib.image import imread  # noqa: PLC0415 - an extra

        if step <= self._written:
            return
        for number, picture in enumerate(pictures, start=1):
            pixels = imread(io.BytesIO(picture), format="png")
            self._client.log_image(
                self._run_id, pixels, key=f"attention_{number}", step=step
            )

    def _write_end(self, measures: Mapping[str, float], pages: Sequence[str]) -> None:
        final = {f"final/{name}": value for name, value in measures.items()}
        self._written = 0
        self._write_measures(final, self._step_written)
        for number, page in enumerate(pages, start=1):
            name = f"attention_{number}.html" if len(pages) > 1 else "attention.html"
            self._client.log_text(self._run_id, page, name)

    def _write_estimator(self, estimator: Any) -> None:
        if not self._log_model:
            return
        with tempfile.TemporaryDirectory() as folder:
            estimator.save(Path(folder) / "model.regard")
            self._client.log_artifacts(self._run_id, folder)

    def _close(self, error: BaseException | None) -> None:
        import mlflow  # noqa: PLC0415 - an extra

        status = "FINISHED"
        if error is not None:
            status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        active = mlflow.active_run()
        if self._is_own and active is not None and active.info.run_id == self._run_id:
            mlflow.end_run(status)

    def _reset(self, settings: Mapping[str, Any], step: int) -> None:
        self._is_own, self._written, self._step_written = False, 0, step
        super()._reset(settings, step)
