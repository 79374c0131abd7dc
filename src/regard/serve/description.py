"""What a service tells of its models before anyone asks them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from regard.bundle import About
from regard.inference.json_format import COUNT, NUMBER, TEXT, Schema, array, record
from regard.kinds import Kind

_MOST_MEASURES, _MOST_NAME = 32, 100


def description_of(model: Any, kind: Kind) -> dict[str, Any]:
    """What is known of a model, and what its author says, as plain values.

    What its bundle says of the training is not vouched for: what is none of what it
    should be is left out.
    """
    about = getattr(model, "about", None) or About()
    known: Mapping[str, Any] = getattr(model, "provenance", {})
    counts = known.get("examples")
    counts = counts if isinstance(counts, Mapping) else {}
    began = known.get("began")
    return {
        "description": about.description,
        "examples": list(about.examples),
        "trained": began[:_MOST_NAME] if isinstance(began, str) else None,
        "trained_on": _count(counts.get("train")),
        "held_out": _count(counts.get("held_out")),
        "measures": _measures(known),
        "labels": [],
        "source": None,
        "target": None,
        "max_tokens": None,
        "heads": None,
        **kind.facts(model),
    }


def description_schema() -> Schema:
    """The schema of ``description_of``."""
    nothing: Schema = {"type": "null"}
    return record(
        {
            "description": TEXT | {"description": "What it does, as its author says."},
            "examples": array(TEXT, "Inputs to try it on, chosen by its author."),
            "trained": {"anyOf": [TEXT, nothing], "description": "When, in UTC."},
            "trained_on": {"anyOf": [COUNT, nothing]}
            | {"description": "How many examples it was trained on."},
            "held_out": {"anyOf": [COUNT, nothing]}
            | {"description": "How many were held out, to measure it on."},
            "measures": {
                "type": "object",
                "additionalProperties": NUMBER,
                "description": "How good it is on those.",
            },
            "labels": array(TEXT, "What it tells apart; none of what writes."),
            "source": {"anyOf": [TEXT, nothing]}
            | {"description": "What it reads, by the column it was trained on."},
            "target": {"anyOf": [TEXT, nothing]}
            | {"description": "What it writes, likewise."},
            "max_tokens": {"anyOf": [COUNT, nothing]}
            | {"description": "The most tokens of a text that it reads."},
            "heads": {"anyOf": [COUNT, nothing]}
            | {"description": "How many heads of attention it has."},
        }
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _measures(known: Mapping[str, Any]) -> dict[str, float]:
    """The measures of a training, or the loss that chose its best epoch."""
    measures = known.get("measures")
    found = _numbers(measures) if isinstance(measures, Mapping) else {}
    history = known.get("history")
    if found or not isinstance(history, Sequence):
        return found
    losses = [
        _numbers(each["validation"]).get("loss")
        for each in history
        if isinstance(each, Mapping) and isinstance(each.get("validation"), Mapping)
    ]
    some = [each for each in losses if each is not None]
    return {"validation_loss": min(some)} if some else {}


def _numbers(named: Mapping[str, Any]) -> dict[str, float]:
    found = {
        name: float(value)
        for name, value in named.items()
        if len(name) <= _MOST_NAME
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < math.inf
    }
    return dict(list(found.items())[:_MOST_MEASURES])
