"""The addresses of the service, and what is there beside the page."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from regard.inference import Limits
from regard.serve.batcher import ClosedError
from regard.serve.counters import Metrics
from regard.serve.prediction import ENDING, Prediction
from regard.serve.problem_details import service_unavailable
from regard.serve.registry import ServedModel

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Endpoints:
    """The addresses of the service, those of the page aside, and their replies.

    Args:
        models: The models by name.
        limits: What a request may ask for.
        metrics: What is counted.
        description: The OpenAPI description of it all.
    """

    def __init__(
        self,
        models: Mapping[str, ServedModel],
        limits: Limits,
        metrics: Metrics,
        description: Mapping[str, Any],
    ) -> None:
        self._models, self._predict = models, Prediction(models, limits)
        self._metrics, self._description = metrics, description

    def routes(self) -> list[Route]:
        """The addresses."""
        return [
            Route("/v1/models/{name}/predict", self._predict, methods=["POST"]),
            Route("/v1/models", self._list, methods=["GET"]),
            Route("/openapi.json", self._describe, methods=["GET"]),
            Route("/healthz", self._health, methods=["GET"]),
            Route("/readyz", self._readiness, methods=["GET"]),
            Route("/metrics", self._measure, methods=["GET"]),
        ]

    async def _list(self, _: Request) -> Response:
        return JSONResponse(
            {
                "models": [
                    {
                        "name": model.name,
                        "kind": model.kind.name,
                        "layers": list(model.request_schema.layers),
                        "beams": model.request_schema.choices("beam"),
                        "trust": model.trust,
                        "about": model.about,
                        "ready": model.is_ready,
                    }
                    for model in self._models.values()
                ]
            }
        )

    async def _describe(self, _: Request) -> Response:
        return JSONResponse(self._description)

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def _readiness(self, _: Request) -> Response:
        compiling = [name for name, model in self._models.items() if not model.is_ready]
        if not compiling:
            return JSONResponse({"status": "ready"})
        try:
            # Where the application is mounted, nothing else may have begun it.
            for model in self._models.values():
                model.start()
        except ClosedError as error:
            raise service_unavailable(ENDING) from error
        raise service_unavailable("Not ready yet.", models=compiling)

    async def _measure(self, _: Request) -> Response:
        return Response(self._metrics.text(), media_type=_METRICS_TYPE)
