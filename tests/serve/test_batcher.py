"""The queue: what arrives together is computed together, and nothing is lost."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from regard.errors import ArgumentError
from regard.serve.batcher import (
    Batcher,
    Batching,
    ClosedError,
    FailedError,
    QueueFullError,
)

# Only what hangs takes that long, on a busy machine too.
GIVE_UP_SECONDS = 120


class Machine:
    """Computes when it is let; a job is a number, its bucket the tens."""

    def __init__(self, **batching):
        self.batches: list[list[int]] = []
        self.lengths: list[int] = []
        self.threads: set[int] = set()
        self.may = threading.Event()
        self.may.set()
        self.batcher = Batcher(
            list,
            self.compute,
            lambda job: job // 10,
            Batching(**batching),
            on_queue=self.lengths.append,
        )

    def compute(self, jobs):
        self.may.wait(GIVE_UP_SECONDS)
        self.batches.append(list(jobs))
        self.threads.add(threading.get_ident())
        if 13 in jobs:
            raise ZeroDivisionError
        return [-job for job in jobs]


def run(test: Callable, **batching) -> Machine:
    """Run a test against a machine that is started, and stop it."""

    async def all_of_it():
        machine = Machine(**batching)
        machine.batcher.start()
        try:
            await asyncio.wait_for(test(machine), GIVE_UP_SECONDS)
        finally:
            machine.may.set()
            await machine.batcher.stop()
        return machine

    return asyncio.run(all_of_it())


async def busy(machine):
    """Hold the machine with a first job; a task of its answer."""
    machine.may.clear()
    first = asyncio.create_task(machine.batcher.submit([0]))
    while len(machine.batcher) or not machine.lengths:
        await asyncio.sleep(0.001)
    return first


def test_what_waits_is_computed_together_in_its_bucket():
    async def test(machine):
        first = await busy(machine)
        waiting = [
            asyncio.create_task(machine.batcher.submit(jobs))
            for jobs in ([1, 11], [2], [21], [12, 3])
        ]
        await asyncio.sleep(0)
        machine.may.set()
        assert await asyncio.gather(first, *waiting) == [
            [0], [-1, -11], [-2], [-21], [-12, -3]
        ]  # fmt: skip

    machine = run(test)
    assert machine.batches == [[0], [1, 2, 3], [11, 12], [21]]
    assert len(machine.threads) == 1
    assert machine.threads != {threading.get_ident()}


def test_a_batch_has_a_largest_size():
    async def test(machine):
        first = await busy(machine)
        rest = asyncio.create_task(machine.batcher.submit(list(range(1, 8))))
        await asyncio.sleep(0)
        machine.may.set()
        await asyncio.gather(first, rest)

    assert run(test, size=3).batches == [[0], [1, 2, 3], [4, 5, 6], [7]]


def test_an_idle_machine_waits_for_others_as_long_as_it_may():
    # Only the order of what is due is looked at, which a busy machine does not change.
    async def test(machine):
        async def later(seconds, jobs):
            await asyncio.sleep(seconds)
            return await machine.batcher.submit(jobs)

        second = asyncio.create_task(later(0.1, [2]))
        await asyncio.sleep(0)
        first = asyncio.create_task(machine.batcher.submit([1]))
        await asyncio.sleep(0.3)
        while len(machine.batcher):
            await asyncio.sleep(0.01)
        await asyncio.gather(first, second)

    assert run(test, wait=0.2).batches == [[1, 2]]


def test_a_full_batch_does_not_wait():
    async def test(machine):
        await asyncio.gather(*(machine.batcher.submit([job]) for job in (1, 2)))

    assert run(test, wait=10 * GIVE_UP_SECONDS, size=2).batches == [[1, 2]]


def test_a_full_queue_takes_nothing():
    async def test(machine):
        first = await busy(machine)
        waiting = asyncio.create_task(machine.batcher.submit([1, 2]))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await machine.batcher.submit([3, 4])
        assert len(machine.batcher) == 2
        fits = asyncio.create_task(machine.batcher.submit([5]))
        await asyncio.sleep(0)
        machine.may.set()
        await asyncio.gather(first, waiting, fits)

    machine = run(test, queue=3)
    assert machine.batches == [[0], [1, 2, 5]]
    assert machine.lengths[-1] == 0
    assert max(machine.lengths) == 3


def test_who_leaves_frees_the_place():
    async def test(machine):
        first = await busy(machine)
        leaving = asyncio.create_task(machine.batcher.submit([1, 2]))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert len(machine.batcher) == 0
        stays = asyncio.create_task(machine.batcher.submit([3, 4]))
        await asyncio.sleep(0)
        machine.may.set()
        assert await stays == [-3, -4]
        await first

    assert run(test, queue=2).batches == [[0], [3, 4]]


def test_who_leaves_during_the_computation_harms_nobody():
    async def test(machine):
        first = await busy(machine)
        first.cancel()
        machine.may.set()
        assert await machine.batcher.submit([1]) == [-1]

    run(test)


def test_an_error_reaches_those_of_its_batch_alone():
    async def test(machine):
        first = await busy(machine)
        jobs = [[13], [14], [1]]
        tasks = [asyncio.create_task(machine.batcher.submit(one)) for one in jobs]
        await asyncio.sleep(0)
        machine.may.set()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ends] == [ZeroDivisionError] * 2 + [list]
        await first

    run(test)


def test_the_end_answers_what_was_taken_and_takes_no_more():
    async def test(machine):
        first = await busy(machine)
        waiting = asyncio.create_task(machine.batcher.submit([1, 11]))
        await asyncio.sleep(0)
        ending = asyncio.create_task(machine.batcher.stop())
        await asyncio.sleep(0)
        with pytest.raises(ClosedError):
            await machine.batcher.submit([2])
        machine.may.set()
        assert await asyncio.gather(first, waiting) == [[0], [-1, -11]]
        await ending

    run(test)


def test_what_runs_before_runs_before_and_its_failure_closes():
    def fail():
        raise ZeroDivisionError

    async def test():
        machine = Machine()
        task = machine.batcher.start(fail)
        with pytest.raises(ClosedError):
            await machine.batcher.submit([1])
        await machine.batcher.stop()
        assert isinstance(task.exception(), ZeroDivisionError)

    asyncio.run(test())


def test_a_failure_before_reaches_those_who_stay_when_one_leaves():
    fails = threading.Event()

    def fail():
        fails.wait(GIVE_UP_SECONDS)
        raise ZeroDivisionError

    async def test():
        machine = Machine()
        end = machine.batcher.start(fail)
        leaving, staying = (
            asyncio.create_task(machine.batcher.submit([job])) for job in (1, 2)
        )
        await asyncio.sleep(0)
        fails.set()
        machine.batcher._thread.join(GIVE_UP_SECONDS)
        # In this moment the failure is known, and told to those who wait in the next.
        leaving.cancel()
        with pytest.raises(FailedError):
            await asyncio.wait_for(staying, GIVE_UP_SECONDS)
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await machine.batcher.stop()
        assert isinstance(end.exception(), ZeroDivisionError)

    asyncio.run(test())


def test_what_waits_is_read_together():
    read = []

    async def test(machine):
        machine.batcher._read = lambda jobs: read.append(list(jobs)) or jobs
        first = await busy(machine)
        rest = asyncio.create_task(machine.batcher.submit([1, 11, 2]))
        await asyncio.sleep(0)
        machine.may.set()
        assert await rest == [-1, -11, -2]
        await first

    run(test)
    assert read == [[0], [1, 11, 2]]


@pytest.mark.parametrize("told", [True, False], ids=["told", "raised"])
def test_what_cannot_be_read_harms_no_other(told):
    class UnreadableError(Exception):
        pass

    def read(jobs):
        if told:
            return [UnreadableError() if job == 2 else job for job in jobs]
        if 2 in jobs:
            raise UnreadableError
        return jobs

    async def test(machine):
        machine.batcher._read = read
        first = await busy(machine)
        tasks = [
            asyncio.create_task(machine.batcher.submit([one])) for one in (1, 2, 3)
        ]
        await asyncio.sleep(0)
        machine.may.set()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(ends[1], UnreadableError)
        assert ends[::2] == [[-1], [-3]]
        await first

    assert run(test).batches == [[0], [1, 3]]


def test_who_leaves_while_it_is_read_is_counted_once():
    reading, left = threading.Event(), threading.Event()

    def read(jobs):
        if 2 in jobs:
            reading.set()
            left.wait(GIVE_UP_SECONDS)
            raise ValueError
        return jobs

    async def test(machine):
        machine.batcher._read = read
        asked = machine.batcher.ask([2])
        await asyncio.to_thread(reading.wait, GIVE_UP_SECONDS)
        machine.batcher.leave(asked)
        left.set()
        await machine.batcher.submit([1])
        assert machine.batcher._under_way == 0

    run(test)


def test_the_number_that_wait_is_told_in_the_order_of_its_changes():
    told = []
    begun, goes_on, over = threading.Event(), threading.Event(), threading.Event()

    def compute(jobs):
        if 1 in jobs:
            begun.set()
            goes_on.wait(GIVE_UP_SECONDS)
        return jobs

    def tell(waiting):
        if waiting == 2:
            # The machine takes both as soon as it can.
            goes_on.set()
            over.wait(0.2)
        told.append(waiting)
        if waiting == 0:
            over.set()

    async def test(machine):
        machine.batcher._compute = compute
        first = asyncio.create_task(machine.batcher.submit([1, 11]))
        await asyncio.to_thread(begun.wait, GIVE_UP_SECONDS)
        machine.batcher._on_queue = tell
        await machine.batcher.submit([2])
        await first

    run(test)
    assert told[:3] == [2, 1, 0]


def test_an_answer_may_be_an_error_of_its_own():
    async def test(machine):
        machine.batcher._compute = lambda jobs: [
            ZeroDivisionError() if job == 1 else -job for job in jobs
        ]
        asked = [machine.batcher.submit([one]) for one in (1, 2)]
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(ends[0], ZeroDivisionError)
        assert ends[1] == [-2]

    run(test)


class Panic(BaseException):
    """As a library in Rust raises it."""


@pytest.mark.parametrize("raised", [Panic, StopIteration, SystemExit])
def test_whatever_a_computation_raises_reaches_those_who_wait(raised):
    async def test(machine):
        def fail(_):
            raise raised

        machine.batcher._compute = fail
        with pytest.raises(RuntimeError, match=raised.__name__):
            await machine.batcher.submit([1])
        machine.batcher._compute = machine.compute
        assert await machine.batcher.submit([1]) == [-1]

    run(test)


def test_a_wrong_number_of_answers_is_an_error_of_that_batch():
    async def test(machine):
        machine.batcher._compute = lambda _: [0]
        with pytest.raises(RuntimeError, match="2 jobs have 1 answers"):
            await machine.batcher.submit([1, 2])
        machine.batcher._compute = machine.compute
        assert await machine.batcher.submit([1]) == [-1]

    run(test)


def test_the_event_loop_stays_free():
    async def test(machine):
        first = await busy(machine)
        await asyncio.sleep(0.01)
        assert not first.done()
        machine.may.set()
        await first

    run(test)


@pytest.mark.parametrize("wrong", [{"size": 0}, {"queue": 0}, {"wait": -1.0}])
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(ArgumentError, match=f"'{next(iter(wrong))}' of the batches"):
        Batching(**wrong)
