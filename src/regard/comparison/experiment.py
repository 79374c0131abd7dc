"""An experiment: several models trained on one task several times."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from regard._validate import check_count
from regard.comparison.array_problem import ArrayProblem
from regard.comparison.optimization import train_each
from regard.comparison.problem import LearningProblem, Solver, TrainingSamples
from regard.comparison.results import Budget, Comparison, TrainingRun
from regard.comparison.sequence_problem import SequenceProblem
from regard.errors import ArgumentError
from regard.runtime import compile_function
from regard.tasks import ArrayTask, SequenceTask

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
        received=repr(task),
    )


def _check_models(
    models: tuple[str, ...], problem: LearningProblem[Any], task: Task
) -> tuple[str, ...]:
    for name in models:
        if name not in problem.models:
            raise ArgumentError(
                f"There is no such model for the task '{task.name}'.",
                expected=f"some of {', '.join(problem.models)}",
                received=repr(name),
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
    keras.utils.set_random_seed(seed)
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
