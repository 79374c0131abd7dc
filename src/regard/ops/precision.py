"""The precision in which scores and weights are computed."""

import keras
from keras import ops

from regard._typing import Float, Shaped, Tensor

#: Below every score that float32 can hold, yet finite: infinity minus infinity is NaN.
LOWEST = -3.4028234e38


def widen(tensor: Shaped[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Cast to float32 what is narrower; float64 stays float64.

    Half precision has too few digits for the sum of a long softmax, and float16 too
    small a range for a score.
    """
    if not isinstance(tensor, keras.KerasTensor):
        tensor = ops.convert_to_tensor(tensor)
    return ops.cast(tensor, keras.backend.result_type(tensor.dtype, "float32"))
