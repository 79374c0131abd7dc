"""A task from an array to a number as a learning problem, and its models."""

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
from keras import ops

from regard._typing import Tensor
from regard.comparison.problem import LearningProblem, Solver, TrainingSamples
from regard.comparison.results import Budget
from regard.layers import LSTM, AttentionPooling, FeatureAttention
from regard.tasks import ArrayPairs, ArrayTask, Column
from regard.types import FloatArray


class ArrayProblem(LearningProblem[ArrayPairs]):
    """A task from an array to a number.

    Args:
        task: The task.
    """

    def __init__(self, task: ArrayTask) -> None:
        self.task = task
        self.is_class = isinstance(task, Column)
        self._models = _COLUMNS_MODELS if self.is_class else _SERIES_MODELS
        self.models = self.usual_models = tuple(self._models)

    def draw(self, count: int, seed: int) -> ArrayPairs:
        """Fresh pairs."""
        return self.task.sample(count, seed=seed)

    def arrays(self, pairs: ArrayPairs) -> TrainingSamples:
        """Inputs, and ``(pairs, 1)`` targets."""
        targets = pairs.targets[:, None].astype(np.float32)
        return TrainingSamples(pairs.inputs, targets, np.ones_like(targets))

    def model(self, name: str, budget: Budget) -> Solver:
        """A fresh model."""
        activation = "sigmoid" if self.is_class else "linear"
        return self._models[name](budget.units, activation)

    def losses(self, targets: Tensor, outputs: Tensor) -> Tensor:
        """The cross-entropy of a class in nats, the squared error of a number."""
        if not self.is_class:
            return ops.square(targets - outputs)
        # A probability of 0 in float32 has a logarithm that ends a training.
        of_target = ops.where(targets > 0.5, outputs, 1.0 - outputs)
        return -ops.log(ops.maximum(of_target, 1e-7))

    def accuracy(self, outputs: FloatArray, pairs: ArrayPairs) -> float:
        """The share of numbers within the tolerance, or of right classes."""
        return self.task.score(outputs, pairs).accuracy

    def on_gold(self, weights: FloatArray, pairs: ArrayPairs) -> float:
        """The mean attention on the gold positions together."""
        return self.task.attention_on_gold(weights.mean(axis=1), pairs)


class SeriesModel(Solver):
    """An encoder of the steps, a pooling of its states, and the answer.

    Args:
        units: The width of the recurrent layer.
        activation: That of the answer.
        pooling: Makes the layer that pools the states; None: the last state.
    """

    def __init__(
        self,
        units: int,
        activation: str,
        pooling: Callable[[], AttentionPooling] | None,
    ) -> None:
        super().__init__()
        self.encoder = LSTM(units, return_sequences=pooling is not None)
        self.pooling = None if pooling is None else pooling()
        self.answer = keras.layers.Dense(1, activation=activation)

    def call(self, inputs: Tensor, targets: Tensor | None = None) -> tuple[Tensor, ...]:
        """Answers ``(batch, 1)``, weights ``(batch, heads, steps)``."""
        del targets
        states = self.encoder(inputs)
        if self.pooling is None:
            return (self.answer(states),)
        vector, weights = self.pooling(states, return_attention_scores=True)
        return self.answer(vector), weights


class ColumnsModel(Solver):
    """A hidden layer over the columns, with or without attention on them before.

    Args:
        units: The width of the hidden layer.
        activation: That of the answer.
        attends: Whether there is attention.
    """

    def __init__(self, units: int, activation: str, attends: bool) -> None:
        super().__init__()
        self.attention = FeatureAttention() if attends else None
        self.hidden = keras.layers.Dense(units, activation="relu")
        self.answer = keras.layers.Dense(1, activation=activation)

    def call(self, inputs: Tensor, targets: Tensor | None = None) -> tuple[Tensor, ...]:
        """Answers ``(batch, 1)``, weights ``(batch, 1, columns)``."""
        del targets
        if self.attention is None:
            return (self.answer(self.hidden(inputs)),)
        shared, weights = self.attention(inputs, return_attention_scores=True)
        return self.answer(self.hidden(shared)), weights


def _series(**settings: str) -> Callable[[int, str], Solver]:
    return partial(SeriesModel, pooling=partial(AttentionPooling, **settings))  # type: ignore[arg-type]  # settings are by name


_SERIES_MODELS: dict[str, Callable[[int, str], Solver]] = {
    "none": partial(SeriesModel, pooling=None),
    "feed_forward": _series(score="feed_forward"),
    "additive": _series(score="last", alignment="additive"),
    "general": _series(score="last", alignment="general"),
}
_COLUMNS_MODELS: dict[str, Callable[[int, str], Solver]] = {
    "none": partial(ColumnsModel, attends=False),
    "feature": partial(ColumnsModel, attends=True),
}
