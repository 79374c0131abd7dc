"""The precision in which scores and weights are computed."""

from typing import Any, TypeAlias

import keras
from keras import ops

# A tensor of the current backend, a Keras variable or an array.
Tensor: TypeAlias = Any


def widen(tensor: Tensor) -> Tensor:
    """Cast to float32 what is narrower; float64 stays float64.

    Half precision has too few digits for the sum of a long softmax, and float16 too
    small a range for a score.
    """
    if not isinstance(tensor, keras.KerasTensor):
        tensor = ops.convert_to_tensor(tensor)
    return ops.cast(tensor, keras.backend.result_type(tensor.dtype, "float32"))
