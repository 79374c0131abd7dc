"""One pass of one model over its samples, step by step or as one compiled loop."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import keras
import numpy as np

from regard._backend import backend_name
from regard.comparison.problem import LearningProblem, Solver, TrainingSamples
from regard.types import FloatArray

#: The samples of one run, and the weights before it.
RunStart: TypeAlias = tuple[TrainingSamples, list[Any]]
#: The values of the trainable, the other and the optimizer's variables.
State: TypeAlias = tuple[list[Any], list[Any], list[Any]]


def train_each(
    problem: LearningProblem[Any],
    model: Solver,
    starts: Sequence[RunStart],
    batch: int,
    learning_rate: float,
) -> Iterator[tuple[list[Any], FloatArray]]:
    """Train a model several times, each time from other weights on other samples.

    On JAX a whole run is one compiled loop, and runs share the cores; the numbers are
    those of a training step by step.

    Args:
        problem: The problem to be solved.
        model: A built model; its own weights are overwritten.
        starts: The samples and first weights of each run.
        batch: How many samples make a step.
        learning_rate: The step size of Adam.

    Yields:
        The weights after each run, and its losses ``(steps,)``.
    """
    if backend_name() == "jax":
        yield from _train_compiled(problem, model, starts, batch, learning_rate)
        return
    for samples, weights in starts:
        model.set_weights(weights)
        losses = _step_by_step(problem, model, samples, batch, learning_rate)
        yield model.get_weights(), losses


def _step_by_step(
    problem: LearningProblem[Any],
    model: Solver,
    samples: TrainingSamples,
    batch: int,
    learning_rate: float,
) -> FloatArray:
    loss_model = LossModel(problem, model)
    loss_model.compile(optimizer=keras.optimizers.Adam(learning_rate))
    firsts = range(0, len(samples.inputs) - batch + 1, batch)
    steps = (list(samples.between(first, first + batch)) for first in firsts)
    losses = [float(loss_model.train_on_batch(step)) for step in steps]
    return np.array(losses, np.float32)


class LossModel(keras.Model):
    """A solver whose output is its own loss, for the training loop of Keras."""

    def __init__(self, problem: LearningProblem[Any], model: Solver) -> None:
        super().__init__()
        self.problem, self.model = problem, model

    def call(self, parts: list[Any]) -> Any:
        """The loss."""
        samples = TrainingSamples(*parts)
        outputs, *_ = self.model(samples.inputs, samples.targets)
        return self.problem.loss(samples, outputs)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **named: Any
    ) -> Any:
        """The output, which is the loss already."""
        del x, y, rest, named
        return y_pred


# The loop of JAX is not a function of variables that stay, as ``regard.runtime``
# compiles it: it takes the variables of the model and of the optimizer in, changes them
# in each step and gives them back. No array is given away, so none is copied.


def _train_compiled(
    problem: LearningProblem[Any],
    model: Solver,
    starts: Sequence[RunStart],
    batch: int,
    learning_rate: float,
) -> Iterator[tuple[list[Any], FloatArray]]:
    """As ``train_each``, compiled whole, several runs at a time."""
    import jax  # noqa: PLC0415 - only where it is the backend

    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build(model.trainable_variables)
    moments = [variable.value for variable in optimizer.variables]

    def state_before(weights: list[Any]) -> State:
        model.set_weights(weights)
        return (
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in model.non_trainable_variables],
            moments,
        )

    runs = [(state_before(weights), _steps(part, batch)) for part, weights in starts]
    program = jax.jit(_loop(problem, model, optimizer)).lower(*runs[0]).compile()
    # A loop over small products keeps one core busy, not two.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for after, losses in pool.map(lambda run: program(*run), runs):
            yield _weights(model, after), np.asarray(losses)


def _loop(problem: LearningProblem[Any], model: Solver, optimizer: Any) -> Any:
    import jax  # noqa: PLC0415 - only where it is the backend

    def step(state: State, samples: TrainingSamples) -> tuple[State, Any]:
        trainable, other, moments = state

        def loss(trainable: list[Any]) -> tuple[Any, list[Any]]:
            (outputs, *_), after = model.stateless_call(
                trainable, other, samples.inputs, samples.targets
            )
            return problem.loss(samples, outputs), after

        (value, other), gradients = jax.value_and_grad(loss, has_aux=True)(trainable)
        trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
        return (trainable, other, moments), value

    return lambda state, steps: jax.lax.scan(step, state, steps)


def _steps(samples: TrainingSamples, batch: int) -> TrainingSamples:
    """The axis of samples as ``(steps, batch)``."""
    steps = len(samples.inputs) // batch
    return TrainingSamples(
        *(
            part[: steps * batch].reshape(steps, batch, *part.shape[1:])
            for part in samples
        )
    )


def _weights(model: Solver, state: State) -> list[Any]:
    """A state as ``set_weights`` takes it."""
    trainable, other, _ = state
    pairs = [
        *zip(model.trainable_variables, trainable, strict=True),
        *zip(model.non_trainable_variables, other, strict=True),
    ]
    values = {variable.path: value for variable, value in pairs}
    return [np.asarray(values[variable.path]) for variable in model.weights]
