"""The OpenAPI description of a service, made of its models and limits."""

from collections.abc import Mapping
from typing import Any

from regard._version import __version__
from regard.inference.engine import Engine
from regard.inference.limits import Limits
from regard.serve import schemas
from regard.serve.models import ServedModel
from regard.serve.problems import MEDIA_TYPE

_PROBLEMS = {
    400: "The body is not JSON.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    415: "The body is not said to be JSON.",
    422: "The question is none, or over a limit.",
    503: "Too many texts wait, or the service ends. Ask again after Retry-After.",
    504: "The answer took too long.",
}


def describe(models: Mapping[str, ServedModel], limits: Limits) -> dict[str, Any]:
    """The description of a service of these models."""
    asking = {
        f"/v1/models/{name}/predict": {"post": _predict(name, model.engine, limits)}
        for name, model in models.items()
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "regard",
            "version": __version__,
            "description": "Predictions and what they rest on, in one reply from one "
            "forward pass.",
        },
        # Relative to this document: it may be mounted anywhere.
        "servers": [{"url": "."}],
        "paths": asking | _others(),
    }


def _predict(name: str, engine: Engine, limits: Limits) -> dict[str, Any]:
    asked = schemas.question(limits, engine.layers, engine.searches)
    told = schemas.translated() if engine.searches else schemas.labelled()
    content = {"schema": asked, "examples": _examples(engine)}
    problem = {MEDIA_TYPE: {"schema": schemas.problem()}}
    return {
        "operationId": f"predict_{name}",
        "summary": f"Ask the {engine.kind} '{name}'",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": _json(
                "What the model says.", schemas.reply(name, engine.kind, told)
            ),
            **{
                str(status): {"description": meaning, "content": problem}
                for status, meaning in _PROBLEMS.items()
            },
        },
    }


def _examples(engine: Engine) -> dict[str, Any]:
    examples = {
        "one": {"inputs": "A film that never finds its feet."},
        "several, without weights": {
            "inputs": ["One text.", "Another text."],
            "weights": False,
        },
    }
    if engine.searches:
        examples["one"] = {"inputs": "ein hund rennt"}
        examples["the three best"] = {"inputs": "ein hund rennt", "n_best": 3}
    return {name: {"value": value} for name, value in examples.items()}


def _others() -> dict[str, Any]:
    status = schemas.record({"status": schemas.TEXT})
    busy = {
        "description": "Not yet.",
        "content": {MEDIA_TYPE: {"schema": schemas.problem()}},
    }
    return {
        "/v1/models": _get("The models", _json("The models.", schemas.models())),
        "/healthz": _get("Whether the service runs", _json("It runs.", status)),
        "/readyz": _get(
            "Whether everything is compiled",
            _json("It is.", status),
            {"503": busy},
        ),
        "/metrics": _get(
            "What was counted",
            {
                "description": "In the text format of Prometheus.",
                "content": {"text/plain": {"schema": schemas.TEXT}},
            },
        ),
    }


def _get(
    summary: str, reply: dict[str, Any], more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": {"200": reply, **(more or {})}}}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"description": description, "content": content}
