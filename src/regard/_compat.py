"""The parts of Keras that are not public: the only file that knows Keras versions.

Written against Keras 3.15. A break in a later release is mended here and nowhere else.
"""

import contextlib
import inspect
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras.src import backend
from keras.src.backend import get_keras_mask, set_keras_mask
from keras.src.backend.common import global_state
from keras.src.utils import module_utils

# The methods in which the attention layers of Keras turn scores into weights.
COMPUTE_ATTENTION = "_compute_attention"  # MultiHeadAttention, GroupQueryAttention
APPLY_SCORES = "_apply_scores"  # Attention, AdditiveAttention
_UNINITIALIZED = "uninitialized_variables"


def sublayers(layer: keras.Layer) -> list[keras.Layer]:
    """The layers a layer holds directly, in the order in which it got them."""
    return list(layer._layers)


def layers_below(layer: keras.Layer) -> list[keras.Layer]:
    """The layers in a layer, at whatever depth."""
    return list(layer._flatten_layers(include_self=False))


def operations_in(layer: keras.Layer) -> list[keras.Operation]:
    """The operations of a functional model that are no layers, as of ``keras.ops``."""
    return [
        operation
        for operation in getattr(layer, "operations", ())
        if not isinstance(operation, keras.Layer)
    ]


def operations_after(operation: Any) -> list[Any]:
    """The operations of a functional model that read the output of one."""
    return [node.operation for node in getattr(operation, "_outbound_nodes", ())]


def operations_at_the_end(model: keras.Model) -> list[Any]:
    """The operations that make the outputs of a functional or sequential model."""
    outputs = keras.tree.flatten(getattr(model, "outputs", None) or [])
    return [output._keras_history.operation for output in outputs]


def is_built(model: keras.Model) -> bool:
    """Whether the model and every layer in it have their variables."""
    return all(layer.built for layer in model._flatten_layers())


def inference_arguments(model: keras.Model) -> dict[str, Any]:
    """The arguments of ``model.call`` in a prediction besides the inputs."""
    return {"training": False} if model._call_has_training_arg else {}


def call_in_scope(model: keras.Model, x: Any) -> Any:
    """What ``model.stateless_call`` runs, in the scope of state that is there already.

    ``stateless_call`` opens one of its own, in which it knows no variables but the
    model's and loses what the call updates beside them.
    """
    arguments = inference_arguments(model)
    is_quantized = model.dtype_policy.quantization_mode is not None
    call = model.quantized_call if is_quantized else model.call
    if model._remat_mode is not None:
        call = model.rematerialized_call(call, x, **arguments)
    return call(x, **arguments)


def raw_value(variable: keras.Variable) -> Any:
    """The array a variable holds, or None while a running ``predict`` has taken it.

    ``variable.value`` would then make up a fresh initial value.
    """
    return variable._value


def awaits_value(variable: keras.Variable) -> bool:
    """Whether a variable was made in a scope that is still open, without a value."""
    return variable._value is None and variable._initializer is not None


@contextlib.contextmanager
def without_values(tell: Callable[[keras.Variable], None]) -> Iterator[None]:
    """A scope in which variables get a shape, and no value; see ``start_at_zero``.

    Args:
        tell: Called with each variable that is made; what it raises ends the scope.
    """
    # Keras lists them to give them values later, to all that were made.
    earlier = global_state.get_global_attribute(_UNINITIALIZED)
    global_state.set_global_attribute(_UNINITIALIZED, _Listener(tell))
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute(_UNINITIALIZED, earlier or [])


@contextlib.contextmanager
def without_tensorflow() -> Iterator[None]:
    """A scope in which Keras does not import TensorFlow on another backend.

    Where it makes layers it asks whether something is a shape of TensorFlow, and where
    that is installed imports it to know: two seconds.
    """
    known = module_utils.tensorflow
    if "tensorflow" in sys.modules or known._available is not None:
        yield
        return
    known._available = False
    try:
        yield
    finally:
        known._available = None


class _Listener(list[keras.Variable]):
    def __init__(self, tell: Callable[[keras.Variable], None]) -> None:
        super().__init__()
        self._tell = tell

    def append(self, variable: keras.Variable) -> None:
        """Tell of a variable, and keep nothing."""
        self._tell(variable)


