"""What a service compiles at its start, and what while it answers."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

from regard.inference import Engine, Shape

_LOG = logging.getLogger("regard.serve")


class Warmed(Protocol):
    """A model whose programs are compiled."""

    name: str
    engine: Engine[Any]


class WarmUp:
    """Compiles for the models of a service what they can do without for a while.

    One program at a time, in a thread, the models in turns, while they answer; nothing
    before all that have begun are ready. Its methods may be called from any thread.

    Args:
        count: The number of models.
    """

    def __init__(self, count: int) -> None:
        self._count, self._begin = count, time.monotonic()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="regard-compile")
        self._changing = threading.Condition()
        self._expected: set[str] = set()
        self._ready: list[Warmed] = []
        self._compiling: Warmed | None = None
        #: Set while there is nothing to compile.
        self.complete = threading.Event()

    def expect(self, model: Warmed) -> None:
        """A model begins, and goes first."""
        with self._changing:
            self._expected.add(model.name)
            self.complete.clear()

    def go_on(self, model: Warmed) -> None:
        """A model is ready: compile for it too."""
        with self._changing:
            self._expected.discard(model.name)
            self._ready.append(model)
            if len(self._ready) == self._count:
                log("ready", models=self._count, seconds=since(self._begin))
            self._next()

    def leave(self, model: Warmed) -> None:
        """A model ends, or has failed: compile no more for it."""
        with self._changing:
            self._expected.discard(model.name)
            self._ready = [one for one in self._ready if one is not model]
            self._next()

    def wait_for(self, model: Warmed) -> None:
        """Wait until nothing is compiled for a model that has left."""
        with self._changing:
            self._changing.wait_for(lambda: self._compiling is not model)

    def _next(self) -> None:
        """Begin with the next program, where nothing else has to be done."""
        if self._expected or self._compiling is not None:
            return
        for _ in range(len(self._ready)):
            model = self._ready.pop(0)
            self._ready.append(model)
            shape = model.engine.shapes.next()
            if shape is not None:
                # Where the process ends, nothing more is begun.
                with suppress(RuntimeError):
                    self._thread.submit(self._compile, model, shape)
                    self._compiling = model
                return
        self.complete.set()
        if self._ready:
            count = sum(len(model.engine.shapes) for model in self._ready)
            log("compiled all", programs=count, seconds=since(self._begin))

    def _compile(self, model: Warmed, shape: Shape) -> None:
        shapes = model.engine.shapes
        log("compiling more", model=model.name, **shapes.described(shape))
        try:
            model.engine.compile(shape)
        except Exception:  # noqa: BLE001 - it is said, and others answer
            shapes.forget(shape)
            _LOG.exception("model %s goes without a program", model.name)
        finally:
            with self._changing:
                self._compiling = None
                self._changing.notify_all()
                self._next()


def log(event: str, **fields: str | float) -> None:
    """Write a line of what a service does."""
    _LOG.info(event, extra={"fields": fields})


def since(begin: float) -> float:
    """Seconds since a time, for the log."""
    return round(time.monotonic() - begin, 2)
