"""How an observed pass is run: eagerly, or as the backend compiles it."""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, cast

import keras

from regard.observation.discovery import Selection
from regard.observation.forward_pass import PassLayout, PassTensors, observed_call

Run = Callable[[Any], tuple[PassTensors, PassLayout]]
JitCompile = bool | Literal["auto"]


class Runner(Protocol):
    """Makes observed passes of one model, in inference mode."""

    def compile(self, x: Any) -> Run:
        """A pass for inputs with the shapes and dtypes of ``x``."""


class Backend(Protocol):
    """What the module of a backend offers, ``regard.observation.on_<backend>``."""

    def make_runner(
        self, model: keras.Model, selection: Selection, jit_compile: bool
    ) -> Runner | None:
        """Compiled passes, None where the backend runs eagerly without ``jit``."""

    def is_trapped_eagerly(self, weights: Any) -> bool:
        """Whether weights belong to a traced function inside an eager pass."""

    def without_gradients(self) -> AbstractContextManager[Any]:
        """A scope in which nothing is kept for a backward pass."""


def backend() -> Backend:
    """The module of the backend that Keras uses."""
    name = f"regard.observation.on_{keras.backend.backend()}"
    return cast(Backend, importlib.import_module(name))


def make_runner(
    model: keras.Model, selection: Selection, jit_compile: JitCompile
) -> Runner:
    """The passes of a model, compiled as its own ``predict`` would be."""
    if jit_compile == "auto":
        if model.run_eagerly:
            return EagerRunner(model, selection)
        jit_compile = bool(model.jit_compile)
    runner = backend().make_runner(model, selection, jit_compile)
    return EagerRunner(model, selection) if runner is None else runner


def eager_pass(
    model: keras.Model, selection: Selection, x: Any, **arguments: Any
) -> tuple[PassTensors, PassLayout]:
    """Call a model once, as ``model(x, **arguments)`` does, and see its weights."""
    return observed_call(
        lambda: model(x, **arguments), selection, backend().is_trapped_eagerly
    )


class EagerRunner:
    """Runs the model as it is, compiled by nobody."""

    def __init__(self, model: keras.Model, selection: Selection) -> None:
        self._model = model
        self._selection = selection

    def compile(self, x: Any) -> Run:  # noqa: ARG002 - any signature is the same here
        """The eager pass."""
        return self._run

    def _run(self, x: Any) -> tuple[PassTensors, PassLayout]:
        with backend().without_gradients():
            return eager_pass(self._model, self._selection, x, training=False)
