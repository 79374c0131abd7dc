"""Weights of attention as grids with names: of translations, of maps, of arrays."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from math import prod
from typing import Any

import numpy as np

from regard.errors import ArgumentError
from regard.plot._color_scale import Hue
from regard.plot._data import (
    check_fits,
    check_shares,
    checked_tokens,
    described,
    numbers,
)
from regard.plot.characters import visible
from regard.types import AttentionMap, FloatArray, Translation, TrustLine

# Longer tokens are cut in a label; the table of the page has them whole.
LABEL = 24
_MINUS = "\u2212"
_NOTHING = "There is nothing here to look at: one side has no tokens."


@dataclass(frozen=True, eq=False, slots=True)
class WeightGrid:
    """Weights of attention with a name for each row and column.

    Args:
        weights: ``(rows, columns)``, from 0 to 1.
        rows: What looked: written tokens, or queries.
        columns: What was looked at: tokens of the source, or keys.
        title: What stands above the map: the written text, or the layer.
        source: The text of the source, where there is one.
        remark: What is known of the whole, for example its log-probability.
        notes: What a reader has to know.
        sides: What a row and a column are called.
        trust: Whether the weights may be read as reasons, where that is known.
    """

    weights: FloatArray
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    title: str = ""
    source: str = ""
    remark: str = ""
    notes: tuple[str, ...] = ()
    sides: tuple[str, str] = ("query", "key")
    trust: TrustLine | None = None

    @property
    def hue(self) -> Hue:
        """The colour of its weights: grey where they mislead."""
        is_grey = self.trust is not None and self.trust.is_misleading
        return "grey" if is_grey else "blue"

    @classmethod
    def of(cls, translation: Translation) -> "WeightGrid":
        """The alignment of a translation."""
        return cls(
            translation.alignment,
            translation.target_tokens,
            translation.source_tokens,
            translation.text,
            translation.source,
            log_probability(translation),
            tuple(notes(translation)),
            ("written token", "token of the source"),
            translation.trust,
        )

    def grouped(self, most: int | None) -> "WeightGrid":
        """The same with neighbours in groups where a side is longer than ``most``.

        A cell then is what the rows of a group have, on average, on all columns of a
        group, so that a row still adds up to what it did.
        """
        if most is None or not self.weights.size or max(self.weights.shape) <= most:
            return self
        rows, columns = (_groups(size, most) for size in self.weights.shape)
        sums = np.add.reduceat(self.weights, [group.start for group in columns], axis=1)
        totals = np.add.reduceat(sums, [group.start for group in rows], axis=0)
        note = (
            f"This is {len(self.rows):,} by {len(self.columns):,} tokens, too large to "
            f"draw each: neighbours stand in groups of at most {len(rows[0]):,} by "
            f"{len(columns[0]):,}. A cell is what a row of the group has, on average, "
            "on all columns of the group."
        )
        return replace(
            self,
            weights=totals / np.array([[len(group)] for group in rows]),
            rows=_named(self.rows, rows),
            columns=_named(self.columns, columns),
            notes=(*self.notes, note),
        )


def weight_grids(
    weights: Any, sources: Any, targets: Any, most: int | None
) -> tuple[list[WeightGrid], int]:
    """The maps of weights as grids to draw, and how many were left out.

    Args:
        weights: A map, or an array ``(queries, keys)``.
        sources: The names of the keys, or None.
        targets: The names of the queries, or None.
        most: The most grids that there are to be; None: all.

    Raises:
        ArgumentError: The weights are no such map or array, hold none, or no numbers
            from 0 to 1, or there are more or fewer names than weights.
    """
    what = "weights of the alignment"
    expected = "an AttentionMap, or an array of shape (queries, keys)"
    axes: tuple[str, ...] = ("queries", "keys")
    layer, array = "", weights
    if isinstance(weights, AttentionMap):
        axes, layer, array = weights.axes, weights.layer, weights.weights
    array = array if isinstance(array, np.ndarray) else numbers(array, what, expected)
    if array.ndim != len(axes) or not any(axis.startswith("keys") for axis in axes):
        raise ArgumentError(
            f"The {what} cannot be drawn.",
            expected=expected,
            received=f"an array of shape {array.shape}",
            fix="Leave its keys whole."
            if layer
            else "Choose one map of it, for example weights[0, 0].",
        )
    grids, left_out = _grids(_Axes(array, axes), layer, (sources, targets), most)
    if not grids:
        raise ArgumentError(
            "There is no map to draw.",
            expected="at least one map",
            received=f"an array of shape {array.shape}",
        )
    return grids, left_out


class _Axes:
    """Weights with their keys last, the rows before them, and what is left before.

    Axes of one entry say nothing and are dropped, queries and keys are not. Several
    axes of queries, or of keys, become one.
    """

    def __init__(self, weights: FloatArray, axes: Sequence[str]) -> None:
        places = {
            side: [n for n, name in enumerate(axes) if name.partition("_")[0] == side]
            for side in ("queries", "keys")
        }
        attending = {*places["queries"], *places["keys"]}
        outer = [
            n for n, s in enumerate(weights.shape) if s != 1 and n not in attending
        ]
        rows = places["queries"] or outer[-1:]
        outer = [n for n in outer if n not in rows]
        dropped = [n for n in range(weights.ndim) if n not in attending]
        order = [*outer, *rows, *places["keys"]]
        moved = weights.transpose([*(n for n in dropped if n not in order), *order])
        sizes = [[weights.shape[n] for n in group] for group in (rows, places["keys"])]
        self.outer = [axes[n] for n in outer]
        self.rows = "queries" if places["queries"] else axes[rows[0]] if rows else ""
        self.weights = moved.reshape(
            *(weights.shape[n] for n in outer), *(prod(group) for group in sizes)
        )

    def places(self) -> Iterator[tuple[int, ...]]:
        """The places of the grids, in order."""
        return product(*(range(size) for size in self.weights.shape[:-2]))


def _grids(
    axes: _Axes, layer: str, tokens: tuple[Any, Any], most: int | None
) -> tuple[list[WeightGrid], int]:
    sources, targets = tokens
    if sources is not None or targets is not None:
        _check_one_text(axes)
    if targets is not None and axes.rows != "queries":
        raise ArgumentError(
            "This map has no queries that tokens could name.",
            expected="target_tokens left out",
            received=described(targets),
            fix="The keys take their names from source_tokens.",
        )
    columns = _labels(axes.weights, sources, "source_tokens", "keys")
    rows = _labels(axes.weights.swapaxes(-1, -2), targets, "target_tokens", axes.rows)
    grids = []
    for place in islice(axes.places(), most):
        named = [*map(_entry, axes.outer, place)]
        if axes.rows not in {"queries", ""}:
            named.append(f"a row for each {_side(axes.rows)}")
        # Only what is drawn is looked at: all of it can be gigabytes.
        weights = check_shares(axes.weights[place])
        grids.append(
            WeightGrid(
                weights,
                rows,
                columns,
                ", ".join(filter(None, (layer, *named))),
                notes=() if weights.size else (_NOTHING,),
                sides=(_side(axes.rows), "key"),
            )
        )
    return grids, prod(axes.weights.shape[:-2]) - len(grids)


def _side(axis: str) -> str:
    """What an axis has entries of, in the singular."""
    singular = {"batch": "sequence", "queries": "query", "": "query"}
    return singular.get(axis, axis.removesuffix("s"))


def _entry(axis: str, index: int) -> str:
    """What one entry of an axis is called."""
    return f"{_side(axis)} {index}"


def _labels(weights: FloatArray, tokens: Any, name: str, axis: str) -> tuple[str, ...]:
    """The names of the last axis: the tokens given, or its places."""
    if tokens is None:
        return tuple(map(str, range(weights.shape[-1])))
    checked = checked_tokens(tokens, name)
    check_fits(checked, weights, name, axis)
    return checked


def _check_one_text(axes: _Axes) -> None:
    if "batch" in (*axes.outer, axes.rows):
        raise ArgumentError(
            "The tokens are those of one text, the map has several.",
            expected="a map of one",
            received=f"a batch of {axes.weights.shape[0]}",
            fix="Choose one: map.select(batch=0).",
        )


def log_probability(translation: Translation) -> str:
    """The log-probability in words, with a real minus sign."""
    value = translation.log_probability
    # Nothing is certain that is not: the nearest to zero is not zero.
    shown = "> -0.001" if -0.0005 <= value < 0 else f"{value + 0.0:.3f}"
    return "log-probability " + shown.replace("-", _MINUS)


def notes(translation: Translation) -> list[str]:
    """The notes a reader needs on this translation."""
    sentences = []
    if not translation.target_tokens or not translation.source_tokens:
        sentences.append(_NOTHING)
    if not translation.finished:
        sentences.append("It was cut off before the model ended it.")
    if translation.truncated:
        sentences.append(
            "The source is longer than the model reads: it did not see the end."
        )
    return sentences


def _groups(size: int, most: int) -> list[range]:
    """Neighbours in groups of one size, the last perhaps smaller."""
    step = -(-size // most)
    return [range(start, min(start + step, size)) for start in range(0, size, step)]


def _named(names: Sequence[str], groups: Sequence[range]) -> tuple[str, ...]:
    """The names of groups: that of the first and that of the last in each."""
    return tuple(
        names[group[0]]
        if len(group) == 1
        else f"{visible(names[group[0]], LABEL // 2)}…"
        f"{visible(names[group[-1]], LABEL // 2 - 1)}"
        for group in groups
    )
