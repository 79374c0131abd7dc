"""Searches over many sources of different lengths."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from regard._validate import check_same_length
from regard.decoding.beam_search import IMPOSSIBLE, BeamSearch, EncodedSources
from regard.decoding.search import Hypothesis, Search
from regard.errors import ArgumentError
from regard.ops import products_in
from regard.runtime import backend, compile_function
from regard.text.padding import pad
from regard.text.special_ids import END_ID, PADDING_ID
from regard.types import FloatArray, IntArray

# Hypotheses that are followed side by side; more of them fill no core better, but a
# GPU, where a step takes as long for few as for many.
_ROWS, _ROWS_ON_GPU = 256, 4096
# Searches side by side. Much of a step keeps one core only; more than two take memory.
_THREADS = 2
#: Sources are padded to a multiple of it, and how long a result may be follows that.
LENGTH_STEP = 8


def padded_length(length: int) -> int:
    """The length that so many symbols are padded to."""
    return max(1, -(-length // LENGTH_STEP)) * LENGTH_STEP


def rows_at_once(beam: int) -> int:
    """The most sources of a batch; on a GPU a power of two, as the last batch is."""
    if not backend().is_on_gpu:
        return max(1, _ROWS // beam)
    return 1 << max(0, (_ROWS_ON_GPU // beam).bit_length() - 1)


class _BatchResult(NamedTuple):
    """The hypotheses of one batch as arrays, ``(batch, beam, …)``."""

    symbols: IntArray
    log_probability: FloatArray
    rank: FloatArray
    finished: Any
    weights: FloatArray


class Searcher:
    """Searches with a trained model, compiled once for each length of sources.

    Sources are sorted by length and put together in batches. The result for one does
    not depend on the others (within 1e-5, as far as the model's products are in
    float32).

    Args:
        model: A ``regard.Seq2Seq``; its variables are read anew in each run.
        search: The settings.
    """

    def __init__(self, model: Any, search: Search) -> None:
        self._model = model
        self._search = search
        self._rows = rows_at_once(search.beam)
        self._program = compile_function(model, self._search_tensors)

    def run_in(
        self, rows: int, length: int, sources: Sequence[IntArray]
    ) -> list[list[Hypothesis]]:
        """As ``run``, in a single batch of one shape.

        Args:
            rows: The height of the batch, as many as there are sources at least.
            length: What the sources are padded to; the results are those of any other.
            sources: Arrays ``(source,)`` of ids.
        """
        return self._search_shape(rows, length, sources, ())

    def run(
        self,
        sources: Sequence[IntArray],
        prefixes: Sequence[IntArray] | None = None,
    ) -> list[list[Hypothesis]]:
        """Search for every source.

        Args:
            sources: Arrays ``(source,)`` of ids.
            prefixes: The ids that each result begins with, arrays ``(target,)``.

        Returns:
            The ``n_best`` best for each, best first. An empty source has an empty
            result.

        Raises:
            ArgumentError: There are not as many prefixes as sources, or one is longer
                than what may be written.
        """
        if prefixes is not None:
            check_same_length({"sources": sources, "prefixes": prefixes})
        hypotheses: list[list[Hypothesis]] = [[] for _ in sources]
        lengths = np.asarray([len(source) for source in sources], dtype=np.int64)
        order = np.argsort(lengths, kind="stable")
        batches = _batches(lengths, order, self._rows)

        def search(batch: tuple[int, list[int]]) -> list[list[Hypothesis]]:
            return self._search_batch(*batch, sources, prefixes)

        searched = _search_each(search, batches)
        for (_, members), of_batch in zip(batches, searched, strict=True):
            for member, best in zip(members, of_batch, strict=True):
                hypotheses[member] = best
        return hypotheses

    def _search_batch(
        self,
        length: int,
        members: Sequence[int],
        sources: Sequence[IntArray],
        prefixes: Sequence[IntArray] | None,
    ) -> list[list[Hypothesis]]:
        rows = min(self._rows, _next_power_of_two(len(members)))
        return self._search_shape(
            rows,
            length,
            [sources[member] for member in members],
            [] if prefixes is None else [prefixes[member] for member in members],
        )

    def _search_shape(
        self,
        rows: int,
        length: int,
        sources: Sequence[IntArray],
        prefixes: Sequence[IntArray],
    ) -> list[list[Hypothesis]]:
        steps = self._search.limit(length)
        forced = np.zeros((rows, steps), dtype=np.int32)
        for row, prefix in zip(forced, prefixes, strict=False):
            row[: len(prefix)] = _fitting(prefix, steps)
        beam, backpointers, count = self._program(pad(sources, rows, length), forced)
        weights = _follow(backpointers["parents"], backpointers["weights"], int(count))
        result = _BatchResult(**beam, weights=weights)
        return [
            self._best(result, row, len(source)) for row, source in enumerate(sources)
        ]

    def _search_tensors(self, source: Any, prefix: Any) -> Any:
        """Search with tensors of one shape; as many steps as a prefix has are made."""
        search = BeamSearch(self._search, steps=prefix.shape[1])
        mask = ops.not_equal(source, 0)
        with products_in(getattr(self._model, "products", "float32")):
            encoded = self._model.encode(source)
            given = EncodedSources(encoded.memory, mask, prefix, self._limits(mask))
            beam, backpointers, count = search.run(self._model, encoded.state, given)
        hypotheses = {
            "symbols": beam.symbols,
            "log_probability": beam.log_probability,
            "finished": beam.finished,
            "rank": search.rank(beam, mask),
        }
        return hypotheses, backpointers._asdict(), count

    def _limits(self, mask: Any) -> Any:
        """The most symbols of each row, whatever length it is padded to."""
        counts = ops.sum(ops.cast(mask, "int32"), axis=1)
        padded = ops.maximum(1, (counts + LENGTH_STEP - 1) // LENGTH_STEP) * LENGTH_STEP
        return ops.zeros_like(counts) + self._search.limit(padded)

    def _best(self, result: _BatchResult, row: int, source: int) -> list[Hypothesis]:
        # What may not be written fills a beam that is wider than what may. And what
        # ended by itself comes before what was cut off.
        possible = result.log_probability[row] > IMPOSSIBLE / 10
        order = np.lexsort((-result.rank[row], ~result.finished[row], ~possible))
        return [
            _hypothesis(result, row, int(place), source)
            for place in order[: self._search.n_best]
            if place == order[0] or possible[place]
        ]


def _search_each(
    search: Callable[[Any], list[list[Hypothesis]]], batches: Sequence[Any]
) -> Iterable[list[list[Hypothesis]]]:
    """The result of each batch, two at a time where that is faster."""
    if len(batches) < 2 or not backend().gains_from_threads:
        return map(search, batches)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="regard-search") as threads:
        return list(threads.map(search, batches))


def _hypothesis(result: _BatchResult, row: int, place: int, source: int) -> Hypothesis:
    symbols = result.symbols[row, place]
    ended = np.flatnonzero((symbols == END_ID) | (symbols == PADDING_ID))
    length = int(ended[0]) if len(ended) else len(symbols)
    return Hypothesis(
        symbols=symbols[:length],
        log_probability=float(result.log_probability[row, place]),
        score=float(result.rank[row, place]),
        weights=result.weights[row, place, :length, :source],
        finished=bool(result.finished[row, place]),
    )


def _follow(parents: IntArray, weights: FloatArray, count: int) -> FloatArray:
    """The weights of each hypothesis, from those of every step.

    Args:
        parents: ``(steps, batch, beam)``.
        weights: ``(steps, batch, beam, source)``, in the order of the step before.
        count: The steps that were made.

    Returns:
        ``(batch, beam, steps, source)``.
    """
    steps, batch, beam, source = weights.shape
    kept = np.zeros((batch, beam, steps, source), dtype=np.float32)
    rows = np.arange(batch)[:, None]
    places = np.broadcast_to(np.arange(beam), (batch, beam))
    for step in reversed(range(count)):
        places = parents[step][rows, places]
        kept[:, :, step] = weights[step][rows, places]
    return kept


def _batches(
    lengths: IntArray, order: IntArray, rows: int
) -> list[tuple[int, list[int]]]:
    """Members of similar length, and the length they are padded to."""
    padded = np.array([padded_length(length) for length in lengths.tolist()])
    batches = []
    for length in np.unique(padded).tolist():
        members = [index for index in order.tolist() if padded[index] == length]
        batches += [
            (length, members[start : start + rows])
            for start in range(0, len(members), rows)
        ]
    return batches


def _fitting(prefix: IntArray, steps: int) -> IntArray:
    if len(prefix) > steps:
        raise ArgumentError(
            "A prefix is longer than what may be written.",
            expected=f"at most {steps} symbols",
            received=str(len(prefix)),
            fix="Raise max_length.",
            arguments=["max_length"],
        )
    return prefix


def _next_power_of_two(count: int) -> int:
    """So that few heights of batches are compiled."""
    size = 1
    while size < count:
        size *= 2
    return size
