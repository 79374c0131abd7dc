r"""The additive score on PyTorch: tanh in tiles that stay in the cache.

PyTorch runs one operation after the other, each over memory, and its tanh costs little
more than the reading and writing. What is slow about the plain formula is the memory:
a cube of ``Tq * Tk * D``, several times, kept for the gradient. Here a tile of it lives
in one buffer of the size of the cache, which every operation overwrites, and the
gradient computes the tiles again. Nothing depends on the values, so any finite input is
exact and a GPU never waits for the host.

Both directions are operators of their own to PyTorch, so that ``torch.compile`` and
``torch.export`` take them as they are, for symbolic shapes too, and do not unroll the
loop over the tiles.
"""

from collections.abc import Iterator
from typing import NoReturn

import torch

from regard._typing import Float
from regard.errors import ArgumentError

# The tile, by measurement: smaller ones wait for threads to start, larger ones leave
# the last-level cache. A GPU's cache is larger and so is what a launch costs.
_BYTES_PER_CORE = 2**22
_BYTES_ON_GPU = 2**25
# Sums over queries and over keys are fast when a tile is wide in both.
_QUERIES_PER_TILE = 16

# The place of a tile: rows of the batch, a head, queries and keys.
TileIndex = tuple[slice, int, slice, slice]


def scores(
    query: Float[torch.Tensor, "batch heads queries features"],
    key: Float[torch.Tensor, "batch heads keys features"],
    scale: Float[torch.Tensor, "heads features"],
) -> Float[torch.Tensor, "batch heads queries keys"]:
    """Additive scores, with a gradient that recomputes instead of storing.

    Args:
        query: ``(batch, heads, queries, features)``.
        key: ``(batch, heads, keys, features)``.
        scale: ``(heads, features)``.

    Returns:
        ``(batch, heads, queries, keys)``.

    Raises:
        ArgumentError: A second derivative is asked for.
    """
    result: torch.Tensor = _forward(query, key, scale)
    return result


@torch.library.custom_op("regard::additive_scores", mutates_args=())
def _forward(
    query: torch.Tensor, key: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    result = query.new_empty(*query.shape[:3], key.shape[2])
    buffer = _buffer(query)
    for tile in _tiles(query, key):
        rows, head, queries, keys = tile
        hidden = _hidden(query, key, tile, buffer)
        summed = torch.mv(hidden.flatten(0, 2), scale[head])
        result[rows, head, queries, keys] = summed.view(hidden.shape[:-1])
    return result


@torch.library.custom_op("regard::additive_scores_gradient", mutates_args=())
def _gradient(
    gradient: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    scale: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    # Contiguous whatever the inputs are: the compiler is told so below.
    by_query, by_key, by_scale = (
        torch.zeros_like(x, memory_format=torch.contiguous_format)
        for x in (query, key, scale)
    )
    buffer, unit = _buffer(query), query.new_ones(())
    for tile in _tiles(query, key):
        rows, head, queries, keys = tile
        part = gradient[tile]
        hidden = _hidden(query, key, tile, buffer)
        by_scale[head].addmv_(hidden.flatten(0, 2).t(), part.reshape(-1))
        slope = torch.addcmul(unit, hidden, hidden, value=-1, out=hidden)
        slope.mul_(part[..., None])
        by_query[rows, head, queries] += slope.sum(2)
        by_key[rows, head, keys] += slope.sum(1)
    by_query *= scale[:, None]
    by_key *= scale[:, None]
    return by_query, by_key, by_scale


def _tiles(query: torch.Tensor, key: torch.Tensor) -> Iterator[TileIndex]:
    """Where the cube is cut: several sequences at once where they are short."""
    batch, heads, queries, features = query.shape
    keys, room = key.shape[2], _room(query)
    # Many queries first, then as many keys as fit, then what is left over.
    key_step = _step(keys, room, min(queries, _QUERIES_PER_TILE) * features)
    query_step = _step(queries, room, key_step * features)
    row_step = _step(batch, room, query_step * key_step * features)
    for head in range(heads):
        for rows in _slices(batch, row_step):
            for of_queries in _slices(queries, query_step):
                for of_keys in _slices(keys, key_step):
                    yield rows, head, of_queries, of_keys


def _step(length: int, room: int, size: int) -> int:
    """How many entries of ``size`` go into ``room``: at least one."""
    return max(1, min(length, room // max(1, size)))


def _slices(length: int, step: int) -> Iterator[slice]:
    return (slice(i, min(i + step, length)) for i in range(0, length, step))


def _room(like: torch.Tensor) -> int:
    """The elements of a tile, for the device and the dtype of ``like``."""
    on_cpu = like.device.type == "cpu"
    size = _BYTES_PER_CORE * torch.get_num_threads() if on_cpu else _BYTES_ON_GPU
    return size // like.element_size()


def _buffer(like: torch.Tensor) -> torch.Tensor:
    # One row of features is the least that a tile can have.
    return like.new_empty(max(_room(like), like.shape[-1]))


def _hidden(
    query: torch.Tensor, key: torch.Tensor, tile: TileIndex, buffer: torch.Tensor
) -> torch.Tensor:
    """``tanh(q + k)`` of a tile, ``(rows, queries, keys, features)``, in the buffer."""
    rows, head, queries, keys = tile
    left, right = query[rows, head, queries, None], key[rows, head, None, keys]
    shape = torch.broadcast_shapes(left.shape, right.shape)
    hidden = buffer[: shape.numel()].view(shape)
    return torch.add(left, right, out=hidden).tanh_()


@_forward.register_fake
def _(query: torch.Tensor, key: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    del scale
    return query.new_empty(*query.shape[:3], key.shape[2])


@_gradient.register_fake
def _(
    gradient: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    scale: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    del gradient
    by_query, by_key, by_scale = (x.new_empty(x.shape) for x in (query, key, scale))
    return by_query, by_key, by_scale


def _remember(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]  # PyTorch's
    del output
    ctx.save_for_backward(*inputs)


def _backward(ctx, gradient):  # type: ignore[no-untyped-def]  # PyTorch's
    return _gradient(gradient, *ctx.saved_tensors)


def _refuse(*_) -> NoReturn:  # type: ignore[no-untyped-def]  # PyTorch's
    raise ArgumentError(
        "The additive score has no second derivative on PyTorch.",
        expected="gradients of the score alone, not of its gradient",
        fix="For second derivatives sum `scale * tanh(query + key)` yourself.",
    )


_forward.register_autograd(_backward, setup_context=_remember)
_gradient.register_autograd(_refuse)
