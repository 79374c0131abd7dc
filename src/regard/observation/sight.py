"""What a row of the table says about a class of layers."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

Method = Callable[..., Any]
See = Callable[[keras.Layer, Method, inspect.BoundArguments], tuple[Any, Any]]


@dataclass(frozen=True)
class Sight:
    """How the weights of one class of layers are seen.

    Args:
        method: The method that is watched while the layer is observed.
        see: Given the layer, the method and the arguments of a call: what the method
            returns, untouched, and the weights before dropout.
        axes: Given the layer and the rank of its weights: a name for each axis.
    """

    method: str
    see: See
    axes: Callable[[keras.Layer, int], tuple[str, ...]]


def one_sequence(_: keras.Layer, rank: int) -> tuple[str, ...]:
    """The axes of weights that are over one axis of queries and one of keys."""
    between = tuple(f"axis_{index}" for index in range(1, rank - 3))
    return ("batch", *between, "heads", "queries", "keys")
