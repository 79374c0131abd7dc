"""The samples of a Keras model, run in batches of few sizes, with what erases them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from regard.errors import ArgumentError
from regard.text.padding import bucket_of, length_buckets
from regard.trust.answers import AnsweringModel
from regard.trust.inputs import Array, Inputs
from regard.trust.replacement import Hole, Replace
from regard.trust.sample_keys import SampleKeys, no_sample
from regard.trust.subject import BoolArray
from regard.types import FloatArray, IntArray

# The rows of a batch, so many that neither inputs nor weights grow out of hand.
_MOST_ROWS, _MOST_POSITIONS, _MOST_WEIGHTS = 128, 2**14, 2**23
# So many samples are looked at first, to learn how the model behaves.
_PROBED = 8
# How far answers may be apart that are the same, and what is no weight.
_SAME, _NO_WEIGHT = 1e-4, 1e-6


@dataclass(frozen=True, eq=False)
class Probe:
    """Some samples, and what the model said of them.

    Args:
        samples: ``(samples,)``, their indices.
        width: The number of positions that they were run at.
        answers: ``(samples, classes)``.
        weights: ``(samples, heads, queries, keys)``.
    """

    samples: IntArray
    width: int
    answers: FloatArray
    weights: FloatArray


class SampleBatches:
    """The samples of a model, asked many at a time.

    Args:
        model: The model.
        inputs: Its inputs.

    Raises:
        ArgumentError: It answers the same differently each time.
        DataError: There is no sample.
    """

    def __init__(self, model: AnsweringModel, inputs: Inputs) -> None:
        self._model, self._inputs = model, inputs
        #: The number of weights of a sample, learned in the first pass.
        self.weights_of_one = 1
        self.probe = self._probed()
        counts = None if inputs.is_fixed else inputs.counts
        full = np.full(len(inputs.array), inputs.width)
        # The width that each sample is run at.
        self._widths: IntArray = full if counts is None else counts

    def ask(
        self,
        samples: IntArray,
        width: int,
        *,
        replace: Replace | None = None,
        gone: BoolArray | None = None,
        draws: FloatArray | None = None,
        weights: FloatArray | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """One pass: answers, and weights ``(samples, heads, queries, keys)``.

        Args:
            samples: Their indices, no more than a batch has.
            width: The width that they are run at.
            replace: Erases positions.
            gone: ``(samples, positions)``, those that it erases.
            draws: A number from 0 to 1 for each of them.
            weights: What is applied in place of the own weights.
        """
        block, others = self._inputs.taken(samples, width)
        if replace is not None and gone is not None:
            drawn = np.zeros(gone.shape) if draws is None else draws
            block, changed = replace(block, others, gone, drawn)
            others = dict(changed)
        height = self._height(width)
        others = {name: _filled(each, height) for name, each in others.items()}
        answers, own = self._model.ask(
            self._inputs.packed(_filled(block, height), others),
            None if weights is None else _filled(weights, height),
        )
        return answers[: len(samples)], own[: len(samples)]

    def packed(self, samples: IntArray, width: int | None = None) -> Any:
        """The undisturbed inputs, as the model takes them; None: at their widest."""
        width = int(self._widths[samples].max()) if width is None else width
        return self._inputs.packed(*self._inputs.taken(samples, width))

    def of(self, samples: IntArray) -> Iterator[tuple[IntArray, int]]:
        """The rows that are run together, and the width that they are run at."""
        widths = self._widths[samples]
        for width in np.unique(widths).tolist():
            rows = np.flatnonzero(widths == width)
            height = self._height(width)
            for start in range(0, len(rows), height):
                yield rows[start : start + height], width

    def _height(self, width: int) -> int:
        """The rows of a batch, the same for all: it is compiled once."""
        of_positions = max(_MOST_POSITIONS // width, 8)
        of_weights = max(_MOST_WEIGHTS // self.weights_of_one, 8)
        return min(_MOST_ROWS, of_positions, of_weights)

    def _probed(self) -> Probe:
        """The longest samples, and that the model says the same of them again."""
        counts = self._inputs.counts
        array = self._inputs.array
        width = self._inputs.width
        if not array.size or (array.dtype.kind == "i" and not array.any()):
            raise no_sample()
        present = (array != 0).any(axis=tuple(range(2, array.ndim))).sum(axis=1)
        if counts is not None and not self._inputs.is_fixed:
            # Of one position nothing could be left.
            several = counts[counts > 1] if (counts > 1).any() else counts[counts > 0]
            width = _commonest(several)
            present = np.where(counts == width, present + 1, 0)
        samples = np.argsort(-present, kind="stable")[:_PROBED]
        answers, weights = self.ask(samples, width)
        again, _ = self.ask(samples, width)
        if np.abs(answers - again).max() > _SAME:
            raise ArgumentError(
                "The model answers the same samples differently each time.",
                expected="answers that depend on the inputs alone",
                received=f"differences of up to {np.abs(answers - again).max():.2g}",
                fix="Turn off what is random in it, such as dropout with "
                "training=True.",
            )
        self.weights_of_one = int(np.prod(weights.shape[1:]))
        return Probe(samples, width, answers, weights)

    def masks(self, hole: Hole, reads: BoolArray | None) -> bool:
        """Whether a position is masked out by a hole: no weight is left on it.

        Args:
            hole: The way to mask it out.
            reads: ``(keys, positions)``, those that each key reads; None: its own.
        """
        probe = self.probe
        valid = hole.valid(self._inputs)[probe.samples, : probe.width]
        rows = np.arange(len(valid))
        top = probe.weights.mean(axis=(1, 2)).argmax(axis=1)
        gone = np.arange(probe.width) == top[:, None]
        if reads is not None:
            gone = reads[top]
        usable = (gone & valid).any(axis=1) & (~gone & valid).any(axis=1)
        if not usable.any():
            return False
        _, weights = self.ask(probe.samples, probe.width, replace=hole.dig, gone=gone)
        before, after = (
            each[rows, :, :, top][usable] for each in (probe.weights, weights)
        )
        if probe.weights.shape[2] == probe.width:
            # What a query that is masked out looks at is of no account.
            alive = (valid & ~gone)[usable][:, None]
            before, after = before * alive, after * alive
        return bool(before.max() > _NO_WEIGHT >= after.max())

    def fit_widths(self, keys: SampleKeys) -> None:
        """Let samples be cut or filled up to one of a few widths.

        Only for a model that masks out what they are filled up with, and if that leaves
        its answers as they are.

        Args:
            keys: The keys of the samples, each of which reads its own position.
        """
        if self._inputs.is_fixed:
            return
        full, exact = self._inputs.width, self._widths
        last = full - np.argmax(keys.valid[:, ::-1], axis=1)
        buckets = np.array(length_buckets(full))
        widths = buckets[bucket_of(last, buckets.tolist())]
        others = keys.indices[widths[keys.indices] != exact[keys.indices]]
        if len(others):
            pairs = list(zip(exact[others], widths[others], strict=True))
            before, after = Counter(pairs).most_common(1)[0][0]
            samples = others[(exact[others] == before) & (widths[others] == after)]
            answers = [
                self.ask(samples[:_PROBED], int(width))[0] for width in (before, after)
            ]
            if np.abs(answers[0] - answers[1]).max() > _SAME:
                return
        self._widths = widths


def _commonest(counts: IntArray) -> int:
    return int(Counter(counts.tolist()).most_common(1)[0][0])


def _filled(array: Array, height: int) -> Array:
    """An array with its last row repeated up to a height."""
    missing = height - len(array)
    if missing <= 0:
        return array
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])
