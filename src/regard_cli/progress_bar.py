"""The progress of a training, on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from regard.classification.trainer import (
        ClassificationCallback,
        ClassificationProgress,
    )
    from regard.scale import BatchProgress
    from regard.translation.trainer import TranslationCallback, TranslationProgress

# Seconds between lines about a long job, where they are kept and not looked at.
_EVERY = 60


def training_progress() -> "AbstractContextManager[ClassificationCallback]":
    """A bar for the epoch that runs, above it a line for each that is done.

    Where standard error is no terminal there are only the lines.
    """
    return _bar(_training, _finished_training)


def translation_progress() -> "AbstractContextManager[TranslationCallback]":
    """As ``training_progress``, for a translator."""
    return _bar(_translation, _finished_translation)


@contextmanager
def examination_progress(
    budget: float | None = None,
) -> Iterator[Callable[[int, int], None]]:
    """A bar for the texts that are examined, with the time left.

    Args:
        budget: It ends after so many seconds.
    """
    _, bar = _console_and_bar()
    begin = time.monotonic()
    with bar:
        state = "the first texts take the longest"
        task = bar.add_task("examining", total=None, state=state)
        first = (0, 0.0)

        def show(done: int, wanted: int) -> None:
            nonlocal first
            spent = time.monotonic() - begin
            # What comes first is compiled besides: the others say how long it takes.
            before, at = first
            left = (spent - at) * (wanted - done) / (done - before)
            first = first if before else (done, spent)
            if budget is not None:
                left = min(left, max(budget - spent, 0))
            state = f"{done} of {wanted} texts  about {_time(left)} left"
            bar.update(task, total=wanted, completed=done, state=state)

        yield show


@contextmanager
def batch_progress() -> "Iterator[Callable[[BatchProgress], None]]":
    """A bar for the rows of a batch job, with their speed and the time left.

    Where standard error is no terminal there is a line a minute.
    """
    console, bar = _console_and_bar()
    with bar:
        task = bar.add_task(
            "answering", total=None, state="the first rows take longest"
        )
        told = time.monotonic()

        def show(progress: "BatchProgress") -> None:
            nonlocal told
            left = progress.seconds_left
            state = f"{progress.rows:,} of about {progress.expected:,.0f} rows"
            state += f"  {progress.rows_per_second:,.0f} rows/s"
            state += "" if left is None else f"  about {_time(left)} left"
            bar.update(
                task, total=progress.expected, completed=progress.rows, state=state
            )
            if bar.disable and time.monotonic() - told > _EVERY:
                told = time.monotonic()
                console.print(state, soft_wrap=True)

        yield show


@contextmanager
def _bar(
    figures: Callable[[Any], str], finished: Callable[[Any], str]
) -> Iterator[Callable[[Any], None]]:
    """A bar that shows the figures of the epoch that runs, and a line at its end."""
    console, bar = _console_and_bar()
    with bar:
        task = bar.add_task("preparing", total=None, state="")

        def show(progress: "ClassificationProgress | TranslationProgress") -> None:
            bar.update(
                task,
                description=f"epoch {progress.epoch}/{progress.epochs}",
                total=progress.steps,
                completed=progress.step,
                state=f"{figures(progress)}  at most {_time(progress.seconds_left)}"
                " left",
            )
            if progress.step == progress.steps:
                line = f"epoch {progress.epoch:>2}  {finished(progress)}"
                line += f"  {_time(progress.seconds)}"
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

    # Said outright: in a notebook rich would draw an output of its own beside standard
    # error, and the kernel asks every program for colours, as if it were a terminal.
    console = Console(
        stderr=True,
        highlight=False,
        force_jupyter=False,
        force_terminal=sys.stderr.isatty(),
    )
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


def _training(progress: "ClassificationProgress") -> str:
    return f"loss {progress.loss:z.3f}  accuracy {progress.accuracy:.3f}"


def _finished_training(progress: "ClassificationProgress") -> str:
    line = _training(progress)
    if progress.validation_loss is not None:
        line += f"  validation loss {progress.validation_loss:z.3f}"
    if progress.validation_accuracy is not None:
        line += f"  accuracy {progress.validation_accuracy:.3f}"
    return line


def _translation(progress: "TranslationProgress") -> str:
    return f"loss {progress.loss:z.3f}  {_speed(progress)}"


def _finished_translation(progress: "TranslationProgress") -> str:
    line = f"loss {progress.loss:z.3f}"
    if progress.validation_loss is not None:
        line += f"  validation loss {progress.validation_loss:z.3f}"
    return f"{line}  {_speed(progress)}"


def _speed(progress: "TranslationProgress") -> str:
    return f"{progress.tokens_per_second:,.0f} tokens/s"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
