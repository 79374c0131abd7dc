"""One pass of one model over its samples, compiled whole, several at a time.

This is not a function of variables that stay, as ``regard.runtime`` compiles it: the
loop takes the variables of the model and of the optimizer in, changes them in each
step and gives them back. No array is given away, so none is copied.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import jax
import keras
import numpy as np

from regard.comparison.problem import Examples, Problem, Solver
from regard.types import FloatArray

# The values of the trainable, the other and the optimizer's variables.
State: TypeAlias = tuple[list[jax.Array], list[jax.Array], list[jax.Array]]


def train_each(
    problem: Problem[Any],
    model: Solver,
    given: Sequence[tuple[Examples, list[Any]]],
    batch: int,
    learning_rate: float,
) -> Iterator[tuple[list[Any], FloatArray]]:
    """See ``regard.comparison.training.train_each``."""
    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build(model.trainable_variables)
    first = [variable.value for variable in optimizer.variables]

    def started(weights: list[Any]) -> State:
        model.set_weights(weights)
        return (
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in model.non_trainable_variables],
            first,
        )

    runs = [(started(weights), _steps(each, batch)) for each, weights in given]
    run = jax.jit(_loop(problem, model, optimizer)).lower(*runs[0]).compile()
    # A loop over small products keeps one core busy, not two.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for after, losses in pool.map(lambda one: run(*one), runs):
            yield _weights(model, after), np.asarray(losses)


def _loop(problem: Problem[Any], model: Solver, optimizer: Any) -> Any:
    def step(state: State, examples: Examples) -> tuple[State, jax.Array]:
        trainable, other, moments = state

        def loss(trainable: list[jax.Array]) -> tuple[jax.Array, list[jax.Array]]:
            (outputs, *_), after = model.stateless_call(
                trainable, other, examples.inputs, examples.targets
            )
            return problem.loss(examples, outputs), after

        (value, other), gradients = jax.value_and_grad(loss, has_aux=True)(trainable)
        trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
        return (trainable, other, moments), value

    return lambda state, steps: jax.lax.scan(step, state, steps)


def _steps(examples: Examples, batch: int) -> Examples:
    """The axis of samples as ``(steps, batch)``."""
    steps = len(examples.inputs) // batch
    return Examples(
        *(
            part[: steps * batch].reshape(steps, batch, *part.shape[1:])
            for part in examples
        )
    )


def _weights(model: Solver, state: State) -> list[Any]:
    """What ``set_weights`` takes."""
    trainable, other, _ = state
    pairs = [
        *zip(model.trainable_variables, trainable, strict=True),
        *zip(model.non_trainable_variables, other, strict=True),
    ]
    values = {variable.path: value for variable, value in pairs}
    return [np.asarray(values[variable.path]) for variable in model.weights]
