"""Beam search as a loop of tensors, greedy search being a beam of one.

In every step the hypotheses of a source go on with all symbols, and the best ``beam``
of all continuations are kept. A finished hypothesis has one continuation: itself.
Which hypothesis each one came from is written down, and followed back when the loop
has ended: weights are never reordered.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from keras import ops, tree

from regard._typing import Tensor
from regard.decoding.rules import allowed, attainable, rank
from regard.decoding.search import Search
from regard.ops.scan import unroll_while
from regard.text.special_ids import BEGIN_ID, END_ID, PADDING_ID

# Lower than any sum of logarithms of probabilities, and finite.
IMPOSSIBLE = -1e9


class StepwiseModel(Protocol):
    """A model that writes one symbol at a time."""

    def step(
        self, previous: Tensor, state: Any, memory: Any
    ) -> tuple[Tensor, Tensor, Any]:
        """Logits, weights and the next state for hypotheses ``(batch, beam)``."""


class EncodedSources(NamedTuple):
    """The sources of a search, as the model has read them.

    Args:
        memory: The states that the model attends to.
        mask: ``(batch, source)``, True where a source symbol is valid.
        prefix: ``(batch, steps)``, symbols that hypotheses begin with, then 0.
        limit: ``(batch,)``, the most symbols that are written; None: the steps.
        vocabulary: ``(count,)``, the symbols that the model gives logits of, in rising
            order, the special ones and those of prefixes among them; None: all.
    """

    memory: Any
    mask: Tensor
    prefix: Tensor
    limit: Tensor | None = None
    vocabulary: Tensor | None = None


class Beam(NamedTuple):
    """The hypotheses of every source, ``(batch, beam, …)``, after some steps.

    Args:
        symbols: ``(batch, beam, steps)``, those written so far.
        log_probability: ``(batch, beam)``.
        length: ``(batch, beam)``, with the end.
        finished: ``(batch, beam)``.
        settled: ``(batch, beam)``, those that do not change any more.
        coverage: ``(batch, beam, source)``, the sum of the weights so far.
        state: That of the decoder.
    """

    symbols: Tensor
    log_probability: Tensor
    length: Tensor
    finished: Tensor
    settled: Tensor
    coverage: Tensor
    state: Any


class Backpointers(NamedTuple):
    """Where the hypotheses of every step came from, ``(steps, batch, beam, …)``.

    Args:
        parents: The place of each one's parent among the hypotheses of the step before.
        weights: The weights of the step, in the order of the parents' beam.
    """

    parents: Tensor
    weights: Tensor


@dataclass(frozen=True)
class BeamSearch:
    """Searches with one setting, for one number of steps.

    Args:
        search: The setting.
        steps: The most symbols that are written.
    """

    search: Search
    steps: int

    def run(
        self, model: StepwiseModel, state: Any, source: EncodedSources
    ) -> tuple[Beam, Backpointers, Tensor]:
        """Search.

        Args:
            model: The model that predicts the next symbol.
            state: That of the decoder before the first step, ``(batch, features)``.
            source: The sources.

        Returns:
            The hypotheses, where they came from, and the number of steps.
        """
        (batch, sources), width = ops.shape(source.mask), self.search.beam
        blank = Backpointers(
            ops.zeros((self.steps, batch, width), "int32"),
            ops.zeros((self.steps, batch, width, sources), "float32"),
        )
        first = self._first(state, source)

        def goes_on(index: Tensor, beam: Beam) -> Tensor:
            return ops.logical_and(index < self.steps, ops.any(~beam.settled))

        def step(index: Tensor, beam: Beam) -> tuple[Beam, Backpointers]:
            beam, parents, weights = self._step(index, beam, model, source)
            return beam, Backpointers(parents, weights)

        variables = [each.value for each in getattr(model, "variables", ())]
        return unroll_while(step, goes_on, first, blank, constants=(source, variables))

    def _first(self, state: Any, source: EncodedSources) -> Beam:
        batch, sources = ops.shape(source.mask)
        width = self.search.beam
        # All hypotheses begin alike: only one of them may be continued at first.
        only = ops.where(ops.arange(width) == 0, 0.0, IMPOSSIBLE)
        # Nothing is written for an empty source.
        empty = ops.logical_not(ops.any(source.mask, axis=1))[:, None]
        finished = ops.broadcast_to(empty, (batch, width))
        beam = Beam(
            symbols=ops.zeros((batch, width, self.steps), "int32"),
            log_probability=ops.broadcast_to(only, (batch, width)),
            length=ops.zeros((batch, width), "int32"),
            finished=finished,
            settled=finished,
            coverage=ops.zeros((batch, width, sources), "float32"),
            state=tree.map_structure(lambda tensor: _spread(tensor, width), state),
        )
        return beam._replace(settled=self._settled(0, beam, source))

    def _settled(
        self, index: Tensor | int, beam: Beam, source: EncodedSources
    ) -> Tensor:
        """The hypotheses that do not change from step ``index`` on."""
        limit: Tensor | int = self.steps
        settled = beam.finished
        if source.limit is not None:
            limit = source.limit[:, None]
            settled = ops.logical_or(settled, index >= limit)
        if self.search.beam == 1:
            return settled
        ranks = self.rank(beam, source.mask)
        best = ops.where(beam.finished, ranks, 2 * IMPOSSIBLE)
        worst_returned = ops.top_k(best, self.search.n_best)[0][:, -1:]
        hopes = attainable(self.search, beam.log_probability, limit)
        hopes = ops.where(beam.finished, 2 * IMPOSSIBLE, hopes)
        over = worst_returned >= ops.max(hopes, axis=1, keepdims=True)
        return ops.logical_or(settled, over)

    def rank(self, beam: Beam, mask: Tensor) -> Tensor:
        """The rank of the hypotheses, ``(batch, beam)``."""
        return rank(self.search, beam.log_probability, beam.length, beam.coverage, mask)

    def _step(
        self, index: Tensor, beam: Beam, model: StepwiseModel, source: EncodedSources
    ) -> tuple[Beam, Tensor, Tensor]:
        """Go on by one symbol: hypotheses, their parents, and the parents' weights."""
        previous = ops.where(
            index == 0,
            BEGIN_ID,
            ops.take(beam.symbols, ops.maximum(index - 1, 0), axis=-1),
        )
        logits, weights, state = model.step(previous, beam.state, source.memory)
        weights = ops.mean(ops.cast(weights, "float32"), axis=2)
        gains, symbols = self._continuations(index, beam, logits, source)
        gains, symbols = _only_itself(beam.settled, gains, symbols)
        going = ops.cast(ops.logical_not(beam.settled), "int32")
        # As they will be after this step, whatever symbol they go on with.
        grown = beam._replace(
            length=beam.length + going,
            coverage=beam.coverage + weights * ops.cast(going, "float32")[..., None],
            state=state,
        )
        total = beam.log_probability[..., None] + gains
        if self.search.beam == 1:
            # There is one continuation of one hypothesis.
            parents = ops.zeros_like(beam.length)
            after, written, total = grown, symbols[..., 0], total[..., 0]
        else:
            ranks = rank(self.search, total, grown.length, grown.coverage, source.mask)
            places = _best_places(ranks, self.search.beam)
            parents = places // ops.shape(gains)[-1]
            after = tree.map_structure(lambda tensor: _pick(tensor, parents), grown)
            written, total = _pick_flat(symbols, places), _pick_flat(total, places)
        after = after._replace(
            symbols=_write(after.symbols, index, written),
            log_probability=total,
            finished=ops.logical_or(after.finished, written == END_ID),
        )
        after = after._replace(settled=self._settled(index + 1, after, source))
        return after, ops.cast(parents, "int32"), weights

    def _continuations(
        self, index: Tensor, beam: Beam, logits: Tensor, source: EncodedSources
    ) -> tuple[Tensor, Tensor]:
        """The best symbols of each hypothesis and their gains, ``(batch, beam, n)``.

        No more than ``beam`` of one hypothesis can be among the best ``beam`` of all.
        """
        logits = ops.cast(logits, "float32")
        count = logits.shape[-1]
        total = ops.logsumexp(logits, axis=-1, keepdims=True)
        vocabulary = source.vocabulary
        symbols = ops.arange(count) if vocabulary is None else vocabulary
        may = allowed(self.search, index, beam.symbols, source.prefix, symbols)
        possible = ops.where(may, logits, IMPOSSIBLE)
        best, places = top_k(possible, min(self.search.beam, count))
        if vocabulary is not None:
            places = ops.take(vocabulary, places, axis=0)
        return best - total, ops.cast(places, "int32")


