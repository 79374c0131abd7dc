"""The rows, labels and notes of an alignment, for page, picture and terminal."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from regard.plot.characters import visible
from regard.types import Translation

# Longer tokens are cut in a label; the table of the page has them whole.
LABEL = 24
_MINUS = "\u2212"
DISCLAIMER = "The shade shows where the model looked, not why it wrote what it wrote."


@dataclass(frozen=True, slots=True)
class AlignmentRow:
    """One written token and where the model looked for it.

    Args:
        token: The written token.
        weights: The weight of each token of the source, from 0 to 1.
        strongest: The place of the largest weight, ``None`` where several share it.
    """

    token: str
    weights: list[float]
    strongest: int | None


def alignment_rows(translation: Translation) -> list[AlignmentRow]:
    """The alignment, one written token after the other."""
    return [
        AlignmentRow(token, weights, _strongest(weights))
        for token, weights in zip(
            translation.target_tokens, translation.alignment.tolist(), strict=True
        )
    ]


def token_labels(tokens: Sequence[str]) -> list[str]:
    """The labels of rows and columns."""
    return [visible(token, LABEL) for token in tokens]


def is_upright(label: str) -> bool:
    """Whether a label is one character wide, so that it need not be turned."""
    marks = sum(unicodedata.category(c) in {"Mn", "Mc", "Me"} for c in label)
    return len(label) - marks <= 1


def is_of_characters(tokens: Sequence[str]) -> bool:
    """Whether (almost) every label is one character wide, as those of dates are."""
    upright = sum(is_upright(label) for label in token_labels(tokens))
    return upright >= 0.8 * len(tokens)


def log_probability(translation: Translation) -> str:
    """The log-probability in words, with a real minus sign."""
    value = translation.log_probability
    # Nothing is certain that is not: the nearest to zero is not zero.
    shown = "> -0.001" if -0.0005 <= value < 0 else f"{value + 0.0:.3f}"
    return "log-probability " + shown.replace("-", _MINUS)


def notes(translation: Translation) -> list[str]:
    """The notes a reader needs on this translation."""
    sentences = []
    if not translation.target_tokens or not translation.source_tokens:
        sentences.append("There is nothing here to look at: one side has no tokens.")
    if not translation.finished:
        sentences.append("It was cut off before the model ended it.")
    if translation.truncated:
        sentences.append(
            "The source is longer than the model reads: it did not see the end."
        )
    return sentences


def _strongest(weights: list[float]) -> int | None:
    top = max(weights, default=0.0)
    return weights.index(top) if weights.count(top) == 1 else None
