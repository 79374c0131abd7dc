"""Which symbols may come next, held against a plain Python definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from regard.decoding import Search
from regard.decoding.rules import others_allowed, special_allowed

pytestmark = pytest.mark.backends

PADDING, UNKNOWN, BEGIN, END = range(4)
COUNT, STEPS = 7, 8


def may(search: Search, written: list[int]) -> list[bool]:
    """The definition, for one hypothesis."""
    size = search.block_ngrams
    grams = {tuple(written[i : i + size]) for i in range(len(written) - size + 1)}

    def permits(symbol: int) -> bool:
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


@given(data=st.data(), index=st.integers(0, STEPS - 1), search=searches)
def test_what_may_come_next(data, index, search):
    row = st.lists(written_symbols, min_size=index, max_size=index)
    beams = data.draw(st.lists(st.tuples(row, row), min_size=2, max_size=2))
    written = np.zeros((2, 2, STEPS), "int32")
    written[:, :, :index] = beams
    number, symbols = ops.convert_to_tensor(index), ops.arange(COUNT)
    others = others_allowed(search, number, ops.convert_to_tensor(written), symbols)
    # What costs a mask of all symbols is made where a rule looks at all of them alone.
    assert (others is not None) == bool(search.block_ngrams)
    permitted = ops.convert_to_numpy(special_allowed(search, number, symbols))
    if others is not None:
        permitted = permitted & ops.convert_to_numpy(others)
    wanted = [[may(search, one) for one in hypotheses] for hypotheses in beams]
    np.testing.assert_array_equal(np.broadcast_to(permitted, (2, 2, COUNT)), wanted)


def test_rules_of_special_symbols_say_nothing_of_others():
    search = Search(forbid_unknown=True, min_length=STEPS)
    places = ops.reshape(ops.arange(4, 4 + 6), (2, 3))
    allowed = special_allowed(search, ops.convert_to_tensor(0), places)
    assert ops.convert_to_numpy(allowed).all()
