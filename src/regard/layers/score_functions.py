"""The table of scores: a row is all that a layer, a pooling and a decoder need."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from keras import ops

from regard._typing import Float, Tensor
from regard.ops import project, scores, split_heads
from regard.ops.additive import additive_scores, additive_step_scores, prepare_keys
from regard.ops.precision import finite_product, widen
from regard.ops.scan import StepPart

Weights: TypeAlias = Mapping[str, Tensor]


@dataclass(frozen=True)
class ScoreSizes:
    """The numbers that the shapes of the weights of a score depend on.

    Args:
        query: The features of a query.
        key: The features of a key.
        units: The width of the hidden layer, of each head.
        heads: The number of heads.
    """

    query: int
    key: int
    units: int
    heads: int


@dataclass(frozen=True)
class StepwiseScore:
    """A pair score of one query after the other against keys that stay.

    Args:
        project_keys: Maps the memory ``(batch, keys, features)``, the number of heads
            and the weights to the keys as ``part`` takes them. It is done once.
        share_query: Maps queries ``(batch, [queries,] features)`` and the number of
            heads to queries as ``part`` takes them.
        part: Scores ``(batch, [queries,] heads, keys)`` of a query; what stays is a
            pair of keys and weights.
        part_at_once: The same for the queries of all steps. None: ``part``.
        query_projection: The names of a kernel, and of a bias it may have, by which
            the query is projected before it is shared out among the heads.
        weights: The names of the weights that ``part`` takes. None: all of them.
    """

    project_keys: Callable[[Tensor, int, Weights], Any]
    share_query: Callable[[Tensor, int], Tensor]
    part: StepPart
    part_at_once: StepPart | None = None
    query_projection: tuple[str, str] | None = None
    weights: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ScoreFunction:
    """A score, and the weights it takes by the names of its arguments.

    Args:
        function: Called with the inputs and the weights as keywords. The inputs are
            ``(batch, time, features)``, the scores ``(batch, heads, …)``.
        weight_shapes: The shape of each weight. A weight called ``bias`` is a bias.
        has_units: Whether there is a hidden layer whose width can be chosen.
        shares_features: Whether the heads share out the features of query and key,
            which then are as many, as ``(batch, heads, time, features)``: the way of
            a score without weights.
        stepwise: How a decoder computes it faster than by calling ``function`` in
            every step. None: there is no such way.
    """

    function: Callable[..., Tensor]
    weight_shapes: Callable[[ScoreSizes], dict[str, tuple[int, ...]]]
    has_units: bool = False
    shares_features: bool = False
    stepwise: StepwiseScore | None = None

    def in_steps(self) -> StepwiseScore:
        """How a decoder computes it: the row's own way, or by its function."""
        return self.stepwise or _by_function(self.function, self.shares_features)


def _by_function(function: Callable[..., Tensor], shares: bool) -> StepwiseScore:
    """A pair score as it is, for one query or several."""

    def share_keys(
        memory: Float[Tensor, "batch keys features"], heads: int, _: Weights
    ) -> Float[Tensor, "batch *heads keys _key_features"]:
        return split_heads(memory, heads) if shares else memory

    def at_step(
        query: Float[Tensor, "batch ... features"],
        keys_and_weights: tuple[Tensor, Weights],
    ) -> Float[Tensor, "batch *queries heads keys"]:
        keys, weights = keys_and_weights
        alone = len(query.shape) == (3 if shares else 2)
        query = ops.expand_dims(query, 1) if alone else query
        query = ops.swapaxes(query, 1, 2) if shares else query
        scores_of_all = ops.swapaxes(function(query, keys, **weights), 1, 2)
        return ops.squeeze(scores_of_all, 1) if alone else scores_of_all

    share_query = _split_query if shares else lambda query, _: query
    return StepwiseScore(
        share_keys, share_query, StepPart(at_step, over_steps(at_step))
    )


