"""The progress of a training, on standard error."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from regard.scale import BatchProgress

# Seconds between lines about a long job, where they are kept and not looked at.
_EVERY = 60


def training_progress() -> "AbstractContextManager[Callable[[Any], None]]":
    """A bar for the epoch that runs, above it a line for each that is done.

    Where standard error is no terminal there are only the lines.
    """
    from regard.training.display import training_bar  # noqa: PLC0415 - loads Keras

    return training_bar()


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


def _console_and_bar() -> "tuple[Console, Progress]":
    from regard.training.display import console_and_bar  # noqa: PLC0415 - loads Keras

    return console_and_bar()


def _time(seconds: float) -> str:
    from regard.training.display import clock  # noqa: PLC0415 - loads Keras

    return clock(seconds)
