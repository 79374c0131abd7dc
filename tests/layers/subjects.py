"""Our layers as subjects of the contract: eager, compiled, differentiated."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from cases import Case
from clauses import Array, Batch
from keras import ops

from light_compilation import light_jit

Function = Callable[..., Any]


class Eager:
    """A layer called as it is.

    The weights are filled with numbers other than their initial values, so that a
    bias that is 0 at first counts too.
    """

    def __init__(self, case: Case, dtype: str = "float32", dropout: float = 0.0):
        self.case = case
        self.layer = case.make(dtype=dtype, dropout=dropout, seed=3)
        self.arguments = dict(case.call)
        # Many clauses look at the same run; the batch is kept so that its id stays.
        self.runs: dict[tuple[int, bool], tuple[Batch, Any]] = {}
        self.gradient: Function | None = None

    def build(self, batch: Batch) -> None:
        if self.layer.built:
            return
        positional, keywords = arguments_of(self.case, batch)
        self.layer(*positional, **keywords, **self.arguments)
        fill(self.layer)

    def __call__(
        self, batch: Batch, *, observed: bool = True, training: bool = False
    ) -> tuple[Array, Array | None]:
        self.build(batch)
        if training:
            return self.run(batch, observed, training)
        key = id(batch), observed
        if key not in self.runs:
            self.runs[key] = batch, self.run(batch, observed, training)
        return self.runs[key][1]

    def run(
        self, batch: Batch, observed: bool, training: bool
    ) -> tuple[Array, Array | None]:
        positional, keywords = arguments_of(self.case, batch)
        outputs = self.layer(
            *positional,
            **keywords,
            **self.arguments,
            return_attention_scores=observed,
            training=training,
        )
        return unpacked(outputs, observed)

    def gradients(self, batch: Batch) -> list[Array]:
        self.build(batch)
        if self.gradient is None:
            model = functional(self.layer, self.case, batch, observed=True)
            self.gradient = gradient_of(model)
        tensors = tensors_of(self.case, batch)
        middle = len(tensors) // 2
        gradients = self.gradient(tensors[:middle], tensors[middle:])
        return [to_numpy(each) for each in gradients if each is not None]

    def oracle(self, batch: Batch) -> tuple[Array, Array]:
        self.build(batch)
        weights = {
            weight.name: to_numpy(weight).astype(np.float64)
            for weight in self.layer.trainable_weights
        }
        return self.case.expected(weights, batch)


class Compiled(Eager):
    """The layer in a functional model, compiled once with its masks as inputs.

    No mask at all and a mask that hides nothing are the same model here; eagerly they
    are told apart.
    """

    def __init__(self, case: Case, dtype: str = "float32"):
        super().__init__(case, dtype)
        self.functions: dict[bool, Function] = {}

    def run(
        self, batch: Batch, observed: bool, training: bool
    ) -> tuple[Array, Array | None]:
        assert not training, "only inference is compiled here"
        if observed not in self.functions:
            model = functional(self.layer, self.case, batch, observed)
            self.functions[observed] = compiled(model)
        outputs = self.functions[observed](*tensors_of(self.case, batch))
        return unpacked(outputs, observed)


def arguments_of(case: Case, batch: Batch) -> tuple[list[Array], dict[str, Any]]:
    """How a case is called with a batch."""
    if case.kind == "cross":
        masks = {"query_mask": batch.query_mask, "value_mask": batch.source_mask}
        return [batch.query, batch.source], masks
    if case.kind == "decoder":
        masks = {"memory_mask": batch.source_mask, "inputs_mask": batch.query_mask}
        return [batch.source, batch.query], masks
    return [batch.source], {"mask": batch.source_mask}


def tensors_of(case: Case, batch: Batch) -> list[Any]:
    """The inputs and masks of a batch; a mask that hides nothing where it has none."""
    positional, masks = arguments_of(case, batch)
    filled = [
        np.ones(states.shape[:2], bool) if mask is None else mask
        for states, mask in zip(positional, masks.values(), strict=True)
    ]
    return [ops.convert_to_tensor(array) for array in positional + filled]


def functional(
    layer: keras.Layer, case: Case, batch: Batch, observed: bool
) -> keras.Model:
    """A model of the layer with unknown batch and time."""
    positional, masks = arguments_of(case, batch)
    inputs = [keras.Input(open_shape(case, states)) for states in positional]
    flags = [keras.Input(open_shape(case, i)[:1], dtype="bool") for i in positional]
    outputs = layer(
        *inputs,
        **dict(zip(masks, flags, strict=True)),
        **dict(case.call),
        return_attention_scores=observed,
    )
    return keras.Model(inputs + flags, outputs)


def open_shape(case: Case, states: Array) -> tuple[int | None, ...]:
    """The shape of an input without its batch, the time unknown."""
    return states.shape[1:] if case.kind == "feature" else (None, states.shape[-1])


def compiled(model: keras.Model) -> Function:
    """The forward pass, compiled the way of the backend."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        state = (
            [v.value for v in model.trainable_variables],
            [v.value for v in model.non_trainable_variables],
        )
        return jax.jit(lambda *inputs: model.stateless_call(*state, list(inputs))[0])
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(lambda *inputs: model(list(inputs)))
    import torch

    # Inductor takes seconds a graph; "aot_eager" traces the same graph, forward and
    # backward, and runs it without generating code.
    return torch.compile(lambda *inputs: model(list(inputs)), backend="aot_eager")


