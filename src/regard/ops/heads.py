"""Sharing the feature axis out among heads."""

from keras import ops

from regard.ops.precision import Tensor


def split_heads(tensor: Tensor, num_heads: int) -> Tensor:
    """Share the features out among heads.

    Args:
        tensor: ``(batch, time, num_heads * features)``.
        num_heads: The number of heads; head ``i`` gets the ``i``-th block.

    Returns:
        ``(batch, num_heads, time, features)``.
    """
    features = tensor.shape[-1] // num_heads
    time = ops.shape(tensor)[1]
    shared = ops.reshape(tensor, (-1, time, num_heads, features))
    return ops.transpose(shared, (0, 2, 1, 3))


def merge_heads(tensor: Tensor) -> Tensor:
    """Put the features of the heads side by side, the inverse of ``split_heads``.

    Args:
        tensor: ``(batch, num_heads, time, features)``.

    Returns:
        ``(batch, time, num_heads * features)``.
    """
    _, num_heads, _, features = tensor.shape
    time = ops.shape(tensor)[2]
    shared = ops.transpose(tensor, (0, 2, 1, 3))
    return ops.reshape(shared, (-1, time, num_heads * features))
