"""Activations whose meaning has changed since."""

import keras
from keras import ops

from regard.ops.precision import Tensor


@keras.saving.register_keras_serializable(package="regard", name="legacy.hard_sigmoid")
def hard_sigmoid(x: Tensor) -> Tensor:
    r"""The ``hard_sigmoid`` of Keras before version 3.

    .. math:: \mathrm{clip}(0.2 x + 0.5, 0, 1)

    The one of Keras 3 has the slope 1/6. An LSTM or GRU of Keras before 2.3 uses it
    for its gates unless told otherwise.

    Args:
        x: A tensor of any shape.
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)
