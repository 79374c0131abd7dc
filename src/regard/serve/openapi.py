"""The OpenAPI description of a service, made of its models and limits."""

from collections.abc import Mapping
from typing import Any

from regard._version import __version__
from regard.inference.json_format import (
    COUNT,
    FLAG,
    TEXT,
    TRUST_LINE,
    Schema,
    array,
    record,
)
from regard.serve.description import description_schema
from regard.serve.problem_details import MEDIA_TYPE, problem_schema
from regard.serve.registry import ServedModel

_PROBLEMS = {
    400: "The body is not JSON.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    415: "The body is not said to be JSON.",
    421: "The service does not answer for this host.",
    422: "The question is none, or over a limit.",
    500: "The service failed; its log says how.",
    503: "Too many texts wait, or the service ends. Ask again after Retry-After.",
    504: "The answer took too long.",
}


def openapi(models: Mapping[str, ServedModel]) -> dict[str, Any]:
    """The description of a service of these models."""
    predictions = {
        f"/v1/models/{name}/predict": {"post": _predict(model)}
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
        "paths": predictions | _other_paths(),
    }


def _predict(model: ServedModel) -> dict[str, Any]:
    name, kind = model.name, model.kind
    examples = {
        title: {"value": request} for title, request in kind.request_examples.items()
    }
    content = {"schema": model.request_schema.to_json(), "examples": examples}
    reply = _reply_schema(name, kind.name, kind.response_schema())
    return {
        "operationId": f"predict_{name}",
        "summary": f"Ask the {kind.name} '{name}'",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": _json("What the model says.", reply),
            **{str(status): _problem(meaning) for status, meaning in _PROBLEMS.items()},
        },
    }


def _reply_schema(name: str, kind: str, prediction: Schema) -> Schema:
    return record(
        {
            "model": {"type": "string", "enum": [name]},
            "kind": {"type": "string", "enum": [kind]},
            "trust": TRUST_LINE,
            "predictions": array(prediction, "One for each input, in their order."),
        }
    )


def _models_schema() -> Schema:
    model = record(
        {
            "name": TEXT,
            "kind": TEXT,
            "layers": array(TEXT),
            "beams": array(COUNT, "The beams it can search with, the default first."),
            "trust": TRUST_LINE,
            "about": description_schema(),
            "ready": FLAG,
        }
    )
    return record({"models": array(model)})


def _other_paths() -> dict[str, Any]:
    status = record({"status": TEXT})
    return {
        "/v1/models": _get("The models", _json("The models.", _models_schema())),
        "/healthz": _get("Whether the service runs", _json("It runs.", status)),
        "/readyz": _get(
            "Whether every question is answered at once",
            _json("It is.", status),
            {"503": _problem("Not yet.")},
        ),
        "/metrics": _get(
            "What was counted",
            {
                "description": "In the text format of Prometheus.",
                "content": {"text/plain": {"schema": TEXT}},
            },
        ),
    }


def _get(
    summary: str, reply: dict[str, Any], others: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": {"200": reply, **(others or {})}}}


def _json(description: str, schema: Schema) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"description": description, "content": content}


def _problem(description: str) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": problem_schema()}}
    return {"description": description, "content": content}
