"""``regard trust``: whether the weights of a trained model may be read as reasons."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regard_cli.environment import prepare
from regard_cli.examined_data import (
    Columns,
    Examples,
    is_report,
    read_examined,
    read_targets,
)
from regard_cli.interrupts import INTERRUPTED, ending_at_once, telling_that_it_ends
from regard_cli.options import (
    Json,
    KnownLabel,
    KnownSource,
    KnownText,
    Reading,
    reads_files,
)
from regard_cli.progress_bar import examination_progress, training_progress
from regard_cli.targets import check_page_target, check_writable
from regard_cli.trust_reports import (
    compare_reports,
    keep_report,
    print_report,
    show_report,
)

if TYPE_CHECKING:
    from regard.trust import TrustReport

# Measured, but below what was required.
BELOW = 3
_LEVELS = ("explains", "points only")


@reads_files
def trust(
    *,
    model: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="The model, or a saved report.")
    ],
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]",
            help="Texts the model was not trained on: CSV, TSV, JSON, Parquet, Excel, "
            "or a text a line; or another report, which BUNDLE's is compared with. "
            "Without, the report that is there is shown.",
        ),
    ] = None,
    text: KnownText = None,
    n: Annotated[int, typer.Option(min=1, help="The most texts, drawn from DATA.")] = (
        300
    ),
    budget: Annotated[
        float | None,
        typer.Option(help="End after so many seconds, and judge what was seen."),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="What chance hangs on.")
    ] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Save the report as JSON, too.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page that shows the report with pictures, too."),
    ] = None,
    save: Annotated[
        bool,
        typer.Option(
            "--save", help="Put the report into BUNDLE: its line is shown from then on."
        ),
    ] = False,
    examples: Annotated[
        int,
        typer.Option(
            min=0,
            help="How many of the best and of the worst texts the report quotes; "
            "0: no word of DATA.",
        ),
    ] = 3,
    gold: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column with the words that people marked as reasons: "
            "[[start, end], ...] in characters, or a 0 or 1 a word.",
        ),
    ] = None,
    retrain: Annotated[
        int, typer.Option(min=0, help="Train again from so many other seeds.")
    ] = 0,
    training: Annotated[
        Path | None, typer.Option(help="The file BUNDLE was trained on, for that.")
    ] = None,
    label: KnownLabel = None,
    source: KnownSource = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column with the targets of a translator; by default it is "
            "examined on what it writes itself.",
        ),
    ] = None,
    require: Annotated[
        str | None,
        typer.Option(
            help="End with exit code 3 unless the verdict is this or better: "
            "'explains' or 'points only'."
        ),
    ] = None,
    as_json: Json = False,
    reading: Reading,
) -> None:
    """Say whether the weights of a model deserve to be read as an explanation.

    Ctrl-C ends it with the report on the texts seen so far.
    """
    _check_options(require, budget, retrain, training)
    read = [model, *filter(None, [data, training])]
    for path, hint in ((out, "--out"), (html, "--html")):
        if path is not None:
            _check_target(path, hint, read)
    if model.is_file() or data is None or data.is_dir() or is_report(data):
        if out is not None or save:
            problem = (
                "A report is read here, and no new one is made that could be saved."
            )
            hint = "--save" if save else "--out"
            raise typer.BadParameter(problem, param_hint=hint)
        if data is None:
            verdict = show_report(model, html, as_json)
        else:
            verdict = compare_reports(model, data, html, as_json)
        _require(verdict, require)
        return
    columns = Columns(text, gold, label, source, target)
    prepare()
    with ending_at_once():
        from regard.trust import attach, examine  # noqa: PLC0415 - loads Keras

        trained, texts, marks, again = read_examined(
            model, data, training, save=save, columns=columns, reading=reading
        )
        targets = read_targets(trained, data, columns, reading)

    begin = time.monotonic()
    settings: dict[str, Any] = {
        "n": n,
        "seed": seed,
        "budget": budget,
        "examples": examples,
        **({} if targets is None else {"targets": targets}),
    }
    with (
        _ending("Interrupted before the first texts were seen: there is no report."),
        telling_that_it_ends(),
        examination_progress(budget) as progress,
    ):
        report = examine(
            trained, texts, progress=progress, data=data.name, gold=marks, **settings
        )
    is_whole = _is_whole(report, begin, budget)
    done = 0
    if again is not None and is_whole:
        report = _repeated(
            report, trained, texts, again, times=retrain, settings=settings
        )
        done = len(report.repetitions)
    try:
        keep_report(report, out, html)
        if save and is_whole:
            attach(report, model)
    finally:
        # Where the disk is full, what took minutes is not lost.
        print_report(report, as_json=as_json)
    if marks is not None and report.plausibility is None:
        typer.echo("In none of the texts that were seen a word is marked.", err=True)
    _end_where_interrupted(is_whole, done, retrain, model if save else None)
    _require(report.verdict, require)


def _end_where_interrupted(
    is_whole: bool, done: int, times: int, bundle: Path | None
) -> None:
    """Say what became of the bundle, and end with the code of an interrupt.

    Args:
        is_whole: Whether all texts were seen, or the budget was spent.
        done: How many repetitions were done.
        times: How many there were to be.
        bundle: The bundle that was to get the report.
    """
    if bundle is not None and is_whole:
        typer.echo(f"Put the report into {bundle}.", err=True)
    if not is_whole:
        kept = f" {bundle} stays as it was." if bundle is not None else ""
        said = f"Interrupted: the report is on the texts seen so far.{kept}"
    elif done < times:
        said = (
            f"Interrupted: trained again {done} of {times} times. The verdict is on "
            "all texts."
        )
    else:
        return
    typer.echo(said, err=True)
    raise typer.Exit(INTERRUPTED)


def _check_options(
    require: str | None, budget: float | None, retrain: int, training: Path | None
) -> None:
    """Refuse, before any work is done, options that do not fit."""
    if require is not None and require not in _LEVELS:
        raise typer.BadParameter(
            f"'{require}' is none of {', '.join(map(repr, _LEVELS))}.",
            param_hint="--require",
        )
    if budget is not None and not 0 < budget < math.inf:
        raise typer.BadParameter(
            "It has to be a number of seconds above 0.", param_hint="--budget"
        )
    if retrain and training is None:
        raise typer.BadParameter(
            "A bundle does not hold what it was trained on. Name the file: --training.",
            param_hint="--retrain",
        )
    if training is not None and not retrain:
        raise typer.BadParameter(
            "The file is needed to train again only: --retrain 3.",
            param_hint="--training",
        )


def _check_target(target: Path, hint: str, read: list[Path]) -> None:
    if hint == "--html":
        check_page_target(target)
    check_writable(target, hint)
    if any(each.is_dir() and each.samefile(target.absolute().parent) for each in read):
        raise typer.BadParameter(
            f"{target} would lie in a bundle as a stranger. --save puts the report "
            "there.",
            param_hint=hint,
        )
    if target.exists() and any(
        each.exists() and target.samefile(each) for each in read
    ):
        raise typer.BadParameter(
            f"{target} is read, and would be written over.", param_hint=hint
        )


@contextmanager
def _ending(said: str) -> Iterator[None]:
    """Ends the command in words where an interrupt comes inside the block."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(said, err=True)
        raise typer.Exit(INTERRUPTED) from None


