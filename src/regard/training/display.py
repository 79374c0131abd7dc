"""How far a training is, shown where somebody looks."""

import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from regard._validate import wrong_value
from regard.training.callbacks import TrainingProgress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

Show: TypeAlias = Callable[[Any], None]

_EXPECTED = "a function of the progress, True, False, or None"
# As wide as a line of a notebook that is written over.
_WIDTH = 96


def check_progress(progress: Any) -> None:
    """Refuse what cannot be told how far a training is, before it begins.

    Raises:
        ArgumentError: It is neither a function nor says whether to show it.
    """
    if (
        progress is not None
        and not isinstance(progress, bool)
        and not callable(progress)
    ):
        raise wrong_value("progress", progress, _EXPECTED)


@contextmanager
def shown_progress(progress: Show | bool | None) -> Iterator[Show | None]:
    """Whom to tell how far a training is.

    Args:
        progress: A function; True: a bar, or lines where there is no terminal; False:
            nobody; None: a bar where standard error is a terminal, lines in a notebook,
            and otherwise nobody: nor in a helping process or thread, such as those of a
            search of scikit-learn, which would write across each other.
    """
    if callable(progress):
        yield progress
    elif progress is False or (progress is None and not _is_looked_at()):
        yield None
    elif _is_notebook():
        yield _lines()
    else:
        with training_bar() as show:
            yield show


@contextmanager
def training_bar() -> Iterator[Show]:
    """A bar for the epoch that runs, above it a line for each that is done.

    Where standard error is no terminal there are only the lines.
    """
    console, bar = console_and_bar()
    with bar:
        task = bar.add_task("preparing", total=None, state="")

        def show(progress: TrainingProgress) -> None:
            bar.update(
                task,
                description=f"epoch {progress.epoch}/{progress.epochs}",
                total=progress.steps,
                completed=progress.step,
                state=_state(progress),
            )
            if progress.step == progress.steps:
                console.print(_line(progress), soft_wrap=True)

        yield show


def console_and_bar() -> "tuple[Console, Progress]":
    """Standard error, and a bar on it that is there where it is a terminal."""
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


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def _lines() -> Show:
    """A line for each epoch, written over while it runs, as a notebook can show it."""

    def show(progress: TrainingProgress) -> None:
        is_over = progress.step == progress.steps
        running = f"epoch {progress.epoch:>2}  {_state(progress)}"
        line = _line(progress) if is_over else running
        sys.stdout.write(f"\r{line:<{_WIDTH}}" + ("\n" if is_over else ""))
        sys.stdout.flush()

    return show


def _state(progress: TrainingProgress) -> str:
    return f"{progress.figures()}  at most {clock(progress.seconds_left)} left"


def _line(progress: TrainingProgress) -> str:
    said = progress.figures_of_epoch()
    return f"epoch {progress.epoch:>2}  {said}  {clock(progress.seconds)}"


def _is_looked_at() -> bool:
    """Whether this is the program that somebody has started, and looks at."""
    if multiprocessing.parent_process() is not None:
        return False
    if threading.current_thread() is not threading.main_thread():
        return False
    # Of a program without a window it is None.
    return _is_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def _is_notebook() -> bool:
    """Whether this is the kernel of a notebook."""
    interactive: Any = sys.modules.get("IPython")
    shell = None if interactive is None else interactive.get_ipython()
    return getattr(shell, "kernel", None) is not None
