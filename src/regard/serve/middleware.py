"""Middleware around every reply: headers that protect, counts, a line in the log."""

import json
import logging
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of one application; another one in the process has its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        model = ("model",)
        self.seconds = Histogram(
            "regard_request_seconds",
            "Time from a request to its reply.",
            ("model", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.batch_sizes = Histogram(
            "regard_batch_size",
            "Texts that were computed together.",
            model,
            buckets=_SIZES,
            registry=self._registry,
        )
        self.queue = Gauge(
            "regard_queue_length",
            "Texts that wait.",
            model,
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self.rejections = Counter(
            "regard_rejections",
            "Requests without an answer, by the limit or the status that says why.",
            ("model", "reason"),
            registry=self._registry,
        )

    def text(self) -> bytes:
        """All of it as Prometheus reads it; of all workers where there are several."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)
        return generate_latest(together)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, what happened, and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


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
