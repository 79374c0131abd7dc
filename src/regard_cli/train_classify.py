"""``regard train classify``: from a file of labelled texts to a bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regard_cli.environment import prepare
from regard_cli.progress_bar import training_progress
from regard_cli.targets import check_bundle_target

if TYPE_CHECKING:
    from regard import TextClassifier

INTERRUPTED = 130
Pairs = tuple[list[str], list[str]]


def train_classify(
    *,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="Labelled texts: CSV, TSV, JSON lines or Parquet."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder to save the model in.")],
    text: Annotated[str, typer.Option(help="The column with the texts.")] = "text",
    label: Annotated[str, typer.Option(help="The column with the labels.")] = "label",
    validation: Annotated[
        Path | None,
        typer.Option(
            help="A file to choose the best epoch on; by default a tenth of DATA."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="The most passes over DATA.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Texts in a step.")
    ] = None,
    seed: Annotated[int, typer.Option(help="What all random choices hang on.")] = 0,
    encoding: Annotated[str, typer.Option(help="The encoding of the files.")] = "utf-8",
) -> None:
    """Train a text classifier on a file and save it.

    Ctrl-C ends the training and keeps the best model so far.
    """
    check_bundle_target(out)
    prepare()
    import regard  # noqa: PLC0415 - loads Keras
    from regard.bundle import check_target  # noqa: PLC0415 - loads Keras
    from regard.data import read_examples  # noqa: PLC0415 - loads Keras

    check_target(out)
    pairs = read_examples(data, text, label, encoding=encoding)
    known = set(pairs[1])
    held_out: Pairs | None = None
    if validation is not None:
        held_out = read_examples(
            validation, text, label, encoding=encoding, known_labels=known
        )
    typer.echo(f"{len(pairs[0]):,} texts, {len(known):,} labels", err=True)
    classifier = regard.TextClassifier(seed=seed)
    _fit(classifier, pairs, held_out, epochs, batch_size)
    _finish(classifier, out)


def _fit(
    classifier: "TextClassifier",
    pairs: Pairs,
    held_out: Pairs | None,
    epochs: int | None,
    batch_size: int | None,
) -> None:
    try:
        with training_progress() as show:
            classifier.fit(
                *pairs,
                validation=held_out,
                epochs=epochs,
                batch_size=batch_size,
                progress=show,
            )
    except KeyboardInterrupt:
        typer.echo("Interrupted before the first epoch: nothing was saved.", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _finish(classifier: "TextClassifier", out: Path) -> None:
    from regard.kinds import kind_of  # noqa: PLC0415 - loads Keras

    if classifier.interrupted:
        typer.echo("Interrupted: keeping the best model so far.", err=True)
    classifier.save(out)
    if classifier.validation is not None:
        typer.echo("On the validation examples:", err=True)
        typer.echo(
            kind_of(classifier).evaluation_table(classifier.validation), nl=False
        )
    typer.echo(f"Saved {out}.", err=True)
    if classifier.interrupted:
        raise typer.Exit(INTERRUPTED)
