"""The one way to run a trained model over sequences of ids."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import keras
import numpy as np

from regard.errors import ArgumentError
from regard.inference.engine import rows_of_batch
from regard.observation.observed import observe
from regard.text.padding import bucket_of, length_buckets, pad
from regard.types import AttentionMap, FloatArray, IntArray, Observation

#: The numbers of rows a batch may have: a single question, a few, many, a file. On
#: processors many long texts together are slower than few: they leave the cache.
BATCH_SIZES = (1, 8, 32, 256)

_OVER_TOKENS = ("keys", "queries")


@dataclass(frozen=True, eq=False)
class Predictions:
    """The answers of a model, in the order of its sequences.

    Args:
        outputs: ``(sequences, …)``, what the model gives.
        attention: For each sequence the attention of each observed layer by the
            layer's path, cut to the length of the sequence; there is no batch axis.
        of_tokens: For each sequence what the model gives of its tokens, ``(tokens,
            …)``; nothing where the model has no second output.
    """

    outputs: FloatArray
    attention: tuple[Mapping[str, AttentionMap], ...]
    of_tokens: tuple[FloatArray, ...] = ()


@dataclass(frozen=True)
class _PaddedBatch:
    """Which sequences run together, and the shape they are padded to."""

    members: tuple[int, ...]
    rows: int
    length: int


class Predictor:
    """Runs a model that reads one sequence of ids, compiled for a few shapes only.

    Sequences are sorted by length, padded to one of a fixed set of lengths and put
    together in batches of one of a fixed set of sizes. Each of these shapes is
    compiled once, when it is first needed or in ``warm_up``. The answer for a sequence
    does not depend on the sequences around it (within 1e-6). The weights of the model
    are copied, and all methods may be called from several threads at once.

    Args:
        model: A Keras model of one input ``(batch, time, …)`` of ids, 0 for padding,
            and one output ``(batch, …)``, or a list of this and of ``(batch, time,
            …)``, something of each token.
        max_length: The most ids of a sequence.
        layers: Which attention layers are observed, as for ``regard.observe``.
        batch_sizes: The numbers of rows a batch may have.
    """

    def __init__(
        self,
        model: keras.Model,
        max_length: int,
        layers: str = "*",
        batch_sizes: Sequence[int] = BATCH_SIZES,
    ) -> None:
        self.lengths = length_buckets(max_length)
        self.batch_sizes = tuple(sorted(batch_sizes))
        self._features = tuple(model.input_shape[2:])
        self._observed = observe(model, layers)

    def predict(
        self,
        sequences: Sequence[IntArray],
        attention: Mapping[str, Sequence[FloatArray]] | None = None,
    ) -> FloatArray:
        """The outputs of the model, ``(sequences, …)``.

        Args:
            sequences: Arrays ``(tokens, …)`` of ids; there may be no token in one.
            attention: Weights that are applied in place of a layer's own, by its path:
                for each sequence an array ``(heads, tokens)``.

        Raises:
            ArgumentError: There is no sequence, or one is too long.
        """
        runs = [
            (batch, _outputs(observation)[0])
            for batch, observation in self._runs(sequences, attention)
        ]
        return _in_order(len(sequences), runs)

    def observe(self, sequences: Sequence[IntArray]) -> Predictions:
        """As ``predict``, with the attention of the same pass.

        Args:
            sequences: Arrays ``(tokens, …)`` of ids.
        """
        runs = []
        attention: list[Mapping[str, AttentionMap]] = [{}] * len(sequences)
        of_tokens: dict[int, FloatArray] = {}
        for batch, observation in self._runs(sequences):
            outputs, *others = _outputs(observation)
            runs.append((batch, outputs))
            for row, index in enumerate(batch.members):
                length = len(sequences[index])
                for each in others:
                    # A copy, so that the batch need not be kept.
                    of_tokens[index] = each[row, :length].copy()
                attention[index] = {
                    path: _cut(weights.select(batch=row), length)
                    for path, weights in observation.attention.items()
                }
        return Predictions(
            _in_order(len(sequences), runs),
            tuple(attention),
            tuple(of_tokens[index] for index in sorted(of_tokens)),
        )

    def run(
        self, sequences: Sequence[IntArray], rows: int, length: int
    ) -> tuple[Sequence[FloatArray], Mapping[str, FloatArray]]:
        """One pass over a single batch, as it comes.

        Args:
            sequences: At most ``rows`` arrays ``(tokens, …)`` of ids.
            rows: The rows of the batch, one of those for which it is compiled.
            length: What they are padded to, of the same kind.

        Returns:
            The outputs of the model, and the weights of each observed layer by its
            path, with all that was only padding.
        """
        seen = self._observed.predict_on_batch(pad(sequences, rows, length))
        weights = {path: each.weights for path, each in seen.attention.items()}
        return _outputs(seen), weights

    def warm_up(
        self,
        batch_sizes: Sequence[int] | None = None,
        lengths: Sequence[int] | None = None,
    ) -> None:
        """Compile ahead, so that the first answers come as fast as later ones.

        Args:
            batch_sizes: Some of the predictor's own; all of them by default.
            lengths: Some of the predictor's own; all of them by default.
        """
        shapes = product(batch_sizes or self.batch_sizes, lengths or self.lengths)
        for rows, length in shapes:
            padding = np.zeros((rows, length, *self._features), dtype=np.int32)
            self._observed.predict_on_batch(padding)

    def batch_sizes_up_to(self, most: int) -> tuple[int, ...]:
        """The sizes of the batches that at most so many sequences run in."""
        counts = range(1, most + 1)
        return tuple(sorted({rows_of_batch(one, self.batch_sizes) for one in counts}))

    def _runs(
        self,
        sequences: Sequence[IntArray],
        attention: Mapping[str, Sequence[FloatArray]] | None = None,
    ) -> Iterator[tuple[_PaddedBatch, Observation]]:
        """Every batch with the answers of the model."""
        for batch in self._batches(sequences):
            members = [sequences[index] for index in batch.members]
            padded = pad(members, batch.rows, batch.length)
            forced: dict[str, Any] = {
                path: _padded_weights(
                    [weights[index] for index in batch.members], batch
                )
                for path, weights in (attention or {}).items()
            }
            options = {"attention": forced} if forced else {}
            yield batch, self._observed.predict_on_batch(padded, **options)

    def _batches(self, sequences: Sequence[IntArray]) -> Iterator[_PaddedBatch]:
        sizes = np.asarray([len(sequence) for sequence in sequences], dtype=np.int64)
        self._check(sizes)
        buckets = bucket_of(sizes, self.lengths)
        for bucket in np.unique(buckets).tolist():
            waiting = np.flatnonzero(buckets == bucket).tolist()
            while waiting:
                rows = rows_of_batch(len(waiting), self.batch_sizes)
                yield _PaddedBatch(tuple(waiting[:rows]), rows, self.lengths[bucket])
                waiting = waiting[rows:]

    def _check(self, sizes: IntArray) -> None:
        if not len(sizes):
            raise ArgumentError("There is no sequence.", expected="at least one")
        if sizes.max() > self.lengths[-1]:
            raise ArgumentError(
                f"Sequence {sizes.argmax()} is too long.",
                expected=f"at most {self.lengths[-1]} ids",
                received=f"{sizes.max()}",
            )


def _outputs(observation: Observation) -> Sequence[FloatArray]:
    outputs: Any = observation.outputs
    return outputs if isinstance(outputs, list) else [outputs]


def _padded_weights(weights: Sequence[FloatArray], batch: _PaddedBatch) -> FloatArray:
    """Weights of a batch, 0 where there is only padding."""
    heads = weights[0].shape[0]
    padded = np.zeros((batch.rows, heads, batch.length), np.float32)
    for row, each in zip(padded, weights, strict=False):
        row[:, : each.shape[-1]] = each
    return padded


def _in_order(
    count: int, runs: Sequence[tuple[_PaddedBatch, FloatArray]]
) -> FloatArray:
    """The rows of all batches, where the sequences were that they belong to."""
    first = runs[0][1]
    outputs = np.empty((count, *first.shape[1:]), dtype=first.dtype)
    for batch, answered in runs:
        outputs[list(batch.members)] = answered[: len(batch.members)]
    return outputs


def _cut(attention: AttentionMap, length: int) -> AttentionMap:
    """The attention without the places that were only padding."""
    cut = tuple(
        slice(length if axis in _OVER_TOKENS else None) for axis in attention.axes
    )
    return replace(attention, weights=attention.weights[cut])
