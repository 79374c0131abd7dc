"""Activations as they were: ``hard_sigmoid`` before Keras 3, the softmax of layers."""

import math

import keras
from keras import ops

from regard._typing import Tensor
from regard.ops import masked_softmax
from regard.ops.precision import widen

#: The small number in the denominator of an old softmax.
EPSILON = 1e-7
_LOWEST = -3.4028234e38  # Finite: infinity minus infinity is NaN.


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


def penalized(scores: Tensor, places: Tensor, penalty: float) -> Tensor:
    """Scores with a penalty taken off where ``places`` is True.

    Old layers hid places in this way, which does nothing where all are hidden.
    """
    return scores - penalty * ops.cast(places, scores.dtype)


def epsilon_softmax(
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
        LayerWeights of the shape and type of ``scores``; a row without a key is all 0.
    """
    scores = ops.convert_to_tensor(scores)
    if 0 in scores.shape:
        return scores
    wide = widen(scores)
    kept = wide if mask is None else ops.where(mask, wide, _LOWEST)
    total = ops.logsumexp(kept, axis=-1, keepdims=True)
    if peak is not None:
        total = total - widen(peak)
    share = ops.sigmoid(total - math.log(EPSILON))
    return ops.cast(masked_softmax(wide, mask) * share, scores.dtype)
