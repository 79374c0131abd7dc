"""On PyTorch the steps after the first repeat its calls, wherever that is the same."""

import importlib
from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import ops, tree
from test_scan import PARTS, STEPS, arguments, close, leaves, normal, run, step

from regard.ops.scan import unroll, unroll_while

pytestmark = [
    pytest.mark.backends,
    pytest.mark.skipif(
        keras.backend.backend() != "torch", reason="a loop of PyTorch's own"
    ),
]


@pytest.fixture
def repeated(monkeypatch):
    """Of each run whether its steps were repeated."""
    on_torch = importlib.import_module("regard.ops.scan.torch_unroll")
    original, told = on_torch.unroll, []

    def telling(*arguments):
        result = original(*arguments)
        told.append(result is not None)
        return result

    monkeypatch.setattr(on_torch, "unroll", telling)
    return told


def plain(step, *arguments):
    general = importlib.import_module("regard.ops.scan.unroll")
    fixed, carry, inputs, marks, constants = arguments
    return general._plain(step, {}, (fixed, carry, inputs, marks, constants))


def test_values_and_gradients_are_those_of_the_plain_loop(repeated):
    general = importlib.import_module("regard.ops.scan.unroll")

    def plainly(*nests):
        return general._plain(step, PARTS, nests)

    pulled = []
    for unrolled in (run, plainly):
        nests = arguments()
        moving = [leaf for leaf in leaves(nests[:3]) if leaf.is_floating_point()]
        for leaf in moving:
            leaf.requires_grad_(True)
        results = tree.flatten(unrolled(*nests))
        # Each place has a part of its own in it.
        shares = [ops.convert_to_tensor(normal(*leaf.shape)) for leaf in results]
        parts = map(ops.multiply, results, shares)
        sum(map(ops.sum, parts)).backward()
        pulled.append([leaf.grad for leaf in moving if leaf.grad is not None])
    close(*pulled, atol=2e-5)
    # Of the eleven, the part that is not used has none.
    assert len(pulled[0]) == 10
    assert repeated == [True]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_types(dtype, repeated):
    def adding(apply, carry, outer, marks, constants):
        del apply, constants
        after = ops.where(marks, ops.tanh(carry * 0.5 + outer), carry)
        return after, ops.cast(after, "float32")

    outer = ops.cast(normal(STEPS, 2, 3), dtype)
    valid = ops.convert_to_tensor(np.arange(STEPS)[:, None, None] != 2)
    nests = {}, outer[0], outer, valid, ()
    actual = unroll(adding, *nests[:1], *nests[:3], marks=valid)
    expected = plain(adding, *nests)
    for one, other in zip(tree.flatten(actual), tree.flatten(expected), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one.float().cpu(), other.float().cpu())
    assert repeated == [True]


def test_one_tensor_for_two_states(repeated):
    """Each goes its own way, also where both begin as the same tensor."""

    def apart(apply, carry, outer, marks, constants):
        del apply, marks, constants
        first, second = carry
        return (first + outer, second * 2), (first, second)

    one, outer = ops.ones((2, 3)), ops.ones((4, 2, 3))
    (first, second), (before, _) = unroll(apart, {}, {}, (one, one), outer)
    assert float(first[0, 0]) == 5
    assert float(second[0, 0]) == 16
    assert [float(step[0, 0]) for step in before] == [1, 2, 3, 4]
    assert repeated == [True]


def added(carry, outer):
    carry = carry + 0
    carry += outer
    return carry


ELSEWHERE = ops.convert_to_tensor(2.0)

REFUSED: dict[str, Callable] = {
    # A number of the first step would be taken for that of all.
    "a number": lambda carry, outer: carry + outer * float(ops.sum(outer)),
    "a choice": lambda carry, outer: carry + outer if outer.sum() > 0 else carry,
    # Nobody heard how it was made.
    "a tensor from elsewhere": lambda carry, outer: carry + outer * ELSEWHERE,
    "a change in place": lambda carry, outer: (carry + 0).add_(outer),
    "another change in place": added,
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_may_differ_from_step_to_step_is_not_repeated(what, repeated):
    outer = ops.convert_to_tensor(normal(STEPS, 2, 3))

    def own(apply, carry, outer, marks, constants):
        del apply, marks, constants
        after = REFUSED[what](carry, outer)
        return after, after

    expected, carry = [], np.zeros((2, 3))
    for at in outer.cpu().numpy().astype(float):
        carry = {
            "a number": lambda c, o: c + o * o.sum(),
            "a choice": lambda c, o: c + o if o.sum() > 0 else c,
            "a tensor from elsewhere": lambda c, o: c + 2 * o,
        }.get(what, lambda c, o: c + o)(carry, at)
        expected.append(carry)
    _, written = unroll(own, {}, {}, ops.zeros((2, 3)), outer)
    close(written, np.stack(expected).astype("float32"))
    assert repeated == [False]


def test_an_operator_with_a_gradient_of_its_own(repeated):
    import torch

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            del ctx
            return x * 2

        @staticmethod
        def backward(ctx, upstream):
            del ctx
            return upstream * 7

    def own(apply, carry, outer, marks, constants):
        del apply, marks, constants
        return carry + Double.apply(outer), ()

    outer = torch.ones(3, 2, requires_grad=True)
    after, _ = unroll(own, {}, {}, torch.zeros(2), outer)
    after.sum().backward()
    assert outer.grad.unique().tolist() == [7]
    assert repeated == [False]


def test_within_a_vectorised_function(repeated):
    def own(apply, carry, outer, marks, constants):
        del apply, marks, constants
        return carry + outer, carry

    outer = ops.ones((5, 3, 2))
    sums = ops.vectorized_map(
        lambda one: unroll(own, {}, {}, ops.zeros((2,)), one)[0], outer
    )
    assert sums.tolist() == [[3, 3]] * 5
    assert repeated == [False]


def counted_loop(step, constants):
    """The outputs of a loop to 9, and how often its step was run."""
    runs = []

    def counting(number, carry):
        runs.append(number)
        return step(number, carry)

    start, blank = ops.zeros((2,)), ops.zeros((9, 2))
    _, outputs, count = unroll_while(
        counting, lambda number, _: number < 9, start, blank, constants=constants
    )
    assert int(count) == 9
    return outputs[:, 0].tolist(), len(runs)


def test_a_loop_repeats_the_calls_of_its_first_step():
    one = ops.ones((2,))

    def counting_up(number, carry):
        del number
        # What converts nothing is not called again.
        after = ops.cast(carry, "float32") + ops.cast(one, "float32")
        return after, after

    assert counted_loop(counting_up, (one,)) == (list(range(1, 10)), 1)
    # A tensor that it was not told of could be another one in each step.
    assert counted_loop(counting_up, ()) == (list(range(1, 10)), 9)


def test_a_loop_whose_step_asks_for_numbers_is_run_as_it_is():
    def asking(number, carry):
        after = carry + (2 if int(number) == 3 else 1)
        return after, after

    expected = [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert counted_loop(asking, ()) == (expected, 9)
