"""A product with a matrix of weights."""

import math

from keras import ops

from regard.ops.precision import Tensor


def project(inputs: Tensor, kernel: Tensor) -> Tensor:
    """``inputs @ kernel``, as a product of two matrices.

    XLA finds the gradient of a product with several axes before the features by way of
    copies; for the logits of a translator it takes half as long again.

    Args:
        inputs: ``(…, features)``.
        kernel: ``(features, units)``.

    Returns:
        ``(…, units)``.
    """
    *lead, features = inputs.shape
    if len(lead) < 2 or None in lead or features is None:
        return ops.matmul(inputs, kernel)
    rows = ops.reshape(inputs, (math.prod(lead), features))
    return ops.reshape(ops.matmul(rows, kernel), (*lead, kernel.shape[-1]))
