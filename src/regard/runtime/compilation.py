"""Functions of a model's variables and of arrays, compiled once for each signature."""

import contextlib
import functools
import importlib
import os
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, cast

import keras
import numpy as np

from regard._backend import backend_name
from regard.errors import ForkedProcessError

#: Of tensors or arrays; all that it may change is the values of variables of Keras.
Function = Callable[..., Any]

# Layers are not made to be traced by two threads at once, and two would compile the
# same program twice. A model may observe another one while it is traced itself.
_TRACING = threading.RLock()

#: Held while a program runs that updates variables, so that each such program reads
#: what the one before has left, whichever thread called it and whatever models share.
UPDATING = threading.RLock()


class Compiler(Protocol):
    """Makes programs that read the variables of one model.

    In each call a program reads the values of that time, also those of variables that
    the model does not list, and leaves the ones it updates to the next call. Where the
    backend takes the arrays of variables away while it trains or predicts, it reads
    copies.
    """

    def compile(
        self, function: Function, arguments: tuple[Any, ...], jit_compile: bool
    ) -> Function:
        """A program for arguments of one signature, of NumPy arrays to tensors.

        It may be called from several threads at once.

        Args:
            function: The function.
            arguments: Those that the program will be called with, or the like.
            jit_compile: Whether it is compiled in the sense of
                ``keras.Model.compile``. Otherwise it is a graph or runs as it is.
        """


class Backend(Protocol):
    """A backend: ``BACKEND`` of ``regard.runtime.<name>_backend``."""

    @property
    def jit_by_default(self) -> bool:
        """Whether a function is compiled with ``jit`` where nobody says."""

    @property
    def has_graphs(self) -> bool:
        """Whether a function becomes a graph also without ``jit``."""

    @property
    def is_on_gpu(self) -> bool:
        """Whether it computes on a GPU or the like."""

    @property
    def gains_from_threads(self) -> bool:
        """Whether two programs take less time side by side than one after the other."""

    def compiler(self, model: keras.Model) -> Compiler:
        """A compiler for functions of the variables of a model."""

    def predict_call(self, model: keras.Model, x: Any) -> Any:
        """Call a model in inference mode as its ``predict`` does, in a program."""

    def predict_step(self, model: keras.Model, batch: Any) -> Any:
        """Run the ``predict_step`` of a model on the inputs and targets of a batch."""

    def batches(self, adapter: Any) -> Iterable[Any]:
        """What the ``predict`` of Keras takes out of one of its data adapters."""

    def form(self, array: Any) -> Hashable:
        """What a program is made for beside a shape and a dtype; None where dense."""

    def marks(self, model: keras.Model) -> Sequence[int] | None:
        """Numbers that change with each update of its state; None where unknown."""

    def watch(self, variables: Sequence[keras.Variable]) -> Callable[[], bool]:
        """A question whether variables hold what they hold now.

        Yes is right; no means that it is not known without a look at the numbers.
        """

    def without_gradients(self) -> AbstractContextManager[Any]:
        """A scope in which nothing is kept for a backward pass."""

    def gradient(self, function: Function, at: Any) -> tuple[Any, Any]:
        """The gradient of a function of a tensor, and what else the function gives.

        Args:
            function: Of a tensor; gives a scalar and a nest of tensors.
            at: The floating tensor at which it is taken.

        Returns:
            The gradient, of the shape of ``at`` and 0 where the scalar does not depend
            on it, and the nest.
        """

    def is_trapped(self, tensor: Any, in_program: bool) -> bool:
        """Whether a tensor belongs to a function inside, such as the body of a loop.

        Args:
            tensor: A tensor made in the pass.
            in_program: Whether what runs around it is being compiled itself.
        """

    def to_numpy(self, tensors: Any) -> Any:
        """Tensors, in whatever nest, as NumPy arrays."""

    def has_threads(self, has_run: bool) -> bool:
        """Whether it has begun to work in threads, which a forked process lacks.

        Args:
            has_run: Whether a program has run in this process.
        """


# Whether this process was forked off one in which the backend had begun to work.
_is_cut_off = False
_has_run = False


