"""``regard serve``: predictions over HTTP, and a page for people."""

from pathlib import Path
from typing import Annotated

import typer

from regard_cli.environment import prepare


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
) -> None:
    """Answer over HTTP, and show a page, until a signal ends it."""
    prepare()
    from regard_cli.serving import Settings, run  # noqa: PLC0415 - loads Keras

    run(Settings(tuple(bundles), max_batch, max_wait_ms), host, port, workers)
