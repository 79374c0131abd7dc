"""The temperature of a classifier: how sure it is, whatever it says and looks at."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from regard.classification.label_sets import sigmoid_temperature
from regard.text.labels import stratified_folds
from regard.training.batches import (
    BucketedBatches,
    EncodedExamples,
    ExampleBatches,
    as_input,
)
from regard.training.callbacks import InterruptBetweenSteps
from regard.training.devices import predictions
from regard.types import FloatArray, IntArray

Tensor = Any
Shape = tuple[int | None, ...]

#: The name of the layer in the network of a classifier.
PROBABILITIES = "probabilities"
# The logarithms of the coldest and the hottest that is looked for, and how often what
# is between them is halved.
_BOUNDS, _HALVINGS = (float(np.log(0.05)), float(np.log(50.0))), 50


@keras.saving.register_keras_serializable(package="regard")
class TemperedSoftmax(keras.layers.Layer):
    r"""Probabilities out of logits, at a temperature.

    .. math::
        p = \mathrm{softmax}(z / T)

    The temperature :math:`T`, a weight that is not trained, is 1 until it is assigned.
    Above 1 the probabilities are less sure; the order of the classes stays.

    Args:
        **kwargs: What every Keras layer takes.

    Call arguments:
        inputs: Logits in nats.

    Input shape:
        ``(batch, …, classes)``.

    Output shape:
        The same; the last axis sums to 1.

    References:
        Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks (2017),
        https://arxiv.org/abs/1706.04599, equation 9.
    """

    def build(self, input_shape: Shape) -> None:  # noqa: ARG002 - Keras gives it
        """Make the temperature."""
        self.temperature = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="temperature"
        )

    def call(self, inputs: Tensor) -> Tensor:
        """The probabilities; see the class for shapes."""
        temperature = ops.cast(self.temperature, inputs.dtype)
        return keras.activations.softmax(inputs / temperature)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the logits."""
        return input_shape


@keras.saving.register_keras_serializable(package="regard")
class TemperedSigmoid(TemperedSoftmax):
    r"""Probabilities out of logits, at a temperature, each label by itself.

    .. math::
        p = \sigma(z / T)

    Args:
        **kwargs: What every Keras layer takes.

    Attributes:
        temperature: :math:`T`, a weight that is not trained, 1 until it is assigned.
        thresholds: ``(labels,)``, the probability from which on a label is given. It is
            kept here and changes no output; 0.5 until it is assigned.

    Call arguments:
        inputs: Logits in nats.

    Input shape:
        ``(batch, labels)``.

    Output shape:
        The same.
    """

    def build(self, input_shape: Shape) -> None:
        """Make the temperature and the thresholds."""
        super().build(input_shape)
        self.thresholds = self.add_weight(
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(0.5),
            trainable=False,
            name="thresholds",
        )

    def call(self, inputs: Tensor) -> Tensor:
        """The probabilities; see the class for shapes."""
        temperature = ops.cast(self.temperature, inputs.dtype)
        return keras.activations.sigmoid(inputs / temperature)


