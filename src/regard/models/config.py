"""The settings of a text classifier: what it reads, what it is, how it is trained."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from regard.errors import ArgumentError


@dataclass(frozen=True)
class TextClassifierConfig:
    """The recipe of a text classifier.

    Args:
        max_length: The most tokens of a text that are read.
        max_vocabulary: The most words that are known, padding and unknown among them.
        min_frequency: A word seen less often in training stays unknown.
        embedding_units: The width of the embedding of a word.
        attention_units: The width of the hidden layer of the attention score.
        num_heads: The number of attention heads.
        dropout: The share of embedded features and of pooled features dropped in
            training.
        learning_rate: The step size of Adam.
        epochs: The most passes over the training data.
        patience: How many epochs without a better validation loss end the training.
        batch_size: Examples in a step.
    """

    max_length: int = 512
    max_vocabulary: int = 30_000
    min_frequency: int = 1
    embedding_units: int = 64
    attention_units: int = 64
    num_heads: int = 1
    dropout: float = 0.3
    learning_rate: float = 2e-3
    epochs: int = 15
    patience: int = 2
    batch_size: int = 32

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, getattr(self, field.name), type(field.default))
        if not self.dropout < 1:
            raise _wrong("dropout", "a share below 1", self.dropout)
        if self.max_vocabulary < 3:
            raise _wrong("max_vocabulary", "3 or more", self.max_vocabulary)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "TextClassifierConfig":
        """The default recipe with some settings changed.

        Raises:
            ArgumentError: A setting is unknown or has a wrong value.
        """
        known = [field.name for field in fields(cls)]
        unknown = [name for name in settings if name not in known]
        if unknown:
            raise ArgumentError(
                f"A text classifier has no setting '{unknown[0]}'.",
                expected=f"one of {known}",
            )
        return cls(**settings)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, ready for JSON."""
        return asdict(self)


def _check(name: str, value: Any, kind: type) -> None:
    """Refuse what is not a positive whole number, or a number that is not negative."""
    if kind is int and (type(value) is not int or value < 1):
        raise _wrong(name, "a whole number, 1 or more", value)
    if kind is float and (type(value) not in {int, float} or not 0 <= value < math.inf):
        raise _wrong(name, "a number, 0 or more", value)


def _wrong(name: str, expected: str, value: Any) -> ArgumentError:
    return ArgumentError(
        f"'{name}' of a text classifier has a wrong value.",
        expected=expected,
        received=repr(value),
    )