def gradient_of(model: keras.Model) -> Function:
    """Inputs and masks to the gradient of a sum over all outputs."""
    return _GRADIENTS[keras.backend.backend()](model)


def _loss(outputs: list[Any]) -> Any:
    # A square, because the sum of a row of weights is constant.
    return sum(ops.sum(ops.square(ops.cast(o, "float32"))) for o in outputs)


def _on_jax(model: keras.Model) -> Function:
    import jax

    fixed = [v.value for v in model.non_trainable_variables]
    trainable = [v.value for v in model.trainable_variables]

    def total(trainable: list[Any], states: list[Any], masks: list[Any]) -> Any:
        return _loss(model.stateless_call(trainable, fixed, states + masks)[0])

    gradient = light_jit(jax.grad(total, (0, 1)))
    return lambda states, masks: jax.tree.leaves(gradient(trainable, states, masks))


def _on_tensorflow(model: keras.Model) -> Function:
    import tensorflow as tf

    variables = [v.value for v in model.trainable_variables]

    def gradient(states: list[Any], masks: list[Any]) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(states)
            total = _loss(model(states + masks))
        return tape.gradient(total, [*variables, *states])

    return gradient


def _on_torch(model: keras.Model) -> Function:
    import torch

    variables = [v.value for v in model.trainable_variables]

    def gradient(states: list[Any], masks: list[Any]) -> list[Any]:
        leaves = [state.detach().clone().requires_grad_() for state in states]
        total = _loss(model(leaves + masks))
        return torch.autograd.grad(total, [*variables, *leaves], allow_unused=True)

    return gradient


_GRADIENTS = {
    "jax": _on_jax,
    "tensorflow": _on_tensorflow,
    "torch": _on_torch,
}


def fill(layer: keras.Layer) -> None:
    """Give every weight values that do not vanish anywhere."""
    rng = np.random.default_rng(7)
    for weight in layer.trainable_weights:
        weight.assign(rng.normal(size=weight.shape) * 0.7)


def to_numpy(tensor: Any) -> Array:
    """An array; bfloat16, which NumPy does not know, as float32."""
    tensor = ops.convert_to_tensor(tensor)
    if keras.backend.standardize_dtype(tensor.dtype) == "bfloat16":
        tensor = ops.cast(tensor, "float32")
    return ops.convert_to_numpy(tensor)


def unpacked(outputs: Any, observed: bool) -> tuple[Array, Array | None]:
    """Context and weights as arrays."""
    context, weights = outputs if observed else (outputs, None)
    return to_numpy(context), None if weights is None else to_numpy(weights)
