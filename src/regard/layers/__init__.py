"""Keras layers with attention you can ask for."""

from regard.layers.attention_decoder import (
    AttentionDecoder,
    DecoderState,
    Memory,
)
from regard.layers.base import AttentionLayer
from regard.layers.cross import CrossAttention
from regard.layers.feature import FeatureAttention
from regard.layers.pooling import AttentionPooling
from regard.layers.recurrent import GRU, LSTM
from regard.layers.self_attention import SelfAttention

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
    "SelfAttention",
]
