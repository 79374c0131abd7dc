"""A task as a learning problem: arrays in, arrays out."""

from abc import ABC, abstractmethod
from typing import Any, Generic, NamedTuple, TypeVar

import keras
import numpy as np
import numpy.typing as npt

from regard._typing import Tensor
from regard.comparison.results import Budget
from regard.types import FloatArray

PairsT = TypeVar("PairsT")


class TrainingSamples(NamedTuple):
    """The samples of a training, each part with the axis of samples first.

    Args:
        inputs: Those of a model.
        targets: The right answers.
        mask: 1 where an answer counts and 0 where it is padding.
    """

    inputs: npt.NDArray[Any]
    targets: npt.NDArray[Any]
    mask: FloatArray

    def between(self, start: int, stop: int) -> "TrainingSamples":
        """Some of the samples."""
        return TrainingSamples(*(np.asarray(part)[start:stop] for part in self))


class Solver(keras.Model):
    """A model that solves a problem, with or without attention."""

    def call(self, inputs: Tensor, targets: Tensor | None = None) -> tuple[Tensor, ...]:
        """Answers, and the attention where there is one.

        Args:
            inputs: Those of the samples.
            targets: The right answers, in training; some models are told those of the
                steps before.
        """
        raise NotImplementedError


class LearningProblem(ABC, Generic[PairsT]):
    """A task as a learning problem."""

    #: The models that can be compared on it; those that are when none are named.
    models: tuple[str, ...]
    usual_models: tuple[str, ...]

    @abstractmethod
    def draw(self, count: int, seed: int) -> PairsT:
        """Fresh pairs."""

    @abstractmethod
    def arrays(self, pairs: PairsT) -> TrainingSamples:
        """Pairs as a model takes them."""

    @abstractmethod
    def model(self, name: str, budget: Budget) -> Solver:
        """A fresh model."""

    @abstractmethod
    def losses(self, targets: Tensor, outputs: Tensor) -> Tensor:
        """The loss of each answer, of the shape of the mask."""

    @abstractmethod
    def accuracy(self, outputs: FloatArray, pairs: PairsT) -> float:
        """The share of pairs answered right."""

    @abstractmethod
    def on_gold(self, weights: FloatArray, pairs: PairsT) -> float | None:
        """The mean attention on the gold positions, where the task has them."""

    def loss(self, samples: TrainingSamples, outputs: Tensor) -> Tensor:
        """The mean loss of the answers that count."""
        losses = self.losses(samples.targets, outputs)
        mask = keras.ops.cast(samples.mask, losses.dtype)
        return keras.ops.sum(losses * mask) / keras.ops.sum(mask)