def start_at_zero(model: keras.Model) -> None:
    """Give the variables of a model that have no value one.

    Floats are 0, which takes no time to draw; the states of random numbers are what
    they would have been.
    """
    for variable in model.variables:
        if awaits_value(variable):
            if keras.backend.is_float_dtype(variable.dtype):
                variable._initializer = _zeros
            variable._deferred_initialize()


def _zeros(shape: Any, dtype: Any) -> Any:
    """Zeros that no program is compiled for, as each shape of them would need one."""
    return keras.ops.convert_to_tensor(np.zeros(shape, np.float32), dtype)


def scan(step: Callable[[Any, Any], Any], carry: Any, inputs: Any) -> Any:
    """``keras.ops.scan``, which on TensorFlow fails where the steps are not counted.

    With steps of unknown number it compares those of several inputs by a method that a
    number of TensorFlow 2 does not have, and XLA cannot tell how much its loop will
    keep for the gradient.
    """
    leaves = keras.tree.flatten(inputs)
    is_symbolic = any(isinstance(leaf, keras.KerasTensor) for leaf in leaves)
    if is_symbolic or leaves[0].shape[0] is not None:
        return keras.ops.scan(step, carry, inputs)
    import tensorflow as tf  # noqa: PLC0415 - only its shapes are unknown

    count = tf.shape(leaves[0])[0]
    arrays = [
        tf.TensorArray(leaf.dtype, count, element_shape=leaf.shape[1:]).unstack(leaf)
        for leaf in leaves
    ]

    def body(number: Any, carried: Any, written: Any) -> Any:
        read = [array.read(number) for array in arrays]
        after, outputs = step(
            keras.tree.pack_sequence_as(carry, carried),
            keras.tree.pack_sequence_as(inputs, read),
        )
        each = zip(written, keras.tree.flatten(outputs), strict=True)
        written = [array.write(number, output) for array, output in each]
        return number + 1, keras.tree.flatten(after), written

    carried = keras.tree.flatten(carry)
    written = [
        tf.TensorArray(leaf.dtype, count, element_shape=leaf.shape) for leaf in carried
    ]
    _, carried, written = tf.while_loop(
        lambda number, *_: number < count,
        body,
        (0, carried, written),
        maximum_iterations=count,
    )
    outputs = [array.stack() for array in written]
    return (
        keras.tree.pack_sequence_as(carry, carried),
        keras.tree.pack_sequence_as(carry, outputs),
    )


def without_fusion(layer: keras.Layer) -> keras.Layer:
    """A twin of an attention layer which computes its weights explicitly.

    It shares variables and sublayers with the layer. The layer itself is left alone,
    because other threads may be running it.
    """
    return twin_of(
        layer,
        COMPUTE_ATTENTION,
        _flash_attention=False,
        # GroupQueryAttention reads the wish for scores from here.
        _return_attention_scores=True,
    )


def twin_of(layer: keras.Layer, method: str, **attributes: Any) -> keras.Layer:
    """A second object over the state of a layer, different in some attributes.

    Its ``method`` is that of the class, also while the layer is observed.
    """
    twin: keras.Layer = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__)
    twin.__dict__.pop(method, None)
    twin.__dict__.update(attributes)
    return twin


def projected(layer: keras.Layer, result: Any) -> Any:
    """What an attention layer gives, of what its watched method does.

    ``MultiHeadAttention`` and its like project the heads after it.
    """
    projecting = keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention
    if isinstance(layer, projecting):
        return layer._output_dense(result[0])
    return result[0] if isinstance(result, tuple) else result


def attention_axes(layer: keras.Layer) -> tuple[int, ...]:
    """The axes of the input over which a ``MultiHeadAttention`` attends."""
    return tuple(layer._attention_axes)


