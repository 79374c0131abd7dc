"""Requests that get no answer, told as problem details (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from regard.inference import RequestError
from regard.inference.json_format import TEXT, Schema

MEDIA_TYPE = "application/problem+json"


def service_unavailable(
    detail: str, *, seconds: int = 1, **members: Any
) -> RequestError:
    """The error of a request that may be sent once more, a little later."""
    return RequestError(503, detail, headers={"Retry-After": str(seconds)}, **members)


async def problem_response(_: Request, error: Exception) -> Response:
    """The reply to any error; of ours that a client did not cause, no word."""
    if isinstance(error, HTTPException):
        error = RequestError(error.status_code, error.detail, headers=error.headers)
    if not isinstance(error, RequestError):
        error = RequestError(500, "The service failed; its log says how.")
    document = problem_document(error)
    return JSONResponse(document, error.status, error.headers, media_type=MEDIA_TYPE)


def problem_document(error: RequestError) -> dict[str, Any]:
    """The body of such a reply."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        **error.members,
    }


def problem_schema() -> Schema:
    """The schema of such a reply."""
    members = {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "limit": TEXT | {"description": "The limit that was hit."},
        "allowed": {"description": "What it allows."},
    }
    needed = ["type", "title", "status", "detail"]
    return {"type": "object", "properties": members, "required": needed}
