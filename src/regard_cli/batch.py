"""``regard batch``: the answers of a model to files of any size, as Parquet."""

from pathlib import Path
from typing import Annotated

import typer

from regard_cli.environment import prepare
from regard_cli.interrupts import INTERRUPTED, telling_at_once
from regard_cli.options import Bundle, KnownText, Reading, reads_files
from regard_cli.progress_bar import batch_progress

# As for ``trust --require``: done, and not all that was wanted.
SET_ASIDE = 3


@reads_files
def batch(
    *,
    bundle: Bundle,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Files of Parquet, CSV or JSON lines, folders of them, or patterns; "
            "also as URIs, such as s3://bucket/texts/*.parquet.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="The folder of the answers; that of a stopped job goes on."),
    ],
    text: KnownText = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="The columns of INPUT that are written beside the answers; by default "
            "all of them.",
        ),
    ] = None,
    attention: Annotated[
        str,
        typer.Option(
            help="How much of the attention is written: full, none, or top:5, the "
            "strongest five weights of each text."
        ),
    ] = "full",
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="End at the first row that cannot be read, in place of setting such "
            "rows aside.",
        ),
    ] = False,
    engine: Annotated[
        str, typer.Option(help="local: this process; ray: processes of Ray.")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(help="A Ray cluster, such as ray://head:10001."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="The processes of Ray; by default one for each processor."
        ),
    ] = None,
    shard_rows: Annotated[
        int,
        typer.Option(
            min=1, help="The most rows of a file of answers: what is done again."
        ),
    ] = 65_536,
    reading: Reading,
) -> None:
    """Answer files of any size into a folder of Parquet; stopped, it goes on."""
    prepare()
    from regard import scale  # noqa: PLC0415 - loads Keras

    try:
        with telling_at_once(), batch_progress() as progress:
            report = scale.run(
                bundle,
                inputs,
                out,
                text=text,
                columns=None if columns is None else columns.split(","),
                engine=engine,
                address=address,
                workers=workers,
                attention=attention,
                strict=strict,
                shard_rows=shard_rows,
                progress=progress,
                **reading,
            )
    except KeyboardInterrupt:
        typer.echo(f"Interrupted. {_how_to_go_on(out)}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except OSError:
        # Such as a full disk: what is wrong is said after it.
        typer.echo(_how_to_go_on(out), err=True)
        raise
    went_on = " The job went on where it was." if report.went_on else ""
    answered = report.rows - report.set_aside
    typer.echo(
        f"Wrote {out}: {_counted(answered, 'answer')} in "
        f"{_counted(report.shards, 'file')}, "
        f"{report.seconds:.1f} s.{went_on}",
        err=True,
    )
    if report.errors is not None:
        typer.echo(
            f"{_set_aside(report.set_aside)} could not be read: see {report.errors}",
            err=True,
        )
        raise typer.Exit(SET_ASIDE)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _set_aside(count: int) -> str:
    # Of what stands behind a place that cannot be decoded nobody knows how much it is.
    return _counted(count, "row") if count else "Some rows"


def _how_to_go_on(out: Path) -> str:
    if any(out.glob("**/*.parquet")):
        return f"{out} has what is done: the same command goes on from there."
    return "Nothing is done yet: the same command begins anew."
