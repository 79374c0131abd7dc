"""The service as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from regard.inference.limits import Limits
from regard.serve.batching import Batching
from regard.serve.description import describe
from regard.serve.endpoints import Endpoints, as_problem
from regard.serve.metrics import Metrics
from regard.serve.models import Bundles, ServedModel, serve_models
from regard.serve.page import page_routes
from regard.serve.problems import Problem
from regard.serve.watching import Watched


def create_app(
    bundles: Bundles,
    *,
    limits: Limits | None = None,
    max_batch: int = 32,
    max_wait_ms: float = 0.0,
    cors: Sequence[str] = (),
) -> Starlette:
    """The service as an ASGI application, for any server or inside another one.

    Everything is compiled in the background after its lifespan began; ``/readyz``
    answers 200 from then on. Questions that come earlier wait. Texts that arrive
    together are computed together. Where it is mounted in another application, hand
    ``app.router.lifespan_context`` on to that one's lifespan, so that it can finish
    what is under way at the end.

    Args:
        bundles: Paths of bundles, whose last parts are the names of the models; or
            paths, classifiers and translators by name.
        limits: What a request may ask for.
        max_batch: The most texts that are computed together.
        max_wait_ms: How long a text waits for others to come while the model is idle.
            Those that come while it computes go together in any case.
        cors: The origins whose pages may ask, for example ``"https://example.org"``;
            by default none but the service's own.

    Raises:
        ArgumentError: A name or a number is wrong.
        BundleError: A bundle is damaged; the message names it.

    Example:
        >>> app = regard.serve.create_app(["reviews.regard", "de-en.regard"])
        >>> uvicorn.run(app)
    """
    limits = limits or Limits()
    metrics = Metrics()
    batching = Batching(max_batch, max_wait_ms / 1000, limits.queue)
    models = serve_models(bundles, limits, batching, metrics)
    endpoints = Endpoints(models, limits, metrics, describe(models, limits))
    app = Starlette(
        routes=[*endpoints.routes(), *page_routes()],
        middleware=[Middleware(Watched, metrics), *_cors(cors)],
        exception_handlers={
            Problem: as_problem,
            HTTPException: as_problem,
            Exception: as_problem,
        },
        lifespan=_lifespan(models),
    )
    app.state.models = models
    return app


def _cors(origins: Sequence[str]) -> list[Middleware]:
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type"],
        )
    ]


def _lifespan(models: Mapping[str, ServedModel]):  # type: ignore[no-untyped-def]  # Starlette names the type
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        for model in models.values():
            model.start()
        try:
            yield
        finally:
            await asyncio.gather(*(model.stop() for model in models.values()))

    return lifespan
