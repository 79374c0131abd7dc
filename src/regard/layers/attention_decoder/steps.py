"""One step of a decoder: the cell, the look, and what comes of both."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from keras import ops, tree

from regard.layers.attention_decoder.attending import share_query
from regard.ops import masked_softmax
from regard.ops.precision import Tensor
from regard.ops.scan import Cell
from regard.ops.scan.step import Apply, Gates


class DecoderState(NamedTuple):
    """What a step hands to the next; all ``(batch, [hypotheses,] features)``.

    Args:
        cell: The state of the cell; its output comes first.
        output: The output of the step, where it is fed back; otherwise empty.
        prediction: What was predicted, where it is fed back; otherwise empty.
    """

    cell: tuple[Tensor, ...]
    output: tuple[Tensor, ...] = ()
    prediction: tuple[Tensor, ...] = ()


class Seen(NamedTuple):
    """What a step gives.

    Args:
        output: ``(batch, [hypotheses,] units)``, or the prediction.
        weights: ``(batch, [hypotheses,] heads, keys)``.
    """

    output: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Plan:
    """What a decoder does in a step; numbers and names, no tensors.

    Args:
        cell: The recurrent cell.
        score: The score of the attention.
        heads: The number of heads.
        looks_first: Whether it looks with the state before (Bahdanau) or after (Luong).
        feeds_output: Whether the output of a step is an input of the next.
        feedback: How the prediction is fed back: ``"softmax"``, ``"argmax"``,
            ``"scheduled"``, or None.
    """

    cell: Cell
    score: str
    heads: int
    looks_first: bool
    feeds_output: bool
    feedback: str | None

    @property
    def reads_inside(self) -> bool:
        """Whether the output of a step is needed for the next."""
        return self.feeds_output or self.feedback is not None

    def step(
        self,
        apply: Apply,
        state: DecoderState,
        given: Gates,
        marks: dict[str, Tensor],
        mask: Tensor | None,
    ) -> tuple[DecoderState, Any]:
        """One step; ``given`` is what the inputs give each gate.

        Returns:
            The next state and a ``Seen``; or, where the next step does not need the
            output, what ``read_late`` makes one of.
        """
        given = self._fed(apply, state, given, marks)
        seen: Any = ()
        if self.looks_first:
            seen = self._look(apply, state.cell[0], mask, marks)
            given = _added(given, apply("context_gates", seen[0]))
        cell = self._advance(apply, given, state)
        made: Any
        if self.reads_inside:
            seen = seen or self._look(apply, cell[0], mask, marks)
            after, made = self._read(apply, cell, *seen)
        else:
            after, made = DecoderState(cell), (cell[0], *seen)
        return _held(marks, state, after), made

    def read_late(
        self, apply: Apply, made: Any, mask: Tensor | None, marks: dict[str, Tensor]
    ) -> Seen:
        """The output of one step or of many beside each other, from what was left."""
        hidden, *seen = made
        context, weights = seen or self._look(apply, hidden, mask, marks)
        return Seen(self._output(apply, hidden, context), weights)

    def _look(
        self, apply: Apply, query: Tensor, mask: Tensor | None, marks: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The context that the values make, and the weights they make it with."""
        if self.score == "additive":
            query = apply("query", query)
        scores = apply("scores", share_query(self.score, self.heads, query))
        if mask is not None:
            # (batch, keys) against (batch, [queries,] heads, keys)
            for _ in range(len(scores.shape) - 2):
                mask = ops.expand_dims(mask, 1)
        weights = masked_softmax(scores, mask)
        # Not ``*``: TensorFlow multiplies only what is of one type.
        kept = ops.multiply(weights, marks["kept"]) if "kept" in marks else weights
        return apply("context", kept), weights

    def _fed(
        self,
        apply: Apply,
        state: DecoderState,
        given: Gates,
        marks: dict[str, Tensor],
    ) -> Gates:
        if self.feeds_output:
            given = _added(given, apply("output_gates", state.output[0]))
        if self.feedback is not None:
            (prediction,) = state.prediction
            if "forced" in marks:
                # Scheduled sampling: the right answer before instead of its own.
                forced = ops.expand_dims(marks["forced"], -1)
                prediction = ops.where(forced, marks["target"], prediction)
            given = _added(given, apply("prediction_gates", prediction))
        return given

    def _advance(
        self, apply: Apply, given: Gates, state: DecoderState
    ) -> tuple[Tensor, ...]:
        return self.cell.advance(given, apply("cell", state.cell[0]), state.cell)

    def _read(
        self, apply: Apply, cell: tuple[Tensor, ...], context: Tensor, weights: Tensor
    ) -> tuple[DecoderState, Seen]:
        output = self._output(apply, cell[0], context)
        fed = (output,) if self.feeds_output else ()
        if self.feedback is None:
            return DecoderState(cell, fed), Seen(output, weights)
        prediction = ops.softmax(apply("prediction", output))
        own = prediction if self.feedback == "softmax" else hardest(prediction)
        return DecoderState(cell, fed, (own,)), Seen(prediction, weights)

    @staticmethod
    def _output(apply: Apply, hidden: Tensor, context: Tensor) -> Tensor:
        """The output: what the cell and the context say together."""
        return ops.tanh(apply("output", ops.concatenate([hidden, context], axis=-1)))


def _added(one: Gates, other: Gates) -> Gates:
    return tuple(map(ops.add, one, other))


def _held(
    marks: dict[str, Tensor], before: DecoderState, after: DecoderState
) -> DecoderState:
    """The state after a step, or the one before it where the step is padding."""
    if "valid" not in marks:
        return after
    valid = ops.expand_dims(marks["valid"], -1)
    chosen: DecoderState = tree.map_structure(
        lambda new, old: ops.where(valid, new, old), after, before
    )
    return chosen


def hardest(prediction: Tensor) -> Tensor:
    """1 for the most probable, 0 for the others; no gradient."""
    size = prediction.shape[-1]
    return ops.one_hot(ops.argmax(prediction, axis=-1), size, dtype=prediction.dtype)
