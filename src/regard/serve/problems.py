"""What a request is told when it gets no answer, as problem documents (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - the standard's name; not every one is an error
    """Why a request gets no answer.

    Args:
        status: The status of the reply.
        detail: What is wrong with this request, and what would be right. It quotes
            nothing of the request but names and numbers.
        headers: Headers of the reply.
        **more: Further members of the document, such as the ``limit`` that was hit.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers, self.more = dict(headers or {}), more

    @property
    def reason(self) -> str:
        """The word the rejection is counted under."""
        return str(self.more.get("limit", self.status))

    def response(self) -> JSONResponse:
        """The reply."""
        document = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return JSONResponse(document, self.status, self.headers, media_type=MEDIA_TYPE)


def over(status: int, limit: str, most: Any, what: str) -> Problem:
    """A request that asks for more than a limit allows."""
    return Problem(
        status, f"{what} Allowed: at most {most}.", limit=limit, allowed=most
    )


def busy(detail: str, *, seconds: int = 1, **more: Any) -> Problem:
    """A request that may be sent once more, a little later."""
    return Problem(503, detail, headers={"Retry-After": str(seconds)}, **more)
