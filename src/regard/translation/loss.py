"""Cross entropy over the symbols of sequences."""

from typing import Any

import keras
from keras import ops

from regard._typing import Tensor
from regard.ops.precision import widen


@keras.saving.register_keras_serializable(package="regard")
class SequenceLoss(keras.losses.Loss):
    r"""Cross entropy of each symbol, smoothed; padding does not count.

    .. math::
        L = -(1 - \epsilon) \ln p_y - \frac{\epsilon}{V} \sum_v \ln p_v

    averaged over the symbols that are not padding (id 0), in nats.

    Args:
        label_smoothing: ``ε``, the share of the target that is spread over all
            symbols.
        name: The name of the loss.

    References:
        Szegedy et al.: Rethinking the Inception architecture for computer vision
        (2015), https://arxiv.org/abs/1512.00567, section 7.
    """

    def __init__(
        self, label_smoothing: float = 0.0, name: str = "loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Tensor:
        """The mean over symbols.

        Args:
            y_true: ``(batch, steps)`` of symbols; 0 is padding.
            y_pred: ``(batch, steps, symbols)``, logits.
            sample_weight: Not used: padding has its own symbol.
        """
        del sample_weight
        losses = self.call(y_true, y_pred)
        valid = ops.cast(ops.not_equal(y_true, 0), losses.dtype)
        return ops.sum(losses * valid) / ops.maximum(ops.sum(valid), 1.0)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each symbol, ``(batch, steps)``."""
        logits = widen(y_pred)
        total = ops.logsumexp(logits, axis=-1)
        symbols = ops.cast(y_true, "int32")[..., None]
        expected = ops.squeeze(ops.take_along_axis(logits, symbols, -1), -1)
        if not self.label_smoothing:
            return total - expected
        share = self.label_smoothing
        return total - (1 - share) * expected - share * ops.mean(logits, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The arguments the loss can be made anew from."""
        return {"label_smoothing": self.label_smoothing, "name": self.name}
