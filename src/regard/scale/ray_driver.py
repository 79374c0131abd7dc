"""What gives units to actors of Ray; as a program, in a process of its own.

Nothing of this library is imported here. It would take seconds, and its threads: Ray
forks where it starts, and one of them may hold a lock that nobody would ever open in
the fork. So units and what workers do come as bytes, and a worker unpacks them.

    python ray_driver.py [ADDRESS]

starts Ray, or connects to a cluster, reads the arguments of ``spread`` as a pickle from
its standard input, and writes to its standard output a pickle for each that it gives: a
word and a value. It ends when its standard input does, with what it started.
"""

import os
import pickle
import socket
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from itertools import product
from queue import SimpleQueue
from typing import Any

#: The words: units were answered; all of them; there is no cluster; what went wrong.
DONE, END, NO_CLUSTER, FAILED = "done", "end", "no cluster", "failed"
# Units that an actor has at a time, so that it never waits for the next one.
_AHEAD = 2
# Seconds in which a cluster answers.
_ANSWERING = 10
# Seconds in which Ray ends; it takes one or two.
_ENDING = 5
# So many workers may end over one unit: then it is the unit that ends them. As many may
# not even begin, for each that is wanted.
_MOST_ENDS = 5


def spread(
    ray: Any,
    units: Sequence[bytes],
    worker: bytes,
    environment: Mapping[str, str],
    workers: int | None,
) -> Generator[Any, None, None]:
    """Give units to actors as they are ready for more.

    An actor that ends, with its process or its machine, is replaced and what it had is
    done again. No task of Ray reads data: it would wait for the processors that the
    actors have.

    Args:
        ray: The package, connected.
        units: The units, as pickles.
        worker: The pickle of a class and of its argument; it has a method ``work``,
            which takes a unit.
        environment: What a worker finds in its environment.
        workers: How many actors; None: one for each processor.
    """
    processors = ray.cluster_resources().get("CPU", 1)
    count = min(workers or max(1, int(processors)), max(1, len(units)))
    # Fractions where there are more workers than processors: those that find none
    # would never start.
    options = {"num_cpus": min(1.0, processors / count), "max_restarts": 0}
    actor = ray.remote(**options)(_actor_class())

    def start() -> Any:
        return actor.remote(environment, worker)

    waiting = deque(enumerate(units))
    ends: Counter[int | None] = Counter()
    actors = [start() for _ in range(count)]
    ready: set[int] = set()
    # What an actor does: a unit, or it becomes ready.
    running: dict[Any, tuple[int, Any, tuple[int, bytes] | None]] = {}

    def prepare(index: int) -> None:
        ready.discard(index)
        running[actors[index].prepare.remote()] = index, actors[index], None

    def give() -> None:
        has = Counter(index for index, _, unit in running.values() if unit)
        for most, index in product(range(_AHEAD), sorted(ready)):
            if waiting and has[index] <= most:
                unit = waiting.popleft()
                running[actors[index].work.remote(unit[1])] = index, actors[index], unit

    for index in range(count):
        prepare(index)
    try:
        # An actor that finds no processor, as after the loss of a machine, has no unit
        # and is not waited for.
        while waiting or any(unit for _, _, unit in running.values()):
            [told], _ = ray.wait(list(running), num_returns=1)
            index, actor_of, unit = running.pop(told)
            try:
                done = ray.get(told)
            except ray.exceptions.RayTaskError as error:
                raise (error.cause or error) from None
            except ray.exceptions.RayActorError:
                at = None if unit is None else unit[0]
                ends[at] += 1
                if ends[at] > _MOST_ENDS * (count if unit is None else 1):
                    raise
                if unit is not None:
                    waiting.appendleft(unit)
                # All that it had comes back so; it is replaced once.
                if actors[index] is actor_of:
                    actors[index] = start()
                    prepare(index)
            else:
                if unit is None:
                    ready.add(index)
                else:
                    yield done
            give()
    finally:
        for each in actors:
            with suppress(Exception):
                ray.kill(each)


def _actor_class() -> type:
    """What Ray runs in a process that has loaded nothing of ours.

    Defined here it is sent as it is, where a class of a module is imported, and with it
    Keras, before there is an environment. To have Ray set it, as a ``runtime_env``,
    would start each process anew: those that wait for an actor have another one.
    """

    class Actor:
        def __init__(self, environment: Mapping[str, str], worker: bytes) -> None:
            os.environ.update(environment)
            made, of = pickle.loads(worker)  # noqa: S301 - of our own
            self._worker = made(of)

        def prepare(self) -> None:
            """Return, once it has a process."""

        def work(self, unit: bytes) -> tuple[int, ...]:
            done = self._worker.work(pickle.loads(unit))  # noqa: S301 - of our own
            return tuple(done)

    return Actor


def _main(address: str | None, tell: Callable[[str, Any], None]) -> None:
    import ray  # noqa: PLC0415 - where this is a program

    received: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(ray, received), daemon=True).start()
    own = {} if address else {"include_dashboard": False}
    try:
        _knock(address or "")
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level="error",
            **own,
        )
    except (OSError, ValueError, RuntimeError) as error:
        tell(NO_CLUSTER, str(error))
        return
    arguments = received.get()
    if arguments is not None:
        for done in spread(ray, *arguments):
            tell(DONE, done)
        tell(END, None)
    ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray would try again for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), _ANSWERING).close()


def _listen(ray: Any, received: "SimpleQueue[Any]") -> None:
    """Take what is to be done, and end with the process that says it."""
    try:
        received.put(pickle.load(sys.stdin.buffer))  # noqa: S301 - of our own
    except EOFError:
        received.put(None)
        return
    sys.stdin.buffer.read()
    # A cluster that is gone is not waited for.
    threading.Timer(_ENDING, os._exit, [1]).start()
    with suppress(Exception):
        ray.shutdown()
    os._exit(1)


def _run() -> None:
    # What Ray prints goes elsewhere.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

        def tell(word: str, value: Any) -> None:
            output.write(pickle.dumps((word, value)))
            output.flush()

        try:
            _main(sys.argv[1] if sys.argv[1:] else None, tell)
        except Exception as error:  # noqa: BLE001 - raised where this was started
            try:
                tell(FAILED, error)
            except Exception:  # noqa: BLE001 - an error that cannot be sent
                tell(FAILED, RuntimeError(str(error)))
    # The thread that listens holds the input, which Python would wait for.
    os._exit(0)


if __name__ == "__main__":
    _run()
