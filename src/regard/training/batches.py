"""Batches for training: few shapes, every example in every epoch."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from regard.text.padding import bucket_of, length_buckets, pad
from regard.types import FloatArray, IntArray

ExampleBatch = tuple[IntArray, IntArray, FloatArray]


@dataclass(frozen=True, eq=False)
class EncodedExamples:
    """Texts as ids, and the class of each.

    Args:
        sequences: Arrays ``(tokens, …)`` of ids without padding.
        targets: ``(examples,)``, the index of the class.
    """

    sequences: Sequence[IntArray]
    targets: IntArray

    def __len__(self) -> int:
        return len(self.sequences)


class BucketedBatches(keras.utils.PyDataset):
    """Batches of one height and a few widths, so that few shapes are compiled.

    Examples of similar length go together. A bucket that cannot fill half a batch is
    joined with the next longer one. The last batch of a bucket is filled with rows of
    padding whose sample weight is 0.

    Args:
        examples: What is trained on.
        batch_size: The height of every batch.
        max_length: The longest sequence.
        seed: The order of the epochs depends on it; None keeps the given order.
    """

    def __init__(
        self,
        examples: EncodedExamples,
        batch_size: int,
        max_length: int,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self._examples = examples
        self._batch_size = batch_size
        self._generator = None if seed is None else np.random.default_rng(seed)
        self._buckets = _filled_buckets(examples, batch_size, max_length)
        self._batches: list[tuple[int, IntArray]] = []
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> ExampleBatch:
        """Ids ``(rows, time, …)``; classes and sample weights, both ``(rows,)``."""
        length, members = self._batches[index]
        sequences = [self._examples.sequences[member] for member in members]
        targets = np.zeros(self._batch_size, dtype=np.int32)
        targets[: len(members)] = self._examples.targets[members]
        counts = np.zeros(self._batch_size, dtype=np.float32)
        counts[: len(members)] = 1
        return pad(sequences, self._batch_size, length), targets, counts

    def on_epoch_end(self) -> None:
        """Put the examples together anew."""
        self._batches = [
            (length, members[start : start + self._batch_size])
            for length, members in self._buckets
            for members in [self._shuffled(members)]
            for start in range(0, len(members), self._batch_size)
        ]
        if self._generator is not None:
            order = self._generator.permutation(len(self._batches))
            self._batches = [self._batches[index] for index in order.tolist()]

    def _shuffled(self, members: IntArray) -> IntArray:
        if self._generator is None:
            return members
        return self._generator.permutation(members)


def _filled_buckets(
    examples: EncodedExamples, batch_size: int, max_length: int
) -> list[tuple[int, IntArray]]:
    """The lengths in use, each with the indices of its examples."""
    lengths = length_buckets(max_length)
    sizes = np.asarray([len(sequence) for sequence in examples.sequences])
    buckets = bucket_of(sizes, lengths)
    last = int(buckets.max())
    filled: list[tuple[int, IntArray]] = []
    waiting: IntArray = np.empty(0, dtype=np.int64)
    for index, length in enumerate(lengths[: last + 1]):
        waiting = np.concatenate([waiting, np.flatnonzero(buckets == index)])
        if 2 * len(waiting) >= batch_size or (index == last and len(waiting)):
            filled.append((length, waiting))
            waiting = waiting[:0]
    return filled
