"""The layers that ``Seq2Seq`` is put together from."""

import itertools
from collections.abc import Callable

import keras

from regard.errors import ArgumentError
from regard.layers import GRU, LSTM

CELLS = {"gru": GRU, "lstm": LSTM}


def embedding(
    name: str, symbols: int, width: int, seed: int | None
) -> keras.layers.Embedding:
    """A table of vectors, about as long as 1 each at the start."""
    # No mask travels with it: the model makes the one mask that is needed.
    return keras.layers.Embedding(
        symbols,
        width,
        embeddings_initializer=keras.initializers.RandomNormal(
            stddev=width**-0.5, seed=seed
        ),
        name=name,
    )


def recurrent(
    name: str, cell: str, units: int, bidirectional: bool, seed: int | None
) -> keras.layers.Layer:
    """A recurrent layer that gives all its states, and the last one by itself.

    Args:
        name: Its name.
        cell: One of ``CELLS``.
        units: Its width in each direction.
        bidirectional: Whether it reads in both directions.
        seed: What its initial values depend on.
    """
    layer = CELLS[cell](
        units,
        return_sequences=True,
        return_state=True,
        kernel_initializer=keras.initializers.GlorotUniform(seed),
        recurrent_initializer=keras.initializers.Orthogonal(seed=seed),
        name=name,
    )
    return keras.layers.Bidirectional(layer, name=name) if bidirectional else layer


def seeds(seed: int | None) -> Callable[[], int | None]:
    """A function that gives a new seed at each call, or always None."""
    if seed is None:
        return lambda: None
    numbers = itertools.count(1_000_003 * seed)
    # No backend takes a wider seed.
    return lambda: next(numbers) % 2**31


def known_cell(cell: str) -> str:
    """The name of a cell, if it is one.

    Raises:
        ArgumentError: It is none.
    """
    if cell not in CELLS:
        raise ArgumentError(
            "'cell' names no recurrent cell.",
            expected=f"one of {list(CELLS)}",
            received=repr(cell),
        )
    return cell
