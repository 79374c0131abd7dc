"""Middleware around every reply: hosts, failures, headers, counts, the log's line."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regard.inference import RequestError
from regard.serve.counters import Metrics
from regard.serve.hosts import AllowedHosts
from regard.serve.problem_details import problem_response

_LOG = logging.getLogger("regard.serve.requests")
_NO_MODEL = "none"
_GONE = 499  # The client left before its reply; as nginx logs it.
# Nothing is loaded from elsewhere, nothing written in a page runs, nobody frames it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class ReplyMiddleware:
    """An application whose replies are protected, counted and logged.

    The log holds nothing that a client wrote: no text, and no address but those that
    the service has.

    Args:
        app: The application.
        metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; protect, count and log its reply."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, status = time.perf_counter(), _GONE

        async def send_protected(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _protected(message["headers"])
            await send(message)

        # Endpoints put here what they know; nothing else is logged of a request.
        log_fields: dict[str, str | int] = {}
        scope.setdefault("state", {})["log_fields"] = log_fields
        try:
            await self._app(scope, receive, send_protected)
        except Exception:
            # Too late for a reply; what was sent of one is no answer.
            status = 500
            raise
        finally:
            log_fields["address"] = getattr(scope.get("route"), "path", "unknown")
            self._record(status, time.perf_counter() - begin, log_fields)

    def _record(
        self, status: int, seconds: float, log_fields: Mapping[str, object]
    ) -> None:
        if model := log_fields.get("model"):
            self._metrics.request_seconds(model, status).observe(seconds)
        if reason := log_fields.get("reason"):
            self._metrics.rejections.labels(model or _NO_MODEL, reason).inc()
        if _LOG.isEnabledFor(logging.INFO):
            fields = {"status": status, "ms": round(1000 * seconds, 2), **log_fields}
            _LOG.info("request", extra={"fields": fields})


_RAW = [
    (name.lower().encode(), value.encode())
    for name, value in {**HEADERS, "Cache-Control": "no-store"}.items()
]


def _protected(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of a reply and those that every reply has, unless it says others."""
    said = list(headers)
    names = {name for name, _ in said}
    return said + [one for one in _RAW if one[0] not in names]


class HostMiddleware:
    """An application that answers for its own hosts alone.

    A page of someone else, whose name leads to this machine all of a sudden, could read
    its replies otherwise (DNS rebinding).

    Args:
        app: The application.
        allowed: The hosts.
    """

    def __init__(self, app: ASGIApp, allowed: AllowedHosts) -> None:
        self._app, self._allowed = app, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request for one of the hosts; refuse any other."""
        if scope["type"] != "http" or self._allowed.match(scope["headers"]):
            await self._app(scope, receive, send)
            return
        error = RequestError(
            421,
            "The service does not answer for the host of this address. Whoever runs it "
            "can allow it.",
        )
        scope["state"]["log_fields"]["reason"] = "host"
        reply = await problem_response(Request(scope), error)
        await reply(scope, receive, send)


class FailureMiddleware:
    """An application whose failures are replies: a problem, and an error in the log.

    It is the innermost: the reply gets the headers, and its line in the log and in the
    counts, that every reply gets.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; reply where that fails."""
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except BaseException as error:
            # A panic of a library in Rust is no ``Exception``.
            if started or scope["type"] != "http" or isinstance(error, _ENDS):
                raise
            _FAILURES.error("request failed", exc_info=error)
            scope["state"]["log_fields"]["reason"] = "500"
            reply = await problem_response(
                Request(scope), error if isinstance(error, Exception) else Exception()
            )
            await reply(scope, receive, send)


_ENDS = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)
_FAILURES = logging.getLogger("regard.serve")
