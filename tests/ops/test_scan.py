"""A step repeated over time: its values, and on JAX the gradient made for it."""

import keras
import numpy as np
import pytest
from keras import ops, tree

from light_compilation import light_compilation, light_jit
from regard.ops.scan import (
    CELLS,
    StepPart,
    gates,
    linear,
    split_gates,
    unroll,
    unroll_while,
)

pytestmark = pytest.mark.backends
on_jax = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the gradient of its own is JAX's"
)

STEPS, BATCH, UNITS, KEYS = 5, 3, 4, 6
# Left padding, a gap and right padding.
VALID = np.array([[0, 1, 1, 1, 1], [1, 0, 1, 0, 1], [1, 1, 1, 0, 0]], bool).T


@pytest.fixture(autouse=True)
def lightly():
    with light_compilation():
        yield


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype("float32")


def looking(moving, fixed):
    """A part that is linear in neither; ``fixed`` is a nest with an integer in it."""
    apart = moving[:, None] + fixed["keys"]
    return ops.sum(ops.tanh(apart), axis=1) / ops.cast(fixed["count"], "float32")


def looking_over_steps(moving, fixed):
    apart = moving[:, :, None] + fixed["keys"]
    return ops.sum(ops.tanh(apart), axis=2) / ops.cast(fixed["count"], "float32")


PARTS = {
    "own": linear(),
    "bare": linear(),
    "gates": gates(2),
    "look": StepPart(looking, looking_over_steps),
    "unused": linear(),
}


def step(apply, carry, outer, marks, constants):
    """Every part but one, a nest of each kind, a mark of each type."""
    state = carry["state"]
    new = ops.tanh(outer["added"] + apply("own", state)) * constants["size"]
    new = new + outer["scaled"] * apply("bare", new)
    first, second = apply("gates", new)
    new = new + ops.tanh(first) * ops.tanh(second)
    looked = apply("look", new) * ops.cast(marks["times"], "float32")
    new = ops.where(marks["valid"][:, None], new, state)
    return {"state": new, "total": carry["total"] + looked}, (new, {"looked": looked})


def arguments():
    fixed = {
        "own": (normal(UNITS, UNITS, seed=1), normal(UNITS, seed=2)),
        "bare": (normal(UNITS, UNITS, seed=3), None),
        "gates": (normal(UNITS, 2 * UNITS, seed=8), normal(2 * UNITS, seed=9)),
        "look": {"keys": normal(BATCH, KEYS, UNITS, seed=4), "count": np.int32(KEYS)},
        "unused": {"kernel": normal(2, 2), "count": np.int32(1)},
    }
    carry = {"state": normal(BATCH, UNITS, seed=5), "total": normal(BATCH, UNITS)}
    inputs = {
        "added": normal(STEPS, BATCH, UNITS, seed=6),
        "scaled": normal(STEPS, BATCH, UNITS, seed=7),
    }
    marks = {"valid": VALID, "times": np.arange(STEPS)}
    constants = {"size": np.float32(0.7)}
    nests = (fixed, carry, inputs, marks, constants)
    return mapped(ops.convert_to_tensor, nests)


def mapped(function, nests):
    """Of a nest in which a bias may be None."""
    return tree.map_structure(
        lambda leaf: None if leaf is None else function(leaf), nests
    )


def run(fixed, carry, inputs, marks, constants):
    return unroll(step, PARTS, fixed, carry, inputs, marks=marks, constants=constants)


def by_hand():
    """The same in float64 NumPy, from the equations of ``step``."""
    fixed, carry, inputs, _, constants = mapped(
        lambda tensor: ops.convert_to_numpy(tensor).astype("float64"), arguments()
    )
    kernel, bias = fixed["own"]
    state, total, states, looks = carry["state"], carry["total"], [], []
    for t in range(STEPS):
        new = np.tanh(inputs["added"][t] + state @ kernel + bias) * constants["size"]
        new = new + inputs["scaled"][t] * (new @ fixed["bare"][0])
        first, second = np.split(
            new @ fixed["gates"][0] + fixed["gates"][1], 2, axis=-1
        )
        new = new + np.tanh(first) * np.tanh(second)
        apart = np.tanh(new[:, None] + fixed["look"]["keys"])
        looks.append(apart.sum(1) / KEYS * t)
        total = total + looks[-1]
        state = np.where(VALID[t][:, None], new, state)
        states.append(state)
    return state, total, np.stack(states), np.stack(looks)


