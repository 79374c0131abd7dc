"""A decoder as a pure function: weights and tensors in, sequences out."""

from dataclasses import dataclass
from typing import Any

from keras import ops

from regard.layers.attention_decoder import attending
from regard.layers.attention_decoder.attending import Memory
from regard.layers.attention_decoder.steps import DecoderState, Plan, Seen
from regard.layers.attention_decoder.weights import fixed_of, parts_of
from regard.ops import project
from regard.ops.precision import Tensor
from regard.ops.scan import applying, split_gates, unroll

Shape = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Run:
    """What a decoder does, with the weights it does it with.

    Args:
        plan: What a step does.
        own: The weights of the recurrence, by name.
        score: The weights of the score, by name.
    """

    plan: Plan
    own: dict[str, Tensor]
    score: dict[str, Tensor]

    def prepare(self, memory: Tensor, mask: Tensor | None) -> Memory:
        """Do once for a source what all steps share."""
        plan = self.plan
        return attending.prepare(plan.score, plan.heads, memory, mask, self.score)

    def gates(self, inputs: Tensor) -> Tensor:
        """What inputs give the gates; any axes before the features."""
        return project(inputs, self.own["input_kernel"]) + self.own["bias"]

    def gates_of_symbols(self, targets: Tensor) -> Tensor:
        """What the symbols before give the gates of each step.

        Args:
            targets: ``(batch, steps)``, not moved. The first step has none before.

        Returns:
            ``(batch, steps, gates)``.
        """
        rows = ops.take(self.own["feedback_kernel"], targets[:, :-1], axis=0)
        return ops.pad(rows, ((0, 0), (1, 0), (0, 0))) + self.own["bias"]

    def first_state(self, lead: Shape, initial: tuple[Tensor, ...]) -> DecoderState:
        """The state before the first step.

        Args:
            lead: The axes before the features.
            initial: The state of the cell, or nothing for zeros.
        """
        plan, dtype = self.plan, self.own["bias"].dtype
        units = self.own["cell_kernel"].shape[0]

        def zeros(size: int) -> Tensor:
            return ops.zeros((*lead, size), dtype)

        cell = initial or tuple(zeros(units) for _ in range(plan.cell.states))
        fed = (zeros(units),) if plan.feeds_output else ()
        told: tuple[Tensor, ...] = ()
        if plan.feedback is not None:
            told = (zeros(self.own["prediction_kernel"].shape[1]),)
        return DecoderState(cell, fed, told)

    def all_steps(
        self, given: Tensor, state: DecoderState, memory: Memory, marks: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """Write the whole sequence.

        Args:
            given: ``(steps, batch, gates)``, what the inputs give the gates.
            state: The state before the first step.
            memory: The source.
            marks: What else a step is told, ``(steps, batch, …)``.

        Returns:
            Output ``(batch, steps, …)`` and weights ``(batch, heads, steps, keys)``.
        """
        plan = self.plan
        fixed = fixed_of(plan, memory, self.own, self.score)
        step, parts = plan.step, parts_of(plan)
        each = split_gates(given, plan.cell.gates)
        _, made = unroll(
            step, parts, fixed, state, each, marks=marks, constants=memory.mask
        )
        seen = self._finish(made, memory, marks)
        weights = ops.swapaxes(seen.weights, 1, 2)
        return seen.output, weights

    def one_step(
        self, given: Tensor, state: DecoderState, memory: Memory
    ) -> tuple[DecoderState, Seen]:
        """Write one symbol; ``given`` is ``(batch, [hypotheses,] gates)``."""
        plan = self.plan
        fixed = fixed_of(plan, memory, self.own, self.score)
        apply = applying(parts_of(plan), fixed)
        each = split_gates(given, plan.cell.gates)
        state, made = plan.step(apply, state, each, {}, memory.mask)
        if not plan.reads_inside:
            made = plan.read_late(apply, made, memory.mask, {})
        return state, self._predicted(made)

    def _finish(self, made: Any, memory: Memory, marks: dict[str, Any]) -> Seen:
        """What is left to do for all steps at once."""
        plan = self.plan
        if plan.reads_inside:
            output, weights = (ops.swapaxes(each, 0, 1) for each in made)
            return self._predicted(Seen(output, weights))
        fixed = fixed_of(plan, memory, self.own, self.score)
        apply = applying(parts_of(plan, at_once=True), fixed)
        made = tuple(ops.swapaxes(each, 0, 1) for each in made)
        kept = {name: ops.swapaxes(mark, 0, 1) for name, mark in marks.items()}
        return self._predicted(plan.read_late(apply, made, memory.mask, kept))

    def _predicted(self, seen: Seen) -> Seen:
        """With the prediction as the output, where there is one and it is not fed."""
        if "prediction_kernel" not in self.own or self.plan.feedback is not None:
            return seen
        scores = project(seen.output, self.own["prediction_kernel"])
        prediction = ops.softmax(scores + self.own["prediction_bias"])
        return Seen(prediction, seen.weights)
