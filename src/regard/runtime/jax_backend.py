"""Programs on JAX: compiled ahead for one signature, over copies of the variables."""

import functools
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, cast

import jax
import keras
import numpy as np
from jax._src import xla_bridge

from regard import _compat
from regard.errors import ObservationError
from regard.runtime.compilation import UPDATING, Backend, Compiler, Function

# Two programs with loops that two threads hand to one GPU wait for each other for ever
# (JAX 0.11.2, H200): a loop's end is asked for from the host, in the middle of it.
_ONE_AT_A_TIME = threading.RLock()


@functools.cache
def on_accelerator() -> bool:
    """Whether JAX computes on something else than the processor."""
    return jax.default_backend() != "cpu"


class JaxBackend:
    """JAX.

    Keras's own ``fit`` and ``predict`` give the arrays of the variables away while they
    run, so programs work on copies, which all programs of a model share.
    """

    jit_by_default = True
    has_graphs = False

    @property
    def is_on_gpu(self) -> bool:
        """See ``Backend``."""
        return on_accelerator()

    @property
    def gains_from_threads(self) -> bool:
        """See ``Backend``: on an accelerator programs run one after the other."""
        return not on_accelerator()

    def __init__(self) -> None:
        self._copies: weakref.WeakKeyDictionary[keras.Model, _WeightCopies] = (
            weakref.WeakKeyDictionary()
        )
        self._registering = threading.Lock()

    def compiler(self, model: keras.Model) -> Compiler:
        """See ``Backend``."""
        with self._registering:
            return _JaxCompiler(model, self._copies.setdefault(model, _WeightCopies()))

    def predict_call(self, model: keras.Model, x: Any) -> Any:
        """See ``Backend``: ``predict`` on JAX goes past ``model.__call__``."""
        return _compat.call_in_scope(model, x)

    def predict_step(self, model: keras.Model, batch: Any) -> Any:
        """See ``Backend``: a step takes the state in and gives it back."""
        fixed = [variable.value for variable in model.trainable_variables]
        before = [variable.value for variable in model.non_trainable_variables]
        outputs, after = model.predict_step((fixed, before), batch)
        updates = zip(model.non_trainable_variables, before, after, strict=True)
        for variable, old, new in updates:
            if new is not old:
                variable.assign(new)
        return outputs

    def batches(self, adapter: Any) -> Iterable[Any]:
        """See ``Backend``."""
        return cast(Iterable[Any], adapter.get_jax_iterator())

    def form(self, array: Any) -> Hashable:
        """See ``Backend``: the arrays that a sparse one is made of."""
        if isinstance(array, jax.Array | np.generic):
            return None
        parts, structure = jax.tree.flatten(array)
        return structure, tuple(np.shape(part) for part in parts)

    def marks(self, model: keras.Model) -> Sequence[int] | None:  # noqa: ARG002 - none
        """See ``Backend``."""
        return None

    def watch(self, variables: Sequence[keras.Variable]) -> Callable[[], bool]:
        """See ``Backend``: arrays never change, a variable gets another one."""
        seen = [
            (variable, weakref.ref(array))
            for variable in variables
            if (array := _compat.raw_value(variable)) is not None
        ]
        is_whole = len(seen) == len(variables)
        return lambda: (
            is_whole
            and all(
                (array := of()) is not None and _compat.raw_value(variable) is array
                for variable, of in seen
            )
        )

    def without_gradients(self) -> AbstractContextManager[Any]:
        """See ``Backend``: JAX keeps nothing unless it is asked for a gradient."""
        return nullcontext()

    def gradient(self, function: Function, at: Any) -> tuple[Any, Any]:
        """See ``Backend``."""
        (_, rest), gradient = jax.value_and_grad(function, has_aux=True)(at)
        return gradient, rest

    def is_trapped(self, tensor: Any, in_program: bool) -> bool:
        """See ``Backend``."""
        if not in_program:
            return isinstance(tensor, jax.core.Tracer)
        if not isinstance(tensor, jax.core.Tracer):
            return False
        try:
            here = tensor + 0
        except jax.errors.UnexpectedTracerError:
            return True
        # While the trace of the function inside is still about, JAX raises nothing and
        # makes a program that lacks an argument.
        return here._trace is not tensor._trace

    def to_numpy(self, tensors: Any) -> Any:
        """See ``Backend``: from an accelerator all are fetched at once."""
        leaves, structure = jax.tree.flatten(tensors)
        if on_accelerator():
            for leaf in leaves:
                if isinstance(leaf, jax.Array):
                    leaf.copy_to_host_async()
        # Copies, which whoever gets them may write to.
        return jax.tree.unflatten(structure, map(np.array, leaves))

    def has_threads(self, has_run: bool) -> bool:  # noqa: ARG002 - known by itself
        """See ``Backend``: those of XLA, which come with the first array."""
        return bool(xla_bridge.backends_are_initialized())


