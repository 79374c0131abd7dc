"""What is drawn of an alignment: its rows, its labels, its notes."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from regard.plot.characters import visible
from regard.types import FloatArray, Translation

# Longer tokens are cut in a label; the table of the page has them whole.
LABEL = 24
_MINUS = "\u2212"
NOTHING = "There is nothing here to look at: one side has no tokens."
DISCLAIMER = "The shade shows where the model looked, not why it wrote what it wrote."


@dataclass(frozen=True, eq=False, slots=True)
class WeightGrid:
    """Weights of attention with a name for each row and column.

    Args:
        weights: ``(rows, columns)``, from 0 to 1.
        rows: What looked: written tokens, or queries.
        columns: What was looked at: tokens of the source, or keys.
        title: What stands above the map: the written text, or the layer.
        source: The text of the source, where there is one.
        remark: What is known of the whole, for example its log-probability.
        notes: What a reader has to know.
        sides: What a row and a column are called.
    """

    weights: FloatArray
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    title: str = ""
    source: str = ""
    remark: str = ""
    notes: tuple[str, ...] = ()
    sides: tuple[str, str] = ("query", "key")

    @classmethod
    def of(cls, translation: Translation) -> "WeightGrid":
        """The alignment of a translation."""
        return cls(
            translation.alignment,
            translation.target_tokens,
            translation.source_tokens,
            translation.text,
            translation.source,
            log_probability(translation),
            tuple(notes(translation)),
            ("written token", "token of the source"),
        )

    def grouped(self, most: int | None) -> "WeightGrid":
        """The same with neighbours in groups where a side is longer than ``most``.

        A cell then is what the rows of a group have, on average, on all columns of a
        group, so that a row still adds up to what it did.
        """
        if most is None or max(self.weights.shape) <= most:
            return self
        rows, columns = (_groups(size, most) for size in self.weights.shape)
        sums = np.add.reduceat(self.weights, [group.start for group in columns], axis=1)
        totals = np.add.reduceat(sums, [group.start for group in rows], axis=0)
        note = (
            f"This is {len(self.rows):,} by {len(self.columns):,} tokens, too large to "
            f"draw each: neighbours stand in groups of at most {len(rows[0]):,} by "
            f"{len(columns[0]):,}. A cell is what a row of the group has, on average, "
            "on all columns of the group."
        )
        return replace(
            self,
            weights=totals / np.array([[len(group)] for group in rows]),
            rows=_named(self.rows, rows),
            columns=_named(self.columns, columns),
            notes=(*self.notes, note),
        )


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
        sentences.append(NOTHING)
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


def _groups(size: int, most: int) -> list[range]:
    """Neighbours in groups of one size, the last perhaps smaller."""
    step = -(-size // most)
    return [range(start, min(start + step, size)) for start in range(0, size, step)]


def _named(names: Sequence[str], groups: Sequence[range]) -> tuple[str, ...]:
    """The names of groups: that of the first and that of the last in each."""
    return tuple(
        names[group[0]]
        if len(group) == 1
        else f"{visible(names[group[0]], LABEL // 2)}…"
        f"{visible(names[group[-1]], LABEL // 2 - 1)}"
        for group in groups
    )
