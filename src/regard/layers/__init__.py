"""Keras layers with attention you can ask for."""

from regard.layers.base import AttentionLayer
from regard.layers.cross import CrossAttention
from regard.layers.feature import FeatureAttention
from regard.layers.pooling import AttentionPooling
from regard.layers.self_attention import SelfAttention

__all__ = [
    "AttentionLayer",
    "AttentionPooling",
    "CrossAttention",
    "FeatureAttention",
    "SelfAttention",
]