def close(result, expected, atol=1e-5):
    for pair in zip(leaves(result), leaves(expected), strict=True):
        first, second = map(ops.convert_to_numpy, pair)
        np.testing.assert_allclose(first, second, rtol=1e-5, atol=atol)


def leaves(nest):
    return [leaf for leaf in tree.flatten(nest) if leaf is not None]


def test_it_is_a_loop():
    carry, (states, aside) = run(*arguments())
    result = carry["state"], carry["total"], states, aside["looked"]
    close(result, by_hand())


def test_without_marks_and_constants():
    def adding(apply, carry, outer, marks, constants):
        assert not marks
        assert not constants
        return carry + outer, carry

    first, outer = ops.ones((2, 3)), ops.convert_to_tensor(normal(4, 2, 3))
    last, before = unroll(adding, {}, {}, first, outer)
    sums = 1 + np.cumsum(normal(4, 2, 3), axis=0)
    close(last, sums[-1])
    close(before, np.concatenate([np.ones((1, 2, 3)), sums[:-1]]))


def test_a_single_step():
    fixed, carry, inputs, marks, constants = arguments()
    inputs, marks = tree.map_structure(lambda tensor: tensor[:1], (inputs, marks))
    after, _ = run(fixed, carry, inputs, marks, constants)
    close(after["state"], by_hand()[2][0])


class TestCells:
    """Against the layers of Keras, which have the same order of gates."""

    @pytest.mark.parametrize("name", CELLS)
    def test_as_keras_computes_it(self, name):
        cell = {"gru": keras.layers.GRUCell, "lstm": keras.layers.LSTMCell}[name](
            UNITS, bias_initializer="random_normal"
        )
        inputs = ops.convert_to_tensor(normal(BATCH, 2))
        state = [ops.convert_to_tensor(normal(BATCH, UNITS, seed=s)) for s in (1, 2)]
        state = state[: CELLS[name].states]
        _, expected = cell(inputs, state)
        kernel, own_kernel, bias = cell.get_weights()
        biases = bias if name == "gru" else [bias, np.zeros_like(bias)]
        outer = ops.add(ops.matmul(inputs, kernel), biases[0])
        own = ops.add(ops.matmul(state[0], own_kernel), biases[1])
        count = CELLS[name].gates
        assert outer.shape[-1] == count * UNITS
        outer, own = split_gates(outer, count), split_gates(own, count)
        close(CELLS[name].advance(outer, own, tuple(state)), expected)


def loss_of(unrolled):
    """A number that everything a run gives has a part in, each place its own."""

    def loss(*nests):
        result = tree.flatten(unrolled(*nests))
        return sum(ops.sum(leaf * normal(*leaf.shape, seed=9)) for leaf in result)

    return loss


