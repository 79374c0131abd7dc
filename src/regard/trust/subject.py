"""The subject of an examination: a model and its texts, asked in batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from regard.types import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Baseline:
    """The answers to undisturbed texts, and where the model looked.

    Args:
        probabilities: ``(texts, classes)``.
        weights: ``(texts, heads, keys)``, softmax weights, 0 beyond the end of a text.
        lengths: ``(texts,)``, the number of keys of each text.
        replayed: ``(texts, classes)``, the answers with the reported weights forced
            in; None where the weights of the layer cannot be forced.
        orders: Other scores of the keys by their names, each ``(texts, keys)``; the
            higher, the more the answer is said to depend on the key.
        figures: Numbers that are shown and never part of the verdict, by their names,
            each ``(texts,)``; NaN where one is not defined.
    """

    probabilities: FloatArray
    weights: FloatArray
    lengths: IntArray
    replayed: FloatArray | None
    orders: Mapping[str, FloatArray]
    figures: Mapping[str, FloatArray] = field(default_factory=dict)

    @property
    def valid(self) -> BoolArray:
        """``(texts, keys)``, True where a text has a key."""
        keys = np.arange(self.weights.shape[-1])
        valid: BoolArray = keys < self.lengths[:, None]
        return valid


class Passage(NamedTuple):
    """A text and where in it the keys stand.

    Args:
        text: Its characters.
        offsets: ``(keys, 2)``, start and end of each key in it, the end exclusive.
    """

    text: str
    offsets: IntArray

    @classmethod
    def of(cls, names: Sequence[str]) -> "Passage":
        """Names of keys, joined by spaces."""
        ends = np.cumsum([len(name) + 1 for name in names], dtype=np.int64) - 1
        lengths = np.array([len(name) for name in names], dtype=np.int64)
        return cls(" ".join(names), np.stack([ends - lengths, ends], axis=1))


class Subject(Protocol):
    """A model and the texts it is examined on.

    Answers are probabilities, and the same whatever is asked beside them. One that has
    ``labels`` and ``passages``, too, as ``evidence.Showing`` has, shows its texts.

    Attributes:
        erasers: The ways to erase a key, the one that the report shows first.
    """

    erasers: tuple[str, ...]

    def __len__(self) -> int:
        """The number of texts."""

    def baseline(self, texts: IntArray) -> Baseline:
        """The undisturbed answers to texts, by their indices."""

    def erased(
        self, texts: IntArray, keep: BoolArray, eraser: str, draws: FloatArray
    ) -> FloatArray:
        """The answers with keys erased that are not kept.

        Args:
            texts: ``(rows,)``, the text of each row.
            keep: ``(rows, keys)``, True where a key stays; positions do not move.
            eraser: One of ``erasers``.
            draws: ``(rows, keys)``, numbers from 0 to 1 for an eraser that draws what
                comes in the place of a key.

        Returns:
            ``(rows, classes)``.
        """

    def forced(self, texts: IntArray, weights: FloatArray) -> FloatArray:
        """The answers under given weights, where ``Baseline.replayed`` was not None.

        Args:
            texts: ``(rows,)``, the text of each row.
            weights: ``(rows, heads, keys)``.

        Returns:
            ``(rows, classes)``.
        """


class SubjectOfTexts(Subject, Protocol):
    """A subject that was made of given texts, some of which it may pass over.

    Attributes:
        indices: The index of each text among those that were given.
    """

    indices: IntArray


def total_variation(first: FloatArray, second: FloatArray) -> Any:
    r"""The total variation distance of distributions over the last axis.

    .. math:: TV(p, q) = \tfrac12 \sum_c |p_c - q_c|
    """
    return np.abs(first - second).sum(axis=-1) / 2


def entropy(probabilities: FloatArray) -> Any:
    """The entropy of distributions over the last axis, in nats."""
    logarithms = np.log(np.where(probabilities > 0, probabilities, 1))
    return -(probabilities * logarithms).sum(axis=-1)
