"""The batcher: jobs that arrive together are computed together."""

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from regard._validate import check_count, check_number

Job = TypeVar("Job")
Answer = TypeVar("Answer")


class QueueFullError(Exception):
    """There is no room for the jobs; nothing of them was taken."""


class ClosedError(Exception):
    """The batcher takes no more jobs."""


class FailedError(ClosedError):
    """What runs before the first batch failed; the batcher's task holds the error."""


@dataclass(frozen=True)
class Batching:
    """The settings by which jobs are put together.

    Args:
        size: The most jobs of a batch.
        wait: The longest time, in seconds, that a job waits for others while nothing
            is computed. Jobs that arrive during a computation wait for its end.
        queue: The most jobs that wait.

    Raises:
        ArgumentError: A number is too small.
    """

    size: int = 32
    wait: float = 0.0
    queue: int = 1_024

    def __post_init__(self) -> None:
        check_count("size", self.size, of="the batches")
        check_number("wait", self.wait, least=0, of="the batches")
        check_count("queue", self.queue, of="the batches")


def _ignore(_: int) -> None:
    """Count nothing."""


@dataclass(eq=False)
class _Entry(Generic[Job, Answer]):
    job: Job
    bucket: Hashable
    answer: "asyncio.Future[Answer]"
    since: float = field(default_factory=time.monotonic)


class Batcher(Generic[Job, Answer]):
    """Collects jobs of one bucket and computes them in one thread of its own.

    Batches are made in the order of their oldest jobs. The event loop stays free while
    one is computed. All methods are called from one event loop.

    Args:
        compute: From jobs of one bucket to an answer for each; runs in the thread.
        bucket: Which jobs can be computed together: those of the same bucket.
        batching: How they are put together.
        on_batch: Called with the size of each batch that is computed.
        on_queue: Called with the number of jobs that wait, whenever it changes.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[Job]], Sequence[Answer]],
        bucket: Callable[[Job], Hashable],
        batching: Batching,
        *,
        on_batch: Callable[[int], None] = _ignore,
        on_queue: Callable[[int], None] = _ignore,
    ) -> None:
        self._compute, self._bucket = compute, bucket
        self._batching = batching
        self._on_batch, self._on_queue = on_batch, on_queue
        self._waiting: list[_Entry[Job, Answer]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="regard-compute")
        self._news = asyncio.Event()
        self._closed, self._failed = False, False
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """The number of jobs that wait."""
        return len(self._waiting)

    def start(self, before: Callable[[], None] = lambda: None) -> "asyncio.Task[None]":
        """Begin to compute, after ``before`` ran in the thread; the task of it all."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(before))
        return self._task

    async def submit(self, jobs: Sequence[Job]) -> list[Answer]:
        """The answers to jobs, in their order.

        A caller that is cancelled takes back those that still wait.

        Raises:
            QueueFullError: There is no room for all of them.
            ClosedError: ``stop`` was called.
            FailedError: What runs before the first batch failed.
        """
        if self._closed:
            raise self._end()
        if len(self._waiting) + len(jobs) > self._batching.queue:
            raise QueueFullError
        loop = asyncio.get_running_loop()
        entries = [
            _Entry[Job, Answer](job, self._bucket(job), loop.create_future())
            for job in jobs
        ]
        self._waiting += entries
        self._on_queue(len(self._waiting))
        self._news.set()
        try:
            return await asyncio.gather(*(entry.answer for entry in entries))
        finally:
            self._forget(entries)

    async def stop(self) -> None:
        """Take no more jobs, answer those that wait, and end the thread."""
        self._closed = True
        self._news.set()
        if self._task is not None:
            await asyncio.wait([self._task])
        self._thread.shutdown()

    async def _run(self, before: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, before)
            while batch := await self._next():
                await self._answer(batch)
        except BaseException:
            self._failed = True
            raise
        finally:
            self._closed = True
            for entry in self._waiting:
                _tell(entry, self._end())

    def _end(self) -> ClosedError:
        return FailedError() if self._failed else ClosedError()

    async def _next(self) -> list[_Entry[Job, Answer]]:
        """The next batch; an empty one when there will be no more."""
        while self._waiting or not self._closed:
            self._news.clear()
            if not self._waiting:
                await self._news.wait()
            await self._let_others_come()
            # Those who asked may have left in the meantime.
            if batch := self._together():
                self._forget(batch)
                return batch
        return []

    async def _let_others_come(self) -> None:
        while self._waiting and not self._closed:
            left = self._waiting[0].since + self._batching.wait - time.monotonic()
            if left <= 0 or len(self._together()) == self._batching.size:
                return
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)

    def _together(self) -> list[_Entry[Job, Answer]]:
        """The oldest job and those that can be computed with it."""
        if not self._waiting:
            return []
        bucket = self._waiting[0].bucket
        same = [entry for entry in self._waiting if entry.bucket == bucket]
        return same[: self._batching.size]

    def _forget(self, gone: Sequence[_Entry[Job, Answer]]) -> None:
        leaving = set(gone)
        self._waiting = [entry for entry in self._waiting if entry not in leaving]
        self._on_queue(len(self._waiting))

    async def _answer(self, batch: Sequence[_Entry[Job, Answer]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._on_batch(len(batch))
            jobs = [entry.job for entry in batch]
            answers = await loop.run_in_executor(self._thread, self._computed, jobs)
        except Exception as error:  # noqa: BLE001 - passed on to those who asked
            for entry in batch:
                _tell(entry, error)
            return
        for entry, answer in zip(batch, answers, strict=True):
            if not entry.answer.done():
                entry.answer.set_result(answer)

    def _computed(self, jobs: Sequence[Job]) -> Sequence[Answer]:
        """An answer for each job; whatever goes wrong is an error that a future takes.

        A panic of a library in Rust is no ``Exception``, and ``StopIteration`` cannot
        be put into a future: both would leave those who asked without a word.
        """
        try:
            answers = self._compute(jobs)
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, StopIteration):
                raise
            raise RuntimeError(f"It ended with {type(error).__name__}.") from error
        if len(answers) != len(jobs):
            raise RuntimeError(f"{len(jobs)} jobs have {len(answers)} answers.")
        return answers


def _tell(entry: _Entry[Any, Any], error: Exception) -> None:
    # Who left in this moment has cancelled the answer, and waits no more.
    if not entry.answer.done():
        entry.answer.set_exception(error)
