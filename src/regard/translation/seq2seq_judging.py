"""What may choose the best epoch in place of the validation loss."""

from typing import Protocol

from regard.translation.seq2seq import Seq2Seq


class SelectionMetric(Protocol):
    """Says how good a model is.

    Attributes:
        name: What tells it from others, for example ``"bleu"``.
    """

    name: str

    def __call__(self, model: Seq2Seq) -> float:
        """More is better."""
