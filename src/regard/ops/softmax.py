"""From scores to weights: the weights contract lives here."""

from keras import ops

from regard._typing import Float, Shaped, Tensor
from regard.ops.precision import LOWEST, widen


def masked_softmax(
    scores: Float[Tensor, "*shape"],
    mask: Shaped[Tensor, "..."] | None = None,
    axis: int = -1,
) -> Float[Tensor, "*shape"]:
    r"""Softmax over the valid entries of an axis.

    .. math::
        w_i = \frac{m_i e^{s_i}}{\sum_j m_j e^{s_j}}, \qquad m_i \in \{0, 1\}

    Masked entries get exactly 0, whatever their score: infinity and NaN included. A
    row without a valid entry is all 0, one without any entry stays empty. A valid
    score of minus infinity counts as masked. The gradient is finite wherever the valid
    scores are.

    Args:
        scores: Scores of any shape and floating type.
        mask: True where an entry is valid; broadcasts to ``scores``. None: all are.
        axis: The axis to normalise over.

    Returns:
        Weights of the shape and type of ``scores``, computed in float32 or wider.
        Over the valid entries of a row they sum to 1.

    Example:
        >>> masked_softmax([0.0, 1.0, 9.0], [True, True, False])  # [1, e, 0] / (1 + e)
    """
    scores = ops.convert_to_tensor(scores)
    if 0 in scores.shape:
        # There is nothing to normalise, and no maximum.
        return scores
    wide = widen(scores)
    if mask is None:
        valid = ops.ones_like(wide, dtype="bool")
    else:
        valid = ops.cast(mask, "bool")
    # Masked scores leave the computation before it starts, so that neither they nor
    # their gradients can turn into NaN on the way.
    kept = ops.where(valid, wide, LOWEST)
    peak = ops.maximum(ops.max(kept, axis=axis, keepdims=True), LOWEST)
    powers = ops.where(valid, ops.exp(kept - ops.stop_gradient(peak)), 0.0)
    total = ops.sum(powers, axis=axis, keepdims=True)
    weights = powers / ops.where(total > 0.0, total, 1.0)
    return ops.cast(weights, scores.dtype)
