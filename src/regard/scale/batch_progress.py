"""How far a batch job is, and what it did."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from regard.scale.shards import Unit
from regard.scale.worker import Done


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch job is.

    Args:
        rows: The rows that are done, those of earlier runs among them.
        expected: About how many there are in all.
        set_aside: The rows that were not answered.
        rows_per_second: Since this run began to answer.
        seconds_left: About; None: nobody can tell yet.
    """

    rows: int
    expected: float
    set_aside: int
    rows_per_second: float
    seconds_left: float | None


@dataclass(frozen=True)
class BatchReport:
    """What a batch job did.

    Args:
        out: The folder of the answers.
        rows: The rows of the input, in all runs of the job.
        set_aside: The rows among them that were not answered, see ``errors``.
        shards: The files of answers.
        errors: The file that says which rows and why; None where all were answered.
        went_on: Whether shards of an earlier run were there.
        seconds: The time of this run.
    """

    out: Path
    rows: int
    set_aside: int
    shards: int
    errors: Path | None
    went_on: bool
    seconds: float


class Followed:
    """Follows what is done, and tells of it."""

    def __init__(
        self,
        before: Done,
        units: Iterable[Unit],
        progress: Callable[[BatchProgress], None] | None,
    ) -> None:
        self.done = before
        self._expected = sum(unit.expected for unit in units)
        self._progress = progress

    def follow(self, done: Iterator[Done]) -> None:
        """Take all that comes, to the end."""
        first: tuple[float, int] | None = None
        with contextlib.closing(done):  # type: ignore[type-var]  # they are generators
            for each in done:
                total = zip(self.done, each, strict=True)
                self.done = Done(*(now + more for now, more in total))
                if self._progress is None:
                    continue
                now = time.monotonic()
                # What comes first is compiled besides.
                begin, rows = first = first or (now, self.done.rows)
                speed = (self.done.rows - rows) / (now - begin) if now > begin else 0.0
                expected = max(self._expected, self.done.rows)
                left = (expected - self.done.rows) / speed if speed else None
                self._progress(
                    BatchProgress(
                        self.done.rows, expected, self.done.set_aside, speed, left
                    )
                )
