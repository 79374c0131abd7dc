"""A recurrent decoder with an attention inside its recurrence."""

from regard.layers.attention_decoder.attending import Memory
from regard.layers.attention_decoder.layer import AttentionDecoder
from regard.layers.attention_decoder.steps import DecoderState

__all__ = ["AttentionDecoder", "DecoderState", "Memory"]
