"""The models of a service by name, each with its queue."""

import asyncio
import logging
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from regard.errors import ArgumentError, BundleWarning, hearing
from regard.inference import Job, Limits, Question
from regard.kinds import kind_of, load, trust_of
from regard.serve.batcher import Asked, Batcher, Batching, ClosedError
from regard.serve.counters import Metrics
from regard.serve.description import description_of
from regard.serve.warm_up import WarmUp, log, since

#: By name the path of a bundle, or what ``regard.load`` makes of one; or paths alone,
#: whose last parts are the names.
ModelSources: TypeAlias = Mapping[str, Any] | Iterable[str | Path]

# Names are parts of addresses.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOG = logging.getLogger("regard.serve")


class ServedModel:
    """A trained model with a queue in front of it.

    Args:
        name: What it is called in addresses.
        model: What ``regard.load`` gives.
        limits: What a request may ask for.
        batching: How texts are put together.
        metrics: Where they are counted.
        warm_up: What compiles for it while it answers.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        limits: Limits,
        batching: Batching,
        metrics: Metrics,
        *,
        warm_up: WarmUp,
    ) -> None:
        self.name, self.kind = name, kind_of(model)
        line = trust_of(model)
        #: What an examination found of its weights, as replies have it.
        self.trust = None if line is None else line.to_dict()
        #: What is known of it, and what its author says, for people.
        self.about = description_of(model, self.kind)
        self.engine = self.kind.engine(model, limits, batching.size)
        self.request_schema = self.kind.request_schema(model, limits)
        #: Set once programs that hold every question are compiled.
        self.ready = threading.Event()
        self._make_batcher = partial(
            Batcher[Question, Job, bytes],
            self.engine.read,
            self._replies,
            lambda job: job.bucket,
            replace(batching, size=min(batching.size, self.engine.batch_size)),
            on_batch=metrics.batch_sizes.labels(name).observe,
            on_queue=metrics.queue.labels(name).set,
        )
        self._batcher: Batcher[Question, Job, bytes] | None = None
        self._ended, self.warm_up = False, warm_up

    @property
    def is_ready(self) -> bool:
        """Whether questions are answered at once."""
        return self.ready.is_set() and not self._ended

    def open(self) -> None:
        """Start, also after ``stop``."""
        self._ended = False
        self.start()

    def start(self) -> "Batcher[Question, Job, bytes]":
        """Begin to compile, then to answer; the queue, on the running event loop.

        Raises:
            ClosedError: ``stop`` was called: what began now, nobody would end.
        """
        if self._ended:
            raise ClosedError
        if self._batcher is None:
            self._batcher = self._make_batcher()
            self.warm_up.expect(self)
            prepare = partial(self._prepare, self._batcher)
            self._batcher.start(prepare).add_done_callback(self._log_failure)
        return self._batcher

    def ask(self, questions: Sequence[Question]) -> Asked[bytes]:
        """Put questions into the queue; the reply to each will be one in JSON.

        Raises:
            QueueFullError: There is no room for all of them.
            ClosedError: The service ends.
            FailedError: The model could not be compiled.
        """
        return self.start().ask(questions)

    def leave(self, asked: Asked[bytes]) -> None:
        """Take back what nobody wants answered any more."""
        if self._batcher is not None:
            self._batcher.leave(asked)

    def _replies(self, jobs: Sequence[Job]) -> list[bytes | Exception]:
        """The replies to jobs of one bucket; one that fails harms no other."""
        answers = self.engine.compute(jobs)
        replies: list[bytes | Exception] = []
        for job, answer in zip(jobs, answers, strict=True):
            try:
                reply = self.engine.reply(job, answer)
                replies.append(orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY))
            except Exception as error:  # noqa: BLE001 - who asked gets it
                replies.append(error)
        return replies

    async def stop(self) -> None:
        """Take no more questions, and answer those that were taken."""
        self._ended = True
        self.ready.clear()
        self.warm_up.leave(self)
        batcher, self._batcher = self._batcher, None
        if batcher is not None:
            await batcher.stop()
            # It may have become ready in the meantime.
            self.warm_up.leave(self)
            await asyncio.to_thread(self.warm_up.wait_for, self)

    def _prepare(self, waiting: Sized) -> None:
        """Compile what every question needs; the rest follows while it answers."""
        begin, shapes = time.monotonic(), self.engine.shapes
        for number, shape in enumerate(shapes.needed, start=1):
            if self._ended and not len(waiting):
                # The end of the service waits for it, and nobody else does.
                return
            fields = shapes.described(shape)
            count = {"number": number, "of": len(shapes.needed)}
            log("compiling", model=self.name, **count, **fields)
            self.engine.compile(shape)
        self.ready.set()
        log("compiled", model=self.name, seconds=since(begin))
        if not self._ended:
            self.warm_up.go_on(self)

    def _log_failure(self, task: "asyncio.Future[None]") -> None:
        self.ready.clear()
        if not task.cancelled() and (error := task.exception()):
            self.warm_up.leave(self)
            _LOG.error("model %s cannot be run", self.name, exc_info=error)


def serve_models(
    sources: ModelSources, limits: Limits, batching: Batching, metrics: Metrics
) -> dict[str, ServedModel]:
    """Load bundles, and put a queue in front of each.

    Raises:
        ArgumentError: There is none, or a name is taken or no part of an address.
        BundleError: A bundle is damaged.
    """
    named = _named(sources)
    if not named:
        raise ArgumentError(
            "There is nothing to serve.", expected="at least one bundle"
        )
    warm_up = WarmUp(len(named))
    models: dict[str, ServedModel] = {}
    for number, (name, source) in enumerate(named.items(), start=1):
        loaded = _loaded(name, source, {"number": number, "of": len(named)})
        models[name] = ServedModel(
            name, loaded, limits, batching, metrics, warm_up=warm_up
        )
    return models


def _loaded(name: str, source: Any, count: Mapping[str, int]) -> Any:
    if not isinstance(source, str | Path):
        return source
    log("loading", model=name, **count)
    begin = time.monotonic()

    def warn(said: str) -> None:
        fields = {"model": name, "problem": said}
        _LOG.warning("loaded in part", extra={"fields": fields})

    with hearing(BundleWarning, warn):
        model = load(source)
    log("loaded", model=name, seconds=since(begin))
    return model


def _named(sources: ModelSources) -> dict[str, Any]:
    if not isinstance(sources, Mapping):
        paths = [Path(path) for path in sources]
        pairs = [(path.resolve().name.removesuffix(".regard"), path) for path in paths]
        named: dict[str, Any] = dict(pairs)
        if len(named) < len(pairs):
            raise ArgumentError(
                "Two bundles have the same name.",
                expected="a name of its own for each",
                received=", ".join(name for name, _ in pairs),
                fix="Rename a folder, or give a dictionary of names and bundles.",
            )
    else:
        named = dict(sources)
    for name in named:
        _check_name(name)
    return named


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ArgumentError(
            f"{name!r} cannot be the name of a model.",
            expected="letters, digits, '.', '-' and '_', 64 at most",
            fix="Rename the folder, or give a dictionary of names and bundles.",
            elsewhere="Rename the folder.",
        )
