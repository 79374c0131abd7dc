"""The log of a service: lines of JSON, none of them again and again."""

import json
import logging
import re
import time
from datetime import UTC, datetime


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
        return json.dumps(line, ensure_ascii=False)


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
