"""Rows of JSON lines files: one JSON object a line."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from regard.data.lines import LineReader
from regard.data.record import Record, missing_column
from regard.errors import DataError


def json_rows(path: Path, columns: Sequence[str], encoding: str) -> Iterator[Record]:
    """Rows of a JSON lines file; blank lines are passed over."""
    lines = LineReader(path, encoding)
    has_records = False
    for line in lines:
        lines.forget()
        if line.strip():
            has_records = True
            record = _record(lines, line)
            yield Record(
                f"{path}, line {lines.number}",
                tuple(_value(lines, record, name) for name in columns),
            )
    if not has_records:
        raise DataError(f"{path} is empty.", expected="one JSON object a line")


def _record(lines: LineReader, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise lines.error(
            f"not valid JSON, character {error.colno}: {error.msg}.",
            fix="Write one JSON object a line.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise lines.error(f"this JSON cannot be read: {error}.") from error
    if not isinstance(record, dict):
        raise lines.error(
            "not a JSON object.",
            expected='an object such as {"text": …, "label": …}',
            received=f"{line.strip():.60}",
        )
    return record


def _value(lines: LineReader, record: dict[str, Any], name: str) -> Any:
    if name not in record:
        place = f"{lines.path}, line {lines.number}"
        raise missing_column(place, list(record), name)
    value = record[name]
    if isinstance(value, str) and not _is_unicode(value):
        raise lines.error(
            f"column '{name}' holds half of a surrogate pair, which is no character.",
            fix="Write the whole pair, or the character itself.",
        )
    return value


def _is_unicode(value: str) -> bool:
    """JSON escapes can spell lone surrogates, which no text pipeline takes."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
