"""Products with a matrix of weights, and the heads whose features lie side by side."""

import math

from keras import ops

from regard._typing import Float, Shaped, Tensor
from regard.ops.products import multiply


def project(
    inputs: Float[Tensor, "*outer features"],
    kernel: Float[Tensor, "features units"],
    bias: Float[Tensor, " units"] | None = None,
) -> Float[Tensor, "*outer units"]:
    """``inputs @ kernel + bias``, as a product of two matrices.

    It is computed in the type of the operands, or as ``products_in`` asks for. XLA
    finds the gradient of a product with several axes before the features by way of
    copies; for the logits of a translator it takes half as long again.

    Args:
        inputs: ``(…, features)``.
        kernel: ``(features, units)``.
        bias: ``(units,)``, or None.

    Returns:
        ``(…, units)``.
    """
    *lead, features = inputs.shape
    if not lead or None in lead or features is None:
        product = ops.matmul(inputs, kernel)
        return product if bias is None else product + bias
    if len(lead) == 1:
        return multiply(inputs, kernel, bias)
    rows = ops.reshape(inputs, (math.prod(lead), features))
    return ops.reshape(multiply(rows, kernel, bias), (*lead, kernel.shape[-1]))


def split_heads(
    tensor: Shaped[Tensor, "batch time features"], num_heads: int
) -> Shaped[Tensor, "batch {num_heads} time _"]:
    """Share the features out among heads.

    Args:
        tensor: ``(batch, time, num_heads * features)``.
        num_heads: The number of heads; head ``i`` gets the ``i``-th block.

    Returns:
        ``(batch, num_heads, time, features)``.
    """
    features = tensor.shape[-1] // num_heads
    batch, time, _ = ops.shape(tensor)
    shared = ops.reshape(tensor, (batch, time, num_heads, features))
    return ops.transpose(shared, (0, 2, 1, 3))


def merge_heads(
    tensor: Shaped[Tensor, "batch num_heads time features"],
) -> Shaped[Tensor, "batch time num_heads*features"]:
    """Put the features of the heads side by side, the inverse of ``split_heads``.

    Args:
        tensor: ``(batch, num_heads, time, features)``.

    Returns:
        ``(batch, time, num_heads * features)``.
    """
    _, num_heads, _, features = tensor.shape
    batch, _, time, _ = ops.shape(tensor)
    shared = ops.transpose(tensor, (0, 2, 1, 3))
    return ops.reshape(shared, (batch, time, num_heads * features))
