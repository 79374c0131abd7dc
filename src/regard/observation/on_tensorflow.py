"""The compiled pass on TensorFlow: a concrete function for one signature."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import tensorflow as tf

from regard import _compat
from regard.observation.discovery import Selection
from regard.observation.forward_pass import PassLayout, PassTensors, observed_call


class TensorFlowRunner:
    """Compiles observed passes of one model to graphs, with XLA or without."""

    def __init__(
        self, model: keras.Model, selection: Selection, jit_compile: bool
    ) -> None:
        self._model = model
        self._selection = selection
        self._jit_compile = jit_compile

    def compile(self, x: Any) -> Callable[[Any], tuple[PassTensors, PassLayout]]:
        """A pass for inputs with the shapes and dtypes of ``x``."""
        layouts: list[PassLayout] = []

        def forward(x: Any) -> Any:
            tensors, layout = observed_call(
                lambda: self._model(x, **_compat.inference_arguments(self._model)),
                self._selection,
                _is_trapped,
            )
            layouts.append(layout)
            return tensors.outputs, tensors.weights

        compiled = tf.function(forward, autograph=False, jit_compile=self._jit_compile)
        program = compiled.get_concrete_function(keras.tree.map_structure(_spec, x))

        def run(x: Any) -> tuple[PassTensors, PassLayout]:
            tensors = keras.tree.map_structure(tf.convert_to_tensor, x)
            return PassTensors(*program(tensors)), layouts[-1]

        return run


def make_runner(
    model: keras.Model, selection: Selection, jit_compile: bool
) -> TensorFlowRunner:
    """Passes as graphs, with XLA where asked."""
    return TensorFlowRunner(model, selection, jit_compile)


def _spec(array: Any) -> tf.TensorSpec:
    return tf.TensorSpec(array.shape, array.dtype)


def _is_trapped(weights: tf.Tensor) -> bool:
    # ``vectorized_map`` traces its function into the graph around it, for one element,
    # and then throws these operations away. Only their name tells them.
    vectorised = "loop_body" in weights.op.name.split("/")
    return vectorised or weights.graph is not tf.compat.v1.get_default_graph()


def is_trapped_eagerly(weights: tf.Tensor) -> bool:
    """Whether weights of an eager pass are those of a traced function inside it."""
    return not isinstance(weights, tf.__internal__.EagerTensor)


def without_gradients() -> AbstractContextManager[None]:
    """TensorFlow keeps nothing for a backward pass unless a tape is watching."""
    return nullcontext()
