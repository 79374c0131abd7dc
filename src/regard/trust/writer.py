"""A translator as an examination runs it: what it writes, and what it would write."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops, tree

from regard._typing import Tensor
from regard.decoding import Search, padded_length
from regard.decoding.rules import allowed
from regard.layers import PreparedMemory
from regard.runtime import compile_function
from regard.text.padding import pad
from regard.text.special_ids import BEGIN_ID, END_ID
from regard.translation.seq2seq import Seq2Seq
from regard.types import FloatArray, IntArray

#: The most pairs that are written side by side.
MOST_PAIRS = 32
# Steps whose weights are forced together, sources that are read together, and outputs
# that are compared together. Batches are filled up, so that few shapes are compiled.
_STEPS, _SOURCES, _OUTPUTS = 16, 256, 1024
# The lengths that sources are padded to where many are read; then each twice the last.
_LENGTHS = (4, 8, 12, 16, 24, 32, 48, 64)
# The least that symbols of targets are padded to: no step is made after the last read.
_WIDTH = 64


@dataclass(frozen=True, eq=False)
class Written:
    """Targets with what the model did to write them.

    Args:
        targets: The ids of each target, with the end where there is one.
        weights: ``(pairs, heads, steps, keys)``, 0 beyond the end of a source.
        logarithms: ``(pairs, steps, symbols)``, of the probabilities.
        states: The states before each step, in the nest of the decoder, each
            ``(pairs, steps, features)``.
        values: ``(pairs, heads, keys, features)``, what is weighed of each source.
    """

    targets: Sequence[IntArray]
    weights: FloatArray
    logarithms: FloatArray
    states: Any
    values: FloatArray

    @property
    def before(self) -> list[IntArray]:
        """The symbols that the steps of each target are told."""
        return [np.concatenate([[BEGIN_ID], each[:-1]]) for each in self.targets]


@dataclass(frozen=True, eq=False)
class Said:
    """What the model says in steps, ``(steps, …)`` each.

    Args:
        moved: The total variation from what it says undisturbed.
        largest: The largest difference of a probability.
        logarithm: Of the probability of the target's symbol.
        symbol: The most probable one.
        entropy: In nats.
    """

    moved: FloatArray
    largest: FloatArray
    logarithm: FloatArray
    symbol: IntArray
    entropy: FloatArray


@dataclass(frozen=True, eq=False)
class Steps:
    """Steps of written targets, and what the model says in them undisturbed.

    Args:
        pair: ``(steps,)``, the place of each step's pair among those written.
        index: ``(steps,)``, its number in the target, from 0.
        target: ``(steps,)``, the symbol of the target.
        logarithms: ``(steps, symbols)``, of the probabilities.
    """

    pair: IntArray
    index: IntArray
    target: IntArray
    logarithms: FloatArray

    def __len__(self) -> int:
        return len(self.pair)


class Writer:
    """Writes with a model, and asks what it would write if something were otherwise.

    Args:
        model: The model.
    """

    def __init__(self, model: Seq2Seq) -> None:
        self._model = model
        self._search = Search()
        self._encode = compile_function(model, model.encode)
        self._write_step = compile_function(model, self._step_tensors)
        self._force = compile_function(model, self._forced_tensors)
        self._read = compile_function(model, self._read_tensors)
        self._compare = compile_function(model, self._compared_tensors)

    def write(
        self, sources: Sequence[IntArray], targets: Sequence[IntArray] | None
    ) -> Written:
        """Write given targets, or the model's own by greedy search.

        Args:
            sources: The ids of each source, one or more; no more than ``MOST_PAIRS``.
            targets: The ids of each target, without its end; None: its own.
        """
        count = len(sources)
        limits = np.array(
            [self._search.limit(padded_length(len(source))) for source in sources]
        )
        given = None
        if targets is not None:
            ended = [np.append(target, END_ID) for target in targets]
            limits = np.array([len(target) for target in ended])
            given = pad(ended, MOST_PAIRS, limits.max())
        longest = max(len(source) for source in sources)
        batch = pad(sources, MOST_PAIRS, _power_of_two(longest, least=16))
        memory, state = self._encode(batch)
        previous: IntArray = np.full(MOST_PAIRS, BEGIN_ID, np.int32)
        symbols: list[IntArray] = []
        steps: list[Any] = []
        goes_on, lengths = np.ones(count, bool), np.zeros(count, np.int64)
        while goes_on.any():
            before = state
            logarithms, weights, symbol, state = self._write_step(
                previous, state, memory
            )
            previous = symbol.astype(np.int32)
            if given is not None:
                previous = given[:, len(steps)]
            symbols.append(previous[:count])
            steps.append((logarithms, weights, before))
            lengths += goes_on
            goes_on &= (previous[:count] != END_ID) & (len(steps) < limits)
        rows = slice(count)
        logarithms, weights, states = zip(*steps, strict=True)
        return Written(
            [
                row[:size]
                for row, size in zip(np.array(symbols).T, lengths, strict=True)
            ],
            np.stack(weights, axis=2)[rows],
            np.stack(logarithms, axis=1)[rows],
            tree.map_structure(lambda *each: np.stack(each, axis=1)[rows], *states),
            memory.values[rows],
        )

    def forced(self, written: Written, steps: Steps, weights: FloatArray) -> Said:
        """What is said under given weights in one step, the state before being its own.

        Args:
            written: The pairs.
            steps: The steps.
            weights: ``(steps, choices, heads, keys)``.

        Returns:
            ``(steps, choices)`` each.
        """
        before = [each[at] for each, at in _at(written.before, steps)]
        state = tree.map_structure(
            lambda each: each[steps.pair, steps.index], written.states
        )
        arguments = (
            np.array(before, np.int32),
            state,
            written.values[steps.pair],
            weights.astype(np.float32),
            (steps.logarithms, steps.target.astype(np.int32)),
        )
        batches = []
        for first in range(0, len(steps), _STEPS):
            members = np.arange(first, first + _STEPS) % len(steps)
            batches.append(self._force(*_rows_of(arguments, members)))
        return _said(batches, len(steps))

    def read(
        self,
        sources: Sequence[IntArray],
        before: Sequence[IntArray],
        reads: IntArray,
    ) -> FloatArray:
        """Read sources, and give the outputs of some steps of targets.

        Args:
            sources: The ids of each source, any number.
            before: The symbols that the steps are told, for each source.
            reads: ``(sources, reads)``, the numbers of the steps, -1 for none.

        Returns:
            ``(sources, reads, units)``.
        """
        lengths = np.array([_length(len(source)) for source in sources])
        last = reads.max(axis=1)
        order = np.lexsort((last, lengths))
        width = _power_of_two(int(last.max()) + 1, least=_WIDTH)
        outputs = []
        for first in range(0, len(order), _SOURCES):
            members = order[first : first + _SOURCES].tolist()
            stop = np.full((_SOURCES, reads.shape[1]), -1, np.int32)
            stop[: len(members)] = reads[members]
            told = [before[member][:width] for member in members]
            read = self._read(
                pad(
                    [sources[member] for member in members],
                    _SOURCES,
                    lengths[members].max(),
                ),
                pad(told, _SOURCES, width),
                stop,
                np.int32(last[members].max() + 1),
            )
            outputs.append(read[: len(members)])
        restored = np.empty((len(order), *outputs[0].shape[1:]), outputs[0].dtype)
        restored[order] = np.concatenate(outputs)
        return restored

    def compared(self, steps: Steps, which: IntArray, outputs: FloatArray) -> Said:
        """What outputs of some steps say.

        Args:
            steps: The steps; those of one examined part, so that few shapes come.
            which: ``(outputs,)``, the place of each output's step among them.
            outputs: ``(outputs, units)``.
        """
        height = _power_of_two(len(steps), least=MOST_PAIRS)
        reference = np.zeros((height, steps.logarithms.shape[1]), np.float32)
        reference[: len(steps)] = steps.logarithms
        arguments = (
            outputs,
            which.astype(np.int32),
            steps.target[which].astype(np.int32),
        )
        batches = []
        for first in range(0, len(which), _OUTPUTS):
            members = np.arange(first, first + _OUTPUTS) % len(which)
            batches.append(self._compare(reference, *_rows_of(arguments, members)))
        return _said(batches, len(which))

    def _step_tensors(self, previous: Tensor, state: Any, memory: Any) -> Any:
        output, weights, state = self._model.advance(previous, state, memory)
        logits = ops.cast(self._model.logits(output), "float32")
        free = ops.zeros_like(previous)[:, None]
        may = allowed(
            self._search,
            ops.convert_to_tensor(0),
            free[:, None],
            free,
            logits.shape[-1],
        )
        symbol = ops.argmax(ops.where(may[:, 0], logits, -np.inf), axis=-1)
        return ops.log_softmax(logits), weights, symbol, state

    def _forced_tensors(
        self,
        previous: Tensor,
        state: Any,
        values: Tensor,
        weights: Tensor,
        undisturbed: tuple[Tensor, Tensor],
    ) -> Any:
        reference, target = undisturbed
        choices = weights.shape[1]
        previous, state = tree.map_structure(
            lambda each: ops.repeat(each[:, None], choices, axis=1), (previous, state)
        )
        # Scores, and with them keys and mask, are not asked for.
        memory = PreparedMemory(None, values, None)
        output, _, _ = self._model.advance(previous, state, memory, weights)
        target = ops.repeat(target[:, None], choices, axis=1)
        return self._said_tensors(output, reference[:, None], target)

    def _read_tensors(
        self, source: Tensor, before: Tensor, reads: Tensor, count: Tensor
    ) -> Tensor:
        memory, state = self._model.encode(source)
        rows, places = reads.shape
        units = self._model.decoder.units
        outputs = ops.zeros((rows, places, units), self._model.decoder.compute_dtype)

        def body(step: Tensor, state: Any, outputs: Tensor) -> Any:
            previous = ops.take(before, step, axis=1)
            output, _, state = self._model.advance(previous, state, memory)
            is_read = (reads == step)[..., None]
            return step + 1, state, ops.where(is_read, output[:, None], outputs)

        start = ops.convert_to_tensor(0, "int32")
        return ops.while_loop(
            lambda step, *_: step < count, body, (start, state, outputs)
        )[-1]

    def _compared_tensors(
        self, reference: Tensor, outputs: Tensor, which: Tensor, target: Tensor
    ) -> Any:
        return self._said_tensors(outputs, ops.take(reference, which, axis=0), target)

    def _said_tensors(self, output: Tensor, reference: Tensor, target: Tensor) -> Any:
        logits = ops.cast(self._model.logits(output), "float32")
        logarithms = ops.log_softmax(logits)
        probabilities = ops.exp(logarithms)
        apart = ops.abs(probabilities - ops.exp(reference))
        own = ops.take_along_axis(logarithms, target[..., None], axis=-1)[..., 0]
        return {
            "moved": ops.sum(apart, axis=-1) / 2,
            "largest": ops.max(apart, axis=-1),
            "logarithm": own,
            "symbol": ops.argmax(logits, axis=-1),
            "entropy": -ops.sum(probabilities * logarithms, axis=-1),
        }


def _at(rows: Sequence[IntArray], steps: Steps) -> Any:
    return zip((rows[pair] for pair in steps.pair.tolist()), steps.index, strict=True)


def _rows_of(arguments: Any, members: IntArray) -> Any:
    return tree.map_structure(lambda each: each[members], arguments)


def _said(batches: Sequence[dict[str, Any]], count: int) -> Said:
    """What batches say, the last of which was filled up."""
    return Said(
        **{
            name: np.concatenate([batch[name] for batch in batches])[:count]
            for name in batches[0]
        }
    )


def _length(length: int) -> int:
    """The length that a source is padded to."""
    for each in _LENGTHS:
        if length <= each:
            return each
    return _power_of_two(length, least=_LENGTHS[-1])


def _power_of_two(count: int, least: int) -> int:
    size = least
    while size < count:
        size *= 2
    return size
