"""Where a model comes from: when and how it was trained, as its bundle says to people.

Nothing that the model answers depends on it, and no path or name of the machine is in
it but what was typed on the command line.
"""

import importlib
import json
import platform
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import keras

from regard._backend import backend_name
from regard._untrusted import parse_json
from regard._version import __version__
from regard.errors import DataError
from regard.training.model_selection import EpochMetrics
from regard.types import ModelLine

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOST_OF_NAME = 100
_MOST_BYTES = 1 << 24


@dataclass(frozen=True)
class Beginning:
    """The moment at which a training began, or went on."""

    date: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.monotonic)

    def provenance(
        self,
        *,
        counts: Mapping[str, int],
        parameters: int,
        history: Sequence[EpochMetrics],
        interrupted: bool,
    ) -> dict[str, Any]:
        """What is known at the end of a training, as plain values, ready for JSON.

        Args:
            counts: The numbers of examples, by what they were for.
            parameters: How many numbers the model has learned.
            history: The measures of each epoch.
            interrupted: Whether an interrupt ended it.
        """
        backend = backend_name()
        return {
            "began": self.date.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self.clock, 1),
            "interrupted": interrupted,
            "backend": backend,
            "versions": {
                "python": platform.python_version(),
                "regard": __version__,
                "keras": keras.__version__,
                # Its distribution may have another name, as tensorflow-cpu has.
                backend: str(importlib.import_module(backend).__version__),
            },
            "examples": dict(counts),
            "parameters": parameters,
            "history": [epoch.to_dict() for epoch in history],
        }


def plain_measures(evaluation: Any) -> dict[str, float]:
    """The figures of an evaluation that are one number each, by name; no counts.

    A score that comes with its signature, BLEU for one, is a number too.
    """
    if evaluation is None:
        return {}
    figures = {
        name: value.get("score") if isinstance(value, Mapping) else value
        for name, value in evaluation.to_dict().items()
    }
    return {name: value for name, value in figures.items() if isinstance(value, float)}


def provenance_to_bytes(content: Mapping[str, Any]) -> bytes:
    """The part of a bundle; figures that are not finite are none."""
    plain = json.dumps(_finite(content), ensure_ascii=False, indent=2, allow_nan=False)
    return (plain + "\n").encode("utf-8")


def provenance_from_bytes(content: bytes) -> dict[str, Any]:
    """What a part says; nothing where it is no such part."""
    with suppress(DataError):
        stored = parse_json(content, most=_MOST_BYTES)
        return stored if isinstance(stored, dict) else {}
    return {}


def model_line(said: Mapping[str, Any], name: str = "") -> ModelLine | None:
    """The line about a model that stands over its answers; None: nothing is known.

    What a part holds is looked at: it is for people, and may be anything.

    Args:
        said: What is said of its training.
        name: The name of its bundle.
    """
    began, examples, command = (
        said.get(each) for each in ("began", "examples", "command")
    )
    count = examples.get("train") if isinstance(examples, Mapping) else None
    data = command.get("data") if isinstance(command, Mapping) else None
    day = _DAY.match(began) if isinstance(began, str) else None
    line = ModelLine(
        name=name,
        trained="" if day is None else day.group(),
        data=PurePath(data).name[:_MOST_OF_NAME] if isinstance(data, str) else "",
        examples=count if type(count) is int and count > 0 else None,
    )
    return None if line == ModelLine() else line


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value if isinstance(value, str | int | float | None) else str(value)