class _JaxCompiler:
    """Compiles ahead, over variables as arguments, of which some come back updated."""

    def __init__(self, model: keras.Model, copies: "_WeightCopies") -> None:
        self._model = model
        self._copies = copies
        self._has_met_values = False

    def compile(
        self, function: Function, arguments: tuple[Any, ...], jit_compile: bool
    ) -> Function:
        """See ``Compiler``; without ``jit_compile`` the function itself."""
        if not jit_compile:
            return function
        traced, scope = self._trace(function, arguments)
        program = _Executable(traced.lower())
        variables, updated = scope.variables, tuple(scope.updated.values())

        def run(*arguments: Any) -> Any:
            return program(self._current(variables), *arguments)[0]

        def run_and_update(*arguments: Any) -> Any:
            with UPDATING:
                result, values = program(self._current(variables), *arguments)
                self._copies.update(updated, values)
            return result

        return run_and_update if updated else run

    def _trace(
        self, function: Function, arguments: tuple[Any, ...]
    ) -> tuple[Any, "_ProgramScope"]:
        """Trace a function together with every variable that it reads.

        A variable that the model does not know of shows only when it is read. Its value
        would be a constant of the program, so it becomes an argument of another one.
        """
        variables = tuple(self._model.variables)
        while True:
            scopes: list[_ProgramScope] = []

            def stateless(
                values: list[Any],
                *arguments: Any,
                variables: tuple[keras.Variable, ...] = variables,
                scopes: list[_ProgramScope] = scopes,
            ) -> Any:
                with _ProgramScope(variables, values) as scope:
                    result = function(*arguments)
                scopes.append(scope)
                return result, scope.updates()

            traced = jax.jit(stateless).trace(self._current(variables), *arguments)
            scope = scopes[-1]
            if not scope.unknown:
                return traced, scope
            variables += tuple(scope.unknown.values())

    def _current(self, variables: Sequence[keras.Variable]) -> list[jax.Array]:
        # Copies that others made before may be of any age: while the arrays are taken,
        # they serve only who has met the model before.
        copies = self._copies.current(variables, or_older=self._has_met_values)
        self._has_met_values = True
        return copies


def _one_at_a_time(program: Function) -> Function:
    """On an accelerator, the program that no other one is started beside."""
    if not on_accelerator():
        return program

    def run(*arguments: Any) -> Any:
        with _ONE_AT_A_TIME:
            return program(*arguments)

    return run


class _Executable:
    """A lowered program, compiled by its first call.

    By then the lock of tracing is free: others are traced and compiled meanwhile. It is
    XLA that takes the time, without Python.

    Args:
        lowered: The program.
    """

    def __init__(self, lowered: jax.stages.Lowered) -> None:
        self._lowered = lowered
        self._compiled: Function | None = None
        self._compiling = threading.Lock()

    def __call__(self, *arguments: Any) -> Any:
        """Run it."""
        return (self._compiled or self._compile())(*arguments)

    def _compile(self) -> Function:
        with self._compiling:
            if self._compiled is None:
                self._compiled = _one_at_a_time(self._lowered.compile())
                # It is large, and not needed any more.
                del self._lowered
            return self._compiled


