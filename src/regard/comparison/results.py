"""What a comparison found."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from regard.comparison.budget import Budget
from regard.types import FloatArray


@dataclass(frozen=True, eq=False)
class Run:
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
        budget: What each run was given.
        seconds: How long all of it took.
    """

    task: str
    models: tuple[str, ...]
    runs: tuple[Run, ...]
    budget: Budget
    seconds: float

    def of(self, model: str) -> list[Run]:
        """The runs of one model."""
        return [run for run in self.runs if run.model == model]

    def accuracy(self, model: str) -> FloatArray:
        """``(repeats,)``, the accuracies of one model."""
        return np.array([run.accuracy for run in self.of(model)])

    def on_gold(self, model: str) -> float | None:
        """The mean attention on the gold positions over the runs of a model."""
        found = [run.on_gold for run in self.of(model) if run.on_gold is not None]
        return float(np.mean(found)) if found else None

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
