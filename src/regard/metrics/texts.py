"""Predicted texts held against the right ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from regard.errors import ArgumentError


@dataclass(frozen=True)
class TextScore:
    """A figure for predicted texts; ``float`` gives ``score``.

    Args:
        score: In per cent, 0 to 100; higher is better.
        signature: How it was computed, to be printed beside it.
    """

    score: float
    signature: str

    def __float__(self) -> float:
        return self.score


def exact_match(predictions: Sequence[str], references: Sequence[str]) -> TextScore:
    """The share of predictions that are their reference, character for character.

    Args:
        predictions: The predicted texts.
        references: The right text for each.

    Raises:
        ArgumentError: There is nothing to compare, or the numbers differ.
    """
    check_texts(predictions, references)
    equal = sum(map(str.__eq__, predictions, references))
    return TextScore(100 * equal / len(references), "exact|nrefs:1|case:mixed")


def check_texts(predictions: Sequence[str], references: Sequence[str]) -> None:
    """Check that there is one reference for each of at least one prediction.

    Raises:
        ArgumentError: There is not, or something is not a text.
    """
    for name, texts in (("predictions", predictions), ("references", references)):
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise ArgumentError(
                f"The {name} are not a list of texts.", expected="a list of strings"
            )
    if not predictions or len(predictions) != len(references):
        raise ArgumentError(
            "Each prediction needs its reference.",
            expected="as many references as predictions, and at least one",
            received=f"{len(predictions)} predictions, {len(references)} references",
        )
