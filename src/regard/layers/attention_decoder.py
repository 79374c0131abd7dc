"""A recurrent decoder that looks at its source in every step."""

from typing import Any, ClassVar

import keras
from keras import ops, tree

from regard._compat import attach_mask, mask_of
from regard._typing import Bool, Float, Int, Shaped, Tensor
from regard._validate import check_choice, check_count, check_number
from regard.errors import ArgumentError
from regard.layers.attention_decoder_step import (
    DecoderRecurrence,
    DecoderState,
    DecoderStep,
    PreparedMemory,
)
from regard.layers.attention_layer import AttentionLayer, check_optional_count
from regard.layers.score_functions import PAIR_SCORES, ScoreSizes
from regard.layers.shapes import Shape, check_batch, check_features, check_mask
from regard.ops import erase_padding
from regard.ops.scan import CELLS

_ORDERS = ("bahdanau", "luong")
_FEEDBACKS = ("teacher", "softmax", "argmax", "scheduled")


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
        score: ``"additive"``, ``"concat"``, ``"general"``, ``"dot"`` or
            ``"scaled_dot"``, as in ``CrossAttention``.
        order: ``"bahdanau"`` or ``"luong"``.
        num_heads: The number of heads; they share out the features of the memory.
        attention_units: The width of the hidden layer of ``"additive"`` and
            ``"concat"``, of each head. None: ``units``.
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
        mask: The same, by the name that wrappers such as ``TimeDistributed`` know.
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
        self.units = check_count("units", units)
        self.cell = check_choice("cell", cell, CELLS)
        self.score = check_choice("score", score, PAIR_SCORES)
        self.order = check_choice("order", order, _ORDERS)
        self.num_heads = check_count("num_heads", num_heads)
        self.attention_units = check_optional_count("attention_units", attention_units)
        self.input_feeding = input_feeding
        self.output_units = check_optional_count("output_units", output_units)
        self.feedback = check_choice("feedback", feedback, _FEEDBACKS)
        self.output_length = check_optional_count("output_length", output_length)
        self._first_sampling_rate = check_number(
            "sampling_rate", sampling_rate, least=0, most=1
        )
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
        self._check_memory(memory)
        shapes = self._step(feedback=None).weight_shapes(
            self.units, memory, inputs, self.output_units
        )
        # The first weight, as files of older versions have it.
        cell_kernel = self._add_kernel(
            "cell_kernel",
            shapes.pop("cell_kernel"),
            _in_float32(self.recurrent_initializer),
        )
        self._recurrence_weights = {
            "cell_kernel": cell_kernel,
            **self._add_weights(shapes),
        }
        hidden = self.attention_units or self.units
        sizes = ScoreSizes(self.units, memory, hidden, self.num_heads)
        self._score_weights = self._add_score_weights(
            PAIR_SCORES[self.score], sizes, prefix="score_"
        )
        self.sampling_rate = self.add_weight(
            name="sampling_rate",
            initializer=keras.initializers.Constant(self._first_sampling_rate),
            trainable=False,
        )

    def call(
        self,
        memory: Float[Tensor, "batch keys features"],
        inputs: Float[Tensor, "batch steps input_features"] | None = None,
        targets: Int[Tensor, "batch steps"] | None = None,
        *,
        initial_state: Any = None,
        memory_mask: Shaped[Tensor, "batch keys ..."] | None = None,
        inputs_mask: Shaped[Tensor, "batch steps ..."] | None = None,
        mask: Shaped[Tensor, "batch keys ..."] | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
    ) -> (
        Float[Tensor, "batch steps units"]
        | tuple[
            Float[Tensor, "batch steps units"],
            Float[Tensor, "batch heads steps keys"],
        ]
    ):
        """Write a sequence; see the class for arguments and shapes."""
        self._check_call(inputs, targets)
        self._check_inputs(memory, inputs, targets, initial_state)
        if memory_mask is None:
            # Keras fills it in only where there is a second tensor, else `mask`.
            memory_mask = mask_of(memory) if mask is None else mask
        valid = None
        if inputs is not None:
            valid = check_mask("inputs_mask", inputs_mask, inputs)
            inputs = erase_padding(inputs, valid)
        recurrence = self._recurrence(self._feedback_of_call(inputs, targets, training))
        gate_inputs = self._gate_inputs(recurrence, memory, inputs, targets)
        output, weights = recurrence.all_steps(
            gate_inputs,
            recurrence.first_state(
                (ops.shape(gate_inputs)[1],), self._cell_state(initial_state)
            ),
            self._prepare(recurrence, memory, memory_mask),
            self._marks(
                ops.shape(gate_inputs)[:2],
                ops.shape(memory)[1],
                recurrence.step.feedback,
                targets,
                valid=valid,
                training=training,
            ),
        )
        if valid is not None:
            weights = ops.where(valid[:, None, :, None], weights, 0.0)
            attach_mask(output, valid)
        weights = ops.cast(weights, self.compute_dtype)
        return (output, weights) if return_attention_scores else output

    def prepare(
        self,
        memory: Float[Tensor, "batch keys features"],
        memory_mask: Shaped[Tensor, "batch keys"] | None = None,
    ) -> PreparedMemory:
        """Do once for a source what all steps of ``step`` share.

        Args:
            memory: ``(batch, keys, features)``.
            memory_mask: ``(batch, keys)``, True where a key is valid.
        """
        memory = ops.cast(memory, self.compute_dtype)
        return self._prepare(self._recurrence(), memory, memory_mask)

    def first_state(self, batch: Any, initial_state: Any = None) -> DecoderState:
        """The state before the first step.

        Args:
            batch: The number of sources.
            initial_state: As in a call; None: zeros.
        """
        cell_state = self._cell_state(initial_state)
        return self._recurrence().first_state((batch,), cell_state)

    def step(
        self,
        inputs: Float[Tensor, "batch *hypotheses input_features"],
        state: DecoderState,
        memory: PreparedMemory,
        weights: Float[Tensor, "batch *hypotheses heads keys"] | None = None,
    ) -> tuple[
        Float[Tensor, "batch *hypotheses units"],
        Float[Tensor, "batch *hypotheses heads keys"],
        DecoderState,
    ]:
        """Write one symbol, as a search does.

        Args:
            inputs: ``(batch, [hypotheses,] input_features)``.
            state: What ``first_state`` or the step before gave; with hypotheses each
                tensor in it has their axis after the batch.
            memory: What ``prepare`` gave: hypotheses of a source share it.
            weights: ``(batch, [hypotheses,] heads, keys)``, applied as they are in
                place of its own; the state before is what it was. None: its own.

        Returns:
            Output ``(batch, [hypotheses,] units)``, weights ``(batch, [hypotheses,]
            heads, keys)`` and the next state.
        """
        recurrence = self._recurrence()
        gate_inputs = recurrence.gate_inputs(ops.cast(inputs, self.compute_dtype))
        if weights is not None:
            weights = ops.cast(weights, self.compute_dtype)
        written, state = recurrence.one_step(gate_inputs, state, memory, weights)
        return written.output, written.weights, state

    def _step(self, feedback: str | None) -> DecoderStep:
        return DecoderStep(
            cell=CELLS[self.cell],
            score=PAIR_SCORES[self.score].in_steps(),
            heads=self.num_heads,
            attends_first=self.order == "bahdanau",
            feeds_output=self.input_feeding,
            feedback=feedback,
        )

    def _recurrence(self, feedback: str | None = None) -> DecoderRecurrence:
        """The recurrence, with its weights in the type that is computed in."""
        weights, score_weights = tree.map_structure(
            lambda weight: ops.cast(weight, self.compute_dtype),
            (dict(self._recurrence_weights), dict(self._score_weights)),
        )
        return DecoderRecurrence(self._step(feedback), weights, score_weights)

    def _prepare(
        self,
        recurrence: DecoderRecurrence,
        memory: Float[Tensor, "batch keys features"],
        mask: Shaped[Tensor, "batch keys"] | None,
    ) -> PreparedMemory:
        mask = check_mask("memory_mask", mask, memory)
        return recurrence.prepare(erase_padding(memory, mask), mask)

    def _feedback_of_call(
        self, inputs: Tensor | None, targets: Tensor | None, training: bool | None
    ) -> str | None:
        """How the prediction is fed back in one call; None: it is not."""
        if self.feedback == "teacher":
            return "argmax" if inputs is None and targets is None else None
        if self.feedback == "scheduled":
            return "argmax" if targets is None or not training else "scheduled"
        return self.feedback

    def _gate_inputs(
        self,
        recurrence: DecoderRecurrence,
        memory: Float[Tensor, "batch keys features"],
        inputs: Float[Tensor, "batch steps input_features"] | None,
        targets: Int[Tensor, "batch steps"] | None,
    ) -> Float[Tensor, "_steps batch gates"]:
        """The gates of each step as far as inputs, targets and bias make them."""
        if inputs is not None:
            return ops.swapaxes(recurrence.gate_inputs(inputs), 0, 1)
        if targets is not None and recurrence.step.feedback is None:
            return ops.swapaxes(recurrence.gate_inputs_of_symbols(targets), 0, 1)
        bias = recurrence.weights["bias"]
        if targets is not None:
            steps = ops.shape(targets)[1]
        else:
            steps = self.output_length or ops.shape(memory)[1]
        return ops.broadcast_to(bias, (steps, ops.shape(memory)[0], bias.shape[0]))

    def _marks(
        self,
        lead: tuple[Any, ...],
        keys: Any,
        feedback: str | None,
        targets: Int[Tensor, "batch steps"] | None,
        *,
        valid: Bool[Tensor, "batch steps"] | None,
        training: bool | None,
    ) -> dict[str, Shaped[Tensor, "_steps batch ..."]]:
        """The marks of the steps; ``lead`` is ``(steps, batch)``, as of each mark."""
        marks: dict[str, Tensor] = {}
        if valid is not None:
            marks["valid"] = ops.swapaxes(valid, 0, 1)
        if self.dropout and training:
            # Drawn batch first: rows of filling at its end change none of the others.
            steps, batch = lead
            ones = ops.ones((batch, steps, self.num_heads, keys), "float32")
            marks["kept"] = ops.swapaxes(self._drop(ones, training), 0, 1)
        if targets is not None and feedback == "scheduled":
            symbols = ops.one_hot(
                ops.transpose(targets), self.output_units, dtype=self.compute_dtype
            )
            marks["target"] = ops.pad(symbols, ((1, 0), (0, 0), (0, 0)))[:-1]
            drawn = keras.random.uniform(
                ops.shape(targets), dtype="float32", seed=self._seeds
            )
            marks["forced"] = ops.transpose(drawn) >= ops.cast(
                self.sampling_rate, "float32"
            )
        return marks

    def _cell_state(
        self, initial_state: Any
    ) -> tuple[Float[Tensor, "batch units"], ...]:
        """An initial state as a tuple of tensors, empty for None."""
        if initial_state is None:
            return ()
        if not isinstance(initial_state, (tuple, list)):
            initial_state = (initial_state,)
        states = CELLS[self.cell].states
        widths = [tensor.shape[-1] for tensor in initial_state]
        if widths != [self.units] * states:
            raise ArgumentError(
                "The initial state does not fit the cell.",
                expected=f"{states} tensor(s) of (batch, {self.units})",
                received=", ".join(str(tuple(each.shape)) for each in initial_state),
            )
        return tuple(ops.cast(tensor, self.compute_dtype) for tensor in initial_state)

    def _check_memory(self, features: int) -> None:
        """Refuse a memory whose features do not fit the heads or the score."""
        if features % self.num_heads:
            raise ArgumentError(
                "The heads cannot share out the features of the memory evenly.",
                expected=f"a multiple of num_heads={self.num_heads}",
                received=str(features),
            )
        if PAIR_SCORES[self.score].shares_features and features != self.units:
            raise ArgumentError(
                f"The score '{self.score}' multiplies the state by the memory.",
                expected=f"as many features in the memory as units, {self.units}",
                received=str(features),
                fix="Use score='general', or project the memory before.",
            )

    def _check_call(self, inputs: Any, targets: Any) -> None:
        """Refuse inputs and targets that the feedback has no use for, or lacks."""
        if inputs is not None and targets is not None:
            raise ArgumentError(
                "A decoder is told the step before by its inputs or by its targets.",
                expected="one of them",
                received="inputs and targets",
            )
        reads_targets = self.output_units and self.feedback in {"teacher", "scheduled"}
        if targets is not None and not reads_targets:
            raise ArgumentError(
                "The targets would not be used.",
                expected="output_units, and feedback='teacher' or 'scheduled'",
                received=(
                    f"output_units={self.output_units} and feedback='{self.feedback}'"
                ),
            )
        if inputs is None and self.output_units is None:
            raise ArgumentError(
                "The decoder is given nothing, and predicts nothing to feed back.",
                expected="inputs, or output_units",
                received="neither",
            )

    def _check_inputs(
        self,
        memory: Tensor,
        inputs: Tensor | None,
        targets: Tensor | None,
        initial_state: Any,
    ) -> None:
        """Refuse inputs that the layer has no weights for, or of another batch."""
        if inputs is not None and "input_kernel" not in self._recurrence_weights:
            raise ArgumentError(
                "The decoder was built without inputs, so that it has no weights for "
                "them.",
                expected="a call as the first was, without inputs",
                received="inputs",
                fix="Build it with inputs, or make the first call with them.",
            )
        check_features("memory", memory.shape)
        batch = memory.shape[0]
        check_batch("inputs", inputs, ("batch", "steps", "features"), batch)
        check_batch("targets", targets, ("batch", "steps"), batch)
        check_batch("initial_state", initial_state, ("batch", "units"), batch)

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
        written = inputs_shape or targets_shape
        batch, keys, _ = memory_shape
        steps = written[1] if written else (self.output_length or keys)
        output = (batch, steps, self.output_units or self.units)
        weights = (batch, self.num_heads, steps, keys)
        return (output, weights) if return_attention_scores else output

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
