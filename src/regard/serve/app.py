"""The service as an ASGI application."""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import resources

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regard.inference import Limits, RequestError
from regard.plot import heads
from regard.plot.alignment_page import MAP_STYLE
from regard.plot.document import grey_style, page_style
from regard.serve.batcher import Batching
from regard.serve.counters import Metrics
from regard.serve.endpoints import Endpoints
from regard.serve.hosts import LOOPBACK, AllowedHosts
from regard.serve.middleware import (
    POLICY,
    FailureMiddleware,
    HostMiddleware,
    ReplyMiddleware,
)
from regard.serve.openapi import openapi
from regard.serve.problem_details import problem_response
from regard.serve.registry import ModelSources, ServedModel, serve_models
from regard.types import AttentionMap

# So many heads has a row of their page at most.
_HEADS_IN_A_ROW = 16


def create_app(
    bundles: ModelSources,
    *,
    limits: Limits | None = None,
    max_batch: int = 32,
    max_wait_ms: float = 0.0,
    cors: Sequence[str] = (),
    allowed_hosts: Sequence[str] = LOOPBACK,
) -> Starlette:
    """The service as an ASGI application, for any server or inside another one.

    What holds every question is compiled after its lifespan began; ``/readyz`` answers
    200 from then on, and questions that come earlier wait. Programs of less padding
    follow while it answers. Texts that arrive together are computed together. Where it
    is mounted in another application, hand ``app.router.lifespan_context`` on to that
    one's lifespan, so that it can finish what is under way at the end.

    Args:
        bundles: Paths of bundles, whose last parts are the names of the models; or
            paths, classifiers and translators by name.
        limits: What a request may ask for.
        max_batch: The most texts that are computed together.
        max_wait_ms: How long a text waits for others to come while the model is idle.
            Those that come while it computes go together in any case.
        cors: The origins whose pages may ask, for example ``"https://example.org"``;
            by default none but the service's own.
        allowed_hosts: The hosts that it answers for, as the ``Host`` of requests names
            them: names, ``"*.example.org"`` for all below one, addresses or networks of
            them; ``"*"`` for all. By default this machine by its loopback names. Any
            other request is answered 421.

    Raises:
        ArgumentError: A name or a number is wrong.
        BundleError: A bundle is damaged; the message names it.

    Example:
        >>> app = regard.serve.create_app(["reviews.regard", "de-en.regard"])
        >>> uvicorn.run(app)
    """
    hosts = AllowedHosts(allowed_hosts)
    limits = limits or Limits()
    metrics = Metrics()
    batching = Batching(max_batch, max_wait_ms / 1000, limits.queue)
    models = serve_models(bundles, limits, batching, metrics)
    endpoints = Endpoints(models, limits, metrics, openapi(models))
    app = Starlette(
        routes=[*endpoints.routes(), *page_routes()],
        # From the outside in: a failure gets the headers, the counts, the line of the
        # log and the origins of every reply.
        middleware=[
            Middleware(ReplyMiddleware, metrics),
            Middleware(HostMiddleware, hosts),
            *_cors(cors),
            Middleware(FailureMiddleware),
        ],
        exception_handlers={
            RequestError: problem_response,
            HTTPException: problem_response,
        },
        lifespan=_lifespan(models),
    )
    # It would send others to whatever host they named.
    app.router.redirect_slashes = False
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
            model.open()
        try:
            yield
        finally:
            await asyncio.gather(*(model.stop() for model in models.values()))

    return lifespan


def page_routes() -> list[Route]:
    """The addresses of the page and of what it loads; relative to one another."""
    # The results are drawn by the renderer of `regard.plot`; this is its own style.
    style = page_style() + MAP_STYLE + grey_style() + _file("page.css")
    return [
        _route("/", _file("page.html"), "text/html", _policy()),
        _route("/page.css", style, "text/css"),
        _route("/page.js", _file("page.js"), "text/javascript"),
    ]


def _file(name: str) -> str:
    static = resources.files("regard.serve") / "static"
    return (static / name).read_text("utf-8")


def _policy() -> str:
    """The policy of the page, which lets the page of heads run in its frame.

    That is made of one script, one style sheet and, on elements, the number of heads in
    a row; each is allowed by its hash, and nothing else that is written in a page is.
    """
    seen = AttentionMap(np.ones((1, 1), np.float32), ("heads", "keys"), "")
    page = heads(seen, [""]).to_html()
    scripts = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    styles = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    styles += [f"--heads:{count}" for count in range(1, _HEADS_IN_A_ROW + 1)]
    return POLICY.replace(
        "script-src 'self'", _allowing("script-src", scripts)
    ).replace("style-src 'self'", _allowing("style-src 'unsafe-hashes'", styles))


def _allowing(rule: str, contents: Sequence[str]) -> str:
    digests = (hashlib.sha256(each.encode("utf-8")).digest() for each in contents)
    hashes = (f"'sha256-{base64.b64encode(each).decode()}'" for each in digests)
    return " ".join((rule, "'self'", *hashes))


def _route(
    path: str, content: str, media_type: str, policy: str | None = None
) -> Route:
    headers = {"Cache-Control": "no-cache"}
    if policy is not None:
        headers["Content-Security-Policy"] = policy

    async def endpoint(_: Request) -> Response:
        # Checked again each time: a page and a script of two versions do not fit.
        return Response(content, media_type=media_type, headers=headers)

    return Route(path, endpoint, methods=["GET"])
