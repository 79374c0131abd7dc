"""A report as plain values for JSON, and back."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from regard.bundle.trust_part import SCHEMA, sealed
from regard.trust.evidence import (
    ErasureCurve,
    ExaminedText,
    Placement,
    Reliability,
    ShownText,
)
from regard.trust.gates import Gate
from regard.trust.plausibility import Plausibility
from regard.trust.repetition import Repetition
from regard.trust.statistics import Interval
from regard.trust.verdict import Verdict

if TYPE_CHECKING:
    from regard.trust.report import TrustReport


def plain(report: "TrustReport") -> dict[str, Any]:
    """A report as plain values; what is no number becomes null."""
    content = _plain(asdict(report))
    for text in content["texts"]:
        if text["shown"] is None:
            del text["shown"]
    told = {
        "schema": SCHEMA,
        "complete": report.complete,
        "sentence": report.sentence,
        "line": report.line.to_dict(),
    }
    return sealed({**told, **content})


def to_json(content: Mapping[str, Any]) -> str:
    """Plain values as JSON, an entry a line: small, and fit to be compared by lines."""
    entries = []
    for name, value in content.items():
        line = json.dumps(value, ensure_ascii=False, allow_nan=False)
        if name == "texts":
            rows = (json.dumps(each, ensure_ascii=False) for each in value)
            line = "[\n  " + ",\n  ".join(rows) + "\n ]" if value else "[]"
        entries.append(f" {json.dumps(name)}: {line}")
    return "{\n" + ",\n".join(entries) + "\n}\n"


def fields(stored: Any) -> dict[str, Any]:
    """The arguments of a report from plain values.

    Fields that came with a later schema have their defaults where they are missing.

    Raises:
        KeyError: One is missing; other errors where one is something else.
    """
    reliability, placement = stored.get("reliability"), stored.get("placement")
    return {
        "verdict": Verdict(stored["verdict"]),
        "reasons": tuple(map(str, stored["reasons"])),
        "gates": _gates(stored["gates"]),
        "erasures": {name: _gates(each) for name, each in stored["erasures"].items()},
        "curves": {
            eraser: {name: _curve(each) for name, each in curves.items()}
            for eraser, curves in stored["curves"].items()
        },
        "correlations": _numbers(stored["correlations"]),
        "undefined": _numbers(stored["undefined"]),
        "even_gap": None if stored["even_gap"] is None else _number(stored["even_gap"]),
        "texts": tuple(_text(each) for each in stored["texts"]),
        "best": str(stored["best"]),
        "wanted": int(stored["wanted"]),
        "seed": int(stored["seed"]),
        "data": str(stored["data"]),
        "model": str(stored["model"]),
        "reliability": None if reliability is None else _reliability(reliability),
        "placement": None if placement is None else _placement(placement),
        "figures": _numbers(stored.get("figures", {})),
        "groups": {
            str(group): {str(name): _interval(each) for name, each in figures.items()}
            for group, figures in stored.get("groups", {}).items()
        },
        "plausibility": _plausibility(stored.get("plausibility")),
        "repetitions": tuple(map(_repetition, stored.get("repetitions", ()))),
        "quotes": None if stored.get("quotes") is None else int(stored["quotes"]),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Verdict) else value


def _gates(stored: Any) -> dict[str, Gate]:
    return {str(name): _gate(each) for name, each in stored.items()}


def _gate(stored: Any) -> Gate:
    ends = stored["interval"]
    interval = None if ends is None else _interval(ends)
    return Gate(
        str(stored["name"]), interval, float(stored["bound"]), int(stored["texts"])
    )


def _interval(stored: Any) -> Interval:
    return Interval(**_numbers(stored))


# What is drawn is checked here: what does not fit would be found out too late.


def _curve(stored: Any) -> ErasureCurve:
    rows = {name: _row(each) for name, each in stored.items()}
    if any(len(row) not in {0, len(rows["fractions"])} for row in rows.values()):
        raise ValueError("a curve has a number for each fraction")
    return ErasureCurve(**rows)


def _reliability(stored: Any) -> Reliability:
    effect = tuple(_interval(each) for each in stored["effect"])
    weight = _row(stored["weight"])
    if len(weight) != len(effect):
        raise ValueError("each part has a weight and an effect")
    return Reliability(weight, effect)


def _placement(stored: Any) -> Placement:
    moved = tuple(map(int, stored["moved"]))
    if not moved:
        raise ValueError("texts are counted in parts")
    return Placement(_number(stored["own"]), _row(stored["shuffled"]), moved)


def _plausibility(stored: Any) -> Plausibility | None:
    if stored is None:
        return None
    return Plausibility(
        mass=_interval(stored["mass"]),
        precision=_interval(stored["precision"]),
        token_f1=_interval(stored["token_f1"]),
        marked=_number(stored["marked"]),
        texts=int(stored["texts"]),
    )


def _repetition(stored: Any) -> Repetition:
    gates = _gates(stored["gates"])
    return Repetition(int(stored["seed"]), Verdict(stored["verdict"]), gates)


def _text(stored: Any) -> ExaminedText:
    shown = stored.get("shown")
    numbers = {name: each for name, each in stored.items() if name != "shown"}
    return ExaminedText(**numbers, shown=None if shown is None else _shown(shown))


def _shown(stored: Any) -> ShownText:
    parts, text = stored["contributions"], str(stored["text"])
    offsets = tuple((int(start), int(end)) for start, end in stored["offsets"])
    weights = _row(stored["weights"])
    contributions = None if parts is None else _row(parts)
    rows = [weights] if contributions is None else [weights, contributions]
    if any(len(row) != len(offsets) for row in rows):
        raise ValueError("a token has no number")
    if any(not 0 <= start <= end <= len(text) for start, end in offsets):
        raise ValueError("a token lies outside its text")
    return ShownText(
        text,
        offsets,
        weights,
        contributions,
        str(stored["label"]),
        _number(stored["probability"]),
    )


def _numbers(stored: Any) -> dict[str, float]:
    """Numbers by name as they were, null as NaN."""
    return {str(name): _number(each) for name, each in stored.items()}


def _row(stored: Any) -> tuple[float, ...]:
    return tuple(map(_number, stored))


def _number(stored: Any) -> float:
    return math.nan if stored is None else float(stored)