@on_jax
class TestGradient:
    """On JAX."""

    @staticmethod
    def scanned(fixed, carry, inputs, marks, constants):
        """Differentiated by JAX."""
        import jax

        def apply(name, moving):
            return PARTS[name].at_step(moving, fixed[name])

        return jax.lax.scan(
            lambda carry, at: step(apply, carry, *at, constants),
            carry,
            (inputs, marks),
        )

    @staticmethod
    def gradient(unrolled):
        import jax

        def apart(moving, counts, *rest):
            fixed, carry, inputs = moving
            whole = {name: {**fixed[name], "count": counts[name]} for name in counts}
            return loss_of(unrolled)({**fixed, **whole}, carry, inputs, *rest)

        fixed, carry, inputs, *rest = arguments()
        counts = {name: fixed[name].pop("count") for name in ("look", "unused")}
        return light_jit(jax.grad(apart))((fixed, carry, inputs), counts, *rest)

    def test_equals_that_of_a_scan(self):
        result, expected = self.gradient(run), self.gradient(self.scanned)
        assert len(leaves(result)) == 11
        close(result, expected, atol=2e-5)
        unused, bare = result[0]["unused"], result[0]["bare"]
        assert not np.any(unused["kernel"])
        assert bare[1] is None

    def test_used_twice_in_a_row(self):
        """The second run starts where the first ended and reads what it gave."""

        def twice(unrolled):
            def both(fixed, carry, inputs, marks, constants):
                carry, (states, _) = unrolled(fixed, carry, inputs, marks, constants)
                inputs = {**inputs, "added": states}
                return unrolled(fixed, carry, inputs, marks, constants)

            return both

        close(self.gradient(twice(run)), self.gradient(twice(self.scanned)), atol=1e-4)

    def test_nothing_flows_into_marks_and_constants(self):
        import jax

        nests = arguments()

        def loss(size):
            return loss_of(run)(*nests[:4], {"size": size})

        assert light_jit(jax.grad(loss))(nests[4]["size"]) == 0

    def test_without_jit(self):
        """Eager, with only the last carry used."""
        import jax

        fixed, carry, inputs, marks, constants = arguments()

        def last(unrolled, outer):
            outer = {**inputs, "added": outer}
            return ops.sum(unrolled(fixed, carry, outer, marks, constants)[0]["state"])

        expected = jax.grad(lambda outer: last(self.scanned, outer))
        expected = light_jit(expected)(inputs["added"])
        result = jax.grad(lambda outer: last(run, outer))(inputs["added"])
        close(result, expected)
        # A row of right padding ends before its last inputs.
        assert not np.any(result[3:, 2])

    def test_a_weight_gets_its_gradient_outside_of_the_loop(self):
        """In the backward loop nothing as large as a weight is carried."""
        import jax

        kernel, width = normal(32, 32), 32
        arguments = (kernel, ops.ones((2, width)), ops.ones((8, 2, width)))

        def recur(apply, state, outer, *_):
            after = ops.tanh(outer + apply("own", state))
            return after, after

        def loss(kernel, carry, inputs):
            fixed = {"own": (kernel, None)}
            return ops.sum(unroll(recur, {"own": linear()}, fixed, carry, inputs)[1])

        program = jax.make_jaxpr(jax.grad(loss))(*arguments)
        # What it hands out of each step has the steps as its first axis.
        left = [
            variable.aval.shape
            for loop in loops_of(program.jaxpr)
            for variable in loop.outvars
        ]
        assert left
        assert (width, width) not in left

    def test_keeps_nothing_that_it_can_compute_again(self):
        """Of ``(steps, batch, keys, units)`` and of the carried nothing is kept."""
        import jax

        steps, keys, units = 64, 32, 16
        fixed = {"look": {"keys": normal(2, keys, units), "count": np.float32(keys)}}
        parts = {"look": StepPart(looking, in_turn)}

        def recur(apply, state, outer, *_):
            after = outer + apply("look", state)
            return after, ()

        def loss(fixed, inputs):
            carry, _ = unroll(recur, parts, fixed, inputs[0], inputs)
            return ops.sum(carry)

        compiled = light_jit(jax.grad(loss)).lower(fixed, normal(steps, 2, units))
        result = compiled.compile().memory_analysis().temp_size_in_bytes
        assert result < 4 * steps * 2 * keys * units / 2


def in_turn(moving, fixed):
    """``looking`` of one step after the other, and in the gradient too."""
    import jax

    return jax.lax.map(jax.checkpoint(lambda row: looking(row, fixed)), moving)


def loops_of(program):
    """The scans of a JAX program, those inside of others too."""
    from jax.extend.core import jaxprs_in_params

    for equation in program.eqns:
        if equation.primitive.name == "scan":
            yield equation
        for inner in jaxprs_in_params(equation.params):
            yield from loops_of(inner)


@pytest.mark.parametrize(
    ("start", "count"), [([1, 2, 3], 4), ([1, 2, 30], 4), ([30, 20, 10], 0), ([0], 6)]
)
def test_a_loop_ends_when_nothing_is_left(start, count):
    ten = ops.convert_to_tensor(10.0)

    def step(number, carry):
        twice = {"x": carry["x"] * 2}
        return twice, (twice["x"] + ops.cast(number, "float32"), number)

    def goes_on(number, carry):
        return ops.logical_and(number < 6, ops.any(carry["x"] < ten))

    carry = {"x": ops.convert_to_tensor(np.array(start, "float32"))}
    blank = ops.zeros((6, len(start))), ops.zeros((6,), "int32")
    after, outputs, steps = unroll_while(step, goes_on, carry, blank, constants=(ten,))
    numbers = np.arange(count)
    expected = np.outer(2.0 ** (numbers + 1), start) + numbers[:, None]
    assert int(steps) == count
    close([after["x"]], [np.array(start) * 2.0**count])
    close([outputs[0][:count], outputs[1][:count]], [expected, numbers])


def test_a_loop_that_begins_later_keeps_what_was_written_before():
    def step(number, carry):
        return carry + 1.0, number * 10

    def goes_on(number, _carry):
        return number < 4

    blank = ops.convert_to_tensor(np.array([7, 8, 0, 0, 0], "int32"))
    start = ops.convert_to_tensor(0.0)
    after, outputs, steps = unroll_while(
        step, goes_on, start, blank, constants=(), begin=2
    )
    assert int(steps) == 4
    assert float(after) == 2.0
    close([outputs[:4]], [np.array([7, 8, 20, 30])])
