"""A recurrent decoder that looks at its source in every step."""

from typing import Any, ClassVar

import keras
from keras import ops

from regard._compat import attach_mask, mask_of
from regard.errors import ArgumentError
from regard.layers.attention_decoder import attending
from regard.layers.attention_decoder.attending import Memory
from regard.layers.attention_decoder.calling import (
    FEEDBACKS,
    ORDERS,
    check_built,
    check_call,
    check_rate,
    check_shapes,
    check_state,
    feedback_in_call,
    forcing_marks,
    one_of,
    tensors,
)
from regard.layers.attention_decoder.run import Run
from regard.layers.attention_decoder.steps import DecoderState, Plan
from regard.layers.attention_decoder.weights import (
    cell_shapes,
    score_shapes,
)
from regard.layers.base import (
    AttentionLayer,
    Shape,
    check_features,
    check_mask,
    check_positive,
)
from regard.ops import erase_padding
from regard.ops.precision import Tensor
from regard.ops.recurrence import CELLS


@keras.saving.register_keras_serializable(package="regard")
class AttentionDecoder(AttentionLayer):
    r"""A recurrent decoder with an attention inside its recurrence.

    At step :math:`t`, in Bahdanau's order (attend with the state before):

    .. math::
        c_t = \sum_j w_{tj} m_j, \quad w_t = \mathrm{softmax}_j(s(h_{t-1}, m_j)), \quad
        h_t = \mathrm{cell}([x_t; c_t], h_{t-1})

    in Luong's order (attend with the state after):

    .. math::
        h_t = \mathrm{cell}(x_t, h_{t-1}), \quad
        c_t = \sum_j w_{tj} m_j, \quad w_t = \mathrm{softmax}_j(s(h_t, m_j))

    and in both :math:`o_t = \tanh(W [h_t; c_t] + b)`, which with ``input_feeding`` is
    an input of the next step too. With ``output_units`` the output is the prediction
    :math:`p_t = \mathrm{softmax}(V o_t + b)`.

    The output length is free: that of the inputs or targets, or ``output_length``.

    Args:
        units: The width of the state and of the output :math:`o_t`.
        cell: ``"gru"`` or ``"lstm"``.
        score: ``"additive"``, ``"general"``, ``"dot"`` or ``"scaled_dot"``, as in
            ``CrossAttention``.
        order: ``"bahdanau"`` or ``"luong"``.
        num_heads: The number of heads; they share out the features of the memory.
        attention_units: The width of the hidden layer of the additive score, of each
            head. None: ``units``.
        input_feeding: Whether the output of a step is an input of the next.
        output_units: The number of symbols that are predicted. None: no prediction,
            the output is :math:`o_t`.
        feedback: What a step is told of the step before. ``"teacher"``: the given
            inputs, or the given targets. The others need ``output_units`` and feed
            back ``"softmax"``, its own prediction as it is; ``"argmax"``, the most
            probable symbol; ``"scheduled"``, in training the target with a
            probability of ``1 - sampling_rate``, otherwise its own most probable
            symbol.
        output_length: The number of steps where neither inputs nor targets are given.
            None: as many as the memory has.
        sampling_rate: How often ``"scheduled"`` feeds back its own symbol; it can be
            changed between epochs by ``layer.sampling_rate.assign(rate)``.
        recurrent_initializer: Initializer of the kernel between the states.
        **kwargs: What ``AttentionLayer`` takes.

    Call arguments:
        memory: The encoded source.
        inputs: What each step is given, for example embedded targets moved by one.
        targets: The right symbols, for ``"teacher"`` and ``"scheduled"``, not moved:
            a step is told the one before. Without them (when predicting) the most
            probable symbol is fed back.
        initial_state: The state before the first step: a tensor, or for an LSTM two,
            of ``(batch, units)``. None: zeros.
        memory_mask: ``(batch, keys)``, True where a key is valid. It comes by itself
            from layers that make masks.
        return_attention_scores: Whether to return ``(output, weights)``.
        training: Whether dropout and sampling are on.

    Input shape:
        Memory ``(batch, keys, features)``, inputs ``(batch, steps, input_features)``,
        targets ``(batch, steps)`` of whole numbers below ``output_units``.

    Output shape:
        ``(batch, steps, units)``, or ``(batch, steps, output_units)``; weights
        ``(batch, num_heads, steps, keys)``.

    Raises:
        ArgumentError: Arguments that do not fit each other.

    References:
        Bahdanau, Cho, Bengio (2014), https://arxiv.org/abs/1409.0473; the paper's
        ``s_i``, ``y_{i-1}``, ``c_i`` are :math:`h_t, x_t, c_t`. Luong, Pham, Manning
        (2015), https://arxiv.org/abs/1508.04025; its :math:`\tilde h_t` is
        :math:`o_t`. Scheduled sampling: Bengio et al. (2015),
        https://arxiv.org/abs/1506.03099.

    Example:
        >>> memory = keras.layers.GRU(32, return_sequences=True)(embedded_source)
        >>> decoder = regard.layers.AttentionDecoder(32)
        >>> output, weights = decoder(
        ...     memory, embedded_targets, return_attention_scores=True
        ... )
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

    def call(
        self,
        memory: Tensor,
        inputs: Tensor | None = None,
        targets: Tensor | None = None,
        *,
        initial_state: Any = None,
        memory_mask: Tensor | None = None,
        inputs_mask: Tensor | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Write a sequence; see the class for arguments and shapes."""
        self._check_call(inputs, targets)
        check_built(self._own, inputs=inputs is not None)
        check_shapes(
            memory, inputs=inputs, targets=targets, initial_state=initial_state
        )
        if memory_mask is None:
            # Keras fills it in only where there is a second tensor.
            memory_mask = mask_of(memory)
        valid = None
        if inputs is not None:
            valid = check_mask("inputs_mask", inputs_mask, inputs)
            inputs = erase_padding(inputs, valid)
        run = self._run(
            feedback_in_call(
                self.feedback,
                inputs=inputs is not None,
                targets=targets is not None,
                training=training,
            )
        )
        given = self._given(run, memory, inputs, targets)
        output, weights = run.all_steps(
            given,
            run.first_state((ops.shape(given)[1],), self._initial(initial_state)),
            self._prepared(run, memory, memory_mask),
            self._marks(run, given, memory, targets, valid=valid, training=training),
        )
        if valid is not None:
            weights = ops.where(valid[:, None, :, None], weights, 0.0)
            attach_mask(output, valid)
        weights = ops.cast(weights, self.compute_dtype)
        return (output, weights) if return_attention_scores else output

    def prepare(self, memory: Tensor, memory_mask: Tensor | None = None) -> Memory:
        """Do once for a source what all steps of ``step`` share.

        Args:
            memory: ``(batch, keys, features)``.
            memory_mask: ``(batch, keys)``, True where a key is valid.
        """
        memory = ops.cast(memory, self.compute_dtype)
        return self._prepared(self._run(None), memory, memory_mask)

    def first_state(self, batch: Any, initial_state: Any = None) -> DecoderState:
        """The state before the first step.

        Args:
            batch: The number of sources.
            initial_state: As in a call; None: zeros.
        """
        return self._run(None).first_state((batch,), self._initial(initial_state))

    def step(
        self, inputs: Tensor, state: DecoderState, memory: Memory
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """Write one symbol, as a search does.

        Args:
            inputs: ``(batch, [hypotheses,] input_features)``.
            state: What ``first_state`` or the step before gave; with hypotheses each
                tensor in it has their axis after the batch.
            memory: What ``prepare`` gave: hypotheses of a source share it.

        Returns:
            Output ``(batch, [hypotheses,] units)``, weights ``(batch, [hypotheses,]
            heads, keys)`` and the next state.
        """
        run = self._run(None)
        given = run.gates(ops.cast(inputs, self.compute_dtype))
        state, seen = run.one_step(given, state, memory)
        return seen.output, seen.weights, state

    def _run(self, feedback: str | None) -> Run:
        own = tensors(self._own, self.compute_dtype)
        score = tensors(self._score_weights, self.compute_dtype)
        return Run(self._plan(feedback), own, score)

    def _plan(self, feedback: str | None) -> Plan:
        return Plan(
            cell=CELLS[self.cell],
            score=self.score,
            heads=self.num_heads,
            looks_first=self.order == "bahdanau",
            feeds_output=self.input_feeding,
            feedback=feedback,
        )

    def _prepared(self, run: Run, memory: Tensor, mask: Tensor | None) -> Memory:
        mask = check_mask("memory_mask", mask, memory)
        return run.prepare(erase_padding(memory, mask), mask)

    def _given(
        self, run: Run, memory: Tensor, inputs: Tensor | None, targets: Tensor | None
    ) -> Tensor:
        """What each step is given, ``(steps, batch, gates)``."""
        if inputs is not None:
            return ops.swapaxes(run.gates(inputs), 0, 1)
        if targets is not None and run.plan.feedback is None:
            return ops.swapaxes(run.gates_of_symbols(targets), 0, 1)
        bias = run.own["bias"]
        if targets is not None:
            steps = ops.shape(targets)[1]
        else:
            steps = self.output_length or ops.shape(memory)[1]
        return ops.broadcast_to(bias, (steps, ops.shape(memory)[0], bias.shape[0]))

    def _marks(
        self,
        run: Run,
        given: Tensor,
        memory: Tensor,
        targets: Tensor | None,
        *,
        valid: Tensor | None,
        training: bool | None,
    ) -> dict[str, Tensor]:
        """What else a step is told, each ``(steps, batch, …)``."""
        marks: dict[str, Tensor] = {}
        if valid is not None:
            marks["valid"] = ops.swapaxes(valid, 0, 1)
        if self.dropout and training:
            lead, keys = ops.shape(given)[:2], ops.shape(memory)[1]
            ones = ops.ones((*lead, self.num_heads, keys), "float32")
            marks["kept"] = self._drop(ones, training)
        if run.plan.feedback == "scheduled":
            marks |= forcing_marks(
                targets,
                self.output_units or 1,
                self.sampling_rate,
                self._seeds,
                self.compute_dtype,
            )
        return marks

    def _initial(self, initial: Any) -> tuple[Tensor, ...]:
        states = CELLS[self.cell].states
        return check_state(initial, states, self.units, self.compute_dtype)

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