def prepared(
    model: keras.Model, method: str, x: Any, **arguments: Any
) -> dict[str, Any] | None:
    """What the ``predict`` of a model's own class gives to the one of Keras.

    Models such as those of KerasHub prepare their inputs in there. Theirs runs on a
    twin, for which the method of Keras only keeps what it gets.

    Args:
        model: The model, whose state the twin has.
        method: ``"predict"`` or ``"predict_on_batch"``.
        x: What the user gives.
        **arguments: Further ones; None where the user says nothing.

    Returns:
        The arguments by their names, or None where it does more than prepare them: it
        calls that method not once, or returns something else than that gives.
    """
    if getattr(type(model), method) is getattr(keras.Model, method):
        return {"x": x, **arguments}
    kept: list[dict[str, Any]] = []
    unchanged = object()
    signature = inspect.signature(getattr(keras.Model, method))

    def keep(*given: Any, **named: Any) -> object:
        arguments = signature.bind(*given, **named).arguments
        kept.append({name: each for name, each in arguments.items() if name != "self"})
        return unchanged

    trainer = next(base for base in keras.Model.__mro__ if method in vars(base))
    keeper = type("Keeper", (trainer,), {method: keep})
    twin: Any = object.__new__(type(type(model).__name__, (type(model), keeper), {}))
    object.__setattr__(twin, "__dict__", model.__dict__)
    said = {name: value for name, value in arguments.items() if value is not None}
    try:
        result = getattr(twin, method)(x, **said)
    except Exception:
        if not kept:
            raise
        result = None
    if result is not unchanged or len(kept) != 1:
        return None
    return {**arguments, **kept[0]}


def has_own_step(model: keras.Model) -> bool:
    """Whether the class of a model says itself what a step of ``predict`` is."""
    return type(model).predict_step is not keras.Model.predict_step


def batches(
    x: Any,
    batch_size: int | None,
    steps: int | None,
    taken: Callable[[Any], Iterable[Any]],
) -> tuple[Iterator[Any], int | None]:
    """Cut anything ``model.predict`` takes into batches, as that does.

    Args:
        x: The data.
        batch_size: Samples in a batch.
        steps: The number of batches.
        taken: Takes the batches out of a data adapter.

    Returns:
        The inputs of each batch and what came with them, and how many there will be,
        None where that is not known.
    """
    from keras.src.trainers import data_adapters  # noqa: PLC0415 - 30 ms, seldom needed

    adapter = data_adapters.get_data_adapter(
        x=x, batch_size=batch_size, steps_per_epoch=steps
    )
    count = steps if steps is not None else adapter.num_batches
    return _each(adapter, count, taken), count


def _each(
    adapter: Any, count: int | None, taken: Callable[[Any], Iterable[Any]]
) -> Iterator[Any]:
    adapter.on_epoch_begin()
    try:
        yield from itertools.islice(taken(adapter), count)
    finally:
        adapter.on_epoch_end()


def gives_arrays(adapter: Any) -> bool:
    """Whether NumPy arrays say all that is in the batches of a data adapter."""
    from keras.src.trainers import data_adapters  # noqa: PLC0415 - loaded with it

    if isinstance(adapter, data_adapters.TFDatasetAdapter):
        return False
    if not isinstance(adapter, data_adapters.ArrayDataAdapter):
        return True
    leaves = keras.tree.flatten(adapter._inputs)
    return all(leaf is None or _is_numeric(leaf) for leaf in leaves)


def to_tensorflow(leaf: Any) -> Any:
    """A sparse array of SciPy or JAX as TensorFlow's; all else as it is."""
    from keras.src.trainers.data_adapters import data_adapter_utils  # noqa: PLC0415

    if data_adapter_utils.is_scipy_sparse(leaf):
        return data_adapter_utils.scipy_sparse_to_tf_sparse(leaf)
    if data_adapter_utils.is_jax_sparse(leaf):
        return data_adapter_utils.jax_sparse_to_tf_sparse(leaf)
    return leaf


def _is_numeric(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biufc"


def output_spec(function: Callable[..., Any], *arguments: Any) -> Any:
    """The shapes of what a function gives, which is run without numbers.

    Args:
        function: Of tensors.
        *arguments: Nests of symbolic tensors.
    """
    return backend.compute_output_spec(function, *arguments)


def mask_of(tensor: Any) -> Any | None:
    """The mask that travels with a tensor, or None."""
    return get_keras_mask(tensor)


def operations_before(tensor: keras.KerasTensor) -> Iterator[Any]:
    """The operations that made a symbolic tensor, backwards by their first input."""
    while hasattr(tensor, "_keras_history"):
        operation, node, _ = tensor._keras_history
        yield operation
        inputs = operation._inbound_nodes[node].input_tensors
        if not inputs:
            return
        tensor = inputs[0]


def attach_mask(tensor: Any, mask: Any | None) -> None:
    """Let a mask travel with a tensor."""
    set_keras_mask(tensor, mask)
