"""``regard train translate``: from a file of pairs to a bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regard_cli.environment import prepare
from regard_cli.progress_bar import translation_progress
from regard_cli.targets import check_bundle_target

if TYPE_CHECKING:
    from regard import Translator

INTERRUPTED = 130
_KINDS = "word, character, bpe or unigram"


def train_translate(
    *,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Pairs: CSV, TSV, JSON lines or Parquet; or a text file of sources.",
        ),
    ],
    targets: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TARGETS]", help="The text file of targets, one a line."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder to save the model in.")],
    source: Annotated[
        str, typer.Option(help="The column with the sources.")
    ] = "source",
    target: Annotated[
        str, typer.Option(help="The column with the targets.")
    ] = "target",
    validation: Annotated[
        Path | None,
        typer.Option(
            help="A file to choose the best epoch on; by default a part of DATA."
        ),
    ] = None,
    validation_targets: Annotated[
        Path | None, typer.Option(help="Its targets, where they are a file of text.")
    ] = None,
    vocabulary: Annotated[
        str | None, typer.Option(help=f"The symbols of both sides: {_KINDS}.")
    ] = None,
    source_vocabulary: Annotated[
        str | None, typer.Option(help="Those of the source, where they differ.")
    ] = None,
    target_vocabulary: Annotated[
        str | None, typer.Option(help="Those of the target.")
    ] = None,
    units: Annotated[
        int | None, typer.Option(min=1, help="The width of the recurrent layers.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="The most passes over DATA.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Pairs in a step.")
    ] = None,
    lowercase: Annotated[
        bool, typer.Option("--lowercase", help="Letter case makes no difference.")
    ] = False,
    split: Annotated[
        str | None,
        typer.Option(help="Where words are cut: whitespace, or words."),
    ] = None,
    choose_by: Annotated[
        str, typer.Option(help="What tells the best epoch: loss, or bleu.")
    ] = "loss",
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Begin anew where a training was stopped."),
    ] = False,
    seed: Annotated[int, typer.Option(help="What all random choices hang on.")] = 0,
) -> None:
    """Train a translator on pairs of texts and save it.

    A training that was stopped, by whatever, goes on where it was when the command is
    given again. Ctrl-C ends the training and keeps the best model so far.
    """
    check_bundle_target(out)
    prepare()
    import regard  # noqa: PLC0415 - loads Keras
    from regard.bundle import check_target  # noqa: PLC0415 - loads Keras

    check_target(out)
    settings = {
        "source_vocabulary": source_vocabulary or vocabulary,
        "target_vocabulary": target_vocabulary or vocabulary,
        "units": units,
        "epochs": epochs,
        "batch_size": batch_size,
        "split": split,
        "lowercase": lowercase or None,
    }
    translator = regard.Translator(
        seed=seed,
        **{name: value for name, value in settings.items() if value is not None},
    )
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    if restart:
        checkpoint.unlink(missing_ok=True)
    elif checkpoint.exists():
        typer.echo(f"Going on from {checkpoint}.", err=True)
    pairs = data if targets is None else (data, targets)
    held_out = validation
    if validation is not None and validation_targets is not None:
        held_out = (validation, validation_targets)  # type: ignore[assignment]  # either
    _fit(
        translator,
        pairs,
        source=source,
        target=target,
        validation=held_out,
        choose_by=choose_by,
        checkpoint=checkpoint,
    )
    _finish(translator, out, checkpoint)


def _fit(translator: "Translator", pairs: Any, **options: Any) -> None:
    given = pairs if isinstance(pairs, tuple) else (pairs,)
    try:
        with translation_progress() as show:
            translator.fit(*given, progress=show, **options)
    except KeyboardInterrupt:
        typer.echo("Interrupted before the first epoch: nothing was saved.", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _finish(translator: "Translator", out: Path, checkpoint: Path) -> None:
    translator.save(out)
    typer.echo(f"Saved {out}.", err=True)
    if translator.interrupted:
        typer.echo(
            f"Interrupted: kept the best model so far, and {checkpoint} to go on from.",
            err=True,
        )
        raise typer.Exit(INTERRUPTED)
    checkpoint.unlink(missing_ok=True)
