"""The schema of a request: what can be asked of a model, described and checked."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NoReturn

from regard.inference.json_format import FLAG, Schema, array, record
from regard.inference.limits import Limits, RequestError


@dataclass(frozen=True)
class PredictionRequest:
    """A checked request.

    Args:
        inputs: The texts.
        weights: Whether the reply has tokens and weights.
        layers: The layers whose weights it has; None: all of them.
        top_k: The most probable labels and the strongest weights it has; None: all.
        html: Whether it has the picture of each result, too.
        heads_html: Whether it has that of each head.
        options: What only this kind of model can be asked, all of it, by name.
    """

    inputs: tuple[str, ...]
    weights: bool = True
    layers: tuple[str, ...] | None = None
    top_k: int | None = None
    html: bool = False
    heads_html: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def with_weights(self) -> bool:
        """Whether the reply has the weights of any layer."""
        return self.weights and self.layers != ()

    @property
    def is_drawn(self) -> bool:
        """Whether the reply has any picture."""
        return self.html or self.heads_html


@dataclass(frozen=True, eq=False)
class Member:
    """One member of a request.

    Args:
        schema: Its JSON schema.
        read: From the value of a request to one that is checked; raises
            ``RequestError``.
    """

    schema: Schema
    read: Callable[[Any], Any]


class RequestSchema:
    """The schema of the requests to a model.

    Args:
        limits: What a request may ask for.
        layers: The layers whose weights can be asked for.
        options: What only this kind of model can be asked; their schemas have a
            ``default``.
        former: The layers by names that they had before, which are taken as well.
    """

    def __init__(
        self,
        limits: Limits,
        layers: tuple[str, ...],
        options: Mapping[str, Member] | None = None,
        former: Mapping[str, str] | None = None,
    ) -> None:
        self.layers = layers
        options = options or {}
        self._defaults = {
            name: member.schema["default"] for name, member in options.items()
        }
        self._members = {**_common_members(limits, layers, former or {}), **options}

    def to_json(self) -> Schema:
        """The JSON schema of a request."""
        properties = {name: member.schema for name, member in self._members.items()}
        return record(properties, optional=tuple(set(properties) - {"inputs"}))

    def choices(self, name: str) -> list[Any]:
        """The values that an option can have; none where there is no such option."""
        if name not in self._defaults:
            return []
        return list(self._members[name].schema["enum"])

    def read(self, body: bytes) -> PredictionRequest:
        """Make sense of the body of a request.

        Raises:
            RequestError: It is not JSON (400), or not as described, or over a limit
                (422).
        """
        stored = _read_object(body)
        unknown = sorted(set(stored) - set(self._members))
        if unknown:
            refuse(_no_member(unknown[0], list(self._members)))
        if "inputs" not in stored:
            refuse("'inputs' is missing: one text or a list of them.")
        members = {
            name: self._members[name].read(value) for name, value in stored.items()
        }
        options = {
            name: members.pop(name, default) for name, default in self._defaults.items()
        }
        return PredictionRequest(**members, options=options)


def read_count(name: str, value: Any, most: int | None = None) -> int:
    """A whole number of a request, 1 or more.

    Raises:
        RequestError: It is none, or more than ``most``.
    """
    # JSON has one kind of number: 3.0 is a whole one.
    whole = isinstance(value, int | float) and value == value // 1
    if isinstance(value, bool) or not whole or value < 1:
        refuse(f"'{name}' is no whole number, 1 or more.")
    if most is not None and value > most:
        raise RequestError.over_limit(422, name, most, f"'{name}' is too large.")
    return int(value)


def refuse(detail: str) -> NoReturn:
    """Refuse a request that is not as described."""
    raise RequestError(422, detail)


def _common_members(
    limits: Limits, layers: tuple[str, ...], former: Mapping[str, str]
) -> dict[str, Member]:
    text: Schema = {"type": "string", "maxLength": limits.characters}
    texts = array(text) | {"minItems": 1, "maxItems": limits.inputs}
    schemas: dict[str, Schema] = {
        "inputs": {
            "anyOf": [text, texts],
            "description": f"One text or several, each of {limits.tokens} tokens "
            "at most.",
        },
        "weights": FLAG
        | {"default": True, "description": "Whether tokens and weights are told."},
        "layers": array({"type": "string", "enum": list(layers)})
        | {"description": "Of which layers; all by default."},
        "top_k": {
            "type": "integer",
            "minimum": 1,
            "description": "Only so many of the most probable labels and of the "
            "strongest weights.",
        },
        "html": FLAG | {"default": False, "description": "Whether it is drawn, too."},
        "heads_html": FLAG
        | {"default": False, "description": "Whether each head is drawn, as a page."},
    }
    readers: dict[str, Callable[[Any], Any]] = {
        "inputs": lambda value: _read_inputs(value, limits),
        "weights": lambda value: _read_flag("weights", value),
        "layers": lambda value: _read_layers(value, layers, former),
        "top_k": lambda value: read_count("top_k", value),
        "html": lambda value: _read_flag("html", value),
        "heads_html": lambda value: _read_flag("heads_html", value),
    }
    return {name: Member(schema, readers[name]) for name, schema in schemas.items()}


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        stored = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, "The body is not JSON in UTF-8.") from error
    if not isinstance(stored, dict):
        refuse("The body is no JSON object.")
    return stored


def _no_number(_: str) -> NoReturn:
    raise ValueError("NaN and infinities are no JSON")


def _read_inputs(value: Any, limits: Limits) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts:
        refuse("'inputs' is neither a text nor a list of one text or more.")
    if len(texts) > limits.inputs:
        problem = f"There are {len(texts)} inputs."
        raise RequestError.over_limit(422, "inputs", limits.inputs, problem)
    for index, text in enumerate(texts):
        _check_text(index, text, limits.characters)
    return tuple(texts)


def _check_text(index: int, text: Any, most: int) -> None:
    if not isinstance(text, str):
        refuse(f"Input {index} is no text.")
    if len(text) > most:
        problem = f"Input {index} has {len(text)} characters."
        raise RequestError.over_limit(422, "characters", most, problem)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        refuse(f"Input {index} holds half a surrogate pair.")


def _no_member(name: str, known: list[str]) -> str:
    # Its name is the client's own word, and might be anything.
    named = f"'{name}'" if re.fullmatch(r"[\w.-]{1,40}", name, re.ASCII) else "One"
    near = get_close_matches(name[:40], known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"{named} is no member of a request.{hint} Known: {known}."


def _read_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        refuse(f"'{name}' is neither true nor false.")
    return value


def _read_layers(
    value: Any, layers: tuple[str, ...], former: Mapping[str, str]
) -> tuple[str, ...]:
    known = (*layers, *former)
    if not isinstance(value, list) or any(name not in known for name in value):
        refuse(f"'layers' is no list of layers of this model: {list(layers)}.")
    return tuple(former.get(name, name) for name in value)
