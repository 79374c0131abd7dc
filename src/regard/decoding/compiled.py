"""A function of a model's variables and of arrays, as each backend runs it best."""

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

import keras
from keras import ops, tree

#: Of NumPy arrays, a nest of NumPy arrays.
Compiled: TypeAlias = Callable[..., Any]

# Layers are not made to be traced by two threads at once, and two would compile the
# same program twice.
_COMPILING = threading.Lock()


def compiled(model: keras.Model, function: Callable[..., Any]) -> Compiled:
    """Compile a function that calls a model, once for each shape of its arguments.

    The values of the variables are those at the time of each call. On JAX it may be
    called from several threads at once.

    Args:
        model: Whose variables the function uses.
        function: Of tensors, without side effects.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        return _on_jax(model, function)
    if backend == "tensorflow":
        import tensorflow as tf  # noqa: PLC0415 - only where it is the backend

        return _to_numpy(tf.function(function))
    if backend == "torch":
        import torch  # noqa: PLC0415 - only where it is the backend

        return _to_numpy(torch.no_grad()(function))
    return _to_numpy(function)


def _on_jax(model: keras.Model, function: Callable[..., Any]) -> Compiled:
    import jax  # noqa: PLC0415 - only where it is the backend

    variables = list(model.variables)

    @jax.jit
    def program(values: list[Any], *arrays: Any) -> Any:
        pairs = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=pairs):
            return function(*arrays)

    known: set[tuple[tuple[int, ...], ...]] = set()

    def run(*arrays: Any) -> Any:
        values = [variable.value for variable in variables]
        shapes = tuple(array.shape for array in arrays)
        if shapes in known:
            return jax.device_get(program(values, *arrays))
        with _COMPILING:
            found = program(values, *arrays)
            known.add(shapes)
        return jax.device_get(found)

    return run


def _to_numpy(function: Callable[..., Any]) -> Compiled:
    def run(*arrays: Any) -> Any:
        found = function(*tree.map_structure(ops.convert_to_tensor, arrays))
        return tree.map_structure(ops.convert_to_numpy, found)

    return run
