"""Searches over many sources of different lengths."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from keras import ops, tree

from regard._validate import check_same_length
from regard.decoding.beam_search import IMPOSSIBLE, BeamSearch, EncodedSources
from regard.decoding.search import Hypothesis, Search
from regard.decoding.shortlist import Shortlist
from regard.errors import ArgumentError
from regard.ops import products_in
from regard.runtime import backend, compile_function
from regard.text.padding import pad
from regard.text.special_ids import END_ID, PADDING_ID
from regard.types import FloatArray, IntArray

# Hypotheses that are followed side by side: more of them fill no core better, but in
# a beam there is more to a step that costs the same for few. On a GPU all of it does.
_ROWS, _ROWS_IN_BEAMS, _ROWS_ON_GPU = 256, 384, 4096
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
        return max(1, _ROWS_IN_BEAMS // beam) if beam > 1 else _ROWS
    return 1 << max(0, (_ROWS_ON_GPU // beam).bit_length() - 1)


class _Among:
    """A model that writes some symbols only; their part of the output is taken once.

    Args:
        model: The model.
        symbols: ``(count,)``; None: it writes all.
    """

    def __init__(self, model: Any, symbols: Any) -> None:
        self._model, self._columns = model, model.columns(symbols)
        columns = [each for each in tree.flatten(self._columns) if each is not None]
        self.variables = [*model.variables, *columns]

    def step(self, previous: Any, state: Any, memory: Any) -> Any:
        """As ``StepwiseModel.step``."""
        return self._model.step(previous, state, memory, self._columns)


class Searcher:
    """Searches with a trained model, compiled once for each length of sources.

    Sources are sorted by length and put together in batches. The result for one does
    not depend on the others (within 1e-5, as far as the model's products are in
    float32), unless a shortlist is made for each batch.

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
        return self._search_shape(rows, length, sources, (), None)

    def run(
        self,
        sources: Sequence[IntArray],
        prefixes: Sequence[IntArray] | None = None,
        shortlist: Shortlist | None = None,
    ) -> list[list[Hypothesis]]:
        """Search for every source.

        Args:
            sources: Arrays ``(source,)`` of ids.
            prefixes: The ids that each result begins with, arrays ``(target,)``.
            shortlist: What tells the symbols that results of a batch are searched
                among; a result then depends on the others in its batch. None: all.

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
            return self._search_batch(*batch, sources, prefixes, shortlist)

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
        shortlist: Shortlist | None,
    ) -> list[list[Hypothesis]]:
        rows = min(self._rows, _next_power_of_two(len(members)))
        return self._search_shape(
            rows,
            length,
            [sources[member] for member in members],
            [] if prefixes is None else [prefixes[member] for member in members],
            shortlist,
        )

    def _search_shape(
        self,
        rows: int,
        length: int,
        sources: Sequence[IntArray],
        prefixes: Sequence[IntArray],
        shortlist: Shortlist | None,
    ) -> list[list[Hypothesis]]:
        steps = self._search.limit(length)
        forced = np.zeros((rows, steps), dtype=np.int32)
        for row, prefix, source in zip(forced, prefixes, sources, strict=False):
            own = self._search.limit(padded_length(len(source)))
            row[: len(prefix)] = _fitting(prefix, own)
        arguments = [pad(sources, rows, length), forced]
        if shortlist is not None:
            symbols = shortlist.of_batch(sources, [forced], self._search.beam)
            arguments += [] if symbols is None else [symbols]
        beam, backpointers, count = self._program(*arguments)
        return _best_hypotheses(
            {name: array[: len(sources)] for name, array in beam.items()},
            {name: array[: int(count)] for name, array in backpointers.items()},
            [len(source) for source in sources],
            self._search.n_best,
        )

    def _search_tensors(self, source: Any, prefix: Any, symbols: Any = None) -> Any:
        """Search with tensors of one shape; as many steps as a prefix has are made."""
        search = BeamSearch(self._search, steps=prefix.shape[1])
        mask = ops.not_equal(source, 0)
        with products_in(getattr(self._model, "products", "float32")):
            encoded = self._model.encode(source)
            given = EncodedSources(
                encoded.memory, mask, prefix, self._limits(mask), symbols
            )
            model = _Among(self._model, symbols)
            beam, backpointers, count = search.run(model, encoded.state, given)
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


def _search_each(
    search: Callable[[Any], list[list[Hypothesis]]], batches: Sequence[Any]
) -> Iterable[list[list[Hypothesis]]]:
    """The result of each batch, two at a time where that is faster."""
    if len(batches) < 2 or not backend().gains_from_threads:
        return map(search, batches)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="regard-search") as threads:
        return list(threads.map(search, batches))


def _best_hypotheses(
    beam: dict[str, Any],
    backpointers: dict[str, Any],
    sources: Sequence[int],
    n_best: int,
) -> list[list[Hypothesis]]:
    """The hypotheses of a batch, all that is counted for all of them at once.

    Args:
        beam: Symbols, their probability, rank and whether they are finished, arrays
            ``(sources, beam, …)``.
        backpointers: Parents and weights, arrays ``(steps, batch, beam, …)``.
        sources: The length of each source.
        n_best: How many of each source there are at most.
    """
    # What may not be written fills a beam that is wider than what may. And what
    # ended by itself comes before what was cut off.
    possible = beam["log_probability"] > IMPOSSIBLE / 10
    keys = -beam["rank"], ~beam["finished"], ~possible
    order = np.lexsort(keys, axis=-1)[:, :n_best]
    weights = _follow(backpointers["parents"], backpointers["weights"], order)
    symbols = np.take_along_axis(beam["symbols"], order[..., None], axis=1)
    over = (symbols == END_ID) | (symbols == PADDING_ID)
    lengths = np.where(over.any(-1), over.argmax(-1), symbols.shape[-1])

    def listed(array: Any) -> Any:
        return np.take_along_axis(array, order, axis=1).tolist()

    facts = zip(
        lengths.tolist(),
        listed(beam["log_probability"]),
        listed(beam["rank"]),
        listed(beam["finished"]),
        listed(possible),
        strict=True,
    )
    return [
        [
            Hypothesis(
                symbols=symbols[row, place, :length],
                log_probability=log_probability,
                score=score,
                weights=weights[row, place, :length, :source],
                finished=finished,
            )
            for place, (length, log_probability, score, finished, may) in enumerate(
                zip(*of_row, strict=True)
            )
            if may or not place
        ]
        for row, (source, of_row) in enumerate(zip(sources, facts, strict=True))
    ]


def _follow(parents: IntArray, weights: FloatArray, places: IntArray) -> FloatArray:
    """The weights of hypotheses, from those of every step.

    Args:
        parents: ``(steps, batch, beam)``.
        weights: ``(steps, batch, beam, source)``, in the order of the step before.
        places: ``(sources, n)``, those of the hypotheses after the last step. There
            may be fewer sources than the batch has rows.

    Returns:
        ``(sources, n, steps, source)``.
    """
    rows = np.arange(len(places))[:, None]
    kept = np.empty((*places.shape, len(parents), weights.shape[-1]), dtype=np.float32)
    for step in reversed(range(len(parents))):
        places = parents[step][rows, places]
        kept[:, :, step] = weights[step][rows, places]
    return kept


def _batches(
    lengths: IntArray, order: IntArray, rows: int
) -> list[tuple[int, list[int]]]:
    """Members of similar length, and the length they are padded to.

    Those of one length more join a batch that is not full: a shape less to compile, and
    a batch less to run.
    """
    batches: list[tuple[int, list[int]]] = []
    members: list[int] = []
    longest = 0
    for member in order.tolist():
        length = padded_length(int(lengths[member]))
        if batches and len(members) < rows and length <= longest:
            batches.pop()
        else:
            members, longest = [], length + LENGTH_STEP
        members.append(member)
        batches.append((length, members))
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
