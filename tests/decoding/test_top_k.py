"""The best continuations among those of all hypotheses of a source."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from regard.decoding import Search
from regard.decoding.beam_search import BeamSearch, EncodedSources, best_of_all, top_k

pytestmark = pytest.mark.backends

#: Ranks rise with the values of a row, in each row from and by something else.
SLOPES, STARTS = np.array([1.0, 0.5, 2.0]), np.array([0.0, 3.0, -2.0])


def _found(values: np.ndarray, count: int, slopes=SLOPES, starts=STARTS) -> list:
    def ranked(values, rows):
        factor, start = ops.cast(slopes, "float32"), ops.cast(starts, "float32")
        if rows is not None:
            factor, start = ops.take(factor, rows), ops.take(start, rows)
        return values * factor[..., None] + start[..., None]

    found = best_of_all(ops.convert_to_tensor(values), count, ranked)
    return [ops.convert_to_numpy(each) for each in found]


@settings(deadline=None, max_examples=12)
@given(
    st.sampled_from([5, 128, 256, 767]),
    st.integers(1, 3),
    st.integers(2, 50),
    st.integers(0, 1000),
)
def test_they_are_the_highest_in_rank_of_all_rows(
    width: int, count: int, levels: int, seed: int
) -> None:
    # Few levels: most values have equals, also in other chunks.
    values = np.random.default_rng(seed).integers(0, levels, (2, 3, width))
    values = values.astype("float32")
    highest, rows, places = _found(values, count)
    ranks = values * SLOPES[:, None] + STARTS[:, None]
    expected = -np.sort(-ranks.reshape(2, -1), axis=-1)[:, :count]
    source = np.arange(2)[:, None]
    np.testing.assert_array_equal(ranks[source, rows, places], expected)
    np.testing.assert_array_equal(values[source, rows, places], highest)
    pairs = zip(rows, places, strict=True)
    assert all(len(set(zip(*pair, strict=True))) == count for pair in pairs)


@pytest.mark.parametrize("row", [0, 2])
@pytest.mark.parametrize("place", [0, 127, 128, 1919, 1920, 1999])
def test_the_highest_is_found_wherever_it_is(row: int, place: int) -> None:
    values = np.zeros((1, 3, 2000), "float32")
    values[:, row, place] = 1.0
    highest, rows, places = _found(values, 2, np.ones(3), np.zeros(3))
    assert highest.tolist() == [[1.0, 0.0]]
    assert [rows[0, 0], places[0, 0]] == [row, place]


def test_an_equal_value_of_an_earlier_chunk_comes_first() -> None:
    if keras.backend.backend() == "torch":
        pytest.skip("PyTorch's own top_k keeps no order among equals")
    values = np.zeros((1, 2, 1000), "float32")
    # The second chunk has the highest maximum, and the first an equal of its second.
    values[:, 1, 200], values[:, 1, [5, 150]] = 2.0, 1.0
    _, rows, places = _found(values, 2, np.ones(2), np.zeros(2))
    assert [rows.tolist(), places.tolist()] == [[[1, 1]], [[200, 5]]]


@pytest.mark.parametrize("width", [7, 300, 2000])
def test_the_highest_of_each_row(width: int) -> None:
    values = np.random.default_rng(width).normal(size=(2, 3, width)).astype("float32")
    found = map(ops.convert_to_numpy, top_k(ops.convert_to_tensor(values), 5))
    highest, places = found
    expected = np.argsort(-values, axis=-1)[..., :5]
    np.testing.assert_array_equal(places, expected)
    np.testing.assert_array_equal(
        highest, np.take_along_axis(values, expected, axis=-1)
    )


class _Fixed:
    """A model of three symbols that looks at nothing."""

    def step(self, previous, state, _memory):
        logits = np.full((*previous.shape, 400), -9.0, "float32")
        logits[..., [10, 200, 390]] = 0.001, 0.0010001, 0.5
        weights = ops.zeros((*previous.shape, 1, 5))
        return ops.convert_to_tensor(logits), weights, state


def test_far_from_0_ranks_tell_symbols_of_one_hypothesis_apart() -> None:
    # What is not looked at costs 690: there ranks are 6e-5 from each other.
    search = BeamSearch(Search(beam=2, coverage_penalty=10.0), steps=1)
    mask, prefix = ops.ones((1, 5), "bool"), ops.zeros((1, 1), "int32")
    source = EncodedSources(None, mask, prefix)
    beam, _, _ = search.run(_Fixed(), ops.zeros((1, 1)), source)
    assert ops.convert_to_numpy(beam.symbols)[0, :, 0].tolist() == [390, 200]
