"""Programs on TensorFlow: a concrete function for one signature."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import tensorflow as tf

from regard import _compat
from regard.runtime.compilation import Backend, Compiler, Function


class TensorFlowBackend:
    """TensorFlow: always a graph, with XLA or without."""

    jit_by_default = False
    has_graphs = True
    # Searches side by side would share its threads.
    gains_from_threads = False

    def compiler(self, model: keras.Model) -> Compiler:  # noqa: ARG002 - graphs know it
        """See ``Backend``."""
        return _TensorFlowCompiler()

    def predict_call(self, model: keras.Model, x: Any) -> Any:
        """See ``Backend``."""
        return model(x, **_compat.inference_arguments(model))

    def without_gradients(self) -> AbstractContextManager[Any]:
        """See ``Backend``: TensorFlow keeps nothing unless a tape is watching."""
        return nullcontext()

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
        return keras.tree.map_structure(keras.ops.convert_to_numpy, tensors)


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
            return program(*keras.tree.map_structure(tf.convert_to_tensor, arguments))

        return run


def _spec(array: Any) -> tf.TensorSpec:
    return tf.TensorSpec(array.shape, array.dtype)


BACKEND: Backend = TensorFlowBackend()
