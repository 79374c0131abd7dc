"""The softmax of old layers, which has a small number in its denominator."""

import math

from keras import ops

from regard.ops import masked_softmax
from regard.ops.precision import Tensor, widen

EPSILON = 1e-7
_LOWEST = -3.4028234e38  # Finite: infinity minus infinity is NaN.


def penalised(scores: Tensor, places: Tensor, penalty: float) -> Tensor:
    """Scores with a penalty taken off where ``places`` is True.

    Old layers hid places in this way, which does nothing where all are hidden.
    """
    return scores - penalty * ops.cast(places, scores.dtype)


def softmax_with_epsilon(
    scores: Tensor, mask: Tensor | None = None, peak: Tensor | None = None
) -> Tensor:
    r"""Powers over their sum plus a small number.

    .. math::
        w_i = \frac{m_i e^{s_i - p}}{\sum_j m_j e^{s_j - p} + 10^{-7}}

    It is computed as the softmax times
    :math:`\sigma(\ln \sum_j m_j e^{s_j} - p - \ln 10^{-7})`, which is the same and
    cannot overflow where the original did.

    Args:
        scores: ``(…, keys)``.
        mask: True where a key counts; broadcasts to ``scores``.
        peak: ``p``, subtracted before the powers are taken, ``(…, 1)``. None: 0.

    Returns:
        Weights of the shape and type of ``scores``; a row without a key is all 0.
    """
    scores = ops.convert_to_tensor(scores)
    wide = widen(scores)
    kept = wide if mask is None else ops.where(mask, wide, _LOWEST)
    total = ops.logsumexp(kept, axis=-1, keepdims=True)
    if peak is not None:
        total = total - widen(peak)
    share = ops.sigmoid(total - math.log(EPSILON))
    return ops.cast(masked_softmax(wide, mask) * share, scores.dtype)
