"""The models of a service, each with its queue."""

import asyncio
import logging
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from regard.classification import TextClassifier
from regard.classification.kind import ClassifierEngine
from regard.errors import ArgumentError
from regard.inference.engine import Engine, Found, Job
from regard.inference.limits import Limits
from regard.loading import load
from regard.serve.batching import Batcher, Batching
from regard.serve.metrics import Metrics
from regard.translation import Translator
from regard.translation.kind import TranslatorEngine

#: A bundle on disk, or what ``regard.load`` makes of one.
Bundle: TypeAlias = str | Path | TextClassifier | Translator
#: Bundles by name; or their paths, whose last parts are the names.
Bundles: TypeAlias = Mapping[str, Bundle] | Iterable[str | Path]

# Names are parts of addresses.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOG = logging.getLogger("regard.serve")


class ServedModel:
    """A trained model with a queue in front of it.

    Args:
        name: What it is called in addresses.
        engine: The model.
        batching: How texts are put together.
        metrics: Where they are counted.
    """

    def __init__(
        self, name: str, engine: Engine, batching: Batching, metrics: Metrics
    ) -> None:
        self.name, self.engine = name, engine
        #: Set once everything is compiled and questions are answered.
        self.ready = threading.Event()
        self._make = partial(
            Batcher[Job, Found],
            engine.compute,
            lambda job: job.bucket,
            replace(batching, size=min(batching.size, engine.batch_size)),
            on_batch=metrics.batch_sizes.labels(name).observe,
            on_queue=metrics.queue.labels(name).set,
        )
        self._batcher: Batcher[Job, Found] | None = None

    def start(self) -> "Batcher[Job, Found]":
        """Begin to compile, then to answer; the queue, on the running event loop."""
        if self._batcher is None:
            self._batcher = self._make()
            self._batcher.start(self._warm_up).add_done_callback(self._ended)
        return self._batcher

    async def answer(self, jobs: Sequence[Job]) -> list[Found]:
        """What is found for each of the jobs.

        Raises:
            QueueFullError: There is no room for all of them.
            ClosedError: The service ends.
        """
        return await self.start().submit(jobs)

    async def stop(self) -> None:
        """Take no more questions, and answer those that were taken."""
        self.ready.clear()
        batcher, self._batcher = self._batcher, None
        if batcher is not None:
            await batcher.stop()

    def _warm_up(self) -> None:
        self.engine.warm_up()
        self.ready.set()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.ready.clear()
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("model %s cannot be run", self.name, exc_info=error)


def serve_models(
    bundles: Bundles, limits: Limits, batching: Batching, metrics: Metrics
) -> dict[str, ServedModel]:
    """Load bundles, and put a queue in front of each.

    Raises:
        ArgumentError: There is none, or a name is taken or no part of an address.
        BundleError: A bundle is damaged.
    """
    named = _named(bundles)
    if not named:
        raise ArgumentError(
            "There is nothing to serve.", expected="at least one bundle"
        )
    return {
        name: ServedModel(
            name, _engine(bundle, limits, batching.size), batching, metrics
        )
        for name, bundle in named.items()
    }


def _named(bundles: Bundles) -> dict[str, Bundle]:
    if not isinstance(bundles, Mapping):
        paths = [Path(path) for path in bundles]
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
        named = dict(bundles)
    for name in named:
        _check_name(name)
    return named


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ArgumentError(
            f"{name!r} cannot be the name of a model.",
            expected="letters, digits, '.', '-' and '_', 64 at most",
            fix="Rename the folder, or give a dictionary of names and bundles.",
        )


def _engine(bundle: Bundle, limits: Limits, batch_size: int) -> Engine:
    model: Any = load(bundle) if isinstance(bundle, str | Path) else bundle
    kind: Any = TranslatorEngine if isinstance(model, Translator) else ClassifierEngine
    engine: Engine = kind(model.trained, limits, batch_size)
    return engine
