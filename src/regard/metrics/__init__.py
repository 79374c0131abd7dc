"""Figures for sequences: translations, alignments, and where attention went."""

from regard.metrics.alignment_error import AlignmentScore, alignment_error_rate
from regard.metrics.attention import AttentionMass, attention_mass, hard_alignment
from regard.metrics.pharaoh import (
    Alignment,
    Link,
    format_alignment,
    parse_alignment,
    parse_alignments,
)
from regard.metrics.texts import TextScore, exact_match
from regard.metrics.translation import bleu, chrf

__all__ = [
    "Alignment",
    "AlignmentScore",
    "AttentionMass",
    "Link",
    "TextScore",
    "alignment_error_rate",
    "attention_mass",
    "bleu",
    "chrf",
    "exact_match",
    "format_alignment",
    "hard_alignment",
    "parse_alignment",
    "parse_alignments",
]
