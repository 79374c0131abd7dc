"""How good a classifier in training is, on the examples that choose the best epoch."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np

from regard.classification.class_metrics import log_loss
from regard.classification.label_sets import (
    fitted_thresholds,
    label_set_loss,
    label_set_measures,
    sigmoid_temperature,
    sigmoid_tempered,
)
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
        choose_by: What chooses the best epoch, measured too.
    """

    def __init__(
        self,
        model: keras.Model,
        held_out: HeldOut | None,
        choose_by: str = "accuracy",
    ) -> None:
        self._model, self._held_out = model, held_out
        self._choose_by = choose_by
        # Digits are those of a mean where all count the same.
        weights = np.ones(1) if held_out is None else held_out.weights
        self._is_weighted = weights.sum() > 0 and not (weights == 1).all()
        self._seen: list[tuple[Mapping[str, float], FloatArray]] = []

    def validate(self, interrupts: InterruptBetweenSteps) -> dict[str, float]:
        """The measures of the model as it is."""
        if self._held_out is None:
            return {}
        targets = self._held_out.targets
        probabilities = self._held_out.probabilities(self._model, interrupts)
        weights = self._held_out.weights if self._is_weighted else None
        if targets.ndim == 2:
            measures = _measures_of_sets(probabilities, targets, weights)
            self._seen.append((measures, probabilities))
            return measures
        temperature = fitted_temperature(probabilities, targets, weights)
        is_right = probabilities.argmax(axis=1) == targets
        measures = {
            "loss": log_loss(tempered(probabilities, temperature), targets, weights),
            "accuracy": float(np.average(is_right, weights=weights)),
            "temperature": temperature,
        }
        if self._choose_by not in measures:
            by_class = _MEASURES[self._choose_by]
            measures[self._choose_by] = by_class(probabilities, targets, weights)
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
                is_of_sets = self._held_out.targets.ndim == 2
                at = sigmoid_tempered if is_of_sets else tempered
                at_temperature = at(probabilities, temperature)
                return at_temperature.astype(np.float32), self._held_out.targets
        return None


def _measures_of_sets(
    probabilities: FloatArray, targets: IntArray, weights: FloatArray | None
) -> dict[str, float]:
    """The measures of several labels a text, at the thresholds that suit them best."""
    temperature = sigmoid_temperature(probabilities, targets, weights)
    thresholds = fitted_thresholds(probabilities, targets, weights)
    given = probabilities >= thresholds
    at_temperature = sigmoid_tempered(probabilities, temperature)
    return {
        "loss": label_set_loss(at_temperature, targets, weights),
        **label_set_measures(given, targets == 1, weights),
        "temperature": temperature,
    }


def merit_by(choose_by: str) -> Callable[[Mapping[str, float]], Merit]:
    """How good an epoch is by its measures: by the one named, then the likeliest."""

    def merit(measures: Mapping[str, float]) -> Merit:
        loss = -measures["loss"]
        return (loss,) if choose_by == "loss" else (measures[choose_by], loss)

    return merit


def _counts(
    probabilities: FloatArray, targets: IntArray, weights: FloatArray | None
) -> tuple[Any, Any, Any]:
    """How many examples of each class are right, were given it, and have it."""
    classes, given = probabilities.shape[1], probabilities.argmax(axis=1)
    each = np.ones(len(targets)) if weights is None else weights
    count = partial(np.bincount, minlength=classes)
    hits = count(targets, each * (given == targets))
    return hits, count(given, each), count(targets, each)


def _macro_f1(*examples: Any) -> float:
    hits, given, having = _counts(*examples)
    # The classes that occur.
    return float(
        (2 * hits / np.maximum(given + having, 1e-12))[given + having > 0].mean()
    )


def _balanced_accuracy(*examples: Any) -> float:
    hits, _, having = _counts(*examples)
    return float((hits / np.maximum(having, 1e-12))[having > 0].mean())


_MEASURES: Mapping[str, Callable[..., float]] = {
    "macro_f1": _macro_f1,
    "balanced_accuracy": _balanced_accuracy,
}
