"""The progress of a training, on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from regard.training.progress import ProgressCallback, TrainingProgress
    from regard.translation.progress_state import (
        TranslationCallback,
        TranslationProgress,
    )


@contextmanager
def training_progress() -> "Iterator[ProgressCallback]":
    """A bar for the epoch that runs, above it a line for each that is done.

    Where standard error is no terminal there are only the lines.
    """
    console, bar = _console_and_bar()
    with bar:
        task = bar.add_task("preparing", total=None, state="")

        def show(progress: "TrainingProgress") -> None:
            bar.update(
                task,
                description=f"epoch {progress.epoch}/{progress.epochs}",
                total=progress.steps,
                completed=progress.step,
                state=f"{_training(progress)}  at most {_time(progress.seconds_left)}"
                " left",
            )
            if progress.step == progress.steps:
                console.print(_finished(progress), soft_wrap=True)

        yield show


@contextmanager
def translation_progress() -> "Iterator[TranslationCallback]":
    """As ``training_progress``, for a translator."""
    console, bar = _console_and_bar()
    with bar:
        task = bar.add_task("preparing", total=None, state="")

        def show(progress: "TranslationProgress") -> None:
            speed = f"{progress.tokens_per_second:,.0f} tokens/s"
            bar.update(
                task,
                description=f"epoch {progress.epoch}/{progress.epochs}",
                total=progress.steps,
                completed=progress.step,
                state=f"loss {progress.loss:.3f}  {speed}"
                f"  at most {_time(progress.seconds_left)} left",
            )
            if progress.step == progress.steps:
                line = f"epoch {progress.epoch:>2}  loss {progress.loss:.3f}"
                if progress.validation_loss is not None:
                    line += f"  validation loss {progress.validation_loss:.3f}"
                line += f"  {speed}  {_time(progress.seconds)}"
                console.print(line, soft_wrap=True)

        yield show


def _console_and_bar() -> "tuple[Console, Progress]":
    from rich.console import Console  # noqa: PLC0415 - slow, and --help waits for it
    from rich.progress import (  # noqa: PLC0415 - slow
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
    )

    console = Console(stderr=True, highlight=False)
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[state]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    return console, bar


def _training(progress: "TrainingProgress") -> str:
    return f"loss {progress.loss:.3f}  accuracy {progress.accuracy:.3f}"


def _finished(progress: "TrainingProgress") -> str:
    line = f"epoch {progress.epoch:>2}  {_training(progress)}"
    if progress.validation_loss is not None:
        line += f"  validation loss {progress.validation_loss:.3f}"
    if progress.validation_accuracy is not None:
        line += f"  accuracy {progress.validation_accuracy:.3f}"
    return f"{line}  {_time(progress.seconds)}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
