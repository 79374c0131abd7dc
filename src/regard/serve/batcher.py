"""The batcher: jobs that arrive together are computed together."""

import asyncio
import atexit
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from regard._validate import check_count, check_number

Question = TypeVar("Question")
Job = TypeVar("Job")
Answer = TypeVar("Answer")


class QueueFullError(Exception):
    """There is no room for the questions; nothing of them was taken."""


class ClosedError(Exception):
    """The batcher takes no more questions."""


class FailedError(ClosedError):
    """What runs before the first batch failed; the batcher's future holds the error."""


@dataclass(frozen=True)
class Batching:
    """The settings by which questions are put together.

    Args:
        size: The most of them in a batch.
        wait: The longest time, in seconds, that one waits for others while nothing is
            computed. Those that arrive during a computation wait for its end.
        queue: The most that wait.

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


class Asked(Generic[Answer]):
    """Questions that were asked together, and the future of their answers."""

    __slots__ = ("_answers", "_left", "answers")

    def __init__(self, count: int, loop: asyncio.AbstractEventLoop) -> None:
        #: All answers in the order of the questions, or the first error.
        self.answers: asyncio.Future[list[Answer]] = loop.create_future()
        self._answers: list[Any] = [None] * count
        self._left = count

    @property
    def complete(self) -> bool:
        """Whether every question has its answer."""
        return not self._left

    def give_up(self, error: BaseException) -> None:
        """Wait no longer; whoever waits gets the error."""
        if not self.answers.done():
            self.answers.set_exception(error)

    def take(self, place: int, answer: Answer | BaseException) -> None:
        """One answer, or why there is none."""
        # Who left in this moment has cancelled it, and waits no more.
        if self.answers.done():
            return
        if isinstance(answer, BaseException):
            self.answers.set_exception(answer)
            return
        self._answers[place] = answer
        self._left -= 1
        if not self._left:
            self.answers.set_result(self._answers)


class _Entry(Generic[Question, Job, Answer]):
    """A question that waits; its job, once it is read."""

    __slots__ = ("asked", "bucket", "job", "place", "question", "since")

    def __init__(self, question: Question, asked: Asked[Answer], place: int) -> None:
        self.question, self.asked, self.place = question, asked, place
        self.since = time.monotonic()
        self.job: Job | None = None
        self.bucket: Hashable = None


_Entries = list[_Entry[Question, Job, Answer]]


class Batcher(Generic[Question, Job, Answer]):
    """Collects questions, reads them together, and computes those of one bucket.

    It has a thread of its own, which goes on with the next batch while the event loop
    tells the answers of the last. Batches are made in the order of their oldest
    questions. All methods are called from one event loop.

    Args:
        read: From questions to a job for each, or an error, see ``bucket``; runs in the
            thread.
        compute: From jobs of one bucket to an answer for each, or an error; the same.
        bucket: Which jobs can be computed together: those of the same bucket.
        batching: How they are put together.
        on_batch: Called with the size of each batch that is computed.
        on_queue: Called with the number of questions that wait, whenever it changes.
    """

    def __init__(
        self,
        read: Callable[[Sequence[Question]], Sequence[Job | Exception]],
        compute: Callable[[Sequence[Job]], Sequence[Answer | Exception]],
        bucket: Callable[[Job], Hashable],
        batching: Batching,
        *,
        on_batch: Callable[[int], None] = _ignore,
        on_queue: Callable[[int], None] = _ignore,
    ) -> None:
        self._read, self._compute, self._bucket = read, compute, bucket
        self._batching = batching
        self._on_batch, self._on_queue = on_batch, on_queue
        # The thread takes from it what the event loop puts in: under a lock.
        self._waiting: dict[_Entry[Question, Job, Answer], None] = {}
        self._changing = threading.Lock()
        self._news: SimpleQueue[None] = SimpleQueue()
        # Those that the thread has seen and left there: of another bucket.
        self._seen: _Entries[Question, Job, Answer] = []
        self._closed, self._failed, self._announced = False, False, False
        # Those that have no answer yet, as the event loop knows.
        self._under_way = 0
        self._thread: threading.Thread | None = None
        self._end: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        """The number of questions that wait."""
        return len(self._waiting)

    def start(
        self, before: Callable[[], None] = lambda: None
    ) -> "asyncio.Future[None]":
        """Begin to compute, after ``before`` ran in the thread.

        Returns:
            What is done when the thread ends, with the error of ``before`` if any.
        """
        if self._end is None:
            loop = asyncio.get_running_loop()
            self._end = loop.create_future()
            self._thread = threading.Thread(
                target=self._work,
                args=(before, loop, self._end),
                name="regard-compute",
                daemon=True,
            )
            # Where nobody stops it, the process ends after the batch that is computed.
            atexit.register(self._leave)
            self._thread.start()
        return self._end

    def ask(self, questions: Sequence[Question]) -> Asked[Answer]:
        """Put questions into the queue; see ``leave``.

        Raises:
            QueueFullError: There is no room for all of them.
            ClosedError: ``stop`` was called.
            FailedError: What runs before the first batch failed.
        """
        asked = Asked[Answer](len(questions), asyncio.get_running_loop())
        with self._changing:
            if self._closed:
                raise self._refusal()
            if len(self._waiting) + len(questions) > self._batching.queue:
                raise QueueFullError
            for place, question in enumerate(questions):
                self._waiting[_Entry(question, asked, place)] = None
            self._count()
        self._under_way += len(questions)
        if self._under_way == 1:
            # Nobody else is there whom it could wait for.
            self._news.put(None)
        elif not self._announced:
            # After everyone who asks in this round of the event loop: together.
            self._announced = True
            asyncio.get_running_loop().call_soon(self._announce)
        return asked

    def leave(self, asked: Asked[Answer]) -> None:
        """Take back what still waits of questions that nobody wants answered."""
        with self._changing:
            leaving = [one for one in self._waiting if one.asked is asked]
            for entry in leaving:
                del self._waiting[entry]
            self._count()
        self._under_way -= len(leaving)

    async def submit(self, questions: Sequence[Question]) -> list[Answer]:
        """The answers to questions, in their order.

        A caller that is cancelled takes back those that still wait.

        Raises:
            Exception: As ``ask``; or that of one of the questions.
        """
        asked = self.ask(questions)
        try:
            return await asked.answers
        except BaseException:
            self.leave(asked)
            raise

    async def stop(self) -> None:
        """Take no more questions, answer those that wait, and end the thread."""
        self._close()
        if self._end is not None and self._thread is not None:
            await asyncio.wait([self._end])
            self._thread.join()
            atexit.unregister(self._leave)

    def _count(self) -> None:
        # Under the lock: otherwise an earlier number could be told after a later one.
        self._on_queue(len(self._waiting))

    def _announce(self) -> None:
        self._announced = False
        self._news.put(None)

    def _close(self) -> None:
        with self._changing:
            self._closed = True
        self._news.put(None)

    def _leave(self) -> None:
        self._close()
        if self._thread is not None:
            self._thread.join()

    def _refusal(self) -> ClosedError:
        return FailedError() if self._failed else ClosedError()

    def _work(
        self,
        before: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
        end: "asyncio.Future[None]",
    ) -> None:
        """What the thread does."""
        error: BaseException | None = None
        try:
            before()
            while batch := self._next(loop):
                self._answer(batch, loop)
        except BaseException as raised:  # noqa: BLE001 - the future holds it
            error = raised
        with self._changing:
            self._closed, self._failed = True, error is not None
            left, self._waiting = list(self._waiting), {}
            self._count()
        self._tell(loop, left, [self._refusal()] * len(left))
        _call(loop, _finish, end, error)

    def _next(self, loop: asyncio.AbstractEventLoop) -> _Entries[Question, Job, Answer]:
        """The next batch; an empty one when there will be no more."""
        while True:
            if not self._seen and not self._closed:
                self._news.get()
            # What is told from here on comes after what is seen below.
            with suppress(Empty):
                while True:
                    self._news.get_nowait()
            with self._changing:
                waiting = list(self._waiting)
                if not waiting and self._closed:
                    return []
            self._seen = waiting = self._read_all(waiting, loop)
            together = self._together(waiting)
            if together and not self._may_wait(together):
                with self._changing:
                    # Those who asked may have left in the meantime.
                    together = [one for one in together if one in self._waiting]
                    for entry in together:
                        del self._waiting[entry]
                    self._count()
                self._seen = [one for one in waiting if one not in together]
                if together:
                    return together

    def _may_wait(self, together: _Entries[Question, Job, Answer]) -> bool:
        """Wait until others come, where there is time; whether there was."""
        size, wait = self._batching.size, self._batching.wait
        if not wait or self._closed or len(together) == size:
            return False
        left = together[0].since + wait - time.monotonic()
        if left <= 0:
            return False
        with suppress(Empty):
            self._news.get(timeout=left)
        return True

    def _read_all(
        self,
        waiting: _Entries[Question, Job, Answer],
        loop: asyncio.AbstractEventLoop,
    ) -> _Entries[Question, Job, Answer]:
        """Read what is new; those that can be computed."""
        new = [entry for entry in waiting if entry.job is None]
        if not new:
            return waiting
        wrong: dict[_Entry[Question, Job, Answer], Exception] = {}
        for entry, job in zip(new, self._read_each(new), strict=True):
            if isinstance(job, Exception):
                wrong[entry] = job
            else:
                entry.job, entry.bucket = job, self._bucket(job)
        if not wrong:
            return waiting
        with self._changing:
            # Who asked may have left, and is counted no more.
            there = [entry for entry in wrong if entry in self._waiting]
            for entry in there:
                del self._waiting[entry]
            self._count()
        self._tell(loop, there, [wrong[entry] for entry in there])
        return [entry for entry in waiting if entry.job is not None]

    def _read_each(
        self, entries: _Entries[Question, Job, Answer]
    ) -> Sequence[Job | Exception]:
        """A job for each, or an error; one that cannot be read harms no other."""
        questions = [entry.question for entry in entries]
        jobs = _safely(self._read, questions)
        if isinstance(jobs, Exception) and len(entries) > 1:
            return [one for entry in entries for one in self._read_each([entry])]
        return [jobs] if isinstance(jobs, Exception) else jobs

    def _together(
        self, waiting: _Entries[Question, Job, Answer]
    ) -> _Entries[Question, Job, Answer]:
        """The oldest job and those that can be computed with it."""
        if not waiting:
            return []
        bucket = waiting[0].bucket
        same = [entry for entry in waiting if entry.bucket == bucket]
        return same[: self._batching.size]

    def _answer(
        self, batch: _Entries[Question, Job, Answer], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._on_batch(len(batch))
        answers = _safely(self._compute, [entry.job for entry in batch])
        if isinstance(answers, Exception):
            self._tell(loop, batch, [answers] * len(batch))
        else:
            self._tell(loop, batch, answers)

    def _tell(
        self,
        loop: asyncio.AbstractEventLoop,
        entries: _Entries[Question, Job, Answer],
        answers: Sequence[Answer | BaseException],
    ) -> None:
        if entries:
            _call(loop, self._take_all, entries, answers)

    def _take_all(
        self,
        entries: _Entries[Question, Job, Answer],
        answers: Sequence[Answer | BaseException],
    ) -> None:
        self._under_way -= len(entries)
        for entry, answer in zip(entries, answers, strict=True):
            entry.asked.take(entry.place, answer)


def _safely(function: Callable[[Any], Sequence[Any]], given: Sequence[Any]) -> Any:
    """A result for each, or an error that a future takes.

    A panic of a library in Rust is no ``Exception``, and ``StopIteration`` cannot be
    put into a future: both would leave those who asked without a word.
    """
    try:
        results = function(given)
        if len(results) != len(given):
            raise RuntimeError(f"{len(given)} jobs have {len(results)} answers.")
    except BaseException as error:  # noqa: BLE001 - passed on to those who asked
        if isinstance(error, Exception) and not isinstance(error, StopIteration):
            return error
        wrapped = RuntimeError(f"It ended with {type(error).__name__}.")
        wrapped.__cause__ = error
        return wrapped
    return results


def _call(loop: asyncio.AbstractEventLoop, *function: Any) -> None:
    # Where the loop has ended, nobody waits.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(*function)


def _finish(end: "asyncio.Future[None]", error: BaseException | None) -> None:
    if end.done():
        return
    if error is None:
        end.set_result(None)
    else:
        end.set_exception(error)