def check_not_forked() -> None:
    """Refuse to compute where it would wait for ever.

    A forked process has none of the threads of the one it came from, and a backend that
    had some goes on to wait for them.

    Raises:
        ForkedProcessError: This process was forked off one that had computed.
    """
    # Here some can be told to work without threads: those of a loader of data do.
    if _is_cut_off and backend().has_threads(has_run=True):
        raise ForkedProcessError(
            "This process was forked off one that had computed before, and would wait "
            f"for threads of {backend_name()} that did not come along.",
            fix="Start it by 'spawn', multiprocessing.get_context('spawn'), or load "
            "and ask models in the new process alone.",
        )


def _after_fork() -> None:
    global _is_cut_off  # noqa: PLW0603 - of the process
    # Whatever fails here is no reason to disturb a process that never computes.
    with contextlib.suppress(Exception):
        _is_cut_off = _is_cut_off or backend().has_threads(_has_run)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_after_fork)


def backend() -> Backend:
    """The backend that Keras runs on."""
    return _backend_named(backend_name())


@functools.cache
def _backend_named(name: str) -> Backend:
    module = importlib.import_module(f"regard.runtime.{name}_backend")
    return cast(Backend, module.BACKEND)


class EagerProgram:
    """A function that runs as it is, one at a time where it updates the model's state.

    Whether it does is seen in its first run. Where the backend cannot tell, see
    ``Backend.marks``, every run waits for the one before.

    Args:
        model: Whose variables the function uses.
        function: The function.
    """

    def __init__(self, model: keras.Model, function: Function) -> None:
        self._model = model
        self._function = function
        self._updates: bool | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Run the function."""
        if self._updates is False:
            return self._function(*arguments)
        with UPDATING:
            before = backend().marks(self._model)
            result = self._function(*arguments)
            after = backend().marks(self._model)
        # Seldom is not never: what has updated once is watched for good.
        if before is not None and not self._updates:
            self._updates = before != after
        return result


class Programs:
    """The programs of one function, made when arguments of a new signature come.

    Args:
        make: Makes the program for arguments like those it is given.
    """

    def __init__(self, make: Callable[..., Function]) -> None:
        self._make = make
        self._programs: dict[Hashable, Function] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Run the program for these arguments."""
        global _has_run  # noqa: PLW0603 - of the process
        check_not_forked()
        _has_run = True
        return self._program(arguments)(*arguments)

    def _program(self, arguments: tuple[Any, ...]) -> Function:
        signature = _signature(arguments)
        program = self._programs.get(signature)
        if program is not None:
            return program
        with _TRACING:
            if signature not in self._programs:
                self._programs[signature] = self._make(*arguments)
            return self._programs[signature]


def compile_function(model: keras.Model, function: Function) -> Function:
    """Compile a function that calls a model, as the backend runs it best.

    It is compiled once for each combination of shapes and dtypes. The values of the
    variables are those at the time of each call, and what the function assigns to them
    stays. It may be called from several threads at once, on JAX also while the model is
    trained or predicts; one that updates variables then runs one at a time.

    Args:
        model: Whose variables the function uses.
        function: Of tensors. All that it may change is the values of variables.

    Returns:
        Of NumPy arrays, a nest of NumPy arrays.
    """
    chosen = backend()
    compiler = chosen.compiler(model)

    def make(*arguments: Any) -> Function:
        return compiler.compile(function, arguments, chosen.jit_by_default)

    programs = Programs(make)

    return lambda *arrays: chosen.to_numpy(programs(*arrays))


class FrozenState(keras.StatelessScope):
    """A scope in which variables are read as around it, and what they get is lost."""

    def get_current_value(self, variable: keras.Variable) -> Any:
        """What the variable got in here, or holds around it; None: its own value."""
        value = super().get_current_value(variable)
        if value is None and self.original_scope is not None:
            value = self.original_scope.get_current_value(variable)
        return value


def _signature(arguments: tuple[Any, ...]) -> Hashable:
    """Shapes and dtypes; it is asked for at every call, most often of plain arrays."""
    return tuple(map(_signature_of, arguments))


def _signature_of(argument: Any) -> Hashable:
    if isinstance(argument, np.ndarray):
        return argument.shape, argument.dtype
    if hasattr(argument, "shape"):
        dense = tuple(argument.shape), argument.dtype
        form = backend().form(argument)
        return dense if form is None else (*dense, form)
    if argument is None:
        return None
    return repr(keras.tree.map_structure(_signature_of, argument))
