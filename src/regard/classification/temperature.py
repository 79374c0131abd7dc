"""The temperature of a classifier: how sure it is, whatever it says and looks at."""

from typing import Any

import keras
import numpy as np
from keras import ops

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


def fitted_temperature(probabilities: FloatArray, targets: IntArray) -> float:
    r"""The temperature at which probabilities are as sure as they are right.

    .. math::
        T = \arg\min_T -\sum_i \Big( \frac{n}{n + 1} \log p_{i y_i}(T) +
        \frac{1}{n + 1} \frac{1}{K} \sum_k \log p_{i k}(T) \Big), \qquad
        p_i(T) = \mathrm{softmax}(z_i / T)

    The second term counts one example more, of an arbitrary class: of ten examples that
    are all right it does not follow that the eleventh will be. Logits :math:`z` are
    known up to a number for each example, which changes nothing; the logarithms of the
    probabilities are such. In :math:`1 / T` the sum is convex, so its slope tells on
    which side the best one lies.

    Args:
        probabilities: ``(examples, classes)``, at temperature 1.
        targets: ``(examples,)``, the index of the right class.

    Returns:
        From 0.05 to 50; 1 where the probabilities are not finite.

    References:
        Platt: Probabilistic outputs for support vector machines (1999), section 2.2
        (targets that are less than certain).
    """
    logits = _logits(probabilities)
    if not np.isfinite(logits).all():
        return 1.0
    of_right = logits[np.arange(len(targets)), targets]
    counted = (len(targets) * of_right + logits.mean(axis=1)) / (len(targets) + 1)
    low, high = _BOUNDS
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        expected = (_softmax(logits / np.exp(middle)) * logits).sum(axis=1)
        # The loss grows with 1 / T: the temperature has to be higher.
        if (expected - counted).mean() > 0:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def tempered(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Probabilities at temperature 1 as those at another one."""
    return _softmax(_logits(probabilities) / temperature)


def _logits(probabilities: FloatArray) -> FloatArray:
    shares = np.asarray(probabilities, np.float64)
    return np.log(np.maximum(shares, np.finfo(np.float32).tiny))


def _softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
