"""The keys of an attention, sample by sample, and the positions that they read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from regard._validate import check_each, check_same_length, wrong_value
from regard.errors import ArgumentError, DataError
from regard.trust.inputs import Inputs
from regard.trust.plausibility import positions_marked
from regard.trust.replacement import Hole, spread
from regard.trust.subject import BoolArray
from regard.types import FloatArray, IntArray

#: The position that each key reads, -1 for none; or a function from the number of a
#: key to the position or positions that it reads.
Reads: TypeAlias = Sequence[int] | IntArray | Callable[[int], Any]


class SampleKeys:
    """The keys that each sample has, in the order of their numbers.

    Args:
        valid: ``(samples, positions)``, the positions that there are.
        reads: ``(keys, positions)``, those that each key reads; None: its own.

    Raises:
        DataError: No sample has a key.
    """

    def __init__(self, valid: BoolArray, reads: BoolArray | None) -> None:
        self.valid = valid
        self._reads = reads
        keys = valid if reads is None else valid @ reads.T
        #: ``(samples,)``, the number of keys of each.
        self.sizes: IntArray = keys.sum(axis=1)
        #: The index of each sample that has a key.
        self.indices: IntArray = np.flatnonzero(self.sizes)
        if not len(self.indices):
            raise no_sample()
        # Those there are come first, in their order.
        self._keys: IntArray = np.argsort(~keys, axis=1, kind="stable")
        # The query of each sample whose weights are meant; None: all of them.
        self._queries: IntArray | None = None

    def mean_query(self, query: int | None, queries: int, keys: int) -> None:
        """Let one query of each sample be meant.

        Args:
            query: Its number, below 0 counted from the last; None: all are meant.
            queries: How many the layer has.
            keys: How many keys.

        Raises:
            ArgumentError: There is no such query.
        """
        if query is None:
            return
        is_whole = isinstance(query, int | np.integer) and not isinstance(query, bool)
        if not is_whole or not -queries <= query < queries:
            raise wrong_value(
                "query", query, f"a whole number from {-queries} to {queries - 1}"
            )
        if query >= 0:
            self._queries = np.full(len(self.sizes), query)
        elif queries == keys and self._reads is None:
            last = np.maximum(self.sizes + query, 0)
            self._queries = np.take_along_axis(self._keys, last[:, None], axis=1)[:, 0]
        else:
            self._queries = np.full(len(self.sizes), queries + query)

    def queries_meant(self, samples: IntArray) -> IntArray | None:
        """The query of each sample that is meant; None: all."""
        return None if self._queries is None else self._queries[samples]

    def weights(self, sample: int, own: FloatArray) -> FloatArray:
        """Own weights, ``(heads, queries, keys)`` of the keys and queries there are."""
        queries = self._queries_of(sample, own)
        part: FloatArray = own[:, queries][:, :, self._of(sample)]
        return part

    def with_weights(
        self, sample: int, own: FloatArray, weights: FloatArray
    ) -> FloatArray:
        """Own weights with given ones in the place of those that are reported."""
        whole = own.copy()
        queries = self._queries_of(sample, whole)
        keys = self._of(sample)
        given = weights.reshape(len(whole), -1, weights.shape[-1])
        whole[:, queries[:, None], keys] = given[:, : len(queries), : len(keys)]
        return whole

    def _of(self, sample: int) -> IntArray:
        keys: IntArray = self._keys[sample, : self.sizes[sample]]
        return keys

    def _queries_of(self, sample: int, own: FloatArray) -> IntArray:
        """The queries of a sample whose weights are meant."""
        if self._queries is not None:
            return self._queries[sample : sample + 1]
        if own.shape[1] == own.shape[2] and self._reads is None:
            # Of self-attention: those of positions that there are.
            return np.flatnonzero(self.valid[sample, : own.shape[1]])
        return np.arange(own.shape[1])

    def at_positions(
        self, samples: IntArray, keep: BoolArray, draws: FloatArray
    ) -> tuple[BoolArray, FloatArray]:
        """Which positions are gone, and a draw for each, ``(rows, positions)``."""
        count = keep.shape[1]
        inside = np.arange(count) < self.sizes[samples][:, None]
        keys = self._keys[samples][:, :count]
        gone = np.zeros((len(samples), self._keys.shape[1]), bool)
        drawn = np.zeros(gone.shape)
        np.put_along_axis(gone, keys, ~keep[:, : keys.shape[1]] & inside, axis=1)
        np.put_along_axis(drawn, keys, draws, axis=1)
        if self._reads is None:
            return gone, drawn
        of_positions = (drawn[:, :, None] * self._reads).max(axis=1)
        return gone @ self._reads, spread(of_positions)

    def read(self, of_positions: Any) -> Any:
        """Numbers of positions, or marks, summed over the positions of each key."""
        return of_positions if self._reads is None else of_positions @ self._reads.T

    def in_order(self, samples: IntArray, scores: FloatArray, most: int) -> FloatArray:
        """Scores of all keys in the order of those there are, so many at most."""
        keys = self._keys[samples][:, :most]
        keys = np.minimum(keys, scores.shape[1] - 1)
        return np.take_along_axis(scores, keys, axis=1)

    def marked(self, gold: Sequence[Any]) -> list[BoolArray]:
        """Which keys of each sample are marked, by its positions; see ``Markable``."""
        check_same_length({"samples": self.sizes, "gold marks": gold})
        marks = []
        for sample, each in enumerate(gold):
            there = np.flatnonzero(self.valid[sample])
            at = positions_marked(each, len(there), f"Sample {sample}")
            whole = np.zeros(self.valid.shape[1], bool)
            whole[there] = at
            marks.append(self.read(whole)[self._of(sample)])
        return [marks[sample] for sample in self.indices.tolist()]

    def names(self, sample: int, names: Mapping[int, str]) -> list[str]:
        """What the keys of a sample are called, by the names of its positions."""
        keys = self._of(sample).tolist()
        if self._reads is None:
            return [names[key] for key in keys]
        read = [np.flatnonzero(self._reads[key] & self.valid[sample]) for key in keys]
        return ["+".join(names[at] for at in each.tolist()) for each in read]


def reads_of(
    positions: Reads | None, keys: int, width: int, inputs: Inputs, layer: str
) -> BoolArray | None:
    """Which positions each key reads, ``(keys, positions)``; None: its own.

    Args:
        positions: What was said of it.
        keys: The number of keys of the layer.
        width: The number of positions that it was found at.
        inputs: What the model reads.
        layer: The key of the attention.

    Raises:
        ArgumentError: It has to be said, or what was said does not fit.
    """
    if positions is None:
        if keys != width:
            raise ArgumentError(
                f"The keys of the layer '{layer}' are not the positions of the input.",
                expected=f"{width} keys",
                received=str(keys),
                fix="Say which position each key reads: positions=.",
            )
        return None
    if inputs.counts is not None and not inputs.is_fixed:
        raise ArgumentError(
            "Where keys are not positions, all samples have to be of one length.",
            expected="a filled up array and lengths=, beside positions=",
        )
    given: Any = map(positions, range(keys)) if callable(positions) else positions
    rows = [np.atleast_1d(np.asarray(each)) for each in given]
    if len(rows) != keys or any(
        each.dtype.kind != "i" or each.max(initial=0) >= width
        for each in rows
        if each.size
    ):
        raise ArgumentError(
            "'positions' does not say which position each key reads.",
            expected=f"for each of {keys} keys whole numbers below {width}",
            received=f"{len(rows)} entries",
        )
    reads = np.zeros((keys, width), bool)
    for row, each in zip(reads, rows, strict=True):
        row[each[each >= 0].astype(int)] = True
    return reads


def valid_positions(
    inputs: Inputs, hole: Hole | None, lengths: Sequence[int] | IntArray | None
) -> BoolArray:
    """The positions that there are, ``(samples, positions)``.

    Args:
        inputs: What the model reads.
        hole: How it masks positions out, if it does.
        lengths: What was said of how many there are of each sample.

    Raises:
        ArgumentError: These are no such numbers.
    """
    shape = inputs.array.shape[:2]
    valid = np.ones(shape, bool) if hole is None else hole.valid(inputs)
    for each in (inputs.counts, lengths):
        if each is None:
            continue
        counts = np.asarray(each)
        expected = f"{shape[0]} whole numbers from 0 to {shape[1]}, one a sample"
        if counts.shape != shape[:1] or counts.dtype.kind not in "iu":
            raise wrong_value("lengths", each, expected)
        inside = (counts >= 0) & (counts <= shape[1])
        check_each("lengths", counts, inside, expected)
        valid = valid & (np.arange(shape[1]) < counts[:, None])
    return valid


def no_sample() -> DataError:
    """The error of data without a key."""
    return DataError(
        "There is no sample to examine.",
        expected="samples with a position or more that is not masked out",
    )
