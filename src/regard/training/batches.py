"""Batches of sequences with classes: few shapes, every example in every epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

import keras
import numpy as np

from regard._backend import backend_name
from regard.text.id_file import IdFile, lengths_of
from regard.text.padding import bucket_of, length_buckets, pad
from regard.training.checkpoint import digest
from regard.training.devices import LocalRows, device_count
from regard.types import FloatArray, IntArray

# A program more for so many places that are read: about as long as one takes to
# compile, a classifier of the recipe on two cores.
_PLACES_A_PROGRAM = 2_000_000
# A longest text is padded to a multiple of this, so that it alone decides no shape.
_STEP = 8

ExampleBatch = tuple[IntArray, IntArray, FloatArray]
# The length that the examples of a batch are padded to, and their indices.
_Members = tuple[int, IntArray]


@dataclass(frozen=True, eq=False)
class EncodedExamples:
    """Texts as ids, and the class of each.

    Args:
        sequences: Arrays ``(tokens, …)`` of ids without padding.
        targets: ``(examples,)``, the index of the class; or ``(examples, labels)``, 1
            where a text has the label.
        weights: ``(examples,)``, how much each counts; None: all the same.
        class_weights: ``(classes,)``, how much more each counts in what is learned, by
            its class; None: none does.
    """

    sequences: Sequence[IntArray]
    targets: IntArray
    weights: FloatArray | None = None
    class_weights: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def lengths(self) -> IntArray:
        """``(examples,)``, how many tokens each has."""
        return lengths_of(self.sequences)

    def at(self, indices: IntArray) -> "EncodedExamples":
        """The examples at ``indices``."""
        sequences = [self.sequences[index] for index in indices.tolist()]
        weights = None if self.weights is None else self.weights[indices]
        targets = self.targets[indices]
        return replace(self, sequences=sequences, targets=targets, weights=weights)

    @property
    def importance(self) -> FloatArray | None:
        """How much each counts in what is learned, of itself and by its class."""
        if self.class_weights is None:
            return self.weights
        of_classes = self.class_weights[self.targets]
        own = 1 if self.weights is None else self.weights
        return np.asarray(of_classes * own, np.float32)

    def in_steps(self) -> "EncodedExamples":
        """The same with weights whose mean is 1: a step is as large as without any."""
        weights = self.importance
        if weights is None:
            return self
        return replace(self, weights=weights / weights.mean(), class_weights=None)

    def digest(self) -> str:
        """The SHA-256 of the examples, in hexadecimal digits; of a file its name."""
        beside: list[Any] = [] if self.weights is None else [self.weights]
        if not isinstance(self.sequences, IdFile):
            return digest(chain(self.sequences, [self.targets], beside))
        name = self.sequences.digest
        return (
            digest([np.frombuffer(name.encode(), np.uint8), *beside])
            if beside
            else name
        )


class BucketedBatches:
    """Batches of one height and a few widths, so that few shapes are compiled.

    Examples of similar length go together. A bucket that cannot fill half a batch is
    joined with the next longer one, and so is one that saves less padding than its
    program takes to compile. The last batch of a bucket is filled with rows of padding
    whose sample weight is 0. The order of an epoch depends on the seed and the number
    of the epoch alone.

    Args:
        examples: What is trained on.
        batch_size: The height of every batch.
        max_length: The longest sequence.
        seed: The order of the epochs depends on it; None keeps the given order.
        epochs: How often they are read at most: in a short training a width more costs
            more than it saves. None: often enough.
        widths: The widths there may be, the last of them wide enough; None: the usual
            ones.

    Attributes:
        widths: The widths of its batches, ascending.
    """

    def __init__(
        self,
        examples: EncodedExamples,
        batch_size: int,
        max_length: int,
        seed: int | None = None,
        *,
        epochs: int | None = None,
        widths: Sequence[int] | None = None,
    ) -> None:
        self._examples = examples
        self._batch_size = batch_size
        self._seed = seed
        lengths = length_buckets(max_length) if widths is None else widths
        buckets = _filled_buckets(examples, batch_size, lengths)
        if epochs is not None and widths is None:
            buckets = _narrowed(examples, buckets)
        self._buckets = buckets if epochs is None else _worthwhile(buckets, epochs)
        self.widths = tuple(length for length, _ in self._buckets)
        self._number = 0
        self._order: list[_Members] = []
        self._begin_anew()

    def __len__(self) -> int:
        return sum(-(-len(members) // self._batch_size) for _, members in self._buckets)

    def epoch(self, number: int, start: int = 0) -> "ExampleBatches":
        """The batches of an epoch from batch ``start`` on."""
        if number < self._number:
            self._begin_anew()
        # All orders come out of one generator, each after the one before it.
        while self._number < number:
            self._order = self._draw()
            self._number += 1
        return ExampleBatches(self._examples, self._batch_size, self._order[start:])

    def epochs(self, count: int) -> "ExampleBatches":
        """The batches of the first epochs, one epoch after the other."""
        orders = []
        for number in range(count):
            self.epoch(number)
            orders += self._order
        return ExampleBatches(self._examples, self._batch_size, orders)

    def _begin_anew(self) -> None:
        self._generator = None
        if self._seed is not None:
            self._generator = np.random.default_rng(self._seed)
        # Once in vain: with the next one earlier releases began, and what a seed
        # gives stays the same.
        self._draw()
        self._order, self._number = self._draw(), 0

    def _draw(self) -> list[_Members]:
        """The examples put together anew."""
        batches = [
            (length, shuffled[start : start + self._batch_size])
            for length, members in self._buckets
            for shuffled in [self._shuffled(members)]
            for start in range(0, len(members), self._batch_size)
        ]
        if self._generator is None:
            return batches
        order = self._generator.permutation(len(batches))
        return [batches[index] for index in order.tolist()]

    def _shuffled(self, members: IntArray) -> IntArray:
        if self._generator is None:
            return members
        return self._generator.permutation(members)


class ExampleBatches(keras.utils.PyDataset):
    """The batches of one epoch, in order.

    Args:
        examples: What they are made of.
        batch_size: The height of every batch.
        batches: The length and the members of each.
    """

    def __init__(
        self, examples: EncodedExamples, batch_size: int, batches: Sequence[_Members]
    ) -> None:
        super().__init__()
        self._examples, self._batch_size = examples, batch_size
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> ExampleBatch:
        """Ids ``(rows, time, …)``; classes and sample weights, ``(rows,)`` each."""
        length, members = self._batches[index]
        sequences = [self._examples.sequences[member] for member in members.tolist()]
        return pad(sequences, self._batch_size, length), *self._answers(members)

    def answers(self) -> Iterator[tuple[IntArray, FloatArray]]:
        """The classes and the sample weights of each batch, without its padding."""
        for _, members in self._batches:
            targets, weights = self._answers(members)
            yield targets[: len(members)], weights[: len(members)]

    @property
    def height(self) -> int:
        """The rows of every batch, those of padding among them."""
        return self._batch_size

    def _answers(self, members: IntArray) -> tuple[IntArray, FloatArray]:
        shape = self._batch_size, *self._examples.targets.shape[1:]
        targets = np.zeros(shape, dtype=np.int32)
        targets[: len(members)] = self._examples.targets[members]
        weights = self._examples.weights
        counts = np.zeros(self._batch_size, dtype=np.float32)
        counts[: len(members)] = 1 if weights is None else weights[members]
        return targets, counts


def as_input(batches: keras.utils.PyDataset) -> Any:
    """The batches for Keras to read, each of a width of its own.

    On TensorFlow Keras takes the widths from the first two batches, and ends with an
    error at a batch of another where these are alike. Between several devices they
    have to divide.
    """
    if backend_name() != "tensorflow":
        return batches if device_count() == 1 else LocalRows(batches)
    import tensorflow as tf  # noqa: PLC0415 - where it is the backend

    def read() -> Iterator[Any]:
        return (batches[index] for index in range(len(batches)))

    shapes = zip(
        *([array.shape for array in keras.tree.flatten(batch)] for batch in read()),
        strict=True,
    )
    arrays = keras.tree.flatten(batches[0])
    signature = [
        tf.TensorSpec(_common_shape(of_array), array.dtype)
        for of_array, array in zip(shapes, arrays, strict=True)
    ]
    dataset = tf.data.Dataset.from_generator(
        read, output_signature=keras.tree.pack_sequence_as(batches[0], signature)
    )
    counted = tf.data.experimental.assert_cardinality(len(batches))
    return dataset.apply(counted).prefetch(tf.data.AUTOTUNE)


def _common_shape(shapes: Sequence[tuple[int, ...]]) -> tuple[int | None, ...]:
    """The sizes that all shapes have; None for one that differs, and for the rows."""
    sizes = [set(of_axis) for of_axis in zip(*shapes, strict=True)]
    widths = [size.pop() if len(size) == 1 else None for size in sizes[1:]]
    return None, *widths


def _filled_buckets(
    examples: EncodedExamples, batch_size: int, lengths: Sequence[int]
) -> list[_Members]:
    """The lengths in use, each with the indices of its examples."""
    buckets = bucket_of(examples.lengths, lengths)
    last = int(buckets.max())
    filled: list[_Members] = []
    waiting: IntArray = np.empty(0, dtype=np.int64)
    for index, length in enumerate(lengths[: last + 1]):
        waiting = np.concatenate([waiting, np.flatnonzero(buckets == index)])
        if 2 * len(waiting) >= batch_size or (index == last and len(waiting)):
            filled.append((length, waiting))
            waiting = waiting[:0]
    return filled


def _narrowed(examples: EncodedExamples, buckets: list[_Members]) -> list[_Members]:
    """The buckets, the widest one no wider than its examples need."""
    width, members = buckets[-1]
    longest = int(examples.lengths[members].max())
    needed = _STEP * max(1, -(-longest // _STEP))
    return [*buckets[:-1], (min(width, needed), members)]


def _worthwhile(buckets: list[_Members], epochs: int) -> list[_Members]:
    """The buckets that save more than their programs cost, in so many epochs."""
    buckets = list(buckets)
    while len(buckets) > 1:
        costs = [
            epochs * (wider - width) * len(members)
            for (width, members), (wider, _) in pairwise(buckets)
        ]
        least = int(np.argmin(costs))
        if costs[least] >= _PLACES_A_PROGRAM:
            break
        (_, shorter), (width, longer) = buckets[least : least + 2]
        # In the order they were given in: without a seed they are read in it.
        buckets[least : least + 2] = [(width, np.sort(np.append(shorter, longer)))]
    return buckets
