"""Reading the body of a request within its limits."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from regard.inference.limits import Limits
from regard.serve.problems import Problem, over


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body of a request.

    Raises:
        Problem: It is no JSON by its header (415), too large (413) or too slow (408).
        ClientDisconnect: The client left.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    # Any other type could be sent by a form on someone else's page.
    if media_type.lower() != "application/json":
        raise Problem(415, "The body has to be of the type application/json.")
    _check_announced(request.headers.get("content-length"), limits)
    try:
        async with asyncio.timeout(limits.read_seconds):
            return await _read(request, limits.body_bytes)
    except TimeoutError as error:
        raise over(
            408, "read_seconds", limits.read_seconds, "The body came too slowly."
        ) from error


async def until_left(request: Request) -> None:
    """Wait until the client leaves; the body has to be read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _check_announced(length: str | None, limits: Limits) -> None:
    if length is not None and length.isdecimal() and int(length) > limits.body_bytes:
        raise _too_large(limits.body_bytes)


async def _read(request: Request, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > most:
            raise _too_large(most)
    return b"".join(parts)


def _too_large(most: int) -> Problem:
    return over(413, "body_bytes", most, "The body has too many bytes.")


__all__ = ["ClientDisconnect", "read_body", "until_left"]
