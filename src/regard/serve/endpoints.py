"""The addresses of the service."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from regard.inference.limits import Limits
from regard.serve.metrics import Metrics
from regard.serve.models import ServedModel
from regard.serve.predicting import predict
from regard.serve.problems import Problem, busy
from regard.serve.reading import read_body, until_left

_GONE = 499  # Nobody reads it: what nginx logs of a client that left.
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Endpoints:
    """What the service answers at its addresses, the page aside.

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
        self._models, self._limits = models, limits
        self._metrics, self._description = metrics, description

    def routes(self) -> list[Route]:
        """The addresses."""
        return [
            Route("/v1/models", self._list, methods=["GET"]),
            Route("/v1/models/{name}/predict", self._predict, methods=["POST"]),
            Route("/openapi.json", self._describe, methods=["GET"]),
            Route("/healthz", self._health, methods=["GET"]),
            Route("/readyz", self._readiness, methods=["GET"]),
            Route("/metrics", self._measure, methods=["GET"]),
        ]

    async def _predict(self, request: Request) -> Response:
        model = self._models.get(request.path_params["name"])
        if model is None:
            raise Problem(404, f"There is no such model. Known: {list(self._models)}.")
        known = request.state.watched
        known["model"] = model.name
        try:
            body = await read_body(request, self._limits)
            answering = asyncio.create_task(predict(model, body, self._limits))
            reply = await _unless_left(request, answering)
        except ClientDisconnect:
            return Response(status_code=_GONE)
        except Problem as problem:
            known["reason"] = problem.reason
            raise
        known["inputs"] = len(reply["predictions"])
        content = orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(content, media_type="application/json")

    async def _list(self, _: Request) -> Response:
        return JSONResponse(
            {
                "models": [
                    {
                        "name": model.name,
                        "kind": model.engine.kind,
                        "layers": list(model.engine.layers),
                        "beams": list(self._limits.beams)
                        if model.engine.searches
                        else [],
                        "ready": model.ready.is_set(),
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
        waited_for = [
            name for name, one in self._models.items() if not one.ready.is_set()
        ]
        if waited_for:
            # Where the application is mounted, nothing else may have begun it.
            for model in self._models.values():
                model.start()
            raise busy("Not ready yet.", models=waited_for)
        return JSONResponse({"status": "ready"})

    async def _measure(self, _: Request) -> Response:
        return Response(self._metrics.text(), media_type=_METRICS_TYPE)


async def _unless_left(
    request: Request, answering: "asyncio.Task[dict[str, Any]]"
) -> dict[str, Any]:
    """What is answered, unless the client leaves: then its place becomes free."""
    leaving = asyncio.create_task(until_left(request))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            return answering.result()
        raise ClientDisconnect
    finally:
        leaving.cancel()
        answering.cancel()


async def as_problem(_: Request, error: Exception) -> Response:
    """Any error as a problem document; of ours that a client did not cause, no word."""
    if isinstance(error, Problem):
        return error.response()
    if isinstance(error, HTTPException):
        known = Problem(error.status_code, error.detail, headers=error.headers)
        return known.response()
    return Problem(500, "The service failed; its log says how.").response()
