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

from regard._backend import backend_name
from regard._typing import Tensor
from regard.decoding.rules import (
    attainable,
    length_norm,
    others_allowed,
    rank,
    special_allowed,
)
from regard.decoding.search import Search
from regard.ops.scan import unroll_while
from regard.text.special_ids import BEGIN_ID, END_ID, PADDING_ID

# Lower than any sum of logarithms of probabilities, and finite.
IMPOSSIBLE = -1e9
# Finding the maximum of so many is one vectorised pass; ordering them is not.
_CHUNK = 128


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
            order, the special ones, which come first, and those of prefixes among them;
            None: all. Logits beyond them are lower than any.
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
        beam, begin = self._first(state, source), 0
        if self._begins_alone():
            beam, done = self._first_step(beam, model, source)
            blank, begin = tree.map_structure(_write_first, blank, done), 1

        def goes_on(index: Tensor, beam: Beam) -> Tensor:
            return ops.logical_and(index < self.steps, ops.any(~beam.settled))

        def step(index: Tensor, beam: Beam) -> tuple[Beam, Backpointers]:
            beam, parents, weights = self._step(index, beam, model, source)
            return beam, Backpointers(parents, weights)

        variables = [
            getattr(each, "value", each) for each in getattr(model, "variables", ())
        ]
        return unroll_while(
            step, goes_on, beam, blank, constants=(source, variables), begin=begin
        )

    def _begins_alone(self) -> bool:
        """Whether the first step is made with one hypothesis of each source.

        On PyTorch, where a step is repeated, another one costs more than it saves.
        """
        return self.search.beam > 1 and self.steps > 0 and backend_name() != "torch"

    def _first_step(
        self, first: Beam, model: StepwiseModel, source: EncodedSources
    ) -> tuple[Beam, Backpointers]:
        """Begin: all hypotheses are alike, so one of each source makes the step."""
        alone = tree.map_structure(lambda tensor: tensor[:, :1], first)
        start = ops.convert_to_tensor(0, "int32")
        beam, parents, weights = self._step(start, alone, model, source)
        batch, sources = ops.shape(source.mask)
        weights = ops.broadcast_to(weights, (batch, self.search.beam, sources))
        return beam, Backpointers(parents, weights)

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

        logits = ops.cast(logits, "float32")
        highest = _highest_of_chunks(logits)
        total = ops.where(beam.settled, 0.0, _log_sum(logits, highest))
        possible = self._possible(index, beam, logits, source)
        may = self._others_allowed(index, beam, source, logits.shape[-1])
        if may is not None:
            logits = ops.where(may, logits, IMPOSSIBLE)
            highest = _highest_of_chunks(logits)
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

        rows, width = logits.shape[1:]
        count = min(self.search.beam, rows * width)
        found = best_of_all(logits, count, ranked, possible, highest)
        if count < self.search.beam:
            # More hypotheses than there are first symbols: the others are impossible.
            lacking = ((0, 0), (0, self.search.beam - count))
            fillings = IMPOSSIBLE, 0, PADDING_ID
            found = tuple(
                map(ops.pad, found, [lacking] * 3, ["constant"] * 3, fillings)
            )
        best, parents, written = found
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

    def _others_allowed(
        self, index: Tensor, beam: Beam, source: EncodedSources, count: int
    ) -> Tensor | None:
        """Which symbols may come, as far as rules look at all of them."""
        symbols = source.vocabulary
        if symbols is None:
            symbols = ops.arange(count)
        return others_allowed(self.search, index, beam.symbols, symbols)

    def _possible(
        self, index: Tensor, beam: Beam, logits: Tensor, source: EncodedSources
    ) -> "Possible":
        """What is left to those that are settled or forced, and to all others.

        A settled hypothesis goes on with padding alone, at no cost.
        """
        forced = ops.take(source.prefix, index, axis=1)
        place = forced
        if source.vocabulary is not None:
            place = ops.searchsorted(source.vocabulary, forced)
        place = ops.where(forced > 0, ops.cast(place, "int32"), -1)
        place = ops.broadcast_to(place[:, None], ops.shape(beam.settled))
        logit = ops.take_along_axis(logits, ops.maximum(place, 0)[..., None], axis=-1)
        return Possible(
            lambda symbols: special_allowed(self.search, index, symbols),
            ops.where(beam.settled, PADDING_ID, place),
            ops.where(beam.settled, 0.0, logit[..., 0]),
        )


