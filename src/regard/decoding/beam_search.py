"""Beam search as a loop of tensors, greedy search being a beam of one.

In every step the hypotheses of a source go on with all symbols, and the best ``beam``
of all continuations are kept. A finished hypothesis has one continuation: itself.
Which hypothesis each one came from is written down, and followed back when the loop
has ended: weights are never reordered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from keras import ops, tree

from regard._typing import Tensor
from regard.decoding.rules import allowed, attainable, length_norm, rank
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
        going = ops.cast(ops.logical_not(beam.settled), "int32")
        # As they will be after this step, whatever symbol they go on with.
        grown = beam._replace(
            length=beam.length + going,
            coverage=beam.coverage + weights * ops.cast(going, "float32")[..., None],
            state=state,
        )

        logits, total = self._possible(index, beam, logits, source)
        # Ranks within a source are counted from its best hypothesis: far from 0 they
        # have too few digits to tell symbols of one hypothesis apart.
        start = self.rank(
            grown._replace(log_probability=beam.log_probability - total), source.mask
        )
        start = start - ops.max(start, axis=1, keepdims=True)
        norm = length_norm(self.search, grown.length)

        def ranked(logits: Tensor, parents: Tensor | None) -> Tensor:
            if self.search.beam == 1:
                return logits
            if parents is None:
                return logits / norm[..., None] + start[..., None]
            slope, first = _pick(norm, parents), _pick(start, parents)
            return logits / slope[..., None] + first[..., None]

        best, parents, written = best_of_all(logits, self.search.beam, ranked)
        if source.vocabulary is not None:
            written = ops.take(source.vocabulary, written, axis=0)
        written, parents = ops.cast(written, "int32"), ops.cast(parents, "int32")
        gains = best - _pick(total, parents)
        # There is no other parent in a beam of 1.
        after = grown
        if self.search.beam > 1:
            after = tree.map_structure(lambda tensor: _pick(tensor, parents), grown)
        after = after._replace(
            symbols=_write(after.symbols, index, written),
            log_probability=after.log_probability + gains,
            finished=ops.logical_or(after.finished, written == END_ID),
        )
        after = after._replace(settled=self._settled(index + 1, after, source))
        return after, parents, weights

    def _possible(
        self, index: Tensor, beam: Beam, logits: Tensor, source: EncodedSources
    ) -> tuple[Tensor, Tensor]:
        """The logits of what may come, ``(batch, beam, count)``, and of all of it.

        A symbol adds its own less that of all to the log probability. A settled
        hypothesis goes on with padding alone, at no cost.
        """
        logits = ops.cast(logits, "float32")
        total = ops.where(beam.settled, 0.0, ops.logsumexp(logits, axis=-1))
        vocabulary = source.vocabulary
        if vocabulary is None:
            vocabulary = ops.arange(logits.shape[-1])
        may = allowed(self.search, index, beam.symbols, source.prefix, vocabulary)
        only_itself = ops.where(vocabulary == PADDING_ID, 0.0, IMPOSSIBLE)
        logits = ops.where(may, logits, IMPOSSIBLE)
        return ops.where(beam.settled[..., None], only_itself, logits), total


def _best_places(ranks: Tensor, count: int) -> Tensor:
    """The places of the best continuations of each source, ``(batch, count)``."""
    flat = ops.reshape(ranks, (ops.shape(ranks)[0], -1))
    return ops.top_k(flat, count)[1]


def _pick(tensor: Tensor, parents: Tensor) -> Tensor:
    """Of ``(batch, beam, …)`` the rows of the parents."""
    for _ in range(len(tensor.shape) - 2):
        parents = parents[..., None]
    return ops.take_along_axis(tensor, parents, axis=1)


def _write(symbols: Tensor, index: Tensor, written: Tensor) -> Tensor:
    here = ops.arange(ops.shape(symbols)[-1]) == index
    return ops.where(here, written[..., None], symbols)


def _spread(tensor: Tensor, width: int) -> Tensor:
    """``(batch, features)`` to the same for every hypothesis."""
    batch, features = ops.shape(tensor)
    return ops.broadcast_to(tensor[:, None], (batch, width, features))


# Finding the maximum of so many is one vectorised pass; ordering them is not.
_CHUNK = 128


def best_of_all(
    values: Tensor, count: int, ranked: Callable[[Tensor, Tensor | None], Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """The highest in rank among the values of all rows of each source.

    A vocabulary is not put in order to find a few symbols: the ``count`` highest are in
    the ``count`` chunks whose maxima are the highest in rank.

    Args:
        values: ``(batch, rows, n)``, without NaN.
        count: How many, at most as many as there are rows, or ``n`` of one row.
        ranked: Maps values ``(batch, m, …)`` and the rows they are of, ``(batch, m)``
            or None for all in their order, to their ranks, which rise with the values
            of a row.

    Returns:
        The values, their rows and their places in them, ``(batch, count)``, in falling
        order of rank.
    """
    batch, rows, width = ops.shape(values)
    chunks = width // _CHUNK
    chunks = 0 if chunks < 2 or rows * chunks < 2 * count else chunks
    ends = values[..., chunks * _CHUNK :]
    owner = ops.broadcast_to(ops.arange(rows)[None, :, None], ops.shape(ends))
    place = ops.broadcast_to(ops.arange(chunks * _CHUNK, width), ops.shape(ends))
    found = [(ends, ranked(ends, None), owner, place)]
    if chunks:
        many = (batch, rows * chunks, _CHUNK)
        chunked = ops.reshape(values[..., : chunks * _CHUNK], many)
        highest = ops.reshape(ops.max(chunked, axis=-1), (batch, rows, chunks))
        # In the order of their places, so that equal values stay in order too.
        best = ops.sort(_best_places(ranked(highest, None), count), axis=-1)
        among = ops.take_along_axis(chunked, best[..., None], axis=1)
        owner = ops.broadcast_to((best // chunks)[..., None], ops.shape(among))
        place = (best % chunks)[..., None] * _CHUNK + ops.arange(_CHUNK)
        found.insert(0, (among, ranked(among, best // chunks), owner, place))
    every = (
        ops.concatenate([ops.reshape(one, (batch, -1)) for one in each], axis=-1)
        for each in zip(*found, strict=True)
    )
    values, ranks, owner, place = every
    best = _best_places(ranks, count)
    return tuple(
        ops.take_along_axis(each, best, axis=1) for each in (values, owner, place)
    )


def top_k(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The highest of the last axis in falling order, as ``ops.top_k`` finds them.

    Args:
        values: ``(batch, steps, n)``, without NaN.
        count: How many, at most ``n``.

    Returns:
        The values and their places, ``(batch, steps, count)``.
    """
    batch, steps, width = ops.shape(values)
    alone = ops.reshape(values, (batch * steps, 1, width))
    highest, _, places = best_of_all(alone, count, lambda values, _: values)
    form = (batch, steps, count)
    return ops.reshape(highest, form), ops.reshape(places, form)
