"""Old attention layers on Keras 3, and what was trained with them."""

from regard.legacy.conversion import load_model, load_weights
from regard.legacy.layers import (
    Att,
    AttentionDecoder,
    AttentionLayer,
    AttentionWithContext,
    KaggleAttention,
    ManyToOneAttention,
    ProbAttention,
    SeqSelfAttention,
    SeqWeightedAttention,
    hard_sigmoid,
)
from regard.legacy.modernization import to_modern

__all__ = [
    "Att",
    "AttentionDecoder",
    "AttentionLayer",
    "AttentionWithContext",
    "KaggleAttention",
    "ManyToOneAttention",
    "ProbAttention",
    "SeqSelfAttention",
    "SeqWeightedAttention",
    "hard_sigmoid",
    "load_model",
    "load_weights",
    "to_modern",
]
