"""Which symbols may come next, held against a plain Python definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from regard.decoding import Search
from regard.decoding.rules import allowed

pytestmark = pytest.mark.backends

PADDING, UNKNOWN, BEGIN, END = range(4)
COUNT, STEPS = 7, 8


def may(search: Search, written: list[int], forced: int) -> list[bool]:
    """The definition, for one hypothesis."""
    size = search.block_ngrams
    grams = {tuple(written[i : i + size]) for i in range(len(written) - size + 1)}

    def permits(symbol: int) -> bool:
        if forced:
            return symbol == forced
        if symbol in (PADDING, BEGIN):
            return False
        if symbol == UNKNOWN and search.forbid_unknown:
            return False
        if symbol == END:
            return len(written) >= search.min_length
        begin = written[len(written) - size + 1 :] if size > 1 else []
        return not size or (*begin, symbol) not in grams

    return [permits(symbol) for symbol in range(COUNT)]


written_symbols = st.sampled_from([UNKNOWN, 4, 5, 6])


searches = st.builds(
    Search,
    block_ngrams=st.integers(0, 3),
    min_length=st.integers(0, STEPS),
    forbid_unknown=st.booleans(),
)


@given(
    data=st.data(),
    index=st.integers(0, STEPS - 1),
    search=searches,
    forced=st.sampled_from([0, 0, END, 5]),
)
def test_what_may_come_next(data, index, search, forced):
    row = st.lists(written_symbols, min_size=index, max_size=index)
    beams = data.draw(st.lists(st.tuples(row, row), min_size=2, max_size=2))
    symbols = np.zeros((2, 2, STEPS), "int32")
    symbols[:, :, :index] = beams
    prefix = np.zeros((2, STEPS), "int32")
    prefix[1, index] = forced
    permitted = ops.convert_to_numpy(
        allowed(
            search,
            ops.convert_to_tensor(index),
            ops.convert_to_tensor(symbols),
            ops.convert_to_tensor(prefix),
            ops.arange(COUNT),
        )
    )
    wanted = [
        [may(search, written, must) for written in hypotheses]
        for hypotheses, must in zip(beams, (0, forced), strict=True)
    ]
    np.testing.assert_array_equal(np.broadcast_to(permitted, (2, 2, COUNT)), wanted)
