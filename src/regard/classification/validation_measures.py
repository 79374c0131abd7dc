"""How good a classifier in training is, on the examples that choose the best epoch."""

from collections.abc import Mapping

import keras
import numpy as np

from regard.classification.class_metrics import log_loss
from regard.classification.temperature import HeldOut, fitted_temperature, tempered
from regard.training.callbacks import InterruptBetweenSteps
from regard.training.model_selection import EpochMetrics, Merit
from regard.types import FloatArray, IntArray


class ValidationMeasures:
    """Measures a model on the validation examples after each epoch.

    The loss is that at the temperature which suits them: a model that has become too
    sure of itself is none the worse for it.

    Args:
        model: The model in training.
        held_out: The validation examples; None: there are none.
    """

    def __init__(self, model: keras.Model, held_out: HeldOut | None) -> None:
        self._model, self._held_out = model, held_out
        self._seen: list[tuple[Mapping[str, float], FloatArray]] = []

    def validate(self, interrupts: InterruptBetweenSteps) -> dict[str, float]:
        """The measures of the model as it is."""
        if self._held_out is None:
            return {}
        targets = self._held_out.targets
        probabilities = self._held_out.probabilities(self._model, interrupts)
        temperature = fitted_temperature(probabilities, targets)
        measures = {
            "loss": log_loss(tempered(probabilities, temperature), targets),
            "accuracy": float((probabilities.argmax(axis=1) == targets).mean()),
            "temperature": temperature,
        }
        self._seen.append((measures, probabilities))
        return measures

    def answers(
        self, epoch: EpochMetrics, temperature: float
    ) -> tuple[FloatArray, IntArray] | None:
        """The probabilities after an epoch, at a temperature, and the right classes.

        None where that epoch was before the training went on.
        """
        for measures, probabilities in self._seen:
            if self._held_out is not None and measures == dict(epoch.validation):
                at_temperature = tempered(probabilities, temperature)
                return at_temperature.astype(np.float32), self._held_out.targets
        return None


def merit(measures: Mapping[str, float]) -> Merit:
    """How good an epoch is by its measures: the most accurate, then the likeliest."""
    return measures["accuracy"], -measures["loss"]
