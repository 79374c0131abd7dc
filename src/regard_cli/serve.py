"""``regard serve``: predictions over HTTP, and a page for people.

The service runs under uvicorn, in this process or in several.
"""

import errno
import gc
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from regard_cli.environment import prepare

if TYPE_CHECKING:
    from starlette.applications import Starlette

# Connections that wait to be accepted while everyone is busy.
_BACKLOG = 2_048
# A worker that loads its models says nothing for a while.
_PATIENCE = 120


@dataclass(frozen=True)
class ServiceSettings:
    """Bundles and batches of a service; goes to worker processes as it is."""

    bundles: tuple[Path, ...]
    max_batch: int
    max_wait_ms: float
    allowed_hosts: tuple[str, ...]

    def application(self) -> "Starlette":
        """The service."""
        from regard.serve import create_app  # noqa: PLC0415 - needs the extra

        app = create_app(
            self.bundles,
            max_batch=self.max_batch,
            max_wait_ms=self.max_wait_ms,
            allowed_hosts=self.allowed_hosts,
        )
        threading.Thread(target=_keep_what_stays, args=(app,), daemon=True).start()
        return app


def serve(
    *,
    bundles: Annotated[
        list[Path], typer.Argument(metavar="BUNDLE...", help="The trained models.")
    ],
    host: Annotated[
        str, typer.Option(help="The address to listen at; by default this machine's.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port; 0: any that is free.")
    ] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes, each with its own models.")
    ] = 1,
    max_batch: Annotated[
        int, typer.Option(min=1, max=256, help="The most texts computed together.")
    ] = 32,
    max_wait_ms: Annotated[
        float,
        typer.Option(min=0, help="How long a text waits for others while idle."),
    ] = 0.0,
    allowed_hosts: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST,...",
            help="The hosts it answers for beside localhost, by the Host of requests: "
            "example.org, *.example.org, an address, 10.1.0.0/16; * for any.",
        ),
    ] = None,
) -> None:
    """Answer over HTTP, and show a page, until a signal ends it."""
    prepare()
    from regard.serve.hosts import hosts_of  # noqa: PLC0415 - needs the extra

    given = [name.strip() for names in allowed_hosts or () for name in names.split(",")]
    hosts = hosts_of(host, given)
    settings = ServiceSettings(tuple(bundles), max_batch, max_wait_ms, hosts)
    _run(settings, host, port, workers)


def _run(settings: ServiceSettings, host: str, port: int, workers: int) -> None:
    """Serve until a signal says to end; then finish what is under way.

    Raises:
        MissingExtraError: What serves is not installed.
        BundleError: A bundle is damaged.
        OSError: The address cannot be listened at.
    """
    from regard.errors import MissingExtraError  # noqa: PLC0415 - loads Keras

    try:
        import uvicorn  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError("The service", "uvicorn", "serve") from error

    from regard.serve.connections import (  # noqa: PLC0415 - the same
        Connection,
        Listener,
        Room,
    )

    signal.signal(signal.SIGTERM, _leave)
    with _listening(host, port) as bound, tempfile.TemporaryDirectory() as counts:
        common: dict[str, Any] = {
            "log_config": None,
            "access_log": False,
            "server_header": False,
            "backlog": _BACKLOG,
            "http": partial(Connection, Room()),
            # Another event loop would not ask the socket how it accepts.
            "loop": "asyncio",
            "ws": "none",
            # Nothing here asks where a request comes from.
            "proxy_headers": False,
        }
        if workers > 1:
            # Before anything is imported that counts: workers add up their counts here.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts
        else:
            _log_as_json()
        app = settings.application()
        _announce(bound, app)
        with Listener.of(bound) as listening:
            if workers == 1:
                uvicorn.Server(uvicorn.Config(app, **common)).run([listening])
                return
            config = uvicorn.Config(
                partial(_worker, settings),
                factory=True,
                workers=workers,
                timeout_worker_healthcheck=_PATIENCE,
                **common,
            )
            _run_workers(config, listening)


def _run_workers(config: Any, listening: socket.socket) -> None:
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415 - an extra

    Multiprocess(config, [listening]).run()


def _worker(settings: ServiceSettings) -> "Starlette":
    """The service in a process of its own."""
    prepare()
    _log_as_json()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return settings.application()


def _end_with_parent() -> None:
    """End as asked when the process that would ask is killed itself."""
    import multiprocessing  # noqa: PLC0415 - slow, and --help waits for it

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small replies at once only where the protocol is named: otherwise
    # each waits 40 ms for the client to acknowledge its head.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    # A host that is no name cannot even be encoded.
    except (OSError, UnicodeError) as error:
        listening.close()
        raise OSError(_unbound(error, host, port)) from error
    return listening


def _unbound(error: Exception, host: str, port: int) -> str:
    """Why an address cannot be listened at, and what to do."""
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is taken: something listens there already. Choose "
            f"another one, for example --port {port + 1}, or 0 for any that is free."
        )
    if number == errno.EACCES:
        return f"Port {port} may not be listened at. Choose one from 1024 on: --port."
    if isinstance(error, UnicodeError | socket.gaierror) or (
        number == errno.EADDRNOTAVAIL
    ):
        return (
            f"{host!r} is no address of this machine. Choose another one with --host: "
            "127.0.0.1 for this machine alone, 0.0.0.0 for all that reach it."
        )
    return f"{host}, port {port}, cannot be listened at: {error}."


def _announce(listening: socket.socket, app: "Starlette") -> None:
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    models = ", ".join(app.state.models)
    typer.echo(f"Serving {models} at http://{shown}:{port}/", err=True)


def _log_as_json() -> None:
    from regard.serve.log_lines import (  # noqa: PLC0415 - as above
        JsonLines,
        LineWriter,
        Repetitions,
    )

    handler = LineWriter()
    handler.setFormatter(JsonLines())
    handler.addFilter(Repetitions())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for name in ("regard", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)


def _keep_what_stays(app: "Starlette") -> None:
    """Tell the garbage collector of what will not become garbage.

    It would look through all that was loaded and compiled again and again, a quarter of
    the time of a busy service.
    """
    models = app.state.models.values()
    ready = [model.ready for model in models]
    for events in (ready, [model.warm_up.complete for model in models]):
        for event in events:
            event.wait()
        gc.collect()
        gc.freeze()


def _leave(*_: object) -> NoReturn:
    """End as asked: what was under way is finished by then."""
    sys.exit(0)
