"""A recurrent decoder that looks at its source in every step."""

from typing import Any

import keras
from keras import ops

from regard._compat import attach_mask, mask_of
from regard.layers.attention_decoder.attending import Memory
from regard.layers.attention_decoder.calling import (
    check_built,
    check_shapes,
    check_state,
    feedback_in_call,
    forcing_marks,
    tensors,
)
from regard.layers.attention_decoder.described import DescribedDecoder
from regard.layers.attention_decoder.run import Run
from regard.layers.attention_decoder.steps import DecoderState
from regard.layers.base import check_mask
from regard.ops import erase_padding
from regard.ops.precision import Tensor
from regard.ops.scan import CELLS


@keras.saving.register_keras_serializable(package="regard")
class AttentionDecoder(DescribedDecoder):
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
