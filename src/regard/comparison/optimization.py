"""One pass of one model over its samples."""

import importlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from regard._backend import backend_name
from regard.comparison.problem import Examples, Problem, Solver, slice_of
from regard.types import FloatArray

# (the samples of one run, the weights before it) for each run
Given = tuple[Examples, list[Any]]


def train_each(
    problem: Problem[Any],
    model: Solver,
    given: Sequence[Given],
    batch: int,
    learning_rate: float,
) -> Iterator[tuple[list[Any], FloatArray]]:
    """Train a model several times, each time from other weights on other samples.

    On JAX a whole run is one compiled loop, and runs share the cores; the numbers are
    those of a training step by step.

    Args:
        problem: What is to be solved.
        model: A built model; its own weights are overwritten.
        given: The samples and first weights of each run.
        batch: How many samples make a step.
        learning_rate: The step size of Adam.

    Yields:
        The weights after each run, and its losses ``(steps,)``.
    """
    if backend_name() == "jax":
        fast = importlib.import_module("regard.comparison.jax_training")
        yield from fast.train_each(problem, model, given, batch, learning_rate)
        return
    for examples, weights in given:
        model.set_weights(weights)
        losses = _step_by_step(problem, model, examples, batch, learning_rate)
        yield model.get_weights(), losses


def _step_by_step(
    problem: Problem[Any],
    model: Solver,
    examples: Examples,
    batch: int,
    learning_rate: float,
) -> FloatArray:
    trained = Trained(problem, model)
    trained.compile(optimizer=keras.optimizers.Adam(learning_rate))
    starts = range(0, len(examples.inputs) - batch + 1, batch)
    steps = (list(slice_of(examples, start, start + batch)) for start in starts)
    return np.array([float(trained.train_on_batch(step)) for step in steps], np.float32)


class Trained(keras.Model):
    """A solver whose output is its own loss, for the training loop of Keras."""

    def __init__(self, problem: Problem[Any], model: Solver) -> None:
        super().__init__()
        self.problem, self.model = problem, model

    def call(self, examples: list[Any]) -> Any:
        """The loss."""
        given = Examples(*examples)
        outputs, *_ = self.model(given.inputs, given.targets)
        return self.problem.loss(given, outputs)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **named: Any
    ) -> Any:
        """The output, which is the loss already."""
        del x, y, rest, named
        return y_pred
