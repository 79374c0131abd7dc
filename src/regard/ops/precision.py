"""The precision in which scores and weights are computed."""

import keras
from keras import ops

from regard._typing import Float, Shaped, Tensor

#: Below every score that float32 can hold, yet finite: infinity minus infinity is NaN.
LOWEST = -3.4028234e38


# What a query is brought down to, and the largest score. Products of what is below the
# first with the keys are finite up to keys of 1e33; above it float32 ends.
_LARGE, _HIGHEST = 2.0**16, 2.0**127


def finite_product(
    query: Float[Tensor, "... queries features"],
    keys: Float[Tensor, "... features keys"],
) -> Float[Tensor, "... queries keys"]:
    """``query @ keys``, finite also where a sum of huge products leaves float32.

    A query with features above 65,536 is divided by as much before and the product
    multiplied after, with what is beyond float32 cut off at its end: infinities of both
    signs in one sum would be NaN. For all others these are factors of 1, which change
    no bit.

    Args:
        query: ``(…, queries, features)``, of float32 or wider.
        keys: ``(…, features, keys)``, of float32 or wider.
    """
    # A least value to start from, for there may be no queries.
    largest = ops.max(ops.abs(query), axis=-1, keepdims=True, initial=_LARGE)
    scale = ops.stop_gradient(largest / _LARGE)
    return ops.clip(ops.matmul(query / scale, keys) * scale, -_HIGHEST, _HIGHEST)


def widen(tensor: Shaped[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Cast to float32 what is narrower; float64 stays float64.

    Half precision has too few digits for the sum of a long softmax, and float16 too
    small a range for a score.
    """
    if not isinstance(tensor, keras.KerasTensor):
        tensor = ops.convert_to_tensor(tensor)
    return ops.cast(tensor, keras.backend.result_type(tensor.dtype, "float32"))
