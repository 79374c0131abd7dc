"""What a trained model writes for each source symbol, as its attention links them."""

from typing import Any

import numpy as np
from keras import ops

from regard.decoding.beam_search import top_k
from regard.decoding.shortlist import LinkCounts, Shortlist
from regard.ops import products_in
from regard.runtime import compile_function
from regard.text.id_file import lengths_of
from regard.text.padding import length_buckets, pad
from regard.text.special_ids import BEGIN_ID
from regard.translation.pair_batches import EncodedPairs
from regard.translation.seq2seq import Seq2Seq

# Of each step the most probable symbols, and the source symbols that are looked at
# most; of more pairs than these, evenly spread ones are read.
_SYMBOLS, _LOOKED_AT = 8, 4
_MOST_PAIRS = 50_000
_ROWS = 128


def learn_shortlist(model: Seq2Seq, pairs: EncodedPairs) -> Shortlist:
    r"""Learn which target symbols a model writes for each source symbol.

    Over all steps :math:`t` of pairs of the training, with the weights :math:`w` of the
    attention and the probabilities :math:`p` of the next symbol, the target before it
    being told,

    .. math::
        P(y \mid x) = \frac{1}{n(x)} \sum_t \sum_{j : x_j = x} w_{tj}\, p_t(y),

    how often :math:`y` is written for one of the :math:`n(x)` times that :math:`x` is
    read. What the model may write counts, not what the targets have: these have words
    that it never would write, and lack others.

    Args:
        model: A trained model.
        pairs: The pairs it was trained on.

    References:
        Jean et al. (2015), https://arxiv.org/abs/1412.2007, where candidates come from
        alignments of words.
    """
    program = compile_function(model, lambda *ids: _tensors(model, *ids))
    counts = LinkCounts(*model.symbols)
    step = max(1, -(-len(pairs) // _MOST_PAIRS))
    sides = lengths_of(pairs.sources), lengths_of(pairs.targets)
    longer = np.maximum(*sides).tolist()
    chosen = sorted(range(0, len(pairs), step), key=longer.__getitem__)
    # Few, since each is compiled.
    widths = length_buckets(1 + max(longer))
    for first in range(0, len(chosen), _ROWS):
        members = chosen[first : first + _ROWS]
        sources = [pairs.sources[member] for member in members]
        targets = [pairs.targets[member] for member in members]
        width = next(each for each in widths if each > longer[members[-1]])
        source = pad(sources, _ROWS, width)
        told = [np.concatenate([[BEGIN_ID], target]) for target in targets]
        counts.read(sources)
        places, weights, symbols, probabilities = program(
            source, pad(told, _ROWS, width)
        )
        ends = np.array([len(target) for target in targets])
        rows, steps = np.nonzero(np.arange(width) <= ends[:, None])
        looked_at = source[rows[:, None], places[rows, steps]]
        links = np.broadcast_arrays(
            looked_at[:, :, None],
            symbols[rows, steps][:, None],
            weights[rows, steps][:, :, None] * probabilities[rows, steps][:, None],
        )
        counts.add(*links)
    return counts.shortlist()


def _tensors(model: Seq2Seq, source: Any, before: Any) -> tuple[Any, ...]:
    """Where each step looks and what it writes: places, weights, symbols, shares."""
    with products_in(model.products):
        logits, weights = model.told(source, before)
    logits = ops.cast(logits, "float32")
    total = ops.logsumexp(logits, axis=-1, keepdims=True)
    likely, symbols = top_k(logits, min(_SYMBOLS, logits.shape[-1]))
    weights = ops.mean(ops.cast(weights, "float32"), axis=1)
    most, places = ops.top_k(weights, min(_LOOKED_AT, source.shape[1]))
    return places, most, symbols, ops.exp(likely - total)
