"""One call for attention of any kind: the picture that fits the names of the axes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from regard.errors import ArgumentError
from regard.plot._alignment_plot import MOST_TOKENS, AlignmentPlot
from regard.plot._bars_plot import bars
from regard.plot._data import DRAWN_BY, checked_tokens, described
from regard.plot._head_weights import checked_maps, layer_heads, one_sequence
from regard.plot._heads_plot import heads
from regard.plot._image_plot import image as on_image
from regard.plot._plot import Plot
from regard.plot._series_plot import over_time
from regard.plot._text_plot import text
from regard.types import AttentionMap, Observation

AnyPlot = TypeVar("AnyPlot", bound=Plot)
# Weights of features are named by them, in no order that could be read.
_OF_FEATURES = "FeatureAttention"
_ON_IMAGE = "regard.plot.image(map, image)"
_ON_SERIES = "regard.plot.over_time(map, series)"


def attention(
    attention: AttentionMap | Observation,
    tokens: Sequence[str] | None = None,
    query_tokens: Sequence[str] | None = None,
    *,
    batch: int | None = None,
    image: npt.ArrayLike | None = None,
    series: npt.ArrayLike | None = None,
) -> Plot:
    """Draw attention of any kind: the names of its axes say as what.

    ============================ ===================================================
    what it has                  is drawn as
    ============================ ===================================================
    ``image`` given              ``plot.image``, on the picture
    ``series`` given             ``plot.over_time``, behind the curve
    several layers; several      ``plot.heads``, side by side
    heads with queries and keys
    queries and keys             ``plot.alignment``, a heatmap
    one row of keys              ``plot.text`` with tokens, and ``plot.bars`` without
                                 or of features
    ============================ ===================================================

    Args:
        attention: The ``AttentionMap`` of a layer, or the ``Observation`` of a model.
        tokens: What the keys are called; of self-attention the queries too. Padding
            behind them, which has no weight, is cut off.
        query_tokens: What the queries are called, where it is something else.
        batch: Which sequence, where there are several.
        image: The picture whose patches the keys are.
        series: The values of the series whose steps the keys are.

    Returns:
        The plot; its ``also`` names the other ways, and a notebook shows them below.

    Raises:
        ArgumentError: There is nothing to draw, or something else; several sequences
            and none chosen; names that do not fit; several layers on one picture;
            a picture and a series.

    Example:
        >>> seen = regard.observe(model).predict(ids)
        >>> plot = regard.plot.attention(seen, words, batch=0)
        >>> plot.also
    """
    known = DRAWN_BY.get(type(attention).__name__)
    if known and not isinstance(attention, AttentionMap | Observation):
        raise ArgumentError(
            "This is no map of attention.",
            expected="an AttentionMap or an Observation",
            received=described(attention),
            fix=known,
        )
    if image is not None and series is not None:
        raise ArgumentError(
            "Attention is drawn on a picture or on a series.",
            expected="'image' or 'series'",
            received="both",
        )
    if tokens is not None and (image is not None or series is not None):
        raise ArgumentError(
            "On a picture or a series the keys are its patches or steps.",
            expected="no 'tokens' with 'image' or 'series'",
            received=described(tokens),
            fix="Words that look at a picture are the queries: query_tokens=..."
            if image is not None
            else None,
        )
    tokens, query_tokens = (
        None if each is None else checked_tokens(each, name)
        for each, name in ((tokens, "tokens"), (query_tokens, "query_tokens"))
    )
    maps = checked_maps(attention)
    if len(maps) > 1 and image is None and series is None:
        drawn = heads(attention, tokens, query_tokens, batch=batch)
        names = [f"result.attention['{name}']" for name in maps]
        return _with(drawn, *(f"regard.plot.attention({name})" for name in names[:3]))
    if len(maps) > 1:
        raise ArgumentError(
            "One layer is drawn on a picture or a series.",
            expected="the map of one layer",
            received=f"{len(maps)} layers",
            fix="Choose one: result.attention[layer].",
        )
    (chosen,) = maps.values()
    one = one_sequence(chosen, batch)
    if image is not None:
        drawn_on = on_image(one, image, tokens=query_tokens)
        return _with(
            drawn_on, "regard.plot.heads(map)", "regard.plot.image(map.mean())"
        )
    if series is not None:
        return _with(over_time(one, series), "regard.plot.bars(map)")
    return _of_map(one, tokens, query_tokens)


def _of_map(
    attention: AttentionMap,
    tokens: Sequence[str] | None,
    query_tokens: Sequence[str] | None,
) -> Plot:
    """The picture of one sequence in one layer."""
    layers = layer_heads(attention, tokens, query_tokens, None)
    grid = layers[0].grids[0]
    if len(layers) == 1 and "queries" not in attention.axes:
        rows = [each.weights[0] for each in layers[0].grids]
        row = np.mean(rows, axis=0)
        others = ["regard.plot.alignment(map)"] if len(rows) > 1 else []
        if tokens is None or attention.kind == _OF_FEATURES:
            texts = ["regard.plot.text(tokens, map)"]
            return _with(bars(row, grid.columns), *texts, *others)
        others = ["regard.plot.bars(map, tokens)", *others]
        return _with(text(list(grid.columns), row), *others, _ON_SERIES, _ON_IMAGE)
    if len(layers) == 1 and len(layers[0].grids) == 1:
        named = replace(grid, title=attention.layer).grouped(MOST_TOKENS)
        again = "regard.plot.heads(map, tokens, query_tokens)"
        return _with(AlignmentPlot([named]), again, _ON_IMAGE)
    mean = "regard.plot.alignment(map.mean(), tokens, query_tokens)"
    each = "regard.plot.alignment(map, tokens, query_tokens)"
    return _with(heads(attention, tokens, query_tokens), mean, each, _ON_IMAGE)


def _with(plot: AnyPlot, *others: str) -> AnyPlot:
    plot.also = others
    return plot
