"""Middleware around every reply: headers that protect, counts, a line in the log."""

import logging
import time
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regard.serve.telemetry import Metrics

_LOG = logging.getLogger("regard.serve.requests")
# Nothing is loaded from elsewhere, nothing written in a page runs, nobody frames it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
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
        begin, status = time.perf_counter(), 499  # where the client left before

        async def send_protected(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _protect(MutableHeaders(scope=message))
            await send(message)

        # Endpoints put here what they know; nothing else is logged of a request.
        log_fields: dict[str, str | int] = {}
        scope.setdefault("state", {})["log_fields"] = log_fields
        try:
            await self._app(scope, receive, send_protected)
        finally:
            log_fields["address"] = getattr(scope.get("route"), "path", "unknown")
            self._record(status, time.perf_counter() - begin, log_fields)

    def _record(
        self, status: int, seconds: float, log_fields: Mapping[str, object]
    ) -> None:
        if model := log_fields.get("model"):
            self._metrics.seconds.labels(model, status).observe(seconds)
        if model and (reason := log_fields.get("reason")):
            self._metrics.rejections.labels(model, reason).inc()
        if _LOG.isEnabledFor(logging.INFO):
            fields = {"status": status, "ms": round(1000 * seconds, 2), **log_fields}
            _LOG.info("request", extra={"fields": fields})


def _protect(headers: MutableHeaders) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", "no-store")
