"""``regard train``: from a file to a bundle."""

import io
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    contextmanager,
    nullcontext,
    redirect_stderr,
    suppress,
)
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from regard_cli.cross_validation import cross_validate
from regard_cli.environment import prepare
from regard_cli.interrupts import telling_that_it_ends
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
    NewBundle,
    Process,
    Processes,
    Reading,
    Restart,
    Seed,
    SourceColumn,
    Stream,
    TargetColumn,
    TextColumn,
    reads_files,
)
from regard_cli.progress_bar import training_progress
from regard_cli.targets import check_bundle_target
from regard_cli.training_data import read_labelled, read_paired
from regard_cli.training_file import ToldTraining, takes_settings
from regard_cli.training_settings import CLASSIFY, TRANSLATE

if TYPE_CHECKING:
    from regard import TextClassifier

FAILED, INTERRUPTED = 1, 130
# So many seconds after a process has died the others end, too.
_LOST_AFTER = 60
Vocabulary: TypeAlias = Literal["word", "character", "bpe", "unigram"]


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
        _check_checkpoint(checkpoint, out, data, validation, vectors)
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

    said = _checked_words(description, examples)
    crew = _join(devices, coordinator, processes, process)
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
        crew.in_first(partial(_claim, out, context))
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
        classifier.cross_validation = _cross_validated(
            make, labelled, weights, fitting, folds=folds, seed=seed
        )
    if out is None:
        return
    _train(
        classifier,
        *labelled,
        crew=crew,
        bar=training_progress,
        out=out,
        checkpoint=checkpoint,
        restart=restart,
        said=said,
        tell=_tell_validation,
        **({} if weights is None else {"sample_weight": weights}),
        **fitting,
    )


def _cross_validated(
    make: Callable[[], Any],
    examples: Any,
    weights: Any,
    fitting: Mapping[str, Any],
    **options: Any,
) -> dict[str, Any]:
    """The measures of a cross-validation, printed; an interrupt ends the command."""
    from regard.training.callbacks import InterruptBetweenSteps  # noqa: PLC0415 - loads Keras

    def fit(model: Any, *data: Any, **more: Any) -> None:
        with (
            training_progress() as show,
            InterruptBetweenSteps().listening(at_once=True),
        ):
            model.fit(*data, progress=show, **fitting, **more)

    with _warnings_as_lines(of_data=False), telling_that_it_ends():
        result, interrupted = cross_validate(
            make, examples, weights, fit=fit, **options
        )
    done = len(result.measured)
    if done:
        typer.echo(result.to_text(), nl=False)
    if interrupted:
        typer.echo(f"Interrupted: {done} of {result.folds} folds done.", err=True)
        raise typer.Exit(INTERRUPTED)
    return result.to_dict()


def _class_weight(given: list[str] | None) -> str | dict[str, float] | None:
    """What ``--class-weight`` says, as the setting takes it.

    Raises:
        typer.BadParameter: It is neither "balanced" nor LABEL=WEIGHT.
    """
    if not given:
        return None
    if given == ["balanced"]:
        return "balanced"
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
    _check_checkpoint(checkpoint, out, data, targets, validation, validation_targets)
    prepare()
    import regard  # noqa: PLC0415 - loads Keras
    from regard.translation import TranslatorConfig  # noqa: PLC0415 - the same

    said = _checked_words(description, examples)
    crew = _join(devices, coordinator, processes, process)
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
    crew.in_first(partial(_claim, out, context))
    with crew.quiet():
        pairs, held_out = read_paired(
            [data, *filter(None, [targets])],
            [*filter(None, [validation, validation_targets])],
            (source, target),
            clean=clean,
            stream=stream,
            reading=reading,
        )
    _train(
        translator,
        *pairs,
        crew=crew,
        bar=training_progress,
        out=out,
        checkpoint=checkpoint,
        restart=restart,
        said=said,
        source=source,
        target=target,
        validation=held_out,
        choose_by=choose_by,
    )


@dataclass(frozen=True)
class _Crew:
    """The processes of a training, of which this is one; mostly the only one.

    Args:
        devices: Those between which batches are cut, as ``Estimator`` takes them.
        is_first: Whether it is this process that talks and writes.
    """

    devices: int | str | None
    is_first: bool = True

    def in_first(self, action: Callable[[], Any]) -> None:
        """Do something in the first process, while the others wait."""
        from regard.training.devices import in_first, sharing  # noqa: PLC0415 - loads Keras

        with sharing(self.devices):
            in_first(action)

    def quiet(self) -> AbstractContextManager[Any]:
        """A block in which the first process alone tells what it reads."""
        return nullcontext() if self.is_first else redirect_stderr(io.StringIO())


