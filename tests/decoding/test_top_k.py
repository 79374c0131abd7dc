"""The highest of many values."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from regard.decoding.beam_search import top_k

pytestmark = pytest.mark.backends


def _expected(values: np.ndarray, count: int) -> np.ndarray:
    return np.argsort(-values, axis=-1, kind="stable")[..., :count]


@settings(deadline=None, max_examples=20)
@given(
    st.sampled_from([5, 128, 640, 767, 768, 1000, 1408, 2000]),
    st.integers(1, 5),
    st.integers(2, 50),
    st.integers(0, 1000),
)
def test_they_are_in_order_and_of_equal_ones_the_first_come_first(
    width: int, count: int, levels: int, seed: int
) -> None:
    # Few levels: most values have equals, also in other chunks.
    values = np.random.default_rng(seed).integers(0, levels, (2, 3, width))
    values = values.astype("float32")
    expected = _expected(values, count)
    highest, places = map(
        ops.convert_to_numpy, top_k(ops.convert_to_tensor(values), count)
    )
    np.testing.assert_array_equal(
        highest, np.take_along_axis(values, expected, axis=-1)
    )
    np.testing.assert_array_equal(np.take_along_axis(values, places, axis=-1), highest)
    # PyTorch's own top_k keeps no order among equals.
    if keras.backend.backend() != "torch":
        np.testing.assert_array_equal(places, expected)


@pytest.mark.parametrize("place", [0, 127, 128, 1999])
def test_the_highest_is_found_wherever_it_is(place: int) -> None:
    values = np.zeros((1, 1, 2000), "float32")
    values[..., place] = 1.0
    highest, places = top_k(ops.convert_to_tensor(values), 2)
    assert ops.convert_to_numpy(highest).ravel().tolist() == [1.0, 0.0]
    assert ops.convert_to_numpy(places).ravel()[0] == place


def test_an_equal_value_of_an_earlier_chunk_comes_first() -> None:
    if keras.backend.backend() == "torch":
        pytest.skip("PyTorch's own top_k keeps no order among equals")
    values = np.zeros((1, 1, 1000), "float32")
    # The second chunk has the highest maximum, and the first an equal of its second.
    values[..., 200], values[..., [5, 150]] = 2.0, 1.0
    _, places = top_k(ops.convert_to_tensor(values), 2)
    assert ops.convert_to_numpy(places).ravel().tolist() == [200, 5]
