"""Which symbols a hypothesis may go on with."""

from keras import ops

from regard.decoding.settings import Search
from regard.ops.precision import Tensor
from regard.text.special_ids import BEGIN_ID, END_ID, PADDING_ID, UNKNOWN_ID


def allowed(
    search: Search, index: Tensor, symbols: Tensor, prefix: Tensor, count: int
) -> Tensor:
    """Which symbols may come next.

    Args:
        search: The settings.
        index: The step, from 0.
        symbols: ``(batch, beam, steps)``, what was written.
        prefix: ``(batch, steps)``, what has to be written, 0 where that is free.
        count: The number of symbols.

    Returns:
        True where a symbol may come, broadcasts to ``(batch, beam, count)``.
    """
    every = ops.arange(count)
    may = ops.logical_and(every != PADDING_ID, every != BEGIN_ID)
    if search.forbid_unknown:
        may = ops.logical_and(may, every != UNKNOWN_ID)
    if search.min_length:
        early = index < search.min_length
        may = ops.logical_and(may, ~ops.logical_and(every == END_ID, early))
    may = may[None, None]
    if search.block_ngrams:
        repeats = _repeats(search.block_ngrams, index, symbols, count)
        may = ops.logical_and(may, ~repeats)
    forced = ops.take(prefix, index, axis=1)[:, None, None]
    return ops.where(forced > 0, every[None, None] == forced, may)


def _repeats(size: int, index: Tensor, symbols: Tensor, count: int) -> Tensor:
    """Which symbols would write an n-gram again, ``(batch, beam, count)``."""
    batch, beam, steps = ops.shape(symbols)
    places = ops.arange(steps)
    # The places whose n-gram is complete, and begins as the n-gram to come does.
    same = ops.logical_and(places >= size - 1, places < index)
    same = ops.broadcast_to(same, (batch, beam, steps))
    for back in range(1, size):
        before = ops.roll(symbols, back, axis=-1)
        last = ops.take(symbols, ops.maximum(index - back, 0), axis=-1)
        same = ops.logical_and(same, before == last[..., None])
    rows = ops.arange(batch * beam)[:, None] * count
    flat = rows + ops.reshape(symbols, (batch * beam, steps))
    marks = ops.scatter(
        ops.reshape(flat, (-1, 1)),
        ops.cast(ops.reshape(same, (-1,)), "int32"),
        (batch * beam * count,),
    )
    found = ops.reshape(marks, (batch, beam, count)) > 0
    # An n-gram of one symbol may come again only as the end.
    return ops.logical_and(found, ops.arange(count) != END_ID)
