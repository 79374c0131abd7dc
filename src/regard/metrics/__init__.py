"""Figures for texts: translations, alignments, probabilities, where attention went."""

from regard.metrics.calibration import CalibrationError, expected_calibration_error
from regard.metrics.gold_attention import AttentionMass, attention_mass, hard_alignment
from regard.metrics.rationales import RationaleAgreement, rationale_agreement
from regard.metrics.text_scores import TextScore, bleu, chrf, exact_match
from regard.metrics.word_alignment import (
    Alignment,
    AlignmentScore,
    Link,
    alignment_error_rate,
    format_alignment,
    parse_alignment,
    parse_alignments,
)

__all__ = [
    "Alignment",
    "AlignmentScore",
    "AttentionMass",
    "CalibrationError",
    "Link",
    "RationaleAgreement",
    "TextScore",
    "alignment_error_rate",
    "attention_mass",
    "bleu",
    "chrf",
    "exact_match",
    "expected_calibration_error",
    "format_alignment",
    "hard_alignment",
    "parse_alignment",
    "parse_alignments",
    "rationale_agreement",
]


def __dir__() -> list[str]:
    # What is for users, without the modules that it is made of.
    return __all__
