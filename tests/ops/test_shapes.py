"""The shapes in signatures are checked while the tests run, on every backend."""

import keras
import numpy as np
import pytest
from jaxtyping import TypeCheckError
from keras import ops

from regard.ops import scores
from shapes import unchecked

pytestmark = pytest.mark.backends

STATES, KERNEL = np.ones((2, 5, 4), "float32"), np.ones((4, 3), "float32")


def test_right_shapes_pass():
    assert tuple(scores.linear(STATES, KERNEL).shape) == (2, 3, 5)


@pytest.mark.parametrize(
    ("states", "kernel"),
    [
        (STATES[0], KERNEL),
        (STATES, KERNEL[:, 0]),
        (STATES, KERNEL[:3]),
        (STATES.astype("int32"), KERNEL),
        ("states", KERNEL),
    ],
    ids=["an axis too few", "no heads", "other features", "integers", "a string"],
)
def test_wrong_ones_do_not(states, kernel):
    with pytest.raises(TypeCheckError, match="linear"):
        scores.linear(states, kernel)


def test_what_a_function_gives_is_checked_too(monkeypatch):
    monkeypatch.setattr(scores.ops, "swapaxes", lambda tensor, *_: tensor)
    with pytest.raises(TypeCheckError, match="return value"):
        scores.linear(STATES, KERNEL)


def test_symbolic_tensors_are_checked_where_they_are_known():
    states = keras.Input((None, 4))
    assert scores.linear(states, KERNEL).shape == (None, 3, None)
    with pytest.raises(TypeCheckError):
        scores.linear(states, KERNEL[:3])


def test_variables_and_every_type_of_float_are_tensors():
    kernel = keras.Variable(KERNEL)
    for dtype in ("float16", "bfloat16", "float32"):
        assert scores.linear(ops.cast(STATES, dtype), kernel).shape[1] == 3


def test_the_check_can_be_left_out():
    with unchecked(), pytest.raises(Exception, match=r".") as raised:
        scores.linear(STATES, KERNEL[:3])
    assert not isinstance(raised.value, TypeCheckError)
