"""``regard demo``: both main jobs once, on data made on the spot."""

from pathlib import Path
from typing import Annotated

import typer

from regard_cli.environment import prepare


def demo(
    out: Annotated[
        Path, typer.Option(help="The folder for the pages and the trained models.")
    ] = Path("demo"),
    seed: Annotated[int, typer.Option(help="What all random choices hang on.")] = 0,
) -> None:
    """Classify messages and rewrite dates; show what the models looked at."""
    prepare()
    from regard_cli.demo_dates import demo_dates  # noqa: PLC0415 - loads Keras
    from regard_cli.demo_messages import demo_messages  # noqa: PLC0415 - loads Keras

    out.mkdir(parents=True, exist_ok=True)
    demo_messages(out, seed)
    demo_dates(out, seed)
