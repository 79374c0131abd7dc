"""Programs on TensorFlow: a concrete function for one signature."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, cast

import keras
import tensorflow as tf
from tensorflow.python.eager import context

from regard import _compat
from regard.errors import ObservationError
from regard.runtime.compilation import UPDATING, Backend, Compiler, Function

# Tensors made of several others.
_COMPOSITE = (tf.RaggedTensor, tf.SparseTensor)


class TensorFlowBackend:
    """TensorFlow: always a graph, with XLA or without."""

    jit_by_default = False
    has_graphs = True
    # Searches side by side would share its threads.
    gains_from_threads = False

    @property
    def is_on_gpu(self) -> bool:
        """See ``Backend``."""
        return bool(tf.config.list_physical_devices("GPU"))

    def compiler(self, model: keras.Model) -> Compiler:  # noqa: ARG002 - graphs know it
        """See ``Backend``."""
        return _TensorFlowCompiler()

    def predict_call(self, model: keras.Model, x: Any) -> Any:
        """See ``Backend``."""
        return model(x, **_compat.inference_arguments(model))

    def predict_step(self, model: keras.Model, batch: Any) -> Any:
        """See ``Backend``."""
        return model.predict_step(batch)

    def batches(self, adapter: Any) -> Iterable[Any]:
        """See ``Backend``: a dataset only where arrays would say less, or it is one."""
        if _compat.gives_arrays(adapter):
            arrays = adapter.get_numpy_iterator()
            return map(partial(keras.tree.map_structure, _compat.to_tensorflow), arrays)
        return cast(Iterable[Any], adapter.get_tf_dataset())

    def form(self, array: Any) -> Hashable:
        """See ``Backend``: what is known of a sparse or a ragged tensor."""
        is_composite = isinstance(array, _COMPOSITE)
        return tf.type_spec_from_value(array) if is_composite else None

    def marks(self, model: keras.Model) -> Sequence[int] | None:  # noqa: ARG002 - none
        """See ``Backend``."""
        return None

    def watch(self, variables: Sequence[keras.Variable]) -> Callable[[], bool]:  # noqa: ARG002 - nothing counts
        """See ``Backend``: TensorFlow does not say what was written to a variable."""
        return lambda: False

    def without_gradients(self) -> AbstractContextManager[Any]:
        """See ``Backend``: TensorFlow keeps nothing unless a tape is watching."""
        return nullcontext()

    def gradient(self, function: Function, at: Any) -> tuple[Any, Any]:
        """See ``Backend``."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            value, rest = function(at)
        none = tf.UnconnectedGradients.ZERO
        # Where rows were taken out, the gradient comes as these rows.
        return tf.convert_to_tensor(tape.gradient(value, at, None, none)), rest

    def is_trapped(self, tensor: Any, in_program: bool) -> bool:
        """See ``Backend``."""
        if not in_program:
            return not isinstance(tensor, tf.__internal__.EagerTensor)
        # ``vectorized_map`` traces its function into the graph around it, for one
        # element, and then throws these operations away. Only their name tells them.
        is_vectorised = "loop_body" in tensor.op.name.split("/")
        return is_vectorised or tensor.graph is not tf.compat.v1.get_default_graph()

    def to_numpy(self, tensors: Any) -> Any:
        """See ``Backend``."""
        return keras.tree.map_structure(_to_numpy, tensors)

    def has_threads(self, has_run: bool) -> bool:  # noqa: ARG002 - known by itself
        """See ``Backend``: those of its runtime, which come with the first tensor."""
        return bool(context.context()._initialized)


class _TensorFlowCompiler:
    """Makes graphs, which hold the variables they use."""

    def compile(
        self, function: Function, arguments: tuple[Any, ...], jit_compile: bool
    ) -> Function:
        """See ``Compiler``; ``jit_compile`` stands for XLA."""
        compiled = tf.function(function, autograph=False, jit_compile=jit_compile)
        specs = keras.tree.map_structure(_spec, arguments)
        program = compiled.get_concrete_function(*specs)

        def run(*arguments: Any) -> Any:
            return program(*keras.tree.map_structure(_tensor, arguments))

        def run_and_update(*arguments: Any) -> Any:
            with UPDATING:
                return run(*arguments)

        return run_and_update if _updates_variables(program) else run


def _spec(array: Any) -> tf.TypeSpec:
    if isinstance(array, _COMPOSITE):
        return tf.type_spec_from_value(array)
    return tf.TensorSpec(array.shape, array.dtype)


def _tensor(array: Any) -> Any:
    return array if isinstance(array, _COMPOSITE) else tf.convert_to_tensor(array)


def _to_numpy(tensor: Any) -> Any:
    if isinstance(tensor, tf.RaggedTensor):
        raise ObservationError(
            "The model gives a ragged tensor, which no array holds.",
            fix="Let the model fill it up, with to_tensor(), or leave it out.",
        )
    return keras.ops.convert_to_numpy(tensor)


def _updates_variables(program: Any) -> bool:
    """Whether a graph, or a function that is called in it, assigns to a variable."""
    graph = program.graph.as_graph_def()
    bodies = [graph.node, *(each.node_def for each in graph.library.function)]
    return any(node.op.startswith("Assign") for body in bodies for node in body)


BACKEND: Backend = TensorFlowBackend()
