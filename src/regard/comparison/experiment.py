"""An experiment: several models trained on one task several times.

A training is one pass over its samples, step by step or as one compiled loop.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import keras
import numpy as np

from regard._backend import backend_name
from regard._validate import check_count
from regard.comparison.array_problem import ArrayProblem
from regard.comparison.problem import LearningProblem, Solver, TrainingSamples
from regard.comparison.results import Budget, Comparison, TrainingRun
from regard.comparison.sequence_problem import SequenceProblem
from regard.errors import ArgumentError, shown
from regard.runtime import backend, compile_function
from regard.tasks import ArrayTask, SequenceTask
from regard.types import FloatArray

# So many samples are answered at once.
_ANSWERED = 250
# Seeds of the runs lie apart, so that no two comparisons share a run by chance.
_APART = 1_000_003

Task = SequenceTask | ArrayTask


def compare(
    task: Task,
    models: Sequence[str] | None = None,
    *,
    repeats: int = 10,
    budget: Budget | None = None,
    seed: int = 0,
    on_run: Callable[[TrainingRun], None] | None = None,
) -> Comparison:
    """Train models several times on the same budget, and see who learns the task.

    Each run has samples, first weights and fresh samples to answer of its own; run
    ``n`` of each model has the same samples as run ``n`` of the others.

    Args:
        task: One of ``regard.tasks``.
        models: Some of ``model_names(task)``. On sequences: ``"none"``, an LSTM whose
            last state is all that a second LSTM is given; ``"published"``, a decoder
            with additive attention that is fed its own probabilities;
            ``"additive"``, ``"general"``, ``"dot"``, ``"scaled_dot"``, decoders with
            that score that are told the right symbols while they train; ``"uniform"``,
            such a decoder that sees the mean of the source.
        repeats: How often each model is trained.
        budget: The budget of each run.
        seed: The same seed, the same runs.
        on_run: Called with each run as it ends.

    Raises:
        ArgumentError: An unknown model, or a number out of range.

    Example:
        >>> comparison = compare(regard.tasks.get("first-n"), ["none", "additive"])
        >>> comparison.accuracy("additive").mean()
    """
    budget = budget or Budget()
    problem = _problem(task, budget)
    chosen = _check_models(tuple(models or problem.usual_models), problem, task)
    check_count("repeats", repeats, of="a comparison")
    begun = time.perf_counter()
    runs = []
    for name in chosen:
        for run in _runs(problem, name, repeats, budget, seed):
            runs.append(run)
            if on_run is not None:
                on_run(run)
    seconds = time.perf_counter() - begun
    return Comparison(task.name, chosen, tuple(runs), budget, seconds)


def model_names(task: Task) -> tuple[str, ...]:
    """The models that can be compared on a task."""
    return _problem(task, Budget(samples=1)).models


def _problem(task: Task, budget: Budget) -> LearningProblem[Any]:
    if isinstance(task, SequenceTask):
        return SequenceProblem(task, looked_at=max(budget.samples, 1_000))
    if isinstance(task, ArrayTask):
        return ArrayProblem(task)
    raise ArgumentError(
        "Models are compared on a task.",
        expected="one of regard.tasks, as regard.tasks.get makes it",
        received=shown(task),
    )


def _check_models(
    models: tuple[str, ...], problem: LearningProblem[Any], task: Task
) -> tuple[str, ...]:
    for name in models:
        if name not in problem.models:
            raise ArgumentError(
                f"There is no such model for the task '{task.name}'.",
                expected=f"some of {', '.join(problem.models)}",
                received=shown(name),
            )
    if len(set(models)) < len(models):
        raise ArgumentError(
            "A model is named twice.",
            expected="each model once",
            received=", ".join(models),
        )
    return models


def _runs(
    problem: LearningProblem[Any], name: str, repeats: int, budget: Budget, seed: int
) -> Iterator[TrainingRun]:
    seeds = [_APART * seed + repeat for repeat in range(repeats)]
    fresh = [_fresh(problem, name, budget, each) for each in seeds]
    # One model serves all runs, so that each program is compiled once.
    model = fresh[0][0]
    starts = [(samples, first.get_weights()) for first, samples in fresh]
    trained = train_each(problem, model, starts, budget.batch, budget.learning_rate)
    program = compile_function(model, lambda inputs: model(inputs, training=False))
    for repeat, (weights, losses) in enumerate(trained):
        model.set_weights(weights)
        test = problem.draw(budget.test, seed=2 * seeds[repeat] + 1)
        outputs, *attention = _answer(program, problem.arrays(test).inputs)
        yield TrainingRun(
            model=name,
            repeat=repeat,
            accuracy=problem.accuracy(outputs, test),
            on_gold=problem.on_gold(attention[0], test) if attention else None,
            losses=losses,
        )


def _fresh(
    problem: LearningProblem[Any], name: str, budget: Budget, seed: int
) -> tuple[Solver, TrainingSamples]:
    """A fresh model with its weights, and the samples it is trained on."""
    samples = problem.arrays(problem.draw(budget.samples, seed=2 * seed))
    keras.utils.set_random_seed(seed % 2**32)  # Seeds of Keras have 32 bits.
    model = problem.model(name, budget)
    model(samples.inputs[:1], samples.targets[:1])  # makes the weights
    return model, samples


def _answer(program: Callable[..., Any], inputs: Any) -> list[Any]:
    """Answers, and attention where there is any, for many samples."""
    parts = [
        program(inputs[start : start + _ANSWERED])
        for start in range(0, len(inputs), _ANSWERED)
    ]
    return [np.concatenate(of_all) for of_all in zip(*parts, strict=True)]


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
    # A loop over small products keeps one core busy, not two. On a GPU two loops wait
    # for each other for ever, see ``regard.runtime.jax_backend``.
    threads = 1 if backend().is_on_gpu else os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
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
