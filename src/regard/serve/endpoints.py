"""The addresses of the service, and the way from a request to its prediction."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from regard.inference import Job, Limits, PredictionRequest, RequestError
from regard.serve.batcher import ClosedError, FailedError, QueueFullError
from regard.serve.counters import Metrics
from regard.serve.problem_details import service_unavailable
from regard.serve.registry import ServedModel

_GONE = 499  # Nobody reads it: what nginx logs of a client that left.
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ENDING = "The service is about to end."
# Texts of so many characters are read in the time of a few context switches; longer
# ones are read in a thread, so that others need not wait for them.
_SHORT = 4_000


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
            raise RequestError(
                404, f"There is no such model. Known: {list(self._models)}."
            )
        log_fields = request.state.log_fields
        log_fields["model"] = model.name
        try:
            body = await read_body(request, self._limits)
            prediction = asyncio.create_task(predict(model, body, self._limits))
            reply = await _unless_disconnected(request, prediction)
        except ClientDisconnect:
            return Response(status_code=_GONE)
        except RequestError as error:
            log_fields["reason"] = error.reason
            raise
        log_fields["inputs"] = len(reply["predictions"])
        content = orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(content, media_type="application/json")

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
            raise service_unavailable(_ENDING) from error
        raise service_unavailable("Not ready yet.", models=compiling)

    async def _measure(self, _: Request) -> Response:
        return Response(self._metrics.text(), media_type=_METRICS_TYPE)


async def predict(model: ServedModel, body: bytes, limits: Limits) -> dict[str, Any]:
    """The reply to a request.

    Args:
        model: Who answers.
        body: The request, as JSON.
        limits: What may be asked for.

    Raises:
        RequestError: It cannot be answered; the error says why.
    """
    request = model.request_schema.read(body)
    try:
        async with asyncio.timeout(limits.seconds):
            jobs = await _read_jobs(model, request)
            answers = await model.answer(jobs)
    except QueueFullError as error:
        raise service_unavailable(
            "Too many texts wait for this model.", limit="queue", allowed=limits.queue
        ) from error
    except FailedError as error:
        raise RequestError(
            500, "This model cannot be run; the log of the service says why."
        ) from error
    except ClosedError as error:
        raise service_unavailable(_ENDING) from error
    except TimeoutError as error:
        raise RequestError.over_limit(
            504, "seconds", limits.seconds, "The answer took too long."
        ) from error
    predictions = [
        model.engine.reply(job, answer, request)
        for job, answer in zip(jobs, answers, strict=True)
    ]
    return {
        "model": model.name,
        "kind": model.kind.name,
        "trust": model.trust,
        "predictions": predictions,
    }


async def _read_jobs(model: ServedModel, request: PredictionRequest) -> list[Job]:
    def read() -> list[Job]:
        return [model.engine.read(text, request) for text in request.inputs]

    if sum(map(len, request.inputs)) < _SHORT:
        return read()
    return await asyncio.to_thread(read)


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body of a request.

    Raises:
        RequestError: It is no JSON by its header (415), too large (413) or too slow
            (408).
        ClientDisconnect: The client left.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    # Any other type could be sent by a form on someone else's page.
    if media_type.lower() != "application/json":
        raise RequestError(415, "The body has to be of the type application/json.")
    length = request.headers.get("content-length")
    if length is not None and length.isdecimal() and int(length) > limits.body_bytes:
        raise _too_large(limits.body_bytes)
    try:
        async with asyncio.timeout(limits.read_seconds):
            return await _read_stream(request, limits.body_bytes)
    except TimeoutError as error:
        raise RequestError.over_limit(
            408, "read_seconds", limits.read_seconds, "The body came too slowly."
        ) from error


async def _read_stream(request: Request, most: int) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            raise _too_large(most)
    return b"".join(chunks)


def _too_large(most: int) -> RequestError:
    problem = "The body has too many bytes."
    return RequestError.over_limit(413, "body_bytes", most, problem)


async def _unless_disconnected(
    request: Request, prediction: "asyncio.Task[dict[str, Any]]"
) -> dict[str, Any]:
    """The prediction, unless the client leaves: then its place becomes free."""
    disconnect = asyncio.create_task(_until_disconnected(request))
    try:
        await asyncio.wait(
            {prediction, disconnect}, return_when=asyncio.FIRST_COMPLETED
        )
        if prediction.done():
            return prediction.result()
        raise ClientDisconnect
    finally:
        disconnect.cancel()
        prediction.cancel()


async def _until_disconnected(request: Request) -> None:
    """Wait until the client leaves; the body has to be read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
