"""The course of a training: its checkpoint, its end, and where its model is saved."""

import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import typer

from regard_cli.interrupts import INTERRUPTED, telling_that_it_ends
from regard_cli.progress_bar import training_progress
from regard_cli.training_crew import Crew

_FAILED = 1


def check_checkpoint(checkpoint: Path | None, *others: Path | None) -> None:
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


def claim(out: Path, context: typer.Context) -> None:
    """Refuse a place for a model that is taken, and keep it until the command ends.

    Raises:
        ArgumentError: Something that is no bundle is there.
        InUseError: Another training is to end there.
    """
    from regard._lock import locked  # noqa: PLC0415 - loads Keras
    from regard.bundle import check_target  # noqa: PLC0415 - loads Keras

    check_target(out)
    context.with_resource(locked(out))


def checked_words(
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


def train_and_save(
    model: Any,
    *data: Any,
    out: Path,
    checkpoint: Path | None,
    restart: bool,
    said: Mapping[str, Any],
    crew: Crew,
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
        warnings_as_lines(of_data=is_streamed and crew.is_first),
        telling_that_it_ends(),
        InterruptBetweenSteps().listening(at_once=True) as interrupts,
    ):
        try:
            with training_progress() if crew.is_first else nullcontext(False) as show:
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
                raise typer.Exit(_FAILED) from error
        rest = ""
        if checkpoint.exists():
            rest = f" The training is in {checkpoint}: make room, and the same command "
            rest += "ends it."
        raise OSError(f"{problem} The model could be saved nowhere.{rest}") from error
    typer.echo(f"Saved {out}.", err=True)


@contextmanager
def warnings_as_lines(*, of_data: bool) -> Iterator[None]:
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
