"""A lexical shortlist: the symbols that the sources of a batch may lead to."""

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from regard._untrusted import plain_array, read_archive
from regard.errors import BundleError
from regard.text.special_ids import FIRST_ORDINARY_ID, PADDING_ID
from regard.types import FloatArray, IntArray

#: With fewer symbols than these, logits of all take little of a step.
FEWEST_SYMBOLS = 2_000
# Lists have one of few sizes, each twice the one before, so that few programs are
# compiled.
_SMALLEST = 1_024
# Beams are ranked by sums of logarithms, and what is left out is in their norm, only
# nearly known: with a quarter of the symbols 2 % of sentences changed, with half 0.5 %.
# A multiple of so many, about half of all, is what they are given.
_MULTIPLE_FOR_BEAMS = 128
# Where more than this share of all is needed, all are taken.
_LARGEST_SHARE = 0.6
# The symbols that may be expected beside the list, of one sentence.
_MISSED = 0.03
# Links that are weaker, and those beyond so many of a source symbol, are forgotten.
_WEAKEST = 1e-4
_MOST_LINKS = 100
# So many links are counted at a time.
_MOST_PENDING = 1 << 22
# Decides where no link does.
_FALLBACK = 1e-9


@dataclass(frozen=True, eq=False)
class Shortlist:
    """The target symbols that each source symbol leads to.

    Args:
        starts: ``(source symbols + 1,)``, where the links of each source symbol begin.
            Those of padding are the symbols that are written most, whatever is read;
            they are also those of symbols that were never seen.
        symbols: ``(links,)``, target symbols.
        weights: ``(links,)``, how often each is written for one of the source symbol.
        count: The number of target symbols.
    """

    starts: IntArray
    symbols: IntArray
    weights: FloatArray
    count: int

    @property
    def source_count(self) -> int:
        """The number of source symbols."""
        return len(self.starts) - 1

    def of_batch(
        self,
        sources: Sequence[IntArray],
        needed: Sequence[IntArray] = (),
        beam: int = 1,
    ) -> IntArray | None:
        """The symbols that translations of these sources are searched among.

        They are those with the highest sums of weights over all source symbols, as many
        of one of a few sizes that hardly any symbol is expected beside them.

        Args:
            sources: The ids of the sources.
            needed: Arrays of ids, which are among them in any case, as special ones.
            beam: The number of hypotheses that are followed.

        Returns:
            ``(symbols,)``, int32, in rising order; None: so many are needed that all
            are taken.
        """
        read = np.concatenate([*sources, np.zeros(0, np.int32)])
        times = np.bincount(read[read != PADDING_ID], minlength=self.source_count)
        expected = self._expected(times)
        ranked = expected + _FALLBACK * self._expected(np.zeros_like(times), least=1)
        always = np.concatenate(
            [np.arange(FIRST_ORDINARY_ID), *(np.ravel(each) for each in needed)]
        ).astype(int)
        ranked[always] = np.inf
        order = np.argsort(-ranked, kind="stable")
        expected[always] = 0
        beside = expected.sum() - np.cumsum(expected[order])
        sentences = sum(bool(len(source)) for source in sources)
        half = self.count / 2
        size = math.ceil(half / _MULTIPLE_FOR_BEAMS) * _MULTIPLE_FOR_BEAMS
        size = _SMALLEST if beam == 1 else size
        must = len(np.unique(always))
        while size <= _LARGEST_SHARE * self.count:
            if size >= must and beside[size - 1] <= _MISSED * sentences:
                return np.sort(order[:size]).astype(np.int32)
            size *= 2
        return None

    def _expected(self, times: IntArray, least: int = 0) -> FloatArray:
        """How often each target symbol is expected for so many of each source symbol.

        Args:
            times: ``(source symbols,)``.
            least: How often the symbols that are written most are counted at least.
        """
        links = np.diff(self.starts)
        times = times.copy()
        unlinked = times[links == 0].sum()
        times[PADDING_ID] = max(unlinked, least)
        present = np.flatnonzero((times > 0) & (links > 0))
        counts = links[present]
        # The places of all links of those that are present, one after the other.
        first = self.starts[present] - np.concatenate([[0], np.cumsum(counts)[:-1]])
        places = np.arange(counts.sum()) + np.repeat(first, counts)
        weights = self.weights[places] * np.repeat(times[present], counts)
        sums = np.bincount(self.symbols[places], weights, minlength=self.count)
        return sums.astype(np.float64)

    def to_bytes(self) -> bytes:
        """The shortlist as a file of plain arrays (``.npz``)."""
        file = io.BytesIO()
        np.savez(
            file,
            allow_pickle=False,
            starts=self.starts.astype("<i4"),
            symbols=self.symbols.astype("<i4"),
            weights=self.weights.astype("<f4"),
            count=np.asarray([self.count], "<i4"),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Shortlist":
        """Read what ``to_bytes`` wrote; plain arrays only, nothing is executed.

        Raises:
            BundleError: The file is damaged, or holds no shortlist.
        """
        names = [f"{name}.npy" for name in ("starts", "symbols", "weights", "count")]
        members = read_archive(content, names)
        try:
            starts, symbols, weights, count = (
                plain_array(members[name], "f" if name == "weights.npy" else "i")
                for name in names
            )
            (total,) = count.tolist()
        except (ValueError, TypeError, EOFError, SyntaxError) as error:
            raise BundleError(f"This shortlist cannot be read: {error}.") from error
        one_axis = all(each.ndim == 1 for each in (starts, symbols, weights))
        if (
            not one_axis
            or len(starts) < 2
            or starts[0] != 0
            or (np.diff(starts) < 0).any()
            or not starts[-1] == len(symbols) == len(weights)
            or not _are_within(starts, len(symbols) + 1)
            or not _are_within(symbols, total)
            or not (np.isfinite(weights) & (weights >= 0)).all()
        ):
            raise BundleError("Its links are none of a shortlist.")
        return cls(starts.astype(np.int64), symbols, weights, total)

    def check_sizes(self, source_count: int, target_count: int) -> None:
        """Refuse one that was made for other vocabularies.

        Raises:
            BundleError: It was.
        """
        sizes = self.source_count, self.count
        if sizes != (source_count, target_count):
            raise BundleError(
                "The shortlist does not fit the vocabularies.",
                expected=f"{source_count} and {target_count} symbols",
                received=f"{sizes[0]} and {sizes[1]} symbols",
            )


def _are_within(numbers: IntArray, end: int) -> bool:
    return not len(numbers) or bool(0 <= numbers.min() <= numbers.max() < end)


class LinkCounts:
    """Counts how often target symbols are written for source symbols.

    Args:
        source_count: The number of source symbols.
        target_count: The number of target symbols.
    """

    def __init__(self, source_count: int, target_count: int) -> None:
        self._sizes = source_count, target_count
        self._pieces: list[tuple[IntArray, FloatArray]] = []
        self._pending = 0
        self._times = np.zeros(source_count)

    def read(self, sources: Iterable[IntArray]) -> None:
        """Count the symbols of sources."""
        ids = np.concatenate([*sources, np.zeros(0, np.int64)])
        self._times += np.bincount(ids, minlength=self._sizes[0])

    def add(self, sources: IntArray, symbols: IntArray, weights: FloatArray) -> None:
        """Count links, three arrays of one shape."""
        keys = sources.ravel().astype(np.int64) * self._sizes[1] + symbols.ravel()
        self._pieces.append((keys, weights.ravel().astype(np.float64)))
        self._pending += len(keys)
        if self._pending > _MOST_PENDING:
            self._sums()

    def _sums(self) -> tuple[IntArray, FloatArray]:
        """The links that were counted, and the sums of their weights."""
        self._pieces.append((np.zeros(0, np.int64), np.zeros(0)))
        keys, weights = map(np.concatenate, zip(*self._pieces, strict=True))
        keys, places = np.unique(keys, return_inverse=True)
        sums = np.bincount(places, weights, len(keys)).astype(np.float64)
        self._pieces, self._pending = [(keys, sums)], 0
        return keys, sums

    def shortlist(self) -> Shortlist:
        """The links that are strong enough, strongest first for each source symbol."""
        source_count, target_count = self._sizes
        keys, sums = self._sums()
        sources, symbols = np.divmod(keys, target_count)
        ordinary = sources != PADDING_ID
        sources, symbols, sums = sources[ordinary], symbols[ordinary], sums[ordinary]
        weights = sums / np.maximum(self._times[sources], 1)
        # What is written most, whatever is read, is linked to padding.
        written = np.bincount(symbols, sums, minlength=target_count)
        most = np.argsort(-written, kind="stable")[:_SMALLEST]
        most = most[written[most] > 0]
        shares = written[most] / max(self._times.sum(), 1)
        order = np.lexsort((-weights, sources))
        sources, symbols, weights = sources[order], symbols[order], weights[order]
        firsts = np.searchsorted(sources, np.arange(source_count + 1))
        rank = np.arange(len(sources)) - firsts[sources]
        kept = (rank < _MOST_LINKS) & (weights >= _WEAKEST)
        per_source = np.bincount(sources[kept], minlength=source_count)
        per_source[PADDING_ID] = len(most)
        return Shortlist(
            np.concatenate([[0], np.cumsum(per_source)]),
            np.concatenate([most, symbols[kept]]).astype(np.int32),
            np.concatenate([shares, weights[kept]]).astype(np.float32),
            target_count,
        )
