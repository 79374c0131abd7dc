"""The heads of one layer or of all layers of a model, with figures of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from regard._validate import check_count
from regard.errors import ArgumentError
from regard.plot._data import check_fits, check_shares, checked_tokens, described
from regard.plot._weight_grid import WeightGrid
from regard.types import AttentionMap, FloatArray, Observation

#: The figures of a head, in the order of ``HeadFigures``, and what they are in.
FIGURES: Mapping[str, str] = {
    "entropy": "nats",
    "distance": "tokens",
    "strongest": "",
    "first": "",
}
Names = tuple[str, ...]
_EXPECTED = "an AttentionMap, an Observation, or a list or mapping of maps"


class HeadFigures(NamedTuple):
    r"""What a head does on average over its queries; NaN where that means nothing.

    A query whose row is 0 has nothing to look at and is left out.

    Args:
        entropy: :math:`-\sum_j w_{ij} \ln w_{ij}`, in nats: 0 where each query looks at
            one key, the logarithm of the number of keys where it looks at all alike.
        distance: :math:`\sum_j w_{ij} |i - j|`, in tokens, of self-attention: how far
            away a query looks.
        strongest: :math:`\max_j w_{ij}`.
        first: :math:`w_{i0}`, the weight of the first key, where much attention with
            nothing to look for often goes.
    """

    entropy: float
    distance: float
    strongest: float
    first: float

    @classmethod
    def of(cls, weights: FloatArray, is_self: bool) -> "HeadFigures":
        """Those of weights ``(queries, keys)``."""
        rows = np.asarray(weights, dtype=float)
        places = np.flatnonzero(rows.sum(axis=1) > 0)
        rows = rows[places]
        if not rows.size:
            return cls(*4 * [np.nan])
        logs = np.log(rows, out=np.zeros_like(rows), where=rows > 0)
        away = np.abs(places[:, None] - np.arange(rows.shape[1]))
        return cls(
            float(-(rows * logs).sum(axis=1).mean()) + 0.0,
            float((rows * away).sum(axis=1).mean()) if is_self else np.nan,
            float(rows.max(axis=1).mean()),
            float(rows[:, 0].mean()),
        )


@dataclass(frozen=True, eq=False, slots=True)
class LayerHeads:
    """The heads of one layer.

    Args:
        layer: Its path, with the place of a call or step where there are several.
        grids: The weights of each head, with the names of its queries and keys.
        figures: The figures of each head.
    """

    layer: str
    grids: tuple[WeightGrid, ...]
    figures: tuple[HeadFigures, ...]


def layer_heads(
    attention: Any, tokens: Any, query_tokens: Any, batch: int | None
) -> list[LayerHeads]:
    """Every head of a map, or of each map of an observation.

    Args:
        attention: An ``AttentionMap``, an ``Observation``, or several maps.
        tokens: The tokens of the keys, and of the queries where nothing else is said.
        query_tokens: The tokens of the queries, where they are others.
        batch: Which sequence of a batch.

    Raises:
        ArgumentError: There is no map, one has several sequences, or the tokens do not
            fit.
    """
    maps = checked_maps(attention)
    told = [
        None if each is None else checked_tokens(each, name)
        for each, name in ((tokens, "tokens"), (query_tokens, "query_tokens"))
    ]
    layers: list[LayerHeads] = []
    for name, each in maps.items():
        one = one_sequence(each, batch)
        layers += _heads_of(name, one, *told, is_alone=len(maps) == 1)
    return layers


def checked_maps(attention: Any) -> dict[str, AttentionMap]:
    """The maps that were given, by the paths of their layers.

    Raises:
        ArgumentError: There is none, or something else.
    """
    if isinstance(attention, Observation):
        attention = attention.attention
    if isinstance(attention, AttentionMap):
        attention = [attention]
    if isinstance(attention, Mapping):
        maps = {str(name): each for name, each in attention.items()}
    elif isinstance(attention, Sequence) and not isinstance(attention, str):
        maps = {}
        for number, each in enumerate(attention):
            name = getattr(each, "layer", "")
            maps[name if name not in maps else f"{name} ({number})"] = each
    else:
        maps = {"": attention}
    wrong = [each for each in maps.values() if not isinstance(each, AttentionMap)]
    if wrong or not maps:
        raise ArgumentError(
            "There are no heads to draw.",
            expected=_EXPECTED,
            received=described(wrong[0]) if wrong else "none",
            fix="Name the axes of an array: regard.types.AttentionMap(weights, "
            "('heads', 'queries', 'keys'), 'layer')."
            if wrong and hasattr(wrong[0], "shape")
            else None,
        )
    return maps


def one_sequence(attention: AttentionMap, batch: int | None) -> AttentionMap:
    """One sequence of a batch.

    Raises:
        ArgumentError: There are several and none was chosen, or no such one.
    """
    if "batch" not in attention.axes:
        return attention
    size = attention.shape[attention.axes.index("batch")]
    if batch is None and size != 1:
        raise ArgumentError(
            "One sequence is drawn here.",
            expected="batch=0, or another one of the batch",
            received=f"a batch of {size}",
            fix="Say which: batch=0.",
        )
    return attention.select(batch=check_count("batch", batch or 0, least=0))


def check_some(weights: FloatArray, layer: str, axes: Sequence[str]) -> None:
    """Refuse weights of which there are none.

    Raises:
        ArgumentError: An axis has no entry.
    """
    if not weights.size:
        sizes = zip(weights.shape, axes, strict=True)
        raise ArgumentError(
            f"There are no weights of the layer '{layer}' to draw.",
            expected="at least one of the " + ", ".join(axes),
            received=", ".join(f"{size} {axis}" for size, axis in sizes),
        )


def grouped(layers: Sequence[LayerHeads], most: int | None) -> list[LayerHeads]:
    """The same with neighbouring tokens in groups where there are more than ``most``.

    The figures stay those of all tokens.
    """
    return [
        replace(each, grids=tuple(grid.grouped(most) for grid in each.grids))
        for each in layers
    ]


def _heads_of(
    name: str,
    attention: AttentionMap,
    tokens: Names | None,
    query_tokens: Names | None,
    *,
    is_alone: bool,
) -> Iterator[LayerHeads]:
    for place, weights in _with_sides(name, attention):
        keys, queries = tokens, query_tokens
        if keys is not None and queries is not None and not is_alone:
            keys, queries = (
                _of_size(size, (keys, queries), place) for size in weights.shape[:0:-1]
            )
        is_square = weights.shape[-1] == weights.shape[-2]
        if queries is None and is_square:
            queries = keys
        array = check_shares(_unpadded(weights, keys, queries))
        check_some(array, place, ("heads", "queries", "keys"))
        if keys is None:
            keys = tuple(map(str, range(array.shape[-1])))
        if "queries" not in attention.axes:
            queries = (place.rpartition("/")[2] or "all",)
        elif queries is None:
            queries = tuple(map(str, range(array.shape[-2])))
        check_fits(keys, array, "tokens", "keys")
        check_fits(queries, array.swapaxes(-1, -2), "query tokens", "queries")
        is_self = queries == keys and "queries" in attention.axes
        yield LayerHeads(
            place,
            tuple(
                WeightGrid(head, queries, keys, f"{place}, head {number}")
                for number, head in enumerate(array)
            ),
            tuple(HeadFigures.of(head, is_self) for head in array),
        )


def _of_size(size: int, sides: tuple[Names, Names], layer: str) -> Names:
    """The tokens that an axis of this size has: those of the keys or the queries.

    Raises:
        ArgumentError: Both would fit, and they are not the same.
    """
    keys, queries = sides
    if len(keys) == len(queries) == size and keys != queries:
        raise ArgumentError(
            f"The tokens of the layer '{layer}' cannot be told from their number.",
            expected="other numbers of tokens and query_tokens, or one map",
            received=f"{size} of each",
            fix="Draw one layer at a time: result.attention[layer].",
        )
    return queries if len(queries) == size else keys


def _with_sides(name: str, attention: AttentionMap) -> Iterator[tuple[str, FloatArray]]:
    """Weights ``(heads, queries, keys)``, one for each call or step of a layer."""
    sides = {
        side: [n for n, axis in enumerate(attention.axes) if axis.startswith(side)]
        for side in ("heads", "queries", "keys")
    }
    if not sides["keys"]:
        raise ArgumentError(
            f"The map of the layer '{name}' has no keys.",
            expected="a map with an axis 'keys'",
            received=str(attention.axes),
            fix="Leave its keys whole.",
        )
    named = [n for places in sides.values() for n in places]
    outer = [n for n in range(len(attention.axes)) if n not in named]
    outer_shape = [attention.shape[n] for n in outer]
    shape = [prod(attention.shape[n] for n in sides[side]) for side in sides]
    array = attention.weights.transpose([*outer, *named])
    for place in np.ndindex(*outer_shape):
        inside = [
            f"{attention.axes[n]} {index}"
            for n, index, size in zip(outer, place, outer_shape, strict=True)
            if size != 1
        ]
        yield ", ".join([name, *inside]), array[place].reshape(shape)


def _unpadded(
    weights: FloatArray, keys: Names | None, queries: Names | None
) -> FloatArray:
    """The weights of tokens: padding behind them has no weight and is cut off."""
    size = weights.shape[-1]
    if keys is None or len(keys) >= size or weights[..., len(keys) :].any():
        return weights
    is_square = weights.shape[-2] == size and queries == keys
    return weights[..., : len(keys) if is_square else None, : len(keys)]
