"""The attention layers of old kernels, gists and packages, with their numbers."""

from regard.legacy.layers.activations import hard_sigmoid
from regard.legacy.layers.encoder_decoder import AttentionDecoder, AttentionLayer
from regard.legacy.layers.feature_gate import Att
from regard.legacy.layers.linear_pooling import ProbAttention, SeqWeightedAttention
from regard.legacy.layers.many_to_one import ManyToOneAttention
from regard.legacy.layers.seq_self_attention import SeqSelfAttention
from regard.legacy.layers.tanh_pooling import AttentionWithContext, KaggleAttention

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
]
