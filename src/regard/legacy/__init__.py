"""Old attention layers on Keras 3, and what was trained with them."""

from regard.legacy.conversion import load_model, load_weights
from regard.legacy.layers.activations import hard_sigmoid
from regard.legacy.layers.encoder_decoder import AttentionDecoder, AttentionLayer
from regard.legacy.layers.feature_gate import Att
from regard.legacy.layers.linear_pooling import ProbAttention, SeqWeightedAttention
from regard.legacy.layers.many_to_one import ManyToOneAttention
from regard.legacy.layers.pooling import AttentionWithContext, KaggleAttention
from regard.legacy.layers.seq_self_attention import SeqSelfAttention
from regard.legacy.modern import to_modern

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
