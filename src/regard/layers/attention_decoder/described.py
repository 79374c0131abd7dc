"""What a decoder is: its settings, weights and shapes."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard.errors import ArgumentError
from regard.layers.attention_decoder import attending
from regard.layers.attention_decoder.calling import (
    FEEDBACKS,
    ORDERS,
    check_call,
    check_rate,
    one_of,
)
from regard.layers.attention_decoder.steps import Plan
from regard.layers.attention_decoder.weights import cell_shapes, score_shapes
from regard.layers.base import AttentionLayer, Shape, check_features, check_positive
from regard.ops.precision import Tensor
from regard.ops.scan import CELLS


class DescribedDecoder(AttentionLayer):
    """What a decoder is, without what it does; ``AttentionDecoder`` has the arguments.

    Args:
        **kwargs: What ``AttentionLayer`` takes.
    """

    weights_axes: ClassVar[tuple[str, ...]] = ("batch", "heads", "queries", "keys")

    def __init__(
        self,
        units: int,
        cell: str = "gru",
        score: str = "additive",
        order: str = "bahdanau",
        num_heads: int = 1,
        *,
        attention_units: int | None = None,
        input_feeding: bool = False,
        output_units: int | None = None,
        feedback: str = "teacher",
        output_length: int | None = None,
        sampling_rate: float = 0.0,
        recurrent_initializer: Any = "orthogonal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_positive("units", units) or 1
        self.cell = one_of("cell", cell, tuple(CELLS))
        self.score = one_of("score", score, attending.SCORES)
        self.order = one_of("order", order, ORDERS)
        self.num_heads = check_positive("num_heads", num_heads) or 1
        self.attention_units = check_positive("attention_units", attention_units)
        self.input_feeding = input_feeding
        self.output_units = check_positive("output_units", output_units)
        self.feedback = one_of("feedback", feedback, FEEDBACKS)
        self.output_length = check_positive("output_length", output_length)
        self._first_sampling_rate = check_rate(sampling_rate)
        if feedback != "teacher" and output_units is None:
            raise ArgumentError(
                f"feedback='{feedback}' feeds back a prediction.",
                expected="the number of symbols as output_units",
                received="output_units=None",
            )
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self._seeds = keras.random.SeedGenerator(self.seed)

    def build(
        self,
        memory_shape: Shape,
        inputs_shape: Shape | None = None,
        targets_shape: Shape | None = None,
    ) -> None:
        """Make the weights for so many features of memory and inputs."""
        memory = check_features("memory", memory_shape)
        inputs = None
        if inputs_shape is not None:
            inputs = check_features("inputs", inputs_shape)
        self._check_call(inputs_shape, targets_shape)
        if memory % self.num_heads:
            raise ArgumentError(
                "The heads cannot share out the features of the memory evenly.",
                expected=f"a multiple of num_heads={self.num_heads}",
                received=str(memory),
            )
        if self.score in {"dot", "scaled_dot"} and memory != self.units:
            raise ArgumentError(
                f"The score '{self.score}' multiplies the state by the memory.",
                expected=f"as many features in the memory as units, {self.units}",
                received=str(memory),
                fix="Use score='general', or project the memory before.",
            )
        plan = self._plan(feedback=None)
        own = cell_shapes(plan, self.units, memory, inputs, self.output_units)
        score = score_shapes(
            plan, self.units, memory, self.attention_units or self.units
        )
        if not self.use_bias:
            score.pop("bias", None)
        self._own = {name: self._add(name, shape) for name, shape in own.items()}
        self._score_weights = {
            name: self._add(f"score_{name}", shape) for name, shape in score.items()
        }
        self.sampling_rate = self.add_weight(
            name="sampling_rate",
            initializer=keras.initializers.Constant(self._first_sampling_rate),
            trainable=False,
        )

    def _add(self, name: str, shape: tuple[int, ...]) -> Tensor:
        if name == "cell_kernel":
            return self.add_weight(
                name=name,
                shape=shape,
                initializer=_in_float32(self.recurrent_initializer),
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )
        add = self._add_bias if name.endswith("bias") else self._add_kernel
        return add(name, shape)

    def _plan(self, feedback: str | None) -> Plan:
        return Plan(
            cell=CELLS[self.cell],
            score=self.score,
            heads=self.num_heads,
            looks_first=self.order == "bahdanau",
            feeds_output=self.input_feeding,
            feedback=feedback,
        )

    def _check_call(self, inputs: Any, targets: Any) -> None:
        check_call(
            self.feedback,
            self.output_units,
            inputs=inputs is not None,
            targets=targets is not None,
        )

    def compute_mask(self, memory: Tensor, previous_mask: Tensor | None = None) -> None:
        """None: the mask of the memory ends here; that of the inputs goes on."""

    def compute_output_shape(
        self,
        memory_shape: Shape,
        inputs_shape: Shape | None = None,
        targets_shape: Shape | None = None,
        *,
        return_attention_scores: bool = False,
    ) -> Any:
        """The shape of the output, or of output and weights."""
        told = inputs_shape or targets_shape
        batch, keys, _ = memory_shape
        steps = told[1] if told else (self.output_length or keys)
        output = (batch, steps, self.output_units or self.units)
        weights = (batch, self.num_heads, steps, keys)
        return (output, weights) if return_attention_scores else output

    def compute_output_spec(
        self,
        memory: Tensor,
        inputs: Tensor | None = None,
        targets: Tensor | None = None,
        *_: Any,
        return_attention_scores: bool = False,
        **__: Any,
    ) -> Any:
        """What a symbolic call gives."""
        given = (None if each is None else each.shape for each in (inputs, targets))
        output, weights = self.compute_output_shape(
            memory.shape, *given, return_attention_scores=True
        )
        if return_attention_scores:
            return self._specs(output, weights)
        return self._specs(output)

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {
            **super().get_config(),
            "units": self.units,
            "cell": self.cell,
            "score": self.score,
            "order": self.order,
            "num_heads": self.num_heads,
            "attention_units": self.attention_units,
            "input_feeding": self.input_feeding,
            "output_units": self.output_units,
            "feedback": self.feedback,
            "output_length": self.output_length,
            "sampling_rate": self._first_sampling_rate,
            "recurrent_initializer": keras.initializers.serialize(
                self.recurrent_initializer
            ),
        }


def _in_float32(initializer: Any) -> Any:
    """Draws in float32: no backend makes orthogonal matrices of half precision."""

    def draw(shape: Shape, dtype: Any = None) -> Tensor:
        return ops.cast(initializer(shape, dtype="float32"), dtype or "float32")

    return draw
