"""Problems and their right answers: pairs of sequences, pairs of array and number."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regard._files import write_file
from regard._validate import check_same_length
from regard.errors import ArgumentError
from regard.metrics.word_alignment import Link
from regard.types import FloatArray, IntArray

Tokens = tuple[str, ...]


@dataclass(frozen=True)
class SequencePairs:
    """Source and target sequences, one right target for each source.

    Args:
        sources: The tokens of each source.
        targets: The tokens of each target.
        alignment: For each pair the links ``(target, source)`` that say where the gold
            answer comes from. A target token that comes from nowhere (padding) has
            none. None where a task has no gold alignment.
        separator: What stands between two tokens of a text: a space between words,
            nothing between characters.
        groups: What kind each pair is of, for figures by kind: the locale of a date.
            None where all are of one kind.

    Raises:
        ArgumentError: The lengths do not fit each other.
    """

    sources: tuple[Tokens, ...]
    targets: tuple[Tokens, ...]
    alignment: tuple[tuple[Link, ...], ...] | None = None
    separator: str = " "
    groups: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        parts = {
            "sources": self.sources,
            "targets": self.targets,
            "alignments": self.alignment,
            "groups": self.groups,
        }
        present = {name: part for name, part in parts.items() if part is not None}
        check_same_length(present, of="the pairs")

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def source_texts(self) -> list[str]:
        """The sources as texts."""
        return [self.separator.join(tokens) for tokens in self.sources]

    @property
    def target_texts(self) -> list[str]:
        """The targets as texts."""
        return [self.separator.join(tokens) for tokens in self.targets]

    def select(self, indices: Sequence[int]) -> "SequencePairs":
        """The pairs at ``indices``, in that order."""
        return SequencePairs(
            tuple(self.sources[i] for i in indices),
            tuple(self.targets[i] for i in indices),
            self.alignment and tuple(self.alignment[i] for i in indices),
            self.separator,
            self.groups and tuple(self.groups[i] for i in indices),
        )

    def as_arrays(self) -> tuple[IntArray, IntArray]:
        """Sources and targets as integers.

        Returns:
            Two arrays ``(pairs, source length)`` and ``(pairs, target length)``.

        Raises:
            ArgumentError: The tokens are no integers, or the lengths differ.
        """
        return _integers("sources", self.sources), _integers("targets", self.targets)

    def save(self, path: str | Path) -> None:
        """Write a file of tab-separated columns ``source`` and ``target``, in UTF-8."""
        pairs = zip(self.source_texts, self.target_texts, strict=True)
        lines = ["source\ttarget", *(f"{source}\t{target}" for source, target in pairs)]
        write_file(Path(path), ("\n".join(lines) + "\n").encode("utf-8"))


@dataclass(frozen=True, eq=False)
class ArrayPairs:
    """Arrays, the number that is the right answer to each, and where it stands.

    Args:
        inputs: ``(pairs, time, features)`` or ``(pairs, columns)``, float32.
        targets: ``(pairs,)``, float32.
        gold: ``(pairs, k)``, the ``k`` positions along axis 1 of ``inputs`` that the
            target is made of.

    Raises:
        ArgumentError: The shapes do not fit each other.
    """

    inputs: FloatArray
    targets: FloatArray
    gold: IntArray

    def __post_init__(self) -> None:
        count = len(self.inputs)
        if self.targets.shape != (count,) or self.gold.shape[:-1] != (count,):
            raise ArgumentError(
                "The parts of the pairs do not fit each other.",
                expected=f"targets ({count},) and gold positions ({count}, k)",
                received=f"targets {self.targets.shape}, gold {self.gold.shape}",
            )

    def __len__(self) -> int:
        return len(self.inputs)


def as_tokens(numbers: IntArray) -> tuple[Tokens, ...]:
    """Rows of integers as rows of their decimal numerals."""
    return tuple(tuple(map(str, row)) for row in numbers.tolist())


def _integers(what: str, sequences: tuple[Tokens, ...]) -> IntArray:
    lengths = {len(tokens) for tokens in sequences}
    if len(lengths) > 1:
        raise ArgumentError(
            f"The {what} make no array, since their lengths differ.",
            expected="one length",
            received=f"{min(lengths)} to {max(lengths)} tokens",
            fix="Take a task of fixed length, or the texts.",
        )
    try:
        return np.array(sequences).astype(np.int64)
    except ValueError as error:
        raise ArgumentError(
            f"The {what} make no array of integers: {error}.", fix="Take the texts."
        ) from error
