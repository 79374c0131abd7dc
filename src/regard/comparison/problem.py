"""A task as a model meets it: arrays in, arrays out."""

from abc import ABC, abstractmethod
from typing import Any, Generic, NamedTuple, TypeVar

import keras
import numpy as np
import numpy.typing as npt

from regard.comparison.budget import Budget
from regard.ops.precision import Tensor
from regard.types import FloatArray

PairsT = TypeVar("PairsT")


class Examples(NamedTuple):
    """What a model is trained on, each with the axis of samples first.

    Args:
        inputs: What it is given.
        targets: What it should answer.
        marks: 1 where an answer counts and 0 where it is padding.
    """

    inputs: npt.NDArray[Any]
    targets: npt.NDArray[Any]
    marks: FloatArray


class Solver(keras.Model):
    """A model that solves a problem, with or without attention."""

    def call(self, inputs: Tensor, targets: Tensor | None = None) -> tuple[Tensor, ...]:
        """Answers, and the attention where there is one.

        Args:
            inputs: What is given.
            targets: The right answers, in training; some models are told those of the
                steps before.
        """
        raise NotImplementedError


class Problem(ABC, Generic[PairsT]):
    """A task as a model meets it."""

    #: The models that can be compared on it; those that are when none are named.
    models: tuple[str, ...]
    usual_models: tuple[str, ...]

    @abstractmethod
    def draw(self, count: int, seed: int) -> PairsT:
        """Fresh pairs."""

    @abstractmethod
    def arrays(self, pairs: PairsT) -> Examples:
        """Pairs as a model takes them."""

    @abstractmethod
    def model(self, name: str, budget: Budget) -> Solver:
        """A fresh model."""

    @abstractmethod
    def losses(self, targets: Tensor, outputs: Tensor) -> Tensor:
        """The loss of each answer, of the shape of the marks."""

    @abstractmethod
    def accuracy(self, outputs: FloatArray, pairs: PairsT) -> float:
        """The share of pairs answered right."""

    @abstractmethod
    def on_gold(self, weights: FloatArray, pairs: PairsT) -> float | None:
        """The mean attention on the gold positions, where the task has them."""

    def loss(self, examples: Examples, outputs: Tensor) -> Tensor:
        """The mean loss of the answers that count."""
        losses = self.losses(examples.targets, outputs)
        marks = keras.ops.cast(examples.marks, losses.dtype)
        return keras.ops.sum(losses * marks) / keras.ops.sum(marks)


def slice_of(examples: Examples, start: int, stop: int) -> Examples:
    """Some of the samples."""
    return Examples(*(np.asarray(part)[start:stop] for part in examples))
