"""Keras layers with attention you can ask for."""

from regard.layers.attention_decoder import AttentionDecoder
from regard.layers.attention_decoder_step import DecoderState, PreparedMemory
from regard.layers.attention_layer import AttentionLayer
from regard.layers.cross import CrossAttention
from regard.layers.feature import FeatureAttention
from regard.layers.pooling import AttentionPooling
from regard.layers.recurrent import GRU, LSTM
from regard.layers.self_attention import SelfAttention

#: The name of ``PreparedMemory`` in 0.1.0.
Memory = PreparedMemory

__all__ = [
    "GRU",
    "LSTM",
    "AttentionDecoder",
    "AttentionLayer",
    "AttentionPooling",
    "CrossAttention",
    "DecoderState",
    "FeatureAttention",
    "Memory",
    "PreparedMemory",
    "SelfAttention",
]
