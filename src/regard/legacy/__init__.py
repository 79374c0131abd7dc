"""Old attention layers on Keras 3, and what was trained with them."""

from regard.legacy.activations import hard_sigmoid
from regard.legacy.decoder import AttentionDecoder
from regard.legacy.encoder_decoder import AttentionLayer
from regard.legacy.gate import Att
from regard.legacy.kaggle import KaggleAttention
from regard.legacy.loading import load_model, load_weights
from regard.legacy.many_to_one import ManyToOneAttention
from regard.legacy.modern import to_modern
from regard.legacy.prob import ProbAttention
from regard.legacy.seq_self import SeqSelfAttention
from regard.legacy.seq_weighted import SeqWeightedAttention
from regard.legacy.with_context import AttentionWithContext

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
