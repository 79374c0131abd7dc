"""The counters of a service, as Prometheus reads them."""

import os
from functools import lru_cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_REMEMBERED = 1_024
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

        #: That of a model and a status; there are few of both.
        self.request_seconds = lru_cache(_REMEMBERED)(self.seconds.labels)

    def text(self) -> bytes:
        """All of it as Prometheus reads it; of all workers where there are several."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)
        return generate_latest(together)
