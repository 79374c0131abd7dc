"""How far the training of a translator is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class TranslationProgress:
    """How far a training is.

    Args:
        epoch: The current epoch, from 1.
        epochs: The most epochs there will be; training may end earlier.
        step: Batches of this epoch that are done.
        steps: Batches of an epoch.
        loss: The training loss of the epoch so far, in nats a symbol, smoothed labels
            and dropout included.
        tokens_per_second: Target symbols trained on a second, in this epoch.
        validation_loss: The loss on the validation pairs in nats a symbol, at the end
            of an epoch; None within epochs and without validation.
        seconds: Time since the training began, or went on.
        seconds_left: The time that the epochs to come would take at this speed.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    tokens_per_second: float
    validation_loss: float | None
    seconds: float
    seconds_left: float


TranslationCallback: TypeAlias = Callable[[TranslationProgress], None]
