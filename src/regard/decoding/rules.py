"""The rules of a search: the symbols that may come next, and the rank of hypotheses.

A rule about symbols is a function and its place in ``CONSTRAINTS``; its setting is a
field of ``Search``. The terms of the rank are those of the formula of ``Search``.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from keras import ops

from regard._typing import Tensor
from regard.decoding.search import Search
from regard.text.special_ids import BEGIN_ID, END_ID, PADDING_ID, UNKNOWN_ID

# A source symbol that was hardly looked at costs no more than this.
_LEAST = 1e-6


class SearchStep(NamedTuple):
    """A step of a search, as rules see it.

    Args:
        index: Its number, from 0.
        written: ``(batch, beam, steps)``, the symbols so far; None where no rule asks.
        vocabulary: ``(count,)``, the symbols to choose from, in rising order.
    """

    index: Tensor
    written: Tensor
    vocabulary: Tensor


#: True where a symbol may come, None where the setting of a search asks for nothing. It
#: broadcasts to ``(batch, beam, count)``, where ``vocabulary`` is ``(count,)``.
Constraint: TypeAlias = Callable[[Search, SearchStep], Tensor | None]


def special_allowed(search: Search, index: Tensor, symbols: Tensor) -> Tensor:
    """Whether symbols may come next, as far as the special ones may not always.

    Args:
        search: The settings.
        index: The step, from 0.
        symbols: Of any shape.

    Returns:
        True where a symbol may come, in the shape of the symbols.
    """
    may = _joint(SPECIAL_CONSTRAINTS, search, SearchStep(index, None, symbols))
    return ops.ones_like(symbols, "bool") if may is None else may


def others_allowed(
    search: Search, index: Tensor, written: Tensor, vocabulary: Tensor
) -> Tensor | None:
    """The symbols that may come next, as far as that depends on those before.

    Args:
        search: The settings.
        index: The step, from 0.
        written: ``(batch, beam, steps)``, the symbols so far.
        vocabulary: ``(count,)``, the symbols to choose from, in rising order. All that
            is written is among them, and so are the special ones.

    Returns:
        True where a symbol may come, ``(batch, beam, count)``; None: all may.
    """
    return _joint(CONSTRAINTS, search, SearchStep(index, written, vocabulary))


def _joint(
    constraints: tuple[Constraint, ...], search: Search, step: SearchStep
) -> Tensor | None:
    permissions = [constraint(search, step) for constraint in constraints]
    given = [each for each in permissions if each is not None]
    return functools.reduce(ops.logical_and, given) if given else None


def rank(
    search: Search,
    log_probability: Tensor,
    length: Tensor,
    coverage: Tensor,
    mask: Tensor,
) -> Tensor:
    """The rank of hypotheses; ``Search`` has the formula.

    Args:
        search: The settings.
        log_probability: ``(batch, beam)``.
        length: ``(batch, beam)``.
        coverage: ``(batch, beam, source)``.
        mask: ``(batch, source)``.
    """
    norm = length_norm(search, length)
    penalty = _coverage_penalty(search, coverage, mask)
    return log_probability / norm + penalty


def attainable(search: Search, log_probability: Tensor, limit: Tensor | int) -> Tensor:
    """The bound that the rank of an unfinished hypothesis cannot exceed.

    Its probability only falls, the norm is largest at the end, and coverage costs.

    Args:
        search: The settings.
        log_probability: ``(batch, beam)``.
        limit: The most symbols that are written, one number or ``(batch, 1)``.
    """
    return log_probability / length_norm(search, ops.convert_to_tensor(limit))


def length_norm(search: Search, length: Tensor) -> Tensor:
    """``lp``, of lengths with the end."""
    longer = (5.0 + ops.cast(length, "float32")) / 6.0
    return longer**search.length_penalty


def _coverage_penalty(search: Search, coverage: Tensor, mask: Tensor) -> Tensor | float:
    if not search.coverage_penalty:
        return 0.0
    logarithms = ops.log(ops.clip(coverage, _LEAST, 1.0))
    logarithms = ops.where(ops.expand_dims(mask, 1), logarithms, 0.0)
    return search.coverage_penalty * ops.sum(logarithms, axis=-1)


def _no_padding_nor_begin(_: Search, step: SearchStep) -> Tensor:
    symbols = step.vocabulary
    return ops.logical_and(symbols != PADDING_ID, symbols != BEGIN_ID)


def _no_unknown(search: Search, step: SearchStep) -> Tensor | None:
    return step.vocabulary != UNKNOWN_ID if search.forbid_unknown else None


def _no_early_end(search: Search, step: SearchStep) -> Tensor | None:
    if not search.min_length:
        return None
    is_early = step.index < search.min_length
    return ~ops.logical_and(step.vocabulary == END_ID, is_early)


def _no_repeated_ngram(search: Search, step: SearchStep) -> Tensor | None:
    if not search.block_ngrams:
        return None
    size, index, written = search.block_ngrams, step.index, step.written
    count = step.vocabulary.shape[0]
    batch, beam, steps = ops.shape(written)
    places = ops.arange(steps)
    # The places whose n-gram is complete, and begins as the n-gram to come does.
    same = ops.logical_and(places >= size - 1, places < index)
    same = ops.broadcast_to(same, (batch, beam, steps))
    for back in range(1, size):
        before = ops.roll(written, back, axis=-1)
        last = ops.take(written, ops.maximum(index - back, 0), axis=-1)
        same = ops.logical_and(same, before == last[..., None])
    rows = ops.arange(batch * beam)[:, None] * count
    chosen = ops.searchsorted(step.vocabulary, ops.reshape(written, (-1,)))
    flat = rows + ops.reshape(ops.cast(chosen, rows.dtype), (batch * beam, steps))
    marks = ops.scatter(
        ops.reshape(flat, (-1, 1)),
        ops.cast(ops.reshape(same, (-1,)), "int32"),
        (batch * beam * count,),
    )
    repeats = ops.reshape(marks, (batch, beam, count)) > 0
    # An n-gram of one symbol may come again only as the end.
    return ~ops.logical_and(repeats, step.vocabulary != END_ID)


#: Rules about special symbols alone, whatever was written.
SPECIAL_CONSTRAINTS: tuple[Constraint, ...] = (
    _no_padding_nor_begin,
    _no_unknown,
    _no_early_end,
)
#: Rules about all symbols: they cost as much as there are.
CONSTRAINTS: tuple[Constraint, ...] = (_no_repeated_ngram,)
