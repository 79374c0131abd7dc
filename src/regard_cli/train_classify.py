"""``regard train classify``: from a file of labelled texts to a bundle."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regard_cli.cross_validation import show_cross_validation
from regard_cli.environment import prepare
from regard_cli.options import (
    Checkpoint,
    Clean,
    Coordinator,
    Description,
    Devices,
    Epochs,
    Examples,
    LabelColumn,
    LabelSeparator,
    MaybeBundle,
    Process,
    Processes,
    Reading,
    Restart,
    Seed,
    Stream,
    TextColumn,
    reads_files,
)
from regard_cli.targets import check_bundle_target
from regard_cli.training_crew import join_crew
from regard_cli.training_data import read_labelled
from regard_cli.training_file import ToldTraining, takes_settings
from regard_cli.training_session import (
    check_checkpoint,
    checked_words,
    claim,
    train_and_save,
)
from regard_cli.training_settings import CLASSIFY

if TYPE_CHECKING:
    from regard import TextClassifier


@takes_settings(CLASSIFY)
@reads_files
def train_classify(
    *,
    context: typer.Context,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="Labelled texts: CSV, TSV, JSON, Parquet or Excel."
        ),
    ],
    out: MaybeBundle = None,
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
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = None,
    process: Process = None,
    checkpoint: Checkpoint = None,
    restart: Restart = False,
    seed: Seed = 0,
    description: Description = None,
    examples: Examples = None,
    clean: Clean = False,
    stream: Stream = None,
    class_weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="balanced|LABEL=WEIGHT",
            help="How much examples count by their label; may be repeated.",
        ),
    ] = None,
    sample_weight: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="The column that says how much an example counts."
        ),
    ] = None,
    choose_by: Annotated[
        Literal["accuracy", "balanced_accuracy", "macro_f1", "loss"] | None,
        typer.Option(
            help="What tells the best epoch; by default accuracy, of several labels "
            "macro_f1."
        ),
    ] = None,
    label_separator: LabelSeparator = None,
    folds: Annotated[
        int | None,
        typer.Option(
            "--cross-validate",
            metavar="K",
            min=2,
            help="Train K times without a K-th of DATA and measure on that; then train "
            "on all of it where there is --out.",
        ),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            help="Word vectors of GloVe, word2vec or fastText (.vec) to start from."
        ),
    ] = None,
    freeze_vectors: Annotated[
        bool, typer.Option("--freeze-vectors", help="Keep them as they are.")
    ] = False,
    encoder: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="A preset of KerasHub, backbone and tokenizer, to train on.",
        ),
    ] = None,
    reading: Reading,
    told: ToldTraining,
) -> None:
    """Train a text classifier on a file and save it.

    A training that was stopped, by whatever, goes on where it was when the command is
    given again. Ctrl-C ends the training and keeps the best model so far.
    """
    if out is not None:
        check_bundle_target(out)
        check_checkpoint(checkpoint, out, data, validation, vectors)
    elif folds is None:
        raise typer.BadParameter(
            "The folder to save the model in is missing.", param_hint="--out"
        )
    if folds is not None and (stream or coordinator):
        raise typer.BadParameter(
            "It holds DATA in memory, in one process.", param_hint="--cross-validate"
        )
    prepare()
    import regard  # noqa: PLC0415 - loads Keras
    from regard.classification import TextClassifierConfig  # noqa: PLC0415 - the same

    said = checked_words(description, examples)
    crew = join_crew(devices, coordinator, processes, process)
    options = {
        "class_weight": _class_weight(class_weight),
        "choose_by": choose_by,
        "freeze_vectors": freeze_vectors or None,
    }
    if vectors is not None and not vectors.is_file():
        raise typer.BadParameter(f"There is no file {vectors}.", param_hint="--vectors")
    if encoder is not None and not (encoder / "config.json").is_file():
        problem = f"{encoder} is no folder in which KerasHub saved a preset."
        raise typer.BadParameter(problem, param_hint="--encoder")
    settings = {name: value for name, value in options.items() if value is not None}
    settings |= told.settings(TextClassifierConfig)
    known = {} if encoder is None else {"encoder": str(encoder)}
    make = partial(
        regard.TextClassifier, seed, devices=crew.devices, **known, **settings
    )
    classifier = make()
    classifier.command = told.to_dict()
    if out is not None:
        crew.in_first(partial(claim, out, context))
    with crew.quiet():
        labelled, held_out, weights = read_labelled(
            data,
            validation,
            (text, label),
            clean=clean,
            stream=False if folds is not None or (encoder and not stream) else stream,
            reading=reading,
            weight=sample_weight,
            separator=label_separator,
        )
    fitting = {
        "text": text,
        "label": label,
        "validation": held_out,
        **({} if vectors is None else {"vectors": vectors}),
        **({} if label_separator is None else {"label_separator": label_separator}),
        **told.options(epochs=epochs, batch_size=batch_size),
    }
    if folds is not None:
        classifier.cross_validation = show_cross_validation(
            make, labelled, weights, fitting, folds=folds, seed=seed
        )
    if out is None:
        return
    train_and_save(
        classifier,
        *labelled,
        crew=crew,
        out=out,
        checkpoint=checkpoint,
        restart=restart,
        said=said,
        tell=_tell_validation,
        **({} if weights is None else {"sample_weight": weights}),
        **fitting,
    )


def _class_weight(given: list[str] | None) -> str | dict[str, float] | None:
    """What ``--class-weight`` says, as the setting takes it.

    Raises:
        typer.BadParameter: It is neither "balanced" nor LABEL=WEIGHT.
    """
    if not given:
        return None
    if set(given) == {"balanced"}:
        return "balanced"
    if "balanced" in given:
        raise typer.BadParameter(
            "balanced weighs every label: leave it or the weights of labels out.",
            param_hint="--class-weight",
        )
    weights = {}
    for one in given:
        name, _, number = one.rpartition("=")
        try:
            weights[name] = float(number)
        except ValueError:
            name = ""
        if not name:
            raise typer.BadParameter(
                f"{one!r} is neither balanced nor LABEL=WEIGHT.",
                param_hint="--class-weight",
            )
    return weights


def _tell_validation(classifier: "TextClassifier") -> None:
    from regard.kinds import kind_of  # noqa: PLC0415 - loads Keras

    if classifier.validation is not None:
        table = kind_of(classifier).evaluation_table(classifier.validation)
        typer.echo("On the validation examples:", err=True)
        typer.echo(table, nl=False)
