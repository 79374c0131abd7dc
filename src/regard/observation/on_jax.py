"""The compiled pass on JAX: copied variables, compiled ahead for one signature."""

import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import keras

from regard import _compat
from regard.errors import ObservationError
from regard.observation.discovery import Selection
from regard.observation.forward_pass import PassLayout, PassTensors, observed_call


class JaxRunner:
    """Compiles observed passes of one model.

    Keras's own ``predict`` gives the arrays of the variables away while it runs, so
    the passes work on copies. A copy is renewed when its variable has another array.
    """

    def __init__(self, model: keras.Model, selection: Selection) -> None:
        self._model = model
        self._selection = selection
        self._copies: dict[int, tuple[Any, jax.Array]] = {}
        self._copying = threading.Lock()

    def compile(self, x: Any) -> Callable[[Any], tuple[PassTensors, PassLayout]]:
        """A pass for inputs with the shapes and dtypes of ``x``."""
        model = self._model
        trainable = list(model.trainable_variables)
        others = list(model.non_trainable_variables)
        layouts: list[PassLayout] = []

        def forward(values: list[Any], other_values: list[Any], x: Any) -> Any:
            tensors, layout = observed_call(
                lambda: self._call(values, other_values, x),
                self._selection,
                _is_trapped,
            )
            layouts.append(layout)
            return tensors.outputs, tensors.weights

        state = self._current(trainable), self._current(others)
        program = jax.jit(forward).lower(*state, x).compile()

        def run(x: Any) -> tuple[PassTensors, PassLayout]:
            state = self._current(trainable), self._current(others)
            return PassTensors(*program(*state, x)), layouts[-1]

        return run

    def _call(self, values: list[Any], other_values: list[Any], x: Any) -> Any:
        extra = _compat.inference_arguments(self._model)
        return self._model.stateless_call(values, other_values, x, **extra)[0]

    def _current(self, variables: Sequence[keras.Variable]) -> list[jax.Array]:
        with self._copying:
            return [self._copy(variable) for variable in variables]

    def _copy(self, variable: keras.Variable) -> jax.Array:
        value = _compat.raw_value(variable)
        source, copy = self._copies.get(id(variable), (None, None))
        if copy is not None and (_is_taken(value) or source() is value):
            return copy
        if _is_taken(value):
            raise ObservationError(
                f"The variable '{variable.path}' holds no value.",
                fix="Wait until fit() or predict() of the model has ended, or make "
                "the first observation before it starts.",
            )
        copy = jax.numpy.array(value, copy=True)
        self._copies[id(variable)] = weakref.ref(value), copy
        return copy


def _is_taken(value: Any) -> bool:
    """Whether a running ``fit`` or ``predict`` has the array of a variable."""
    return value is None or value.is_deleted()


def _is_trapped(weights: Any) -> bool:
    try:
        weights + 0
    except jax.errors.UnexpectedTracerError:
        return True
    return False


def is_trapped_eagerly(weights: Any) -> bool:
    """Whether weights of an eager pass are those of a traced function inside it."""
    return isinstance(weights, jax.core.Tracer)


def without_gradients() -> AbstractContextManager[None]:
    """JAX keeps nothing for a backward pass unless it is asked for one."""
    return nullcontext()


def make_runner(
    model: keras.Model, selection: Selection, jit_compile: bool
) -> JaxRunner | None:
    """Compiled passes, None where they are not to be compiled."""
    return JaxRunner(model, selection) if jit_compile else None
