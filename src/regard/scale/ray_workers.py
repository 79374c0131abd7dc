"""The engine on Ray: shards run on actors, on this machine or on those of a cluster."""

import os
import warnings
from collections import Counter, deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from regard._backend import backend_name
from regard.errors import ArgumentError, MissingExtraError, RegardError
from regard.inference.answer_columns import AnswerColumns, KeptAttention
from regard.kinds import kind_of, load
from regard.scale.shards import Layout, Unit
from regard.scale.worker import JOB_FOLDER, Done, Output, work

# Units that an actor has at a time, so that it never waits for the next one.
_AHEAD = 2
# So many workers may end over one unit: then it is the unit that ends them.
_MOST_ENDS = 5
# What Keras, JAX and this library are told through the environment.
_PASSED_ON = ("JAX_", "KERAS_", "REGARD_", "TF_", "XLA_")


def work_on_ray(
    units: Sequence[Unit],
    bundle: Path,
    attention: str,
    layout: Layout,
    output: Output,
    *,
    address: str | None,
    workers: int | None,
    strict: bool,
) -> Generator[Done, None, None]:
    """As ``work``, on actors that load the bundle once and read their own shards.

    An actor that ends, with its process or its machine, is replaced and what it had is
    done again. No task of Ray reads data: it would wait for the processors that the
    actors have.

    Args:
        units: The units.
        bundle: The bundle, where every worker finds it.
        attention: How much of the attention is kept.
        layout: Which columns are read.
        output: Where the answers go, where every worker finds it.
        address: The cluster; None: one on this machine, for this job.
        workers: How many actors; None: one for each processor.
        strict: Whether the first row that cannot be read is an error.

    Raises:
        ArgumentError: There is no cluster, or its workers do not see the files.
        DataError: A row could not be read, where that is wanted.
        MissingExtraError: Ray is not installed.
    """
    try:
        import ray  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise MissingExtraError("The engine ray", "ray", "scale") from error

    is_ours = not ray.is_initialized()
    if is_ours:
        _connect(ray, address)
    try:
        processors = ray.cluster_resources().get("CPU", 1)
        count = min(workers or max(1, int(processors)), max(1, len(units)))
        options = {
            # Fractions where there are more workers than processors: those that find
            # none would never start.
            "num_cpus": min(1.0, processors / count),
            "max_restarts": 0,
            "runtime_env": {"env_vars": _environment()},
        }
        actor = ray.remote(**options)(_Worker)
        settings = bundle.absolute(), attention, layout, output, strict
        yield from _spread(ray, units, lambda: actor.remote(*settings), count)
    finally:
        if is_ours:
            ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    own = {} if address else {"include_dashboard": False}
    try:
        with warnings.catch_warnings():
            # JAX warns of the processes that are started: no Python runs in the fork.
            warnings.simplefilter("ignore", RuntimeWarning)
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level="error",
                **own,
            )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ArgumentError(
            f"There is no Ray cluster at {address}: {error}"
            if address
            else f"Ray does not start: {error}",
            fix="Start one with: ray start --head" if address else None,
        ) from error


def _environment() -> dict[str, str]:
    """What a worker is told through its environment."""
    passed = {
        name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)
    }
    # A worker has a processor of its own: threads for all of them would be in the way
    # of each other.
    flags = f"{passed.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false"
    return passed | {
        "KERAS_BACKEND": backend_name(),
        "NPROC": "1",
        "XLA_FLAGS": flags.strip(),
    }


class _Worker:
    """An actor: a model, and the loop over the rows of what it is given."""

    def __init__(
        self,
        bundle: Path,
        attention: str,
        layout: Layout,
        output: Output,
        strict: bool,
    ) -> None:
        self._bundle, self._attention = bundle, attention
        self._layout, self._output, self._strict = layout, output, strict

    @cached_property
    def _columns(self) -> AnswerColumns:
        # Not when it is made: what is raised there reaches nobody as it is.
        for place in (self._bundle, self._output.folder / JOB_FOLDER):
            if not place.exists():
                raise ArgumentError(
                    f"A worker does not find {place}.",
                    fix="The bundle and the folder of the answers have to be where all "
                    "machines of the cluster find them.",
                )
        model = load(self._bundle)
        return kind_of(model).columns(model, KeptAttention.parse(self._attention))

    def work(self, unit: Unit) -> Done:
        """Answer a unit, and write the files of its shards."""
        done = work(
            [unit], self._columns, self._layout, self._output, strict=self._strict
        )
        return Done(*map(sum, zip(Done(0, 0, 0), *done, strict=True)))


def _spread(
    ray: Any, units: Iterable[Unit], start: Any, count: int
) -> Generator[Done, None, None]:
    """Give units to actors as they are ready for more.

    Args:
        ray: The package.
        units: The units.
        start: What starts an actor.
        count: How many there are.
    """
    waiting = deque(units)
    ends: Counter[Unit] = Counter()
    actors = [start() for _ in range(count)]
    running: dict[Any, tuple[int, Any, Unit]] = {}

    def give(index: int) -> None:
        if waiting:
            unit = waiting.popleft()
            running[actors[index].work.remote(unit)] = index, actors[index], unit

    for index in [*range(count)] * _AHEAD:
        give(index)
    try:
        while running:
            [ready], _ = ray.wait(list(running), num_returns=1)
            index, actor, unit = running.pop(ready)
            try:
                yield ray.get(ready)
            except ray.exceptions.RayTaskError as error:
                cause = error.cause
                raise (cause if isinstance(cause, RegardError) else error) from None
            except ray.exceptions.RayActorError:
                ends[unit] += 1
                if ends[unit] > _MOST_ENDS:
                    raise
                waiting.appendleft(unit)
                # All that it had comes back so; it is replaced once.
                if actors[index] is actor:
                    actors[index] = start()
            give(index)
    finally:
        for actor in actors:
            with suppress(Exception):
                ray.kill(actor)
