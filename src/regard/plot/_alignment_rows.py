"""The rows and labels of an alignment, for page, picture and terminal."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from regard.plot._weight_grid import LABEL, WeightGrid
from regard.plot.characters import visible

DISCLAIMER = "The shade shows where the model looked, not why it wrote what it wrote."


@dataclass(frozen=True, slots=True)
class AlignmentRow:
    """One row of a grid, and where the model looked for it.

    Args:
        token: The written token.
        weights: The weight of each token of the source, from 0 to 1.
        strongest: The place of the largest weight, ``None`` where several share it.
    """

    token: str
    weights: list[float]
    strongest: int | None


def alignment_rows(grid: WeightGrid) -> list[AlignmentRow]:
    """The alignment, one written token after the other."""
    return [
        AlignmentRow(token, weights, _strongest(weights))
        for token, weights in zip(grid.rows, grid.weights.tolist(), strict=True)
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


def _strongest(weights: list[float]) -> int | None:
    top = max(weights, default=0.0)
    return weights.index(top) if weights.count(top) == 1 else None
