"""What a model answers, as distributions over classes, and what it looked at."""

import re
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from regard import _compat
from regard._validate import check_choice
from regard.errors import ArgumentError, DataError, ObservationError
from regard.observation import observe
from regard.types import AttentionMap, FloatArray

AUTO, PROBABILITIES, LOGITS = "auto", "probabilities", "logits"
_AXES = ("batch", "heads", "queries", "keys")
# How far the sum of probabilities may be from 1, in half precision too.
_TOLERANCE = 1e-2


class AnsweringModel:
    """A model that is asked for its answer, and for the weights of one attention.

    Args:
        model: A built Keras model.
        answers: Makes distributions of its outputs.
        layer: The path of the attention layer, with the number of the use where it is
            used several times; None where there is one.
        softmax: Attention made by hand, as in ``regard.observe``.

    Raises:
        ArgumentError: The model is not built, or one layer has to be meant.
        ObservationError: There is no such attention.
    """

    def __init__(
        self,
        model: keras.Model,
        answers: "Answers",
        layer: str | None = None,
        softmax: Any = (),
    ) -> None:
        # A layer that is never called has no variables in a trained model either.
        if not model.built:
            raise ArgumentError(
                f"The model '{model.name}' is not built, so it cannot be trained.",
                expected="a trained model",
                fix="Train it or load its weights, then examine it.",
            )
        self._answers = answers
        path = "*" if layer is None else re.sub(r"#\d+$", "", layer)
        try:
            self._observed = observe(model, "*" if softmax else path, softmax=softmax)
        except ObservationError as error:
            # Which says how it is observed.
            raise ObservationError(
                error.message,
                expected=error.expected,
                received=error.received,
                fix=f"{error.fix or ''} examine() takes the layer as layer=, and "
                "attention made by hand as softmax=.".strip(),
            ) from None
        paths = self._observed.paths
        if layer is None and len(paths) > 1:
            raise ArgumentError(
                "The model has several attention layers, and one has to be meant.",
                expected=f"layer= one of {', '.join(map(repr, paths))}",
            )
        #: The key of the attention among those that are observed.
        self.key = paths[0] if layer is None else layer

    def ask(
        self, x: Any, weights: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """The answers to one batch, ``(rows, classes)``, and the weights.

        Args:
            x: The inputs.
            weights: ``(rows, heads, queries, keys)``, applied in place of the own.

        Returns:
            Answers, and weights ``(rows, heads, queries, keys)``.

        Raises:
            ArgumentError: The weights have other axes, or are of another layer.
            ObservationError: Weights cannot be forced.
        """
        forced = None if weights is None else {self.key: self._of_layer(weights)}
        seen = self._observed.predict_on_batch(x, attention=forced)
        if self.key not in seen.attention:
            known = ", ".join(map(repr, seen.attention))
            raise ArgumentError(
                f"The model has no attention '{self.key}'.",
                expected=f"layer= one of {known}",
            )
        attention = seen.attention[self.key]
        self._axes = attention.axes
        return self._answers(seen.outputs), _in_order(attention)

    def _of_layer(self, weights: FloatArray) -> FloatArray:
        """Weights in the axes of the layer."""
        missing = tuple(at for at, name in enumerate(_AXES) if name not in self._axes)
        there = [name for name in _AXES if name in self._axes]
        squeezed = np.squeeze(weights, axis=missing)
        return np.transpose(squeezed, [there.index(name) for name in self._axes])


def _in_order(attention: AttentionMap) -> FloatArray:
    """Weights over batch, heads, queries and keys, each an axis."""
    axes = attention.axes
    if not {"batch", "keys"} <= set(axes) <= set(_AXES):
        raise ArgumentError(
            f"The weights of the layer '{attention.layer}' have axes that cannot be "
            "examined.",
            expected="batch and keys, with heads or queries or both",
            received=", ".join(axes),
        )
    there = [name for name in _AXES if name in axes]
    ordered = np.transpose(attention.weights, [axes.index(name) for name in there])
    missing = [at for at, name in enumerate(_AXES) if name not in axes]
    weights: FloatArray = np.expand_dims(ordered, missing).astype(float)
    return weights


class Answers:
    """Makes distributions over classes of what a model gives.

    One unit of probability, such as that of a sigmoid, stands for two classes.

    Args:
        model: The model.
        output: The name or number of the output that is meant, where there are several.
        outputs: What it holds: ``"probabilities"``, ``"logits"``, or ``"auto"`` to find
            out by its values and by the loss that the model was compiled with.

    Raises:
        ArgumentError: There is no such choice.
    """

    def __init__(
        self, model: keras.Model, output: str | int | None = None, outputs: str = AUTO
    ) -> None:
        self._model = model
        self._output = output
        choices = AUTO, PROBABILITIES, LOGITS
        self._form = check_choice("outputs", outputs, choices)
        #: The number of units that answer, 1 for two classes by one probability.
        self.units = 0

    def __call__(self, outputs: Any) -> FloatArray:
        """Probabilities, ``(rows, classes)``, of the outputs of one pass.

        Raises:
            ArgumentError: They are no distributions over classes.
            DataError: They are not finite.
        """
        values = np.asarray(self._chosen(outputs), float)
        if values.ndim == 1:
            values = values[:, None]
        if values.ndim != 2 or not values.shape[1]:
            raise ArgumentError(
                "The model has to give one answer for each sample.",
                expected="outputs of shape (samples, classes) or (samples, 1)",
                received=f"outputs of shape {values.shape}",
                fix="Of a model that answers at each position, examine one that ends "
                "with a single answer.",
            )
        if not np.isfinite(values).all():
            raise DataError(
                "The model gives answers that are no finite numbers.",
                expected="finite outputs, also where positions are erased",
                fix="Look at the outputs of model.predict(x), and at whether what "
                "stands for an erased position is something that the model can read.",
            )
        self.units = values.shape[1]
        if self._form == AUTO:
            self._form = self._found(values)
        if self._form == LOGITS:
            return _from_logits(values)
        return _from_probabilities(values)

    def _chosen(self, outputs: Any) -> npt.NDArray[Any]:
        """The output that is meant."""
        if isinstance(outputs, dict):
            named = outputs
        elif isinstance(outputs, list | tuple):
            names = getattr(self._model, "output_names", None) or []
            named = dict(enumerate(outputs))
            if self._output in names:
                return np.asarray(outputs[names.index(self._output)])
        else:
            named = {0: outputs}
        if self._output is None and len(named) == 1:
            return np.asarray(next(iter(named.values())))
        if self._output not in named:
            raise ArgumentError(
                "The model gives several outputs, and one has to be meant."
                if self._output is None
                else f"The model has no output {self._output!r}.",
                expected=f"output= one of {', '.join(map(repr, named))}",
            )
        return np.asarray(named[self._output])

    def _found(self, values: FloatArray) -> str:
        """Whether the outputs are probabilities or logits."""
        loss = getattr(self._model, "loss", None)
        if getattr(loss, "from_logits", False):
            return LOGITS
        inside = bool(((values >= 0) & (values <= 1 + _TOLERANCE)).all())
        if values.shape[1] == 1:
            is_known = inside and not self._ends_linear()
        else:
            is_known = inside and bool((np.abs(values.sum(1) - 1) < _TOLERANCE).all())
        if not is_known:
            raise ArgumentError(
                "What the model gives are no probabilities.",
                expected="rows that sum to 1, or one number from 0 to 1",
                received=f"values from {values.min():.3g} to {values.max():.3g}",
                fix="If they are logits, say outputs='logits'. A regression cannot be "
                "examined, as the distance of answers is one of distributions: "
                "examine the model with its answer put into classes. Of several yes-no "
                "answers beside each other, examine a model that ends with one.",
            )
        return PROBABILITIES

    def _ends_linear(self) -> bool:
        """Whether the last layer of the model is known to be a linear one."""
        ends = _compat.operations_at_the_end(self._model)
        activations = [getattr(each, "activation", None) for each in ends]
        return keras.activations.linear in activations


def _from_logits(values: FloatArray) -> FloatArray:
    if values.shape[1] == 1:
        values = np.concatenate([np.zeros_like(values), values], axis=1)
    raised = np.exp(values - values.max(axis=1, keepdims=True))
    distributions: FloatArray = raised / raised.sum(axis=1, keepdims=True)
    return distributions


def _from_probabilities(values: FloatArray) -> FloatArray:
    inside = (values >= 0) & (values <= 1 + _TOLERANCE)
    is_unit = values.shape[1] == 1
    sums = np.ones(len(values)) if is_unit else values.sum(axis=1)
    if not (inside.all() and (np.abs(sums - 1) < _TOLERANCE).all()):
        raise ArgumentError(
            "What the model gives are no probabilities.",
            expected="rows that sum to 1, or one number from 0 to 1",
            received=f"values from {values.min():.3g} to {values.max():.3g}",
            fix="If they are logits, say outputs='logits'.",
        )
    if is_unit:
        values = np.minimum(values, 1)
        return np.concatenate([1 - values, values], axis=1)
    return values