def _only_itself(
    settled: Tensor, gains: Tensor, symbols: Tensor
) -> tuple[Tensor, Tensor]:
    """A settled hypothesis goes on with padding alone, at no cost."""
    first = ops.where(ops.arange(gains.shape[-1]) == 0, 0.0, IMPOSSIBLE)
    settled = settled[..., None]
    return ops.where(settled, first, gains), ops.where(settled, PADDING_ID, symbols)


def _best_places(ranks: Tensor, count: int) -> Tensor:
    """The places of the best continuations of each source, ``(batch, count)``."""
    flat = ops.reshape(ranks, (ops.shape(ranks)[0], -1))
    return ops.top_k(flat, count)[1]


def _pick(tensor: Tensor, parents: Tensor) -> Tensor:
    """Of ``(batch, beam, …)`` the rows of the parents."""
    for _ in range(len(tensor.shape) - 2):
        parents = parents[..., None]
    return ops.take_along_axis(tensor, parents, axis=1)


def _pick_flat(tensor: Tensor, places: Tensor) -> Tensor:
    flat = ops.reshape(tensor, (ops.shape(tensor)[0], -1))
    return ops.take_along_axis(flat, places, axis=1)


def _write(symbols: Tensor, index: Tensor, written: Tensor) -> Tensor:
    here = ops.arange(ops.shape(symbols)[-1]) == index
    return ops.where(here, written[..., None], symbols)