class _ProgramScope(keras.StatelessScope):
    """What a traced function reads and updates, in the values it is given.

    Args:
        variables: Those that the function may read.
        values: What they hold.
    """

    def __init__(
        self, variables: Sequence[keras.Variable], values: Sequence[Any]
    ) -> None:
        super().__init__(state_mapping=list(zip(variables, values, strict=True)))
        self.variables = variables
        self._given = frozenset(self.state_mapping)
        #: Those that were read beside them.
        self.unknown: dict[int, keras.Variable] = {}
        self.updated: dict[int, keras.Variable] = {}

    def add_update(self, update: tuple[keras.Variable, Any]) -> None:
        if not self._is_new(update[0]):
            self.updated[id(update[0])] = update[0]
        super().add_update(update)

    def get_current_value(self, variable: keras.Variable) -> Any:
        value = super().get_current_value(variable)
        if value is None and not self._is_new(variable):
            self.unknown[id(variable)] = variable
        return value

    def _is_new(self, variable: keras.Variable) -> bool:
        """Whether the function made the variable itself, and drops it again."""
        is_given = id(variable) in self._given
        return not is_given and _compat.awaits_value(variable)

    def updates(self) -> list[Any]:
        """The last value of each updated variable.

        Raises:
            ObservationError: One was made in a loop, which it cannot leave.
        """
        values = [self.state_mapping[number] for number in self.updated]
        for variable, value in zip(self.updated.values(), values, strict=True):
            if BACKEND.is_trapped(value, in_program=True):
                raise ObservationError(
                    f"The state '{variable.path}' is updated inside a loop, a branch, "
                    "a vectorised or a rematerialised function, which the update "
                    "cannot leave.",
                    fix="Draw the seeds and update the state outside of it.",
                )
        return values


class _WeightCopies:
    """Copies of the variables of one model, renewed where one has another array."""

    def __init__(self) -> None:
        self._copies: dict[int, _Copy] = {}
        self._copying = threading.Lock()

    def current(
        self, variables: Sequence[keras.Variable], or_older: bool
    ) -> list[jax.Array]:
        """The copies of some variables.

        Args:
            variables: The variables.
            or_older: Whether, while an array is taken, its last copy will do.

        Raises:
            ObservationError: An array is taken, and no copy will do.
        """
        with self._copying:
            return [self._copy(variable, or_older) for variable in variables]

    def update(
        self, variables: Sequence[keras.Variable], values: Sequence[jax.Array]
    ) -> None:
        """Give variables the values that a program has for them.

        What a running ``fit`` or ``predict`` has taken, it will give back itself: until
        then the copies go on alone.
        """
        with self._copying:
            for variable, value in zip(variables, values, strict=True):
                known = self._copies.get(id(variable))
                if not _is_taken(_compat.raw_value(variable)):
                    variable.assign(value)
                elif known is not None:
                    self._copies[id(variable)] = known._replace(array=value)

    def _copy(self, variable: keras.Variable, or_older: bool) -> jax.Array:
        value = _compat.raw_value(variable)
        known = self._copies.get(id(variable))
        # A number may have been that of a variable that the model no longer has.
        if known is not None and known.variable() is not variable:
            known = None
        if _is_taken(value):
            if known is not None and or_older:
                return known.array
            raise ObservationError(
                f"The variable '{variable.path}' holds no value.",
                fix="Wait until fit() or predict() of the model has ended, or make "
                "the first observation before it starts.",
            )
        if known is not None and known.source() is value:
            return known.array
        array = jax.numpy.array(value, copy=True)
        self._copies[id(variable)] = _Copy(
            weakref.ref(variable), weakref.ref(value), array
        )
        return array


class _Copy(NamedTuple):
    """A copy of the array of a variable, and what it was made from."""

    variable: weakref.ref[keras.Variable]
    source: weakref.ref[jax.Array]
    array: jax.Array


def _is_taken(value: Any) -> bool:
    """Whether a running ``fit`` or ``predict`` has the array of a variable."""
    return value is None or value.is_deleted()


BACKEND: Backend = JaxBackend()
