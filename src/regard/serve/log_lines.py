"""The log of a service: lines of JSON, none of them again and again."""

import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO

import orjson


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, what happened, and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line).decode()
        except TypeError:
            # Something that is no text in UTF-8, or a number of another library.
            return json.dumps(line, default=str)


class LineWriter(logging.StreamHandler[TextIO]):
    """Writes lines some at a time: a call of the system for each would cost a request.

    What is a warning or worse is written at once, with all that was said before; the
    rest at most ``seconds`` later. At the end of the process ``logging`` flushes it.

    Args:
        seconds: How long a line may wait.
    """

    def __init__(self, seconds: float = 0.1) -> None:
        # Before anything that flushes.
        self._held: list[logging.LogRecord] = []
        self._seconds, self._said = seconds, threading.Event()
        super().__init__()
        threading.Thread(target=self._write_on, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, or write it."""
        self._held.append(record)
        if record.levelno >= logging.WARNING or len(self._held) >= _MOST:
            self.flush()
        elif len(self._held) == 1:
            self._said.set()

    def flush(self) -> None:
        """Write what is kept."""
        # That of ``handle``, which comes here with it: beside another one they would
        # wait for each other.
        self.acquire()
        try:
            held, self._held = self._held, []
            lines = [line for record in held for line in self._line(record)]
            # Where nobody reads it any more: no reason to fail.
            with suppress(OSError, ValueError):
                if lines:
                    self.stream.write("".join(lines))
                    super().flush()
        finally:
            self.release()

    def _line(self, record: logging.LogRecord) -> Iterator[str]:
        try:
            yield self.format(record) + "\n"
        except Exception:  # noqa: BLE001 - as ``StreamHandler`` has it
            self.handleError(record)

    def _write_on(self) -> None:
        while True:
            self._said.wait()
            self._said.clear()
            time.sleep(self._seconds)
            self.flush()


class Repetitions(logging.Filter):
    """Leaves out of a log what it just said; the next such line tells how often.

    Requests are no repetition: each has its line. Everything else that is said once
    more within ``seconds``, in the same words and with an error of the same place, is
    counted alone. So nobody who makes the service complain can fill a disk with it.

    Args:
        seconds: How long it is not said again.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._said: dict[object, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record becomes a line."""
        if record.levelno < logging.WARNING:
            return True
        key, now = _words(record), time.monotonic()
        begin, left_out = self._said.get(key, (now - self._seconds, 0))
        if now - begin < self._seconds:
            self._said[key] = (begin, left_out + 1)
            return False
        if len(self._said) >= _MOST:
            self._said.clear()
        self._said[key] = (now, 0)
        if left_out:
            fields = {**getattr(record, "fields", {}), "left_out_before": left_out}
            record.fields = fields
        return True


# Messages are few, those with names or numbers in them aside.
_MOST = 1_000


def _words(record: logging.LogRecord) -> object:
    """What a record says, but for the numbers in it, such as addresses of objects."""
    error = record.exc_info[1] if record.exc_info else None
    place = error.__traceback__ if error else None
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = (place.tb_frame.f_code, place.tb_lineno) if place else None
    said = re.sub(r"0x[0-9a-f]+|\d+", "#", str(record.msg))
    return record.name, record.levelno, said, type(error), where