def _join(
    devices: str | None,
    coordinator: str | None,
    processes: int | None,
    process: int | None,
) -> _Crew:
    """Check the devices, and be one of the processes that train together.

    Raises:
        ArgumentError: There is no such number of devices, or the backend has no others.
    """
    from regard.training.devices import checked_devices  # noqa: PLC0415 - loads Keras

    number: Any = devices
    with suppress(ValueError, TypeError):
        number = int(number)
    if coordinator is None:
        if processes is not None or process is not None:
            raise typer.BadParameter(
                "They train together with --coordinator, which is missing.",
                param_hint="--processes, --process",
            )
        return _Crew(checked_devices(number))
    number = checked_devices("all" if number is None else number)
    if coordinator == "auto":
        known: dict[str, Any] = {}
    elif processes is None or process is None or not 0 <= process < processes:
        raise typer.BadParameter(
            "It takes the number of processes, and which of them this is: --processes "
            "2 --process 0, and --process 1 on the other host.",
            param_hint="--coordinator",
        )
    elif not _is_address(coordinator):
        raise typer.BadParameter(
            f"{coordinator!r} is no HOST:PORT of the first process.",
            param_hint="--coordinator",
        )
    else:
        known = {
            "coordinator_address": coordinator,
            "num_processes": processes,
            "process_id": process,
            "cluster_detection_method": "deactivate",
        }
    import jax  # noqa: PLC0415 - seldom needed

    # Its own handler of SIGTERM would leave a process that is told to end running.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            **known,
            heartbeat_timeout_seconds=_LOST_AFTER,
            shutdown_timeout_seconds=_LOST_AFTER,
        )
    except (ValueError, RuntimeError) as error:
        problem = str(error)
        if not known:
            problem = "no cluster is found that says where they are. Name the first "
            problem += "one: --coordinator HOST:PORT --processes 2 --process 0."
        raise typer.BadParameter(
            f"The processes do not find each other: {problem}",
            param_hint="--coordinator",
        ) from error
    return _Crew(number, is_first=jax.process_index() == 0)


def _is_address(coordinator: str) -> bool:
    host, _, port = coordinator.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 1 << 16


def _train(
    model: Any,
    *data: Any,
    bar: Callable[[], AbstractContextManager[Any]],
    out: Path,
    checkpoint: Path | None,
    restart: bool,
    said: Mapping[str, Any],
    crew: _Crew,
    tell: Callable[[Any], None] = lambda _: None,
    **options: Any,
) -> None:
    """Train behind a bar, or go on with it, and save what comes of it.

    An interrupt before there is a model ends the command. Once there is one none loses
    it, and nor does a full disk.
    """
    from regard.data.streamed_file import StreamedFile  # noqa: PLC0415 - loads Keras
    from regard.training.callbacks import InterruptBetweenSteps  # noqa: PLC0415 - loads Keras
    from regard.training.example_cache import remove_training  # noqa: PLC0415 - loads Keras

    is_streamed = isinstance(data[0], StreamedFile)
    named = checkpoint is not None
    checkpoint = checkpoint or out.with_name(f"{out.name}.checkpoint")
    crew.in_first(partial(_begin, checkpoint, restart, named=named))
    with (
        _warnings_as_lines(of_data=is_streamed and crew.is_first),
        telling_that_it_ends(),
        InterruptBetweenSteps().listening(at_once=True) as interrupts,
    ):
        try:
            with bar() if crew.is_first else nullcontext(False) as show:
                model.fit(*data, checkpoint=checkpoint, progress=show, **options)
        except KeyboardInterrupt:
            if crew.is_first:
                typer.echo(_without_model(checkpoint), err=True)
            raise typer.Exit(INTERRUPTED) from None
        interrupts.keep()
        interrupts.hold()
        if model.interrupted and crew.is_first:
            typer.echo("Interrupted: keeping the best model so far.", err=True)
        if said:
            model.describe(**said)
        crew.in_first(partial(_save, model, out, checkpoint))
        if crew.is_first:
            tell(model)
        is_interrupted = model.interrupted or interrupts.came
        if not is_interrupted and crew.is_first:
            remove_training(checkpoint)
    if is_interrupted:
        if crew.is_first:
            typer.echo(
                f"{checkpoint} has how far it is: the same command goes on from there.",
                err=True,
            )
        raise typer.Exit(INTERRUPTED)