def _spread(tensor: Tensor, width: int) -> Tensor:
    """``(batch, features)`` to the same for every hypothesis."""
    batch, features = ops.shape(tensor)
    return ops.broadcast_to(tensor[:, None], (batch, width, features))


# Finding the maximum of so many is one vectorised pass; ordering them is not.
_CHUNK = 128


def top_k(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The highest of the last axis in falling order, as ``ops.top_k`` finds them.

    A vocabulary is not put in order to find a few symbols: the ``count`` highest are in
    the ``count`` chunks with the highest maxima. With XLA on a CPU 8,000 values take
    half the time so.

    Args:
        values: ``(batch, beam, n)``, without NaN.
        count: How many, at most ``n``.

    Returns:
        The values and their places, ``(batch, beam, count)``. Of equal values the first
        come first, as far as ``ops.top_k`` of the backend keeps that order.
    """
    batch, beam, width = ops.shape(values)
    chunks = width // _CHUNK
    if chunks <= 2 * count:
        return ops.top_k(values, count)
    rest = values[..., chunks * _CHUNK :]
    chunked = ops.reshape(values[..., : chunks * _CHUNK], (batch, beam, chunks, _CHUNK))
    # In the order of their places, so that equal values stay in order too.
    best = ops.sort(ops.top_k(ops.max(chunked, axis=-1), count)[1], axis=-1)
    among = ops.take_along_axis(chunked, best[..., None], axis=2)
    among = ops.reshape(among, (batch, beam, count * _CHUNK))
    highest, places = ops.top_k(ops.concatenate([among, rest], axis=-1), count)
    # The rest lies behind all chunks, as if it were one.
    best = ops.pad(best, ((0, 0), (0, 0), (0, 1)), constant_values=chunks)
    chunk = ops.take_along_axis(best, places // _CHUNK, axis=-1)
    return highest, chunk * _CHUNK + places % _CHUNK