def over_steps(at_step: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Of queries beside each other, the function of steps one after the other."""

    def scores_of_steps(moving: Tensor, fixed: Any) -> Tensor:
        return ops.swapaxes(at_step(ops.swapaxes(moving, 0, 1), fixed), 0, 1)

    return scores_of_steps


def _split_query(
    query: Float[Tensor, "batch *queries features"], heads: int
) -> Float[Tensor, "batch *queries heads depth"]:
    """The share of each head in the features."""
    lead = tuple(-1 if size is None else size for size in query.shape[:-1])
    if lead.count(-1) > 1:
        lead = tuple(ops.shape(query)[:-1])
    return ops.reshape(query, (*lead, heads, query.shape[-1] // heads))


def _repeat_query(
    query: Float[Tensor, "batch *queries features"], heads: int
) -> Float[Tensor, "batch *queries heads features"]:
    """The same query for each head."""
    return ops.repeat(ops.expand_dims(query, -2), heads, axis=-2)


def _products(
    query: Float[Tensor, "batch *queries heads depth"],
    keys_and_weights: tuple[Float[Tensor, "batch heads keys depth"], Weights],
) -> Float[Tensor, "batch *queries heads keys"]:
    keys, _ = keys_and_weights
    query = widen(query)
    # Products as they lie in memory: for an einsum, XLA copies the keys in each step.
    keys = ops.swapaxes(keys, 2, 3)
    if len(query.shape) == 3:
        return ops.squeeze(finite_product(query[:, :, None], keys), 2)
    return ops.swapaxes(finite_product(ops.swapaxes(query, 1, 2), keys), 1, 2)


_PRODUCTS = StepPart(_products, over_steps(_products))


def _general_keys(
    memory: Float[Tensor, "batch keys features"], heads: int, weights: Weights
) -> Float[Tensor, "batch heads keys query_features"]:
    """``W k`` of ``q W k``, which is the same in all steps."""
    kernel = ops.reshape(weights["kernel"], (-1, heads, memory.shape[-1]))
    return ops.einsum("bkd,qhd->bhkq", widen(memory), widen(kernel))


def _dot_keys(
    memory: Float[Tensor, "batch keys features"], heads: int, _: Weights
) -> Float[Tensor, "batch heads keys depth"]:
    return widen(split_heads(memory, heads))


def _scaled_dot_keys(
    memory: Float[Tensor, "batch keys features"], heads: int, weights: Weights
) -> Float[Tensor, "batch heads keys depth"]:
    keys = _dot_keys(memory, heads, weights)
    return keys / math.sqrt(keys.shape[-1])


def _additive_keys(
    memory: Float[Tensor, "batch keys features"], heads: int, weights: Weights
) -> Any:
    projected = project(memory, weights["key_kernel"])
    return prepare_keys(split_heads(projected, heads))


def _additive(
    query: Float[Tensor, "batch *queries heads units"],
    keys_and_weights: tuple[Any, Weights],
) -> Float[Tensor, "batch *queries heads keys"]:
    """For few queries: from the factors of the keys."""
    keys, weights = keys_and_weights
    if len(query.shape) == 3:
        return additive_step_scores(query, keys, weights["scale"])
    query = ops.swapaxes(query, 1, 2)
    return ops.swapaxes(additive_step_scores(query, keys, weights["scale"]), 1, 2)


def _additive_at_once(
    query: Float[Tensor, "batch queries heads units"],
    keys_and_weights: tuple[Any, Weights],
) -> Float[Tensor, "batch queries heads keys"]:
    """For many queries: in blocks."""
    keys, weights = keys_and_weights
    query = ops.swapaxes(query, 1, 2)
    return ops.swapaxes(additive_scores(query, keys.key, weights["scale"]), 1, 2)


#: Scores of a query and a key.
PAIR_SCORES: Mapping[str, ScoreFunction] = {
    "additive": ScoreFunction(
        scores.additive,
        lambda size: {
            "query_kernel": (size.query, size.heads * size.units),
            "key_kernel": (size.key, size.heads * size.units),
            "bias": (size.heads * size.units,),
            "scale": (size.heads, size.units),
        },
        has_units=True,
        stepwise=StepwiseScore(
            _additive_keys,
            _split_query,
            # A step finds the slopes of its scores in any case: adding up those of the
            # keys costs less than finding them once more for all steps.
            StepPart(_additive, None),
            part_at_once=StepPart(_additive_at_once, None),
            query_projection=("query_kernel", "bias"),
            weights=("scale",),
        ),
    ),
    "concat": ScoreFunction(
        scores.concat,
        lambda size: {
            "kernel": (size.query + size.key, size.heads * size.units),
            "bias": (size.heads * size.units,),
            "scale": (size.heads, size.units),
        },
        has_units=True,
    ),
    "general": ScoreFunction(
        scores.general,
        lambda size: {"kernel": (size.query, size.heads * size.key)},
        stepwise=StepwiseScore(_general_keys, _repeat_query, _PRODUCTS, weights=()),
    ),
    "dot": ScoreFunction(
        scores.dot,
        lambda _: {},
        shares_features=True,
        stepwise=StepwiseScore(_dot_keys, _split_query, _PRODUCTS),
    ),
    "scaled_dot": ScoreFunction(
        scores.scaled_dot,
        lambda _: {},
        shares_features=True,
        stepwise=StepwiseScore(_scaled_dot_keys, _split_query, _PRODUCTS),
    ),
}

#: Scores of a state on its own.
STATE_SCORES: Mapping[str, ScoreFunction] = {
    "linear": ScoreFunction(
        scores.linear, lambda size: {"kernel": (size.key, size.heads)}
    ),
    "feed_forward": ScoreFunction(
        scores.feed_forward,
        lambda size: {"kernel": (size.key, size.heads), "bias": (size.heads,)},
    ),
    "context": ScoreFunction(
        scores.context,
        lambda size: {
            "kernel": (size.key, size.units),
            "bias": (size.units,),
            "vector": (size.units, size.heads),
        },
        has_units=True,
    ),
    "gated": ScoreFunction(
        scores.gated,
        lambda size: {
            "tanh_kernel": (size.key, size.units),
            "sigmoid_kernel": (size.key, size.units),
            "vector": (size.units, size.heads),
        },
        has_units=True,
    ),
}
