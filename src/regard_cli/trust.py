"""``regard trust``: whether the weights of a trained model may be read as reasons."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from regard_cli.environment import prepare
from regard_cli.options import Json, TextColumn
from regard_cli.progress_bar import examination_progress
from regard_cli.targets import check_writable

#: Measured, but below what was required; ended by the user.
BELOW, INTERRUPTED = 3, 130
_LEVELS = ("explains", "points only")


def trust(
    *,
    model: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="The model, or a saved report.")
    ],
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Texts the model was not trained on: CSV, TSV, JSON lines, Parquet or "
            "a text a line; or another report, to be compared.",
        ),
    ],
    text: TextColumn = "text",
    n: Annotated[int, typer.Option(min=1, help="The most texts, drawn from DATA.")] = (
        300
    ),
    budget: Annotated[
        float | None,
        typer.Option(help="End after so many seconds, and judge what was seen."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="What chance hangs on.")] = 0,
    encoding: Annotated[
        str, typer.Option(help="The encoding of a DATA that is a table.")
    ] = "utf-8",
    out: Annotated[
        Path | None, typer.Option(help="Save the report as JSON, too.")
    ] = None,
    require: Annotated[
        str | None,
        typer.Option(
            help="End with exit code 3 unless the verdict is this or better: "
            "'explains' or 'points only'."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether the weights of a model deserve to be read as an explanation."""
    if require is not None and require not in _LEVELS:
        raise typer.BadParameter(
            f"'{require}' is none of {', '.join(map(repr, _LEVELS))}.",
            param_hint="--require",
        )
    if budget is not None and not budget > 0:
        raise typer.BadParameter("It has to be above 0.", param_hint="--budget")
    if out is not None:
        check_writable(out, "--out")
        if out.exists() and any(
            each.exists() and out.samefile(each) for each in (model, data)
        ):
            raise typer.BadParameter(
                f"{out} is read, and would be written over.", param_hint="--out"
            )
    if model.is_file() and data.is_file():
        if out is not None:
            raise typer.BadParameter(
                "Two reports are compared: there is no new one to save.",
                param_hint="--out",
            )
        _require(_compare(model, data, as_json), require)
        return
    prepare()
    import regard  # noqa: PLC0415 - loads Keras
    from regard import trust as examination  # noqa: PLC0415 - the same

    trained = regard.load(model)
    texts = _texts(data, text, encoding)
    begin = time.monotonic()
    with examination_progress() as progress:
        report = examination.examine(
            trained,
            texts,
            n=n,
            seed=seed,
            budget=budget,
            progress=progress,
            data=data.name,
        )
    is_spent = budget is not None and time.monotonic() - begin >= budget
    if out is not None:
        report.save(out)
    typer.echo(
        json.dumps(report.to_dict(), ensure_ascii=False)
        if as_json
        else report.to_text(),
        nl=as_json,
    )
    if not (report.complete or is_spent):
        typer.echo("Interrupted: the report is on the texts seen so far.", err=True)
        raise typer.Exit(INTERRUPTED)
    _require(report.verdict, require)


def _require(verdict: str, required: str | None) -> None:
    """End with the exit code for it where a verdict is below what is required."""
    if required is not None and verdict not in _LEVELS[: 1 + _LEVELS.index(required)]:
        raise typer.Exit(BELOW)


def _compare(before: Path, after: Path, as_json: bool) -> str:
    """Print what differs between two reports, and return the verdict of the later."""
    from regard.trust import TrustReport, changes  # noqa: PLC0415 - loads Keras

    reports = TrustReport.load(before), TrustReport.load(after)
    said = changes(*reports)
    if as_json:
        typer.echo(json.dumps({"changes": said}, ensure_ascii=False))
    else:
        for line in said or ["Nothing changed."]:
            typer.echo(line)
    return reports[1].verdict


def _texts(data: Path, column: str, encoding: str) -> list[str]:
    """The texts of a table, or of a plain file with one a line."""
    from regard.data import iterate_lines, iterate_rows, open_binary  # noqa: PLC0415 - loads Keras

    name = data.name.lower().removesuffix(".gz")
    is_plain = name.endswith(".txt")
    if is_plain and encoding.lower().replace("-", "").replace("_", "") != "utf8":
        raise typer.BadParameter(
            "A file with a text a line is read as UTF-8. Save it so, or as a table.",
            param_hint="--encoding",
        )
    if not is_plain:
        return [row[0] for row in iterate_rows(data, [column], encoding=encoding)]
    with open_binary(data) as file:
        return list(iterate_lines(file, str(data)))