def fitted_temperature(
    probabilities: FloatArray, targets: IntArray, weights: FloatArray | None = None
) -> float:
    r"""The temperature at which probabilities are as sure as they are right.

    .. math::
        T = \arg\min_T -\sum_i \left( \frac{n}{n + 1} \log p_{i y_i}(T) +
        \frac{1}{n + 1} \frac{1}{K} \sum_k \log p_{i k}(T) \right), \qquad
        p_i(T) = \mathrm{softmax}(z_i / T)

    The second term counts one example more, of an arbitrary class: of ten examples that
    are all right it does not follow that the eleventh will be. Logits :math:`z` are
    known up to a number for each example, which changes nothing; the logarithms of the
    probabilities are such. In :math:`1 / T` the sum is convex, so its slope tells on
    which side the best one lies.

    Args:
        probabilities: ``(examples, classes)``, at temperature 1.
        targets: ``(examples,)``, the index of the right class; ``(examples, labels)``,
            1 where a text has the label: see ``sigmoid_temperature``.
        weights: ``(examples,)``, how much each counts; None: all the same.

    Returns:
        From 0.05 to 50; 1 where the probabilities are not finite.

    References:
        Platt: Probabilistic outputs for support vector machines (1999), section 2.2
        (targets that are less than certain).
    """
    if targets.ndim == 2:
        return sigmoid_temperature(probabilities, targets, weights)
    logits = _logits(probabilities)
    if not np.isfinite(logits).all():
        return 1.0
    of_right = logits[np.arange(len(targets)), targets]
    number = len(targets) if weights is None else float(weights.sum())
    counted = (number * of_right + logits.mean(axis=1)) / (number + 1)
    low, high = _BOUNDS
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        expected = (_softmax(logits / np.exp(middle)) * logits).sum(axis=1)
        # The loss grows with 1 / T: the temperature has to be higher.
        if np.average(expected - counted, weights=weights) > 0:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def tempered(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Probabilities at temperature 1 as those at another one."""
    return _softmax(_logits(probabilities) / temperature)


class HeldOut:
    """Examples that a model in training is asked about, and is not trained on.

    Args:
        batches: The examples in batches.

    Attributes:
        targets: ``(examples,)``, the index of the right class, in the order of the
            batches; or ``(examples, labels)``, 1 where an example has the label.
        weights: ``(examples,)``, how much each counts.
    """

    def __init__(self, batches: ExampleBatches) -> None:
        self._batches = batches
        targets, weights = zip(*batches.answers(), strict=True)
        rows = [np.arange(batches.height) < len(each) for each in targets]
        self._counted = np.concatenate(rows)
        self.targets = np.concatenate(targets)
        self.weights = np.concatenate(weights)

    def probabilities(
        self, model: keras.Model, interrupts: InterruptBetweenSteps
    ) -> FloatArray:
        """What a model gives, ``(examples, classes)``, in the order of ``targets``."""
        given = predictions(
            model,
            as_input(self._batches),
            self._batches.height,
            verbose=0,
            callbacks=[interrupts],
        )
        return given[self._counted]

    def answers(self, model: keras.Model) -> "HeldOutAnswers":
        """What a model gives, beside what is right."""
        given = self.probabilities(model, InterruptBetweenSteps())
        return HeldOutAnswers(given, self.targets, self.weights)


class HeldOutAnswers(NamedTuple):
    """What a model gave of examples that it was not trained on.

    Args:
        probabilities: ``(examples, classes)``, at temperature 1.
        targets: ``(examples,)`` or ``(examples, labels)``, what is right.
        weights: ``(examples,)``, how much each counts; None: all the same.
    """

    probabilities: FloatArray
    targets: IntArray
    weights: FloatArray | None


def cross_validated_answers(
    model: keras.Model,
    examples: EncodedExamples,
    *,
    begin: Callable[[EncodedExamples], None],
    batches: Callable[[EncodedExamples], BucketedBatches],
    epochs: int,
    folds: int,
) -> HeldOutAnswers:
    """The answers of models which have not seen what they are asked about.

    The examples are cut into parts with the same share of each class. For each part the
    model is trained anew on the others, the same object each time: what a training
    compiles is compiled once. The model is left as the last part has it.

    Args:
        model: A compiled model.
        examples: What is cut into parts.
        begin: Puts the model where a training on some examples begins.
        batches: Puts examples into batches.
        epochs: How often each training goes over its examples.
        folds: The number of parts.

    Raises:
        KeyboardInterrupt: There was one.
    """
    interrupts = InterruptBetweenSteps()
    fold_of = stratified_folds(examples.targets, folds)
    answers = []
    with interrupts.listening():
        for fold in np.unique(fold_of).tolist():
            part = examples.at(np.flatnonzero(fold_of != fold))
            begin(part)
            model.fit(
                as_input(batches(part.in_steps()).epochs(epochs)),
                shuffle=False,
                verbose=0,
                callbacks=[interrupts],
            )
            rest = examples.at(np.flatnonzero(fold_of == fold))
            held_out = HeldOut(batches(rest).epoch(0))
            given = held_out.probabilities(model, interrupts)
            answers.append((given, held_out.targets, held_out.weights))
    probabilities, targets, counts = map(np.concatenate, zip(*answers, strict=True))
    return HeldOutAnswers(
        probabilities, targets, None if examples.weights is None else counts
    )


def _logits(probabilities: FloatArray) -> FloatArray:
    shares = np.asarray(probabilities, np.float64)
    return np.log(np.maximum(shares, np.finfo(np.float32).tiny))


def _softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
