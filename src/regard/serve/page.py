"""The page of the service: one HTML, one style sheet, one script."""

from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regard.plot.alignment_page import MAP_STYLE
from regard.plot.document import page_style


def page_routes() -> list[Route]:
    """The addresses of the page and of what it loads; relative to one another."""
    # The results are drawn by the renderer of `regard.plot`; this is its own style.
    style = page_style() + MAP_STYLE + _file("page.css")
    return [
        _route("/", _file("page.html"), "text/html"),
        _route("/page.css", style, "text/css"),
        _route("/page.js", _file("page.js"), "text/javascript"),
    ]


def _file(name: str) -> str:
    static = resources.files("regard.serve") / "static"
    return (static / name).read_text("utf-8")


def _route(path: str, content: str, media_type: str) -> Route:
    async def endpoint(_: Request) -> Response:
        # Checked again each time: a page and a script of two versions do not fit.
        return Response(
            content, media_type=media_type, headers={"Cache-Control": "no-cache"}
        )

    return Route(path, endpoint, methods=["GET"])
