"""The base class of cross and self attention: queries that look at keys."""

from dataclasses import dataclass
from typing import Any, ClassVar

from keras import ops

from regard._typing import Bool, Float, Tensor
from regard.errors import ArgumentError
from regard.layers.attention_layer import ScoredAttention, check_optional_count
from regard.layers.score_functions import PAIR_SCORES
from regard.layers.shapes import mask_of_places
from regard.ops import (
    causal_mask,
    erase_padding,
    join_masks,
    masked_softmax,
    merge_heads,
    split_heads,
    window_mask,
)


@dataclass(frozen=True)
class PairMasks:
    """The masks of one call, each of them optional but the last."""

    query: Bool[Tensor, "batch queries"] | None
    key: Bool[Tensor, "batch keys"] | None
    attention: Bool[Tensor, "*outer queries keys"] | None
    causal: bool


class PairedAttention(ScoredAttention):
    """Base of the layers in which each query looks at all keys.

    Args:
        score: A name from the table of pair scores.
        units: The width of the score's hidden layer, of each head.
        num_heads: The number of heads.
        window: The number of keys a query sees around its own place; None: all.
        **kwargs: What ``AttentionLayer`` takes.
    """

    weights_axes: ClassVar[tuple[str, ...]] = ("batch", "heads", "queries", "keys")

    def __init__(
        self,
        score: str = "additive",
        units: int | None = None,
        num_heads: int = 1,
        *,
        window: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(score, PAIR_SCORES, units, num_heads, **kwargs)
        self.window = check_optional_count("window", window)

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None = None
    ) -> Tensor | None:
        """The mask of the queries, which goes on."""
        return mask_of_places(previous_mask, inputs)

    def _build_pair(self, query: int, key: int, value: int) -> None:
        """Check the numbers of features and make the weights of the score."""
        shares_features = self._score_function.shares_features
        if shares_features and query != key:
            raise ArgumentError(
                f"The score '{self.score}' multiplies query and key.",
                expected="as many features in the query as in the key",
                received=f"{query} and {key}",
                fix="Use score='general', or project one of them before.",
            )
        shared_out = [value, key] if shares_features else [value]
        if any(features % self.num_heads for features in shared_out):
            raise ArgumentError(
                "The heads cannot share out the features evenly.",
                expected=f"a multiple of num_heads={self.num_heads}",
                received=" and ".join(str(features) for features in shared_out),
            )
        self._build_score(query, key)

    def _attend(
        self,
        query: Float[Tensor, "batch queries query_features"],
        key: Float[Tensor, "batch keys key_features"],
        value: Float[Tensor, "batch keys features"],
        masks: PairMasks,
        training: bool | None,
    ) -> tuple[
        Float[Tensor, "batch queries features"],
        Float[Tensor, "batch heads queries keys"],
    ]:
        """Context and weights."""
        query = erase_padding(query, masks.query)
        key, value = erase_padding(key, masks.key), erase_padding(value, masks.key)
        scores = self._pair_scores(query, key)
        weights = masked_softmax(scores, self._join(masks, query, key))
        weights = ops.cast(weights, value.dtype)
        heads = split_heads(value, self.num_heads)
        return merge_heads(ops.matmul(self._drop(weights, training), heads)), weights

    def _pair_scores(
        self,
        query: Float[Tensor, "batch queries query_features"],
        key: Float[Tensor, "batch keys key_features"],
    ) -> Float[Tensor, "batch heads queries keys"]:
        if self._score_function.shares_features:
            query = split_heads(query, self.num_heads)
            key = split_heads(key, self.num_heads)
        return self._scores(query, key)

    def _join(
        self,
        masks: PairMasks,
        query: Float[Tensor, "batch queries query_features"],
        key: Float[Tensor, "batch keys key_features"],
    ) -> Bool[Tensor, "*outer #queries #keys"] | None:
        queries, keys = ops.shape(query)[1], ops.shape(key)[1]
        local = None
        if self.window is not None:
            local = window_mask(queries, keys, self.window, masks.causal)
        elif masks.causal:
            local = causal_mask(queries, keys)
        return join_masks(masks.query, masks.key, masks.attention, local)

    def get_config(self) -> dict[str, Any]:
        """The arguments the layer can be made anew from."""
        return {**super().get_config(), "window": self.window}
