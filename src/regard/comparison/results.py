"""The results of a comparison, and the budget of each training in it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from regard._validate import check_count, check_number
from regard.errors import ArgumentError
from regard.types import FloatArray

_OWNER = "a budget"


@dataclass(frozen=True)
class Budget:
    """The data and effort that every model of a comparison may use.

    Args:
        samples: The number of training samples, each seen once.
        batch: How many of them make a step.
        test: The number of fresh samples to answer after the training.
        units: The width of the recurrent layers.
        learning_rate: The step size of Adam.

    Raises:
        ArgumentError: A number is out of range, or there are fewer samples than make
            a step.
    """

    samples: int = 5_000
    batch: int = 1
    test: int = 1_000
    units: int = 150
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("samples", "batch", "test", "units"):
            check_count(name, getattr(self, name), of=_OWNER)
        check_number("learning_rate", self.learning_rate, above=0, of=_OWNER)
        if self.batch > self.samples:
            raise ArgumentError(
                "There are fewer samples than make a step.",
                expected=f"{self.batch} 'samples' or more, which is the 'batch'",
                received=f"{self.samples}",
                arguments=["samples", "batch"],
            )

    @property
    def steps(self) -> int:
        """The number of training steps; what is left over is not seen."""
        return self.samples // self.batch


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """One training of one model.

    Args:
        model: The name of the model.
        repeat: The number of the run, from 0.
        accuracy: The share of fresh samples answered right, 0 to 1.
        on_gold: The mean attention on the gold positions, 0 to 1; None where the
            model has no attention or the task no gold positions.
        losses: ``(steps,)``, the loss of each training step, before it.
    """

    model: str
    repeat: int
    accuracy: float
    on_gold: float | None
    losses: FloatArray


@dataclass(frozen=True, eq=False)
class Comparison:
    """Every run of every model on one task.

    Args:
        task: The name of the task.
        models: The names of the models.
        runs: All runs, model by model.
        budget: The budget of each run.
        seconds: How long all of it took.
    """

    task: str
    models: tuple[str, ...]
    runs: tuple[TrainingRun, ...]
    budget: Budget
    seconds: float

    def of(self, model: str) -> list[TrainingRun]:
        """The runs of one model."""
        return [run for run in self.runs if run.model == model]

    def accuracy(self, model: str) -> FloatArray:
        """``(repeats,)``, the accuracies of one model."""
        return np.array([run.accuracy for run in self.of(model)])

    def on_gold(self, model: str) -> float | None:
        """The mean attention on the gold positions over the runs of a model."""
        shares = [run.on_gold for run in self.of(model) if run.on_gold is not None]
        return float(np.mean(shares)) if shares else None

    @cached_property
    def losses(self) -> dict[str, FloatArray]:
        """``(repeats, steps)`` for each model."""
        return {
            model: np.stack([run.losses for run in self.of(model)])
            for model in self.models
        }

    @property
    def samples_seen(self) -> FloatArray:
        """``(steps,)``, the training samples a model has seen after each step."""
        return np.arange(1, self.budget.steps + 1) * float(self.budget.batch)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from regard.plot.figures import bundle  # noqa: PLC0415 - for notebooks only

        return bundle(f"Comparison on {self.task}", self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, ready for JSON; without the losses."""
        return {
            "task": self.task,
            "samples": self.budget.samples,
            "batch": self.budget.batch,
            "units": self.budget.units,
            "seconds": self.seconds,
            "models": {model: self._figures(model) for model in self.models},
        }

    def _figures(self, model: str) -> dict[str, Any]:
        accuracy = self.accuracy(model)
        return {
            "accuracy": accuracy.tolist(),
            "mean": float(accuracy.mean()),
            "deviation": float(accuracy.std()),
            "on_gold": self.on_gold(model),
        }
