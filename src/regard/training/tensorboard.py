"""The record of a training for TensorBoard."""

import os
import struct
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from os import PathLike
from pathlib import Path
from typing import Any

from regard._validate import check_path
from regard.errors import MissingExtraError
from regard.training.tracking import Frequency, Tracker, plain_settings

_SECONDS_BETWEEN_FLUSHES = 10.0
# Of files that one process begins in the same second.
_NUMBERS = count()


class TensorBoard(Tracker):
    """Writes a training to a folder that TensorBoard shows while it runs.

    For ``fit`` of a classifier or translator, and for that of any Keras model. Over the
    steps that are done there are ``batch_loss``, the loss of the epoch so far, and
    after each epoch ``loss``, the measures on the validation examples (``val_loss`` and
    others), ``learning_rate``, ``epoch``, and the attention of each example as a
    picture. The settings are hyperparameters, and what was measured at the end is
    ``final/…``.

    A training that goes on from a checkpoint goes on here, too: what was written of
    steps after the checkpoint is dropped. A new training in the folder of another takes
    its place.

    Args:
        log_dir: The folder; it is made where there is none.
        examples: Whose attention is drawn after each epoch: texts, for a classifier or
            translator; for a Keras model its inputs, as ``predict`` takes them. A few,
            since each is computed and drawn each time.
        tokens: For a Keras model, what the keys of each example are called.
        layers: For a Keras model, patterns of the layers to draw, see
            ``regard.observe``.
        update_freq: The loss is written every so many steps; ``"epoch"``: only after
            epochs.

    Raises:
        ArgumentError: An argument has a wrong value.
        MissingExtraError: tensorboardX is not installed, or matplotlib, with examples.

    Warns:
        TrackingWarning: The folder cannot be written, once; the training goes on.

    Example:
        >>> board = regard.training.TensorBoard("runs/first", ["A film that …"])
        >>> classifier.fit(texts, labels, callbacks=[board])
    """

    _store = "TensorBoard's folder"

    def __init__(
        self,
        log_dir: str | PathLike[str],
        examples: Any = None,
        *,
        tokens: Sequence[Sequence[str]] | None = None,
        layers: str | Sequence[str] = "*",
        update_freq: Frequency = 100,
    ) -> None:
        self.log_dir = Path(check_path("log_dir", log_dir))
        try:
            import tensorboardX as _  # noqa: F401, PLC0415 - an extra
        except ImportError as error:
            raise MissingExtraError(
                "A record for TensorBoard", "tensorboardX", "tensorboard"
            ) from error
        self._writer: Any = None
        super().__init__(examples, tokens, layers, update_freq)

    def _open(self, settings: Mapping[str, Any], step: int) -> None:
        from tensorboardX.proto.event_pb2 import SessionLog  # noqa: PLC0415 - an extra
        from tensorboardX.summary import hparams  # noqa: PLC0415 - the same

        # What is there of later steps is of a training that was stopped.
        start = SessionLog(status=SessionLog.START)
        self._write(step + 1 if step else 0, session_log=start)
        self._hparams = hparams(plain_settings(settings), {})
        for summary in self._hparams[:2]:
            self._write(step, summary=summary)
        self._flush()

    def _write_measures(self, measures: Mapping[str, float], step: int) -> None:
        from tensorboardX.proto.summary_pb2 import Summary  # noqa: PLC0415 - an extra

        values = [
            Summary.Value(tag=name, simple_value=value)
            for name, value in measures.items()
        ]
        self._write(step, summary=Summary(value=values))
        self._step_written = step
        if (
            "epoch" in measures
            or time.monotonic() - self._flushed > _SECONDS_BETWEEN_FLUSHES
        ):
            self._flush()

    def _write_pictures(self, pictures: Sequence[bytes], step: int) -> None:
        from tensorboardX.proto.summary_pb2 import Summary  # noqa: PLC0415 - an extra

        for number, picture in enumerate(pictures, start=1):
            # The head of a PNG file has its size.
            width, height = struct.unpack(">II", picture[16:24])
            image = Summary.Image(
                width=width, height=height, colorspace=4, encoded_image_string=picture
            )
            value = Summary.Value(tag=f"attention/{number}", image=image)
            self._write(step, summary=Summary(value=[value]))
        self._flush()

    def _write_end(self, measures: Mapping[str, float], pages: Sequence[str]) -> None:  # noqa: ARG002 - it has no place for pages
        from tensorboardX.summary import hparams  # noqa: PLC0415 - an extra

        final = {f"final/{name}": value for name, value in measures.items()}
        experiment, _, end = hparams(plain_settings(self._settings), final)
        step = self._step_written
        self._write(step, summary=experiment)
        self._write_measures(final, step)
        self._write(step, summary=end)
        self._flush()

    def _close(self, error: BaseException | None) -> None:  # noqa: ARG002 - it has no place for it
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _recover(self) -> None:
        # The last event may be there in part: what comes after it, in another file.
        writer, self._writer = self._writer, None
        if writer is not None:
            # On a full disk neither can write what is left; the file is closed, though.
            for close in (writer.close, writer._py_recordio_writer.close):
                with suppress(Exception):
                    close()

    def _reset(self, settings: Mapping[str, Any], step: int) -> None:
        self._recover()
        self._step_written = step
        super()._reset(settings, step)

    def _write(self, step: int, **content: Any) -> None:
        """Write an event, in this thread: what fails in another is never heard of."""
        from tensorboardX.event_file_writer import EventsWriter  # noqa: PLC0415 - an extra
        from tensorboardX.proto.event_pb2 import Event  # noqa: PLC0415 - the same

        if self._writer is None:
            self.log_dir.mkdir(parents=True, exist_ok=True)
            own = f".{os.getpid()}.{next(_NUMBERS):04}"
            self._writer = EventsWriter(str(self.log_dir / "events"), own)
            self._flushed = time.monotonic()
        self._writer.write_event(Event(wall_time=time.time(), step=step, **content))

    def _flush(self) -> None:
        self._writer.flush()
        self._flushed = time.monotonic()
