"""A translator as an examination runs it: what it writes, and what it would write."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from keras import ops, tree

from regard._typing import Tensor
from regard.decoding import Search, padded_length
from regard.decoding.rules import special_allowed
from regard.layers import PreparedMemory
from regard.runtime import backend, compile_function
from regard.text.padding import pad
from regard.text.special_ids import BEGIN_ID, END_ID
from regard.translation.seq2seq import Seq2Seq
from regard.trust.subject import BoolArray
from regard.types import FloatArray, IntArray

#: The most pairs that are written side by side.
MOST_PAIRS = 32
# Steps whose weights are forced together, sources that are read together, and outputs
# that are compared together. Batches are filled up, so that few shapes are compiled.
# Of steps and outputs so few that what is said of all symbols stays in the cache.
_STEPS, _SOURCES, _OUTPUTS = 8, 256, 128
# Batches side by side: much of a step keeps one core only.
_THREADS = 2
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
        probabilities: ``(pairs, steps, symbols)``.
        states: The states before each step, in the nest of the decoder, each
            ``(pairs, steps, features)``.
        values: ``(pairs, heads, keys, features)``, what is weighed of each source.
    """

    targets: Sequence[IntArray]
    weights: FloatArray
    probabilities: FloatArray
    states: Any
    values: FloatArray

    @property
    def before(self) -> list[IntArray]:
        """The symbols that the steps of each target are told."""
        return [np.concatenate([[BEGIN_ID], each[:-1]]) for each in self.targets]


# What is less probable is so by no more nats: float32 has no numbers below.
_LEAST = 1e-30


@dataclass(frozen=True, eq=False)
class Said:
    """What the model says in steps, ``(steps, …)`` each.

    Args:
        moved: The total variation from what it says undisturbed.
        lost: By how many nats the target's symbol is less probable than undisturbed.
        changed: Whether another symbol is the most probable one.
        largest: The largest difference of a probability; empty where nobody asks.
        entropy: In nats; empty where nobody asks.
        between: The total variation between a choice of weights and the next one, the
            first one after the last; empty where nobody asks.
    """

    moved: FloatArray
    lost: FloatArray
    changed: BoolArray
    largest: FloatArray = field(default_factory=lambda: np.empty(0))
    entropy: FloatArray = field(default_factory=lambda: np.empty(0))
    between: FloatArray = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, eq=False)