def _repeated(
    report: "TrustReport",
    trained: Any,
    texts: list[str],
    examples: Examples,
    *,
    times: int,
    settings: dict[str, Any],
) -> "TrustReport":
    """The report with what is found of models trained from other seeds.

    An interrupt ends it with those that are done.
    """
    from regard.trust import examine, retrained  # noqa: PLC0415 - loads Keras

    typer.echo(f"{report.line.sentence}.", err=True)
    for seed in range(trained.seed + 1, trained.seed + 1 + times):
        typer.echo(f"Training again from seed {seed}.", err=True)
        try:
            with training_progress() as progress:
                other = retrained(trained, *examples, seed=seed, progress=progress)
            begin = time.monotonic()
            with (
                telling_that_it_ends(),
                examination_progress(settings["budget"]) as examined,
            ):
                found = examine(other, texts, progress=examined, **settings)
        except KeyboardInterrupt:
            break
        if not _is_whole(found, begin, settings["budget"]):
            break
        report = report.repeated(seed, found)
    return report


def _is_whole(report: "TrustReport", begin: float, budget: float | None) -> bool:
    """Whether a report is all that was asked for, and no interrupt ended it."""
    is_spent = budget is not None and time.monotonic() - begin >= budget
    return report.complete or is_spent


def _require(verdict: str, required: str | None) -> None:
    """End with the exit code for it where a verdict is below what is required."""
    if required is not None and verdict not in _LEVELS[: 1 + _LEVELS.index(required)]:
        raise typer.Exit(BELOW)
