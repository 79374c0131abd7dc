"""What the training of a sequence to sequence model ended with."""

from dataclasses import dataclass

from regard.translation.seq2seq import Seq2Seq


@dataclass(frozen=True, eq=False)
class TrainedSeq2Seq:
    """What a training ended with.

    Args:
        model: The model with the best weights, without any state of the training.
        epochs: The number of epochs that were finished.
        validation_loss: That of each of them, in nats a symbol; empty without
            validation.
        interrupted: Whether an interrupt ended the training.
    """

    model: Seq2Seq
    epochs: int
    validation_loss: tuple[float, ...]
    interrupted: bool