class Steps:
    """Steps of written targets, and what the model says in them undisturbed.

    Args:
        pair: ``(steps,)``, the place of each step's pair among those written.
        index: ``(steps,)``, its number in the target, from 0.
        target: ``(steps,)``, the symbol of the target.
        probabilities: ``(steps, symbols)``.
    """

    pair: IntArray
    index: IntArray
    target: IntArray
    probabilities: FloatArray

    @cached_property
    def best(self) -> IntArray:
        """``(steps,)``, the most probable symbol."""
        return self.probabilities.argmax(axis=-1)

    def symbols(self, steps: IntArray) -> IntArray:
        """``(steps, 2)``, of some steps the symbol of the target, and the best."""
        return np.stack([self.target, self.best], axis=-1)[steps].astype(np.int32)

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
            probabilities, weights, symbol, state = self._write_step(
                previous, state, memory
            )
            previous = symbol.astype(np.int32)
            if given is not None:
                previous = given[:, len(steps)]
            symbols.append(previous[:count])
            steps.append((probabilities, weights, before))
            lengths += goes_on
            goes_on &= (previous[:count] != END_ID) & (len(steps) < limits)
        rows = slice(count)
        probabilities, weights, states = zip(*steps, strict=True)
        return Written(
            [
                row[:size]
                for row, size in zip(np.array(symbols).T, lengths, strict=True)
            ],
            np.stack(weights, axis=2)[rows],
            np.stack(probabilities, axis=1)[rows],
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
        before = [written.before[pair] for pair in steps.pair.tolist()]
        told = zip(before, steps.index.tolist(), strict=True)
        arguments = (
            np.array([symbols[index] for symbols, index in told], np.int32),
            tree.map_structure(
                lambda each: each[steps.pair, steps.index], written.states
            ),
            written.values[steps.pair],
            weights.astype(np.float32),
            (steps.probabilities, steps.symbols(np.arange(len(steps)))),
        )
        return self._said(self._force, arguments, _STEPS, len(steps))

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
        cuts = range(_SOURCES, len(order), _SOURCES)

        def run(members: IntArray) -> FloatArray:
            asked = np.full((_SOURCES, reads.shape[1]), -1, np.int32)
            asked[: len(members)] = reads[members]
            chosen = members.tolist()
            outputs: FloatArray = self._read(
                pad(
                    [sources[source] for source in chosen],
                    _SOURCES,
                    int(lengths[members].max()),
                ),
                pad([before[source][:width] for source in chosen], _SOURCES, width),
                asked,
                np.int32(last[members].max() + 1),
            )
            return outputs[: len(members)]

        outputs = np.concatenate(_run_each(run, np.split(order, cuts)))
        restored = np.empty_like(outputs)
        restored[order] = outputs
        return restored

    def compared(self, steps: Steps, which: IntArray, outputs: FloatArray) -> Said:
        """What outputs of some steps say.

        Args:
            steps: The steps; those of one examined part, so that few shapes come.
            which: ``(outputs,)``, the place of each output's step among them.
            outputs: ``(outputs, units)``.
        """
        height = _power_of_two(len(steps), least=MOST_PAIRS)
        undisturbed = np.zeros((height, steps.probabilities.shape[1]), np.float32)
        undisturbed[: len(steps)] = steps.probabilities
        arguments = (outputs, which.astype(np.int32), steps.symbols(which))

        def compare(*arguments: Any) -> Any:
            return self._compare(undisturbed, *arguments)

        return self._said(compare, arguments, _OUTPUTS, len(which))

    @staticmethod
    def _said(program: Any, arguments: Any, rows: int, count: int) -> Said:
        """What a program says of all rows, run on so many at a time."""

        def run(first: int) -> dict[str, Any]:
            members = np.arange(first, first + rows) % count
            batch = tree.map_structure(lambda each: each[members], arguments)
            said: dict[str, Any] = program(*batch)
            return said

        batches = _run_each(run, range(0, count, rows))
        return Said(
            **{
                name: np.concatenate([batch[name] for batch in batches])[:count]
                for name in batches[0]
            }
        )

    def _step_tensors(self, previous: Tensor, state: Any, memory: Any) -> Any:
        output, weights, state = self._model.advance(previous, state, memory)
        logits = ops.cast(self._model.logits(output), "float32")
        symbols, start = ops.arange(logits.shape[-1]), ops.convert_to_tensor(0)
        may = special_allowed(self._search, start, symbols)
        symbol = ops.argmax(ops.where(may, logits, -np.inf), axis=-1)
        return ops.softmax(logits), weights, symbol, state

    def _forced_tensors(
        self,
        previous: Tensor,
        state: Any,
        values: Tensor,
        weights: Tensor,
        undisturbed: tuple[Tensor, Tensor],
    ) -> Any:
        probabilities, symbols = undisturbed
        choices = weights.shape[1]
        previous, state = tree.map_structure(
            lambda each: ops.repeat(each[:, None], choices, axis=1), (previous, state)
        )
        # Scores, and with them keys and mask, are not asked for.
        memory = PreparedMemory(None, values, None)
        output, _, _ = self._model.advance(previous, state, memory, weights)
        symbols = ops.repeat(symbols[:, None], choices, axis=1)
        return self._compared_with(
            output, probabilities[:, None], symbols, of_choices=True
        )

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
        self, probabilities: Tensor, outputs: Tensor, which: Tensor, symbols: Tensor
    ) -> Any:
        undisturbed = ops.take(probabilities, which, axis=0)
        return self._compared_with(outputs, undisturbed, symbols)

    def _compared_with(
        self,
        output: Tensor,
        undisturbed: Tensor,
        symbols: Tensor,
        *,
        of_choices: bool = False,
    ) -> Any:
        # As few passes over all symbols as there can be: they are most of the work.
        logits = ops.cast(self._model.logits(output), "float32")
        top = ops.max(logits, axis=-1, keepdims=True)
        raised = ops.exp(logits - top)
        total = ops.sum(raised, axis=-1, keepdims=True)
        probabilities = raised / total
        apart = ops.abs(probabilities - undisturbed)
        before = ops.broadcast_to(undisturbed, logits.shape)
        own = ops.take_along_axis(logits, symbols, axis=-1)
        was = ops.take_along_axis(before, symbols[..., :1], axis=-1)
        now = ops.exp(own[..., :1] - top) / total
        said = {
            "moved": ops.sum(apart, axis=-1) / 2,
            "lost": (_logarithm(was) - _logarithm(now))[..., 0],
            "changed": top[..., 0] > own[..., 1],
        }
        if of_choices:
            others = ops.roll(probabilities, -1, axis=1)
            said["between"] = ops.sum(ops.abs(probabilities - others), axis=-1) / 2
            said["largest"] = ops.max(apart, axis=-1)
            mean = ops.sum(raised * (logits - top), axis=-1, keepdims=True) / total
            said["entropy"] = (ops.log(total) - mean)[..., 0]
        return said


def _logarithm(probability: Tensor) -> Tensor:
    return ops.log(ops.maximum(probability, _LEAST))


def _run_each(run: Callable[[Any], Any], batches: Sequence[Any]) -> list[Any]:
    """What each batch gives, two at a time where that is faster."""
    if len(batches) < 2 or not backend().gains_from_threads:
        return list(map(run, batches))
    # The first alone: what it compiles serves the others.
    first = run(batches[0])
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="regard-trust") as threads:
        return [first, *threads.map(run, batches[1:])]


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