def _checked_words(
    description: str | None, examples: list[str] | None
) -> dict[str, Any]:
    """What is said of a model, as ``describe`` takes it; refused before it is trained.

    Raises:
        ArgumentError: It is too long, or too much.
    """
    from regard.bundle import About  # noqa: PLC0415 - loads Keras

    About().said(description, examples)
    said = {"description": description, "examples": examples}
    return {name: value for name, value in said.items() if value is not None}


def _check_checkpoint(checkpoint: Path | None, *others: Path | None) -> None:
    """Refuse to take a file that is something else for that of how far a training is.

    Raises:
        typer.BadParameter: It is one of the others.
    """
    if checkpoint is None:
        return
    for other in others:
        if other is not None and checkpoint.resolve() == other.resolve():
            raise typer.BadParameter(
                f"{checkpoint} is the data or the model itself. Choose another name.",
                param_hint="--checkpoint",
            )


def _begin(checkpoint: Path, restart: bool, *, named: bool) -> None:
    from regard.training.checkpoint import is_checkpoint  # noqa: PLC0415 - loads Keras

    if restart:
        # What someone names may be anything.
        if named and checkpoint.is_file() and not is_checkpoint(checkpoint):
            raise typer.BadParameter(
                f"{checkpoint} holds no training that was stopped, and stays as it is. "
                "Remove it, or choose another name with --checkpoint.",
                param_hint="--restart",
            )
        checkpoint.unlink(missing_ok=True)
    elif checkpoint.exists():
        typer.echo(f"Going on from {checkpoint}.", err=True)


def _claim(out: Path, context: typer.Context) -> None:
    """Refuse a place for a model that is taken, and keep it until the command ends.

    Raises:
        ArgumentError: Something that is no bundle is there.
        InUseError: Another training is to end there.
    """
    from regard._lock import locked  # noqa: PLC0415 - loads Keras
    from regard.bundle import check_target  # noqa: PLC0415 - loads Keras

    check_target(out)
    context.with_resource(locked(out))


def _tell_validation(classifier: "TextClassifier") -> None:
    from regard.kinds import kind_of  # noqa: PLC0415 - loads Keras

    if classifier.validation is not None:
        table = kind_of(classifier).evaluation_table(classifier.validation)
        typer.echo("On the validation examples:", err=True)
        typer.echo(table, nl=False)


def _without_model(checkpoint: Path) -> str:
    if checkpoint.exists():
        return (
            "Interrupted before the end of the first epoch: there is no model yet. "
            f"{checkpoint} has how far it is: the same command goes on from there."
        )
    return "Interrupted before the end of the first epoch: nothing was saved."


def _save(model: Any, out: Path, checkpoint: Path) -> None:
    """Save a model, somewhere else where its place cannot take it.

    Raises:
        OSError: No place could; what it was trained to is in the checkpoint.
    """
    try:
        model.save(out)
    except OSError as error:
        problem = f"{out} cannot be written: {error.strerror or error}."
        for folder in (Path.cwd(), Path(tempfile.gettempdir()), Path.home()):
            with suppress(OSError):
                other = Path(tempfile.mkdtemp(prefix="regard-", dir=folder))
                try:
                    model.save(other / out.name)
                except OSError:
                    other.rmdir()
                    continue
                typer.echo(
                    f"Error: {problem} The model is in {other / out.name}.", err=True
                )
                raise typer.Exit(FAILED) from error
        rest = ""
        if checkpoint.exists():
            rest = f" The training is in {checkpoint}: make room, and the same command "
            rest += "ends it."
        raise OSError(f"{problem} The model could be saved nowhere.{rest}") from error
    typer.echo(f"Saved {out}.", err=True)


@contextmanager
def _warnings_as_lines(*, of_data: bool) -> Iterator[None]:
    """Say as a line for people, at once, that a checkpoint cannot be written.

    Args:
        of_data: Whether to say, too, what looks wrong in the data, or that was told
            with the data.
    """
    from regard.errors import CheckpointWarning, DataWarning  # noqa: PLC0415 - loads Keras

    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        if issubclass(category, CheckpointWarning | DataWarning):
            typer.echo(f"Warning: {message}", err=True)
        else:
            usual(message, category, *place)

    usual = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always", CheckpointWarning)
        warnings.simplefilter("always" if of_data else "ignore", DataWarning)
        warnings.showwarning = show  # type: ignore[assignment]  # it takes whatever comes
        yield
