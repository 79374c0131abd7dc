"""``regard train translate``: from files of pairs to a bundle."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from regard_cli.environment import prepare
from regard_cli.options import (
    Checkpoint,
    Clean,
    Coordinator,
    Description,
    Devices,
    Epochs,
    Examples,
    NewBundle,
    Process,
    Processes,
    Reading,
    Restart,
    Seed,
    SourceColumn,
    Stream,
    TargetColumn,
    reads_files,
)
from regard_cli.targets import check_bundle_target
from regard_cli.training_crew import join_crew
from regard_cli.training_data import read_paired
from regard_cli.training_file import ToldTraining, takes_settings
from regard_cli.training_session import (
    check_checkpoint,
    checked_words,
    claim,
    train_and_save,
)
from regard_cli.training_settings import TRANSLATE

Vocabulary: TypeAlias = Literal["word", "character", "bpe", "unigram"]


@takes_settings(TRANSLATE)
@reads_files
def train_translate(
    *,
    context: typer.Context,
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
        Vocabulary | None, typer.Option(help="The symbols of both sides.")
    ] = None,
    source_vocabulary: Annotated[
        Vocabulary | None, typer.Option(help="Those of the source, where they differ.")
    ] = None,
    target_vocabulary: Annotated[
        Vocabulary | None, typer.Option(help="Those of the target.")
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
        Literal["whitespace", "words"] | None,
        typer.Option(
            help="Where words are cut: at white space, or at all that is no letter."
        ),
    ] = None,
    choose_by: Annotated[
        Literal["loss", "bleu"], typer.Option(help="What tells the best epoch.")
    ] = "loss",
    description: Description = None,
    examples: Examples = None,
    clean: Clean = False,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = None,
    process: Process = None,
    stream: Stream = None,
    checkpoint: Checkpoint = None,
    restart: Restart = False,
    seed: Seed = 0,
    reading: Reading,
    told: ToldTraining,
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
    check_checkpoint(checkpoint, out, data, targets, validation, validation_targets)
    prepare()
    import regard  # noqa: PLC0415 - loads Keras
    from regard.translation import TranslatorConfig  # noqa: PLC0415 - the same

    said = checked_words(description, examples)
    crew = join_crew(devices, coordinator, processes, process)
    options = {
        "source_vocabulary": source_vocabulary or vocabulary,
        "target_vocabulary": target_vocabulary or vocabulary,
        "units": units,
        "epochs": epochs,
        "batch_size": batch_size,
        "split": split,
        "lowercase": lowercase or None,
    }
    settings = {name: value for name, value in options.items() if value is not None}
    settings |= told.settings(TranslatorConfig)
    translator = regard.Translator(seed=seed, devices=crew.devices, **settings)
    translator.command = told.to_dict()
    crew.in_first(partial(claim, out, context))
    with crew.quiet():
        pairs, held_out = read_paired(
            [data, *filter(None, [targets])],
            [*filter(None, [validation, validation_targets])],
            (source, target),
            clean=clean,
            stream=stream,
            reading=reading,
        )
    train_and_save(
        translator,
        *pairs,
        crew=crew,
        out=out,
        checkpoint=checkpoint,
        restart=restart,
        said=said,
        source=source,
        target=target,
        validation=held_out,
        choose_by=choose_by,
    )
