"""``regard train``: from a file to a bundle."""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regard_cli.environment import prepare
from regard_cli.options import (
    Clean,
    Epochs,
    LabelColumn,
    NewBundle,
    Reading,
    Seed,
    SourceColumn,
    TargetColumn,
    TextColumn,
    reads_files,
)
from regard_cli.progress_bar import training_progress, translation_progress
from regard_cli.targets import check_bundle_target
from regard_cli.training_data import read_labelled, read_paired

if TYPE_CHECKING:
    from regard import TextClassifier, Translator

INTERRUPTED = 130
_VOCABULARIES = "word, character, bpe or unigram"


@reads_files
def train_classify(
    *,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="Labelled texts: CSV, TSV, JSON, Parquet or Excel."
        ),
    ],
    out: NewBundle,
    text: TextColumn = "text",
    label: LabelColumn = "label",
    validation: Annotated[
        Path | None,
        typer.Option(
            help="A file to choose the best epoch on; by default a tenth of DATA."
        ),
    ] = None,
    epochs: Epochs = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Texts in a step.")
    ] = None,
    seed: Seed = 0,
    clean: Clean = False,
    reading: Reading,
) -> None:
    """Train a text classifier on a file and save it.

    Ctrl-C ends the training and keeps the best model so far.
    """
    check_bundle_target(out)
    prepare()
    import regard  # noqa: PLC0415 - loads Keras
    from regard.bundle import check_target  # noqa: PLC0415 - loads Keras

    check_target(out)
    examples, held_out = read_labelled(
        data, validation, (text, label), clean=clean, reading=reading
    )
    classifier = regard.TextClassifier(seed=seed)
    _fit(
        classifier,
        *examples,
        bar=training_progress,
        text=text,
        label=label,
        validation=held_out,
        epochs=epochs,
        batch_size=batch_size,
    )
    _save_classifier(classifier, out)


@reads_files
def train_translate(
    *,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Pairs: CSV, TSV, JSON, Parquet, Excel; or a text file of sources.",
        ),
    ],
    targets: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TARGETS]", help="The text file of targets, one a line."
        ),
    ] = None,
    out: NewBundle,
    source: SourceColumn = "source",
    target: TargetColumn = "target",
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
        str | None, typer.Option(help=f"The symbols of both sides: {_VOCABULARIES}.")
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
    epochs: Epochs = None,
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
    clean: Clean = False,
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Begin anew where a training was stopped."),
    ] = False,
    seed: Seed = 0,
    reading: Reading,
) -> None:
    """Train a translator on pairs of texts and save it.

    A training that was stopped, by whatever, goes on where it was when the command is
    given again. Ctrl-C ends the training and keeps the best model so far.
    """
    check_bundle_target(out)
    if validation_targets is not None and validation is None:
        raise typer.BadParameter(
            "They are the targets of --validation, which is missing.",
            param_hint="--validation-targets",
        )
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
    pairs, held_out = read_paired(
        [data, *filter(None, [targets])],
        [*filter(None, [validation, validation_targets])],
        (source, target),
        clean=clean,
        reading=reading,
    )
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    if restart:
        checkpoint.unlink(missing_ok=True)
    elif checkpoint.exists():
        typer.echo(f"Going on from {checkpoint}.", err=True)
    _fit(
        translator,
        *pairs,
        bar=translation_progress,
        source=source,
        target=target,
        validation=held_out,
        choose_by=choose_by,
        checkpoint=checkpoint,
    )
    _save_translator(translator, out, checkpoint)


def _fit(
    model: Any,
    *data: Any,
    bar: Callable[[], AbstractContextManager[Any]],
    **options: Any,
) -> None:
    """Train behind a bar; an interrupt before there is a model ends the command."""
    from regard.errors import DataWarning  # noqa: PLC0415 - loads Keras

    try:
        with bar() as show, warnings.catch_warnings():
            # What looks wrong was told with the data.
            warnings.simplefilter("ignore", DataWarning)
            model.fit(*data, progress=show, **options)
    except KeyboardInterrupt:
        typer.echo("Interrupted before the first epoch: nothing was saved.", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _save_classifier(classifier: "TextClassifier", out: Path) -> None:
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


def _save_translator(translator: "Translator", out: Path, checkpoint: Path) -> None:
    translator.save(out)
    typer.echo(f"Saved {out}.", err=True)
    if translator.interrupted:
        typer.echo(
            f"Interrupted: kept the best model so far, and {checkpoint} to go on from.",
            err=True,
        )
        raise typer.Exit(INTERRUPTED)
    checkpoint.unlink(missing_ok=True)
