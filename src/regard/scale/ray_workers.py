"""The engine on Ray: shards run on actors, on this machine or on those of a cluster."""

import importlib.util
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from regard._backend import backend_name
from regard.errors import ArgumentError, MissingExtraError
from regard.inference.answer_columns import AnswerColumns, KeptAttention
from regard.kinds import kind_of, load
from regard.runtime import enable_compilation_cache, kept_programs
from regard.scale import ray_driver
from regard.scale.shards import Layout, Unit
from regard.scale.worker import JOB_FOLDER, Done, Output, work

# What Keras, JAX and this library are told through the environment.
_PASSED_ON = ("JAX_", "KERAS_", "REGARD_", "TF_", "XLA_")
# Seconds in which a cluster of this machine ends; it takes one or two.
_ENDING = 10


class _Task(NamedTuple):
    """What every worker does; see ``RayWorkers.work``, and where programs are kept."""

    bundle: Path
    attention: str
    layout: Layout
    output: Output
    strict: bool
    programs: Path | None


class RayWorkers:
    """Actors of Ray that load a bundle once and read their own shards.

    Ray takes seconds to start: from ``__enter__`` on it does, in a process of its own,
    and what comes before the work is done meanwhile. Where Ray is connected already,
    the actors run there.

    Args:
        address: The cluster; None: one on this machine, for this job.
        workers: How many actors; None: one for each processor.

    Raises:
        MissingExtraError: Ray is not installed.
    """

    def __init__(self, address: str | None, workers: int | None) -> None:
        if importlib.util.find_spec("ray") is None:
            raise MissingExtraError("The engine ray", "ray", "scale")
        self._address, self._workers = address, workers
        self._driver: _Driver | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "RayWorkers":
        ray: Any = sys.modules.get("ray")
        if ray is None or not ray.is_initialized():
            self._driver = self._stack.enter_context(_Driver(self._address))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def work(
        self,
        units: Sequence[Unit],
        bundle: Path,
        attention: str,
        layout: Layout,
        output: Output,
        *,
        strict: bool,
    ) -> Generator[Done, None, None]:
        """As ``worker.work``.

        Args:
            units: The units.
            bundle: The bundle, where every worker finds it.
            attention: How much of the attention is kept.
            layout: Which columns are read.
            output: Where the answers go, where every worker finds it.
            strict: Whether the first row that cannot be read is an error.

        Raises:
            ArgumentError: There is no cluster, or its workers do not see the files.
            DataError: A row could not be read, where that is wanted.
        """
        task = _Task(
            bundle.absolute(), attention, layout, output, strict, kept_programs()
        )
        arguments = (
            [pickle.dumps(unit) for unit in units],
            pickle.dumps((_Worker, task)),
            _environment(),
            self._workers,
        )
        if self._driver is None:
            done = ray_driver.spread(sys.modules["ray"], *arguments)
        else:
            done = self._driver.spread(arguments)
        for each in done:
            yield Done(*each)


class _Driver:
    """The process that Ray is told by; see ``ray_driver``.

    Args:
        address: The cluster; None: one that is started.
    """

    def __init__(self, address: str | None) -> None:
        self._address = address

    def __enter__(self) -> "_Driver":
        with ExitStack() as stack:
            self._said = stack.enter_context(tempfile.TemporaryFile())
            command = [sys.executable, "-P", ray_driver.__file__]
            command += [self._address] if self._address else []
            self._process = subprocess.Popen(  # noqa: S603 - a program of our own
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                # Where this process finds packages, by whatever way.
                env=os.environ
                | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                # Ctrl-C is for this process, which ends the other one.
                start_new_session=True,
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        # With its input it ends, and with it what it started.
        with suppress(subprocess.TimeoutExpired):
            self._process.communicate(timeout=_ENDING)
        self._process.kill()
        self._process.communicate()
        self._stack.close()

    def spread(self, arguments: tuple[Any, ...]) -> Generator[Any, None, None]:
        """What ``ray_driver.spread`` gives there."""
        sent: Any = self._process.stdin
        # It may have ended: then it has said why.
        with suppress(BrokenPipeError):
            sent.write(pickle.dumps(arguments))
            sent.flush()
        while True:
            word, value = self._told()
            if word == ray_driver.DONE:
                yield value
            elif word == ray_driver.END:
                break
            elif word == ray_driver.FAILED:
                raise value
            else:
                raise ArgumentError(
                    f"There is no Ray cluster at {self._address}: {value}"
                    if self._address
                    else f"Ray does not start: {value}",
                    fix="Start one with: ray start --head" if self._address else None,
                )

    def _told(self) -> tuple[str, Any]:
        told: Any = self._process.stdout
        try:
            said: tuple[str, Any] = pickle.load(told)  # noqa: S301 - of our own
        except EOFError:
            self._said.seek(0)
            lines = self._said.read().decode(errors="replace").strip().splitlines()
            return ray_driver.FAILED, RuntimeError(
                f"The process that Ray is told by has ended: {' '.join(lines[-3:])}"
            )
        return said


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
    """A model, and the loop over the rows of what it is given."""

    def __init__(self, task: _Task) -> None:
        self._task = task

    @cached_property
    def _columns(self) -> AnswerColumns:
        # Not when it is made: what is raised there reaches nobody as it is.
        task = self._task
        for place in (task.bundle, task.output.folder / JOB_FOLDER):
            if not place.exists():
                raise ArgumentError(
                    f"A worker does not find {place}.",
                    fix="The bundle and the folder of the answers have to be where all "
                    "machines of the cluster find them.",
                )
        if task.programs is not None:
            enable_compilation_cache(task.programs)
        model = load(task.bundle)
        return kind_of(model).columns(model, KeptAttention.parse(task.attention))

    def work(self, unit: Unit) -> Done:
        """Answer a unit, and write the files of its shards."""
        task = self._task
        done = work([unit], self._columns, task.layout, task.output, strict=task.strict)
        return Done(*map(sum, zip(Done(0, 0, 0), *done, strict=True)))
