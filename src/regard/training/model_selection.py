"""The choice of the weights that a training ends with, out of those of its epochs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from regard.types import pandas_frame

if TYPE_CHECKING:
    import pandas as pd

Weights = list[np.ndarray[Any, Any]]
Merit = tuple[float, ...]


@dataclass(frozen=True)
class EpochMetrics:
    """The measures of an epoch.

    Args:
        epoch: Its number, from 1.
        loss: The training loss, in nats.
        validation: The measures on the validation examples by their names, ``"loss"``
            in nats among them; empty without validation.
    """

    epoch: int
    loss: float
    validation: Mapping[str, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "validation", MappingProxyType(dict(self.validation)))

    def __reduce__(self) -> tuple[Any, ...]:
        # What only lets itself be read cannot be pickled, or copied.
        return type(self), tuple(self.to_dict().values())

    def to_dict(self) -> dict[str, Any]:
        """The measures as plain values, ready for JSON."""
        return {
            "epoch": self.epoch,
            "loss": self.loss,
            "validation": dict(self.validation),
        }

    def measures(self) -> dict[str, float]:
        """The measures by the names of Keras: ``"loss"``, ``"val_loss"`` and others."""
        of_validation = {f"val_{name}": at for name, at in self.validation.items()}
        return {"loss": self.loss, **of_validation}

    def __repr__(self) -> str:
        said = (f"{name}={value:.4g}" for name, value in self.measures().items())
        return f"EpochMetrics({self.epoch}, {', '.join(said)})"


class History(tuple[EpochMetrics, ...]):
    """The measures of the epochs of a training, one ``EpochMetrics`` each."""

    __slots__ = ()

    def to_dict(self) -> dict[str, list[float]]:
        """A list for each measure, as the ``history`` of Keras's ``History`` has them.

        ``"epoch"``, from 1, ``"loss"`` and, where there were validation examples,
        ``"val_loss"`` and others. An epoch without a measure has NaN for it.
        """
        rows = [each.measures() for each in self]
        names = dict.fromkeys(name for row in rows for name in row)
        of_epochs: dict[str, list[float]] = {"epoch": [each.epoch for each in self]}
        measured = {
            name: [row.get(name, float("nan")) for row in rows] for name in names
        }
        return of_epochs | measured

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each epoch, with the columns of ``to_dict``.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return pandas_frame(self.to_dict())


class ModelSelection:
    """Keeps the weights of the best epoch, or of the last ones for their mean.

    The weights are copies: what an interrupt leaves in the model need not be whole. Of
    epochs of equal merit the first is the best; one that ended in nonsense is not.
    Without validation the last epoch is the best.

    Args:
        merit: How good an epoch is by its validation measures; greater is better.
        patience: How many epochs without a better one end the training.
        average: The weights are the mean of those after the last so many epochs; 0:
            those of the best one.

    Attributes:
        history: The measures of the epochs that are finished.
        weights: Those that are kept, of one epoch or several.
    """

    def __init__(
        self,
        merit: Callable[[Mapping[str, float]], Merit],
        patience: int,
        average: int = 0,
    ) -> None:
        self._merit, self._patience, self._average = merit, patience, average
        self.history: list[EpochMetrics] = []
        self.weights: list[Weights] = []

    def add(self, metrics: EpochMetrics, weights: Weights) -> None:
        """An epoch is finished, with these weights."""
        history = [*self.history, metrics]
        if self._average:
            self.weights = [*self.weights, weights][-self._average :]
        elif self._epochs_since_best(history) == 0:
            self.weights = [weights]
        self.history = history

    def is_over(self) -> bool:
        """Whether no better epoch has come for too long."""
        return self._epochs_since_best(self.history) >= self._patience

    def best(self) -> EpochMetrics:
        """The measures of the best epoch."""
        return self.history[-1 - self._epochs_since_best(self.history)]

    def selected(self) -> Weights:
        """The weights that the training ends with."""
        groups = zip(*self.weights, strict=True)
        return [np.asarray(np.mean(group, axis=0, dtype=float)) for group in groups]

    def _epochs_since_best(self, history: list[EpochMetrics]) -> int:
        measured = [metrics.validation for metrics in history]
        if not any(measured):
            return 0
        merits = [
            tuple(np.nan_to_num(self._merit(measures), nan=-np.inf).tolist())
            for measures in measured
        ]
        return len(merits) - 1 - merits.index(max(merits))
