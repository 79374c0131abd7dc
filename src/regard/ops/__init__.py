"""Pure functions on tensors: scores, masks, masked softmax. No layers, no state."""

from regard.ops import scores
from regard.ops.additive import additive_context, additive_scores
from regard.ops.linear import merge_heads, project, split_heads
from regard.ops.masks import (
    as_mask,
    causal_mask,
    erase_padding,
    join_masks,
    last_valid,
    mean_valid,
    window_mask,
)
from regard.ops.products import ProductPath, product_path, products_in
from regard.ops.softmax import masked_softmax

__all__ = [
    "ProductPath",
    "additive_context",
    "additive_scores",
    "as_mask",
    "causal_mask",
    "erase_padding",
    "join_masks",
    "last_valid",
    "masked_softmax",
    "mean_valid",
    "merge_heads",
    "product_path",
    "products_in",
    "project",
    "scores",
    "split_heads",
    "window_mask",
]
