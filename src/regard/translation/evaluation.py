"""How good translations are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from regard.errors import ArgumentError
from regard.metrics import (
    Alignment,
    AlignmentScore,
    TextScore,
    alignment_error_rate,
    bleu,
    chrf,
    exact_match,
    hard_alignment,
)
from regard.types import Translation


@dataclass(frozen=True)
class TranslationEvaluation:
    """How good translations are.

    Args:
        bleu: BLEU of the corpus, 0 to 100, with the signature of sacreBLEU.
        chrf: chrF of the corpus, 0 to 100, with its signature.
        exact_match: The share of texts that are right to the last character, in per
            cent.
        count: The number of texts.
        alignment: How well the attention agrees with gold alignments, where given.
    """

    bleu: TextScore
    chrf: TextScore
    exact_match: TextScore
    count: int
    alignment: AlignmentScore | None = None

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, ready for JSON."""
        found: dict[str, Any] = {"count": self.count}
        for name in ("bleu", "chrf", "exact_match"):
            one: TextScore = getattr(self, name)
            found[name] = {"score": one.score, "signature": one.signature}
        if self.alignment is not None:
            found["alignment"] = {
                "error_rate": self.alignment.error_rate,
                "precision": self.alignment.precision,
                "recall": self.alignment.recall,
            }
        return found


def evaluate(
    predictions: Sequence[str],
    references: Sequence[str],
    tokenize: str,
    alignment: AlignmentScore | None,
) -> TranslationEvaluation:
    """Compare translations with the right ones.

    Args:
        predictions: The translations.
        references: The right ones.
        tokenize: How BLEU cuts texts into words.
        alignment: How well the attention agrees with gold alignments, or None.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    return TranslationEvaluation(
        bleu(predictions, references, tokenize=tokenize),
        chrf(predictions, references),
        exact_match(predictions, references),
        len(references),
        alignment,
    )


def aligned_as(
    aligned: Sequence[Translation], gold: Sequence[Alignment]
) -> AlignmentScore:
    """How well the attention on given pairs agrees with gold alignments.

    Raises:
        ArgumentError: There are not as many of them as pairs.
    """
    if len(aligned) != len(gold):
        raise ArgumentError(
            "Every pair needs a gold alignment.",
            expected=f"{len(aligned)} alignments",
            received=str(len(gold)),
        )
    return alignment_error_rate(
        [hard_alignment(one.alignment) for one in aligned],
        [one.sure for one in gold],
        [one.possible for one in gold],
    )
