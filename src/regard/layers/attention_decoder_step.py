"""The recurrence of a decoder as pure functions: its step, and the loop over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from keras import ops, tree

from regard._typing import Bool, Float, Int, Tensor
from regard.layers.score_functions import StepwiseScore, Weights, over_steps
from regard.ops import masked_softmax, project, split_heads
from regard.ops.scan import (
    Cell,
    StepPart,
    bind_parts,
    gates,
    linear,
    split_gates,
    unroll,
)
from regard.ops.scan.step import Apply, Gates

#: The marks of a step, beside its inputs: whether it is ``valid``, which weights are
#: ``kept`` by the dropout, whether it is ``forced`` to read the ``target`` before, and
#: ``weights`` that are given in place of its own.
Marks: TypeAlias = Mapping[str, Tensor]


class PreparedMemory(NamedTuple):
    """A source, ready to be attended to by many steps.

    Args:
        keys: What queries are compared with, as the score takes it.
        values: What the context is made of, ``(batch, heads, keys, features)``.
        mask: ``(batch, keys)``, True where a key is valid, or None.
    """

    keys: Any
    values: Float[Tensor, "batch heads keys depth"]
    mask: Bool[Tensor, "batch keys"] | None


class DecoderState(NamedTuple):
    """The state between two steps; all ``(batch, [hypotheses,] features)``.

    Args:
        cell: The state of the cell; its output comes first.
        output: The output of the step, where it is fed back; otherwise empty.
        prediction: What was predicted, where it is fed back; otherwise empty.
    """

    cell: tuple[Float[Tensor, "batch *hypotheses units"], ...]
    output: tuple[Float[Tensor, "batch *hypotheses units"], ...] = ()
    prediction: tuple[Float[Tensor, "batch *hypotheses symbols"], ...] = ()


class StepOutput(NamedTuple):
    """The output of a step, and the weights of its attention.

    Args:
        output: ``(batch, [hypotheses,] units)``, or the prediction.
        weights: ``(batch, [hypotheses,] heads, keys)``.
    """

    output: Float[Tensor, "batch *hypotheses output_units"]
    weights: Float[Tensor, "batch *hypotheses heads keys"]


@dataclass(frozen=True)
class DecoderStep:
    """One step of a decoder: numbers, names and functions, no tensors.

    Args:
        cell: The recurrent cell.
        score: The score of the attention.
        heads: The number of heads.
        attends_first: Whether it attends with the state before (Bahdanau) or after
            (Luong).
        feeds_output: Whether the output of a step is an input of the next.
        feedback: How the prediction is fed back: ``"softmax"``, ``"argmax"``,
            ``"scheduled"``, or None.
    """

    cell: Cell
    score: StepwiseScore
    heads: int
    attends_first: bool
    feeds_output: bool
    feedback: str | None

    @property
    def needs_output(self) -> bool:
        """Whether the output of a step is needed for the next."""
        return self.feeds_output or self.feedback is not None

    def weight_shapes(
        self, units: int, memory: int, inputs: int | None, symbols: int | None
    ) -> dict[str, tuple[int, ...]]:
        """The weights of the recurrence; those called ``…bias`` are biases.

        Args:
            units: The width of the state.
            memory: The width of the memory.
            inputs: The width of the inputs, None without inputs.
            symbols: The number of symbols that are predicted, or None.
        """
        wide = self.cell.gates * units
        shapes: dict[str, tuple[int, ...]] = {
            "cell_kernel": (units, wide),
            "bias": (wide,),
        }
        if self.cell.states == 1:
            # The candidate of a GRU is reset after its product, so that has its own
            # bias.
            shapes["cell_bias"] = (wide,)
        if inputs is not None:
            shapes["input_kernel"] = (inputs, wide)
        if self.attends_first:
            shapes["context_kernel"] = (memory, wide)
        if self.feeds_output:
            shapes["output_gates_kernel"] = (units, wide)
        shapes |= {"output_kernel": (units + memory, units), "output_bias": (units,)}
        if symbols is not None:
            shapes |= {
                "prediction_kernel": (units, symbols),
                "prediction_bias": (symbols,),
                "feedback_kernel": (symbols, wide),
            }
        return shapes

    def __call__(
        self,
        apply: Apply,
        state: DecoderState,
        gate_inputs: Gates,
        marks: Marks,
        mask: Bool[Tensor, "batch keys"] | None,
    ) -> tuple[DecoderState, Any]:
        """One step; ``gate_inputs`` are the gates as far as inputs make them.

        Returns:
            The next state and a ``StepOutput``; or, where the next step does not need
            the output, what ``finish`` makes one of.
        """
        gate_inputs = self._add_feedback(apply, state, gate_inputs, marks)
        attended: tuple[Tensor, ...] = ()
        if self.attends_first:
            attended = self._attend(apply, state.cell[0], mask, marks)
            gate_inputs = _sum(gate_inputs, apply("context_gates", attended[0]))
        recurrent = apply("cell", state.cell[0])
        cell = self.cell.advance(gate_inputs, recurrent, state.cell)
        if not self.needs_output:
            return _held(marks, state, DecoderState(cell)), (cell[0], *attended)
        context, weights = attended or self._attend(apply, cell[0], mask, marks)
        after, output = self._emit(apply, cell, context)
        return _held(marks, state, after), StepOutput(output, weights)

    def finish(
        self,
        apply: Apply,
        unfinished: Any,
        mask: Bool[Tensor, "batch keys"] | None,
        marks: Marks,
    ) -> StepOutput:
        """The output of one step or of many beside each other, from what was left."""
        hidden, *attended = unfinished
        context, weights = attended or self._attend(apply, hidden, mask, marks)
        return StepOutput(self._output(apply, hidden, context), weights)

    def _attend(
        self,
        apply: Apply,
        query: Float[Tensor, "batch *queries units"],
        mask: Bool[Tensor, "batch keys"] | None,
        marks: Marks,
    ) -> tuple[
        Float[Tensor, "batch *queries features"],
        Float[Tensor, "batch *queries heads keys"],
    ]:
        """The context that the values make, and the weights they make it with."""
        if "weights" in marks:
            return apply("context", marks["weights"]), marks["weights"]
        if self.score.query_projection:
            query = apply("query", query)
        scores = apply("scores", self.score.share_query(query, self.heads))
        if mask is not None:
            # (batch, keys) against (batch, [queries,] heads, keys)
            for _ in range(len(scores.shape) - 2):
                mask = ops.expand_dims(mask, 1)
        weights = masked_softmax(scores, mask)
        # Not ``*``: TensorFlow multiplies only what is of one type.
        kept = ops.multiply(weights, marks["kept"]) if "kept" in marks else weights
        return apply("context", kept), weights

    def _add_feedback(
        self, apply: Apply, state: DecoderState, gate_inputs: Gates, marks: Marks
    ) -> Gates:
        if self.feeds_output:
            gate_inputs = _sum(gate_inputs, apply("output_gates", state.output[0]))
        if self.feedback is not None:
            (prediction,) = state.prediction
            if "forced" in marks:
                # Scheduled sampling: the target before instead of its own symbol.
                forced = ops.expand_dims(marks["forced"], -1)
                prediction = ops.where(forced, marks["target"], prediction)
            gate_inputs = _sum(gate_inputs, apply("prediction_gates", prediction))
        return gate_inputs

    def _emit(
        self,
        apply: Apply,
        cell: tuple[Float[Tensor, "batch *hypotheses units"], ...],
        context: Float[Tensor, "batch *hypotheses features"],
    ) -> tuple[DecoderState, Float[Tensor, "batch *hypotheses output_units"]]:
        """The state for the next step, and the output."""
        output = self._output(apply, cell[0], context)
        fed = (output,) if self.feeds_output else ()
        if self.feedback is None:
            return DecoderState(cell, fed), output
        prediction = ops.softmax(apply("prediction", output))
        own = prediction if self.feedback == "softmax" else _one_hot(prediction)
        return DecoderState(cell, fed, (own,)), prediction

    @staticmethod
    def _output(
        apply: Apply,
        hidden: Float[Tensor, "batch *queries units"],
        context: Float[Tensor, "batch *queries features"],
    ) -> Float[Tensor, "batch *queries units"]:
        """The output: what the cell and the context say together."""
        return ops.tanh(apply("output", ops.concatenate([hidden, context], axis=-1)))


@dataclass(frozen=True, eq=False)
class DecoderRecurrence:
    """A step with its weights: tensors in, sequences out.

    Args:
        step: The step.
        weights: The weights of the recurrence, by the names of ``weight_shapes``.
        score_weights: The weights of the score.
    """

    step: DecoderStep
    weights: Weights
    score_weights: Weights

    def prepare(
        self,
        memory: Float[Tensor, "batch keys features"],
        mask: Bool[Tensor, "batch keys"] | None,
    ) -> PreparedMemory:
        """Do once for a source what all steps share.

        Args:
            memory: ``(batch, keys, features)``; 0 where masked.
            mask: ``(batch, keys)`` or None.
        """
        heads = self.step.heads
        keys = self.step.score.project_keys(memory, heads, self.score_weights)
        return PreparedMemory(keys, split_heads(memory, heads), mask)

    def gate_inputs(
        self, inputs: Float[Tensor, "*lead features"]
    ) -> Float[Tensor, "*lead gates"]:
        """The gates as far as inputs and bias make them."""
        return project(inputs, self.weights["input_kernel"]) + self.weights["bias"]

    def gate_inputs_of_symbols(
        self, targets: Int[Tensor, "batch steps"]
    ) -> Float[Tensor, "batch steps gates"]:
        """The gates of each step as far as the symbol before it and the bias make them.

        Args:
            targets: ``(batch, steps)``, not moved. The first step has none before.

        Returns:
            ``(batch, steps, gates)``.
        """
        rows = ops.take(self.weights["feedback_kernel"], targets, axis=0)
        # Cut after the padding, so that no target makes no step.
        before = ops.pad(rows, ((0, 0), (1, 0), (0, 0)))[:, :-1]
        return before + self.weights["bias"]

    def first_state(
        self,
        lead: tuple[Any, ...],
        initial: tuple[Float[Tensor, "*lead units"], ...],
    ) -> DecoderState:
        """The state before the first step.

        Args:
            lead: The axes before the features.
            initial: The state of the cell, or nothing for zeros.
        """
        step, dtype = self.step, self.weights["bias"].dtype
        units = self.weights["cell_kernel"].shape[0]

        def zeros(size: int) -> Tensor:
            return ops.zeros((*lead, size), dtype)

        cell = initial or tuple(zeros(units) for _ in range(step.cell.states))
        output = (zeros(units),) if step.feeds_output else ()
        prediction: tuple[Tensor, ...] = ()
        if step.feedback is not None:
            prediction = (zeros(self.weights["prediction_kernel"].shape[1]),)
        return DecoderState(cell, output, prediction)

    def all_steps(
        self,
        gate_inputs: Float[Tensor, "steps batch gates"],
        state: DecoderState,
        memory: PreparedMemory,
        marks: Marks,
    ) -> StepOutput:
        """Write the whole sequence.

        Args:
            gate_inputs: ``(steps, batch, gates)``, as far as inputs and bias make them.
            state: The state before the first step.
            memory: The source.
            marks: The marks of the steps, ``(steps, batch, …)``.

        Returns:
            Output ``(batch, steps, …)`` and weights ``(batch, heads, steps, keys)``.
        """
        step = self.step
        parts, fixed = self._parts(memory)
        by_gate = split_gates(gate_inputs, step.cell.gates)
        _, outputs = unroll(
            step, parts, fixed, state, by_gate, marks=marks, constants=memory.mask
        )
        outputs = tuple(ops.swapaxes(output, 0, 1) for output in outputs)
        if step.needs_output:
            finished = StepOutput(*outputs)
        else:
            apply = bind_parts(*self._parts(memory, at_once=True))
            beside = {name: ops.swapaxes(mark, 0, 1) for name, mark in marks.items()}
            finished = step.finish(apply, outputs, memory.mask, beside)
        output, weights = self._predict(finished)
        return StepOutput(output, ops.swapaxes(weights, 1, 2))

    def one_step(
        self,
        gate_inputs: Float[Tensor, "batch *hypotheses gates"],
        state: DecoderState,
        memory: PreparedMemory,
        weights: Float[Tensor, "batch *hypotheses heads keys"] | None = None,
    ) -> tuple[StepOutput, DecoderState]:
        """Write one symbol; ``gate_inputs`` are ``(batch, [hypotheses,] gates)``.

        Given ``weights`` are applied as they are, in place of its own.
        """
        step = self.step
        marks: Marks = {} if weights is None else {"weights": weights}
        apply = bind_parts(*self._parts(memory))
        by_gate = split_gates(gate_inputs, step.cell.gates)
        state, output = step(apply, state, by_gate, marks, memory.mask)
        if not step.needs_output:
            output = step.finish(apply, output, memory.mask, marks)
        return self._predict(output), state

    def _parts(
        self, memory: PreparedMemory, at_once: bool = False
    ) -> tuple[dict[str, StepPart], dict[str, Any]]:
        """The parts of a step that take weights or the memory, and what stays for each.

        Args:
            memory: The source.
            at_once: Whether many steps are computed beside each other.
        """
        step, weights, score = self.step, self.weights, self.step.score
        to_gates = gates(step.cell.gates)
        scores = (score.part_at_once if at_once else None) or score.part
        names = self.score_weights if score.weights is None else score.weights
        stays = memory.keys, {name: self.score_weights[name] for name in names}
        parts: dict[str, tuple[StepPart, Any]] = {
            "cell": (to_gates, (weights["cell_kernel"], weights.get("cell_bias"))),
            "output": (linear(), (weights["output_kernel"], weights["output_bias"])),
            "scores": (scores, stays),
            "context": (_CONTEXT, memory.values),
        }
        if score.query_projection:
            projection = tuple(map(self.score_weights.get, score.query_projection))
            parts["query"] = linear(), projection
        if step.attends_first:
            parts["context_gates"] = to_gates, (weights["context_kernel"], None)
        if step.feeds_output:
            parts["output_gates"] = to_gates, (weights["output_gates_kernel"], None)
        if step.feedback is not None:
            prediction = weights["prediction_kernel"], weights["prediction_bias"]
            parts["prediction"] = linear(), prediction
            parts["prediction_gates"] = to_gates, (weights["feedback_kernel"], None)
        return (
            {name: part for name, (part, _) in parts.items()},
            {name: fixed for name, (_, fixed) in parts.items()},
        )

    def _predict(self, step_output: StepOutput) -> StepOutput:
        """With the prediction as the output, where there is one and it is not fed."""
        if "prediction_kernel" not in self.weights or self.step.feedback is not None:
            return step_output
        scores = project(step_output.output, self.weights["prediction_kernel"])
        prediction = ops.softmax(scores + self.weights["prediction_bias"])
        return step_output._replace(output=prediction)


def _context(
    weights: Float[Tensor, "batch *queries heads keys"],
    values: Float[Tensor, "batch heads keys depth"],
) -> Float[Tensor, "batch *queries features"]:
    weights = ops.cast(weights, values.dtype)
    # Products as they lie in memory: for an einsum, XLA copies the values in each step.
    if len(weights.shape) == 3:
        heads = ops.squeeze(ops.matmul(weights[:, :, None], values), 2)
    else:
        heads = ops.matmul(ops.swapaxes(weights, 1, 2), values)
        heads = ops.swapaxes(heads, 1, 2)
    lead = tuple(ops.shape(heads)[:-2])
    return ops.reshape(heads, (*lead, values.shape[1] * values.shape[3]))


_CONTEXT = StepPart(_context, over_steps(_context))


def _sum(gate_inputs: Gates, more: Gates) -> Gates:
    return tuple(map(ops.add, gate_inputs, more))


def _held(marks: Marks, before: DecoderState, after: DecoderState) -> DecoderState:
    """The state after a step, or the one before it where the step is padding."""
    if "valid" not in marks:
        return after
    valid = ops.expand_dims(marks["valid"], -1)
    chosen: DecoderState = tree.map_structure(
        lambda new, old: ops.where(valid, new, old), after, before
    )
    return chosen


def _one_hot(
    prediction: Float[Tensor, "batch *hypotheses symbols"],
) -> Float[Tensor, "batch *hypotheses symbols"]:
    """1 for the most probable, 0 for the others; no gradient."""
    size = prediction.shape[-1]
    return ops.one_hot(ops.argmax(prediction, axis=-1), size, dtype=prediction.dtype)