class Possible(NamedTuple):
    """What hypotheses may go on with, without a mask of all symbols.

    The special symbols are the first of every vocabulary: there their places are what
    they are.

    Args:
        special: Whether the symbols at some places may come, which is not said of
            special ones alone.
        only: ``(batch, rows)``, the place of the one that may; -1: there are others.
        worth: ``(batch, rows)``, the value of it.
    """

    special: Callable[[Tensor], Tensor]
    only: Tensor
    worth: Tensor

    def values(self, values: Tensor, places: Tensor, rows: Tensor | None) -> Tensor:
        """Those at some places, ``(batch, m, n)``, of rows as ``best_of_all`` has them.

        Args:
            values: As they are.
            places: Their places, which broadcast to them.
            rows: The row of each, ``(batch, m)``; None: all in their order.
        """
        may = ops.where(self.special(places), values, IMPOSSIBLE)
        only, worth = self.only, self.worth
        if rows is not None:
            only, worth = _pick(only, rows), _pick(worth, rows)
        return self._alone(may, places, only, worth)

    def highest(self, highest: Tensor, first: Tensor) -> Tensor:
        """Those of chunks, ``(batch, rows, chunks)``.

        Args:
            highest: As they are.
            first: ``(batch, rows, …)``, the values of the first chunk.
        """
        number, places = ops.arange(highest.shape[-1]), ops.arange(_CHUNK)
        may = ops.where(self.special(places), first, IMPOSSIBLE)
        may = ops.where(number == 0, ops.max(may, axis=-1, keepdims=True), highest)
        # Of -1 it is a number that no chunk has.
        return self._alone(may, number, self.only // _CHUNK, self.worth)

    @staticmethod
    def _alone(values: Tensor, places: Tensor, only: Tensor, worth: Tensor) -> Tensor:
        only, worth = only[..., None], worth[..., None]
        alone = ops.where(places == only, worth, IMPOSSIBLE)
        return ops.where(only < 0, values, alone)


def _chunks(width: int) -> int:
    """How many of the values' chunks are looked at by their maxima."""
    return width // _CHUNK if width >= 2 * _CHUNK else 0


def _highest_of_chunks(values: Tensor) -> Tensor | None:
    """Of ``(batch, rows, n)`` the maxima ``(batch, rows, chunks)``, None without."""
    batch, rows, width = ops.shape(values)
    chunks = _chunks(width)
    if not chunks:
        return None
    chunked = ops.reshape(values[..., : chunks * _CHUNK], (-1, _CHUNK))
    return ops.reshape(ops.max(chunked, axis=-1), (batch, rows, chunks))


def _log_sum(values: Tensor, highest: Tensor | None) -> Tensor:
    """The logarithm of the sum of exponentials, whose maxima are known in part."""
    if highest is None:
        return ops.logsumexp(values, axis=-1)
    known = ops.max(highest, axis=-1)
    if values.shape[-1] % _CHUNK:
        ends = values[..., highest.shape[-1] * _CHUNK :]
        known = ops.maximum(known, ops.max(ends, axis=-1))
    sums = ops.sum(ops.exp(values - known[..., None]), axis=-1)
    return known + ops.log(sums)


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


def _write_first(steps: Tensor, output: Tensor) -> Tensor:
    """Outputs of all steps, with that of the first."""
    return ops.concatenate([ops.cast(output, steps.dtype)[None], steps[1:]])


def _spread(tensor: Tensor, width: int) -> Tensor:
    """``(batch, features)`` to the same for every hypothesis."""
    batch, features = ops.shape(tensor)
    return ops.broadcast_to(tensor[:, None], (batch, width, features))


def best_of_all(
    values: Tensor,
    count: int,
    ranked: Callable[[Tensor, Tensor | None], Tensor],
    possible: Possible | None = None,
    highest: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The highest in rank among the values of all rows of each source.

    A vocabulary is not put in order to find a few symbols: the ``count`` highest are in
    the ``count`` chunks whose maxima are the highest in rank.

    Args:
        values: ``(batch, rows, n)``, without NaN.
        count: How many, at most as many as there are rows, or values of one row.
        ranked: Maps values ``(batch, m, …)`` and the rows they are of, ``(batch, m)``
            or None for all in their order, to their ranks, which rise with the values
            of a row.
        possible: What the values are looked at through; None: as they are.
        highest: The maxima of the chunks, where they are known.

    Returns:
        The values, their rows and their places in them, ``(batch, count)``, in falling
        order of rank.
    """
    batch, rows, width = ops.shape(values)
    chunks = _chunks(width)
    chunks = 0 if rows * chunks < 2 * count else chunks
    parts = []
    if chunks:
        many = (batch, rows * chunks, _CHUNK)
        chunked = ops.reshape(values[..., : chunks * _CHUNK], many)
        if highest is None:
            highest = _highest_of_chunks(values)
        if possible is not None:
            highest = possible.highest(highest, values[..., :_CHUNK])
        # In the order of their places, so that equal values stay in order too.
        best = ops.sort(_best_places(ranked(highest, None), count), axis=-1)
        among = ops.take_along_axis(chunked, best[..., None], axis=1)
        place = (best % chunks)[..., None] * _CHUNK + ops.arange(_CHUNK)
        parts.append((among, best // chunks, place))
    if width > chunks * _CHUNK:
        place = ops.arange(chunks * _CHUNK, width)
        parts.append((values[..., chunks * _CHUNK :], None, place))

    def seen(part: Tensor, parents: Tensor | None, place: Tensor) -> tuple[Tensor, ...]:
        if possible is not None:
            part = possible.values(part, place, parents)
        owner = ops.arange(rows)[None] if parents is None else parents
        same = (
            ops.broadcast_to(each, part.shape) for each in (owner[..., None], place)
        )
        return part, ranked(part, parents), *same

    every = (
        ops.concatenate([ops.reshape(one, (batch, -1)) for one in each], axis=-1)
        for each in zip(*(seen(*part) for part in parts), strict=True)
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
