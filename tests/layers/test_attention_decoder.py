"""The decoder holds to its equations: every cell, score, order and feeding."""

from itertools import combinations, product

import keras
import numpy as np
import pytest
from decoder_oracle import Oracle
from keras import ops, tree
from subjects import fill, to_numpy

from light_compilation import light_jit
from regard.layers import AttentionDecoder

pytestmark = pytest.mark.backends
ON_JAX = keras.backend.backend() == "jax"
on_jax = pytest.mark.skipif(not ON_JAX, reason="the gradient of its own is JAX's")

BATCH, KEYS, STEPS, UNITS, FEATURES, SYMBOLS = 3, 6, 5, 4, 3, 4
RNG = np.random.default_rng(3)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


MEMORY, INPUTS = normal(BATCH, KEYS, UNITS), normal(BATCH, STEPS, FEATURES)
# The second source has no valid key at all.
MEMORY_MASK = np.array([[1, 1, 0, 1, 1, 0], [0] * 6, [1] * 6], bool)
# Right padding, a gap and left padding.
INPUTS_MASK = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 0, 1], [0, 0, 1, 1, 1]], bool)
MASKS = {"memory_mask": MEMORY_MASK, "inputs_mask": INPUTS_MASK}
TARGETS = RNG.integers(0, SYMBOLS, (BATCH, STEPS))

SCORES = ("additive", "general", "dot", "scaled_dot")
ORDERS = ("bahdanau", "luong")


def plans():
    """Every plan; on JAX, which compiles each, those that hold every pair."""
    for place, plan in enumerate(
        product(("gru", "lstm"), SCORES, ORDERS, (False, True), (1, 2))
    ):
        cell, score, order, fed, heads = (place >> 5, place >> 3, *_bits(place))
        # Each pair of choices stays; a cell is that of score, order and feeding.
        kept = cell == (score ^ order ^ fed) & 1 and heads == (score >> 1 & 1) ^ order
        if kept or not ON_JAX:
            yield plan


def _bits(place):
    return place >> 2 & 1, place >> 1 & 1, place & 1


def named(plan):
    return "-".join(map(str, plan))


def decoder_and_oracle(
    cell="gru", score="additive", order="bahdanau", fed=False, heads=1, **more
):
    """A decoder whose weights do not vanish, and its oracle.

    ``shapes`` are those of what it is given besides the memory.
    """
    shapes = more.pop("shapes", (INPUTS.shape,))
    layer = AttentionDecoder(
        UNITS, cell, score, order, heads, input_feeding=fed, seed=4, **more
    )
    layer.build(MEMORY.shape, *shapes)
    fill(layer)
    weights = {w.name: to_numpy(w).astype(float) for w in layer.trainable_weights}
    return layer, Oracle(weights, cell, score, order, heads, fed)


def called(layer, *tensors, **masks):
    """Output and weights, compiled at once where an eager scan is compiled anyway."""

    def call(tensors, masks):
        return layer(*tensors, **masks, return_attention_scores=True)

    output, weights = light_jit(call)(tensors, masks)
    return to_numpy(output), to_numpy(weights)


def stepping(layer):
    """The step of a layer, compiled where that is quicker than each operation."""
    return light_jit(layer.step)


def softmax(scores):
    raised = np.exp(scores)
    return raised / raised.sum(axis=-1, keepdims=True)


def near(actual, expected, atol=1e-5):
    for each, wanted in zip(actual, expected, strict=True):
        np.testing.assert_allclose(each, wanted, rtol=0, atol=atol)


@pytest.mark.parametrize("plan", list(plans()), ids=named)
def test_it_computes_its_equations(plan):
    layer, oracle = decoder_and_oracle(*plan)
    actual = called(layer, MEMORY, INPUTS, **MASKS)
    near(actual, oracle(MEMORY, INPUTS, **MASKS))
    weights, heads = actual[1], plan[-1]
    assert weights.shape == (BATCH, heads, STEPS, KEYS)
    valid = INPUTS_MASK & MEMORY_MASK.any(1)[:, None]
    sums = np.broadcast_to(valid[:, None], weights.shape[:3])
    np.testing.assert_allclose(weights.sum(-1), sums, atol=1e-5)
    assert not weights.transpose(0, 3, 1, 2)[~MEMORY_MASK].any()


def test_the_plans_of_jax_hold_every_pair_of_choices():
    kept = list(plans())
    choices = [set(choice) for choice in zip(*kept, strict=True)]
    assert [len(choice) for choice in choices] == [2, 4, 2, 2, 2]
    for first, second in combinations(range(5), 2):
        pairs = {(plan[first], plan[second]) for plan in kept}
        assert pairs == set(product(choices[first], choices[second]))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_an_initial_state(cell):
    layer, oracle = decoder_and_oracle(cell, "general", "luong", True)
    state = [normal(BATCH, UNITS) for _ in range(1 if cell == "gru" else 2)]
    initial = tree.map_structure(ops.convert_to_tensor, state)
    initial = initial[0] if cell == "gru" else initial
    actual = called(layer, MEMORY, INPUTS, initial_state=initial)
    near(actual, oracle(MEMORY, INPUTS, initial_state=state))


def test_another_width_of_the_score_and_none_of_its_bias():
    layer, oracle = decoder_and_oracle(heads=2, attention_units=7, use_bias=False)
    assert "score_bias" not in oracle.weights
    assert oracle.weights["score_scale"].shape == (2, 7)
    near(called(layer, MEMORY, INPUTS), oracle(MEMORY, INPUTS))


def test_large_scores():
    """Where the factors of the keys overflow, and where all but one weight vanish."""
    layer, oracle = decoder_and_oracle(heads=2)
    memory = 60 * MEMORY
    actual = called(layer, memory, INPUTS, memory_mask=MEMORY_MASK)
    near(actual, oracle(memory, INPUTS, memory_mask=MEMORY_MASK), atol=1e-4)


class TestMaskedSteps:
    """A masked step is not there for those after it."""

    @pytest.mark.parametrize("order", ORDERS)
    def test_the_others_are_as_without_it(self, order):
        layer, _ = decoder_and_oracle("lstm", "general", order, True, 2)
        output, weights = called(layer, MEMORY, INPUTS, inputs_mask=INPUTS_MASK)
        kept = np.stack(
            [row[mask] for row, mask in zip(INPUTS, INPUTS_MASK, strict=True)]
        )
        without = called(layer, MEMORY, kept)
        for row, mask in enumerate(INPUTS_MASK):
            actual = output[row, mask], weights[row][:, mask]
            near(actual, (without[0][row], without[1][row]), atol=1e-6)

    def test_what_it_holds_changes_nothing(self):
        layer, _ = decoder_and_oracle("gru", "additive", "bahdanau", True)
        filled = np.where(INPUTS_MASK[..., None], INPUTS, np.float32(np.nan))
        actual = called(layer, MEMORY, filled, **MASKS)
        for one, other in zip(
            actual, called(layer, MEMORY, INPUTS, **MASKS), strict=True
        ):
            np.testing.assert_array_equal(one, other)


class TestSteps:
    """One symbol at a time, as a search asks for it."""

    PLANS = (
        ("gru", "additive", "bahdanau", False, 2),
        ("lstm", "general", "luong", True, 2),
        ("lstm", "additive", "luong", False, 1),
        ("gru", "scaled_dot", "bahdanau", True, 1),
    )

    @pytest.mark.parametrize("plan", PLANS[:2], ids=named)
    def test_equal_the_call(self, plan):
        layer, _ = decoder_and_oracle(*plan)
        actual = self.stepped(layer, INPUTS, layer.first_state(BATCH))
        near(actual, called(layer, MEMORY, INPUTS, memory_mask=MEMORY_MASK))

    @pytest.mark.parametrize("plan", PLANS, ids=named)
    def test_hypotheses_share_a_source(self, plan):
        """Those of a source are what a batch is in which it comes as often."""
        beams = 3
        layer, _ = decoder_and_oracle(*plan)
        inputs = normal(BATCH, beams, STEPS, FEATURES)
        state = tree.map_structure(
            lambda zeros: ops.repeat(zeros[:, None], beams, axis=1),
            layer.first_state(BATCH),
        )
        actual = self.stepped(layer, np.moveaxis(inputs, 2, 1), state)
        expected = called(
            layer,
            np.repeat(MEMORY, beams, 0),
            inputs.reshape(-1, STEPS, FEATURES),
            memory_mask=np.repeat(MEMORY_MASK, beams, 0),
        )
        heads = plan[-1]
        assert actual[1].shape == (BATCH, beams, heads, STEPS, KEYS)
        pairs = zip(actual, expected, strict=True)
        near((one.reshape(other.shape) for one, other in pairs), expected)

    @pytest.mark.parametrize("plan", PLANS, ids=named)
    def test_given_weights_take_the_place_of_its_own(self, plan):
        """In one step alone, what it starts from being as before."""
        layer, oracle = decoder_and_oracle(*plan)
        given = softmax(normal(BATCH, plan[-1], STEPS, KEYS))
        step, memory = stepping(layer), layer.prepare(MEMORY)
        _, _, state = step(INPUTS[:, 0], layer.first_state(BATCH), memory)
        output, weights, _ = step(INPUTS[:, 1], state, memory, given[:, :, 1])
        own = oracle(MEMORY, INPUTS)[1]
        only = np.where(np.arange(STEPS)[:, None] == 1, given, own)
        expected, _ = oracle(MEMORY, INPUTS, given=only)
        near([to_numpy(output)], [expected[:, 1]], atol=1e-6)
        np.testing.assert_array_equal(to_numpy(weights), given[:, :, 1])
        again, _, _ = step(INPUTS[:, 1], state, memory, own[:, :, 1].astype("float32"))
        near([to_numpy(again)], [oracle(MEMORY, INPUTS)[0][:, 1]], atol=1e-6)

    @staticmethod
    def stepped(layer, inputs, state):
        """Step by step: outputs and weights, the steps before their last axis."""
        step, memory = stepping(layer), layer.prepare(MEMORY, MEMORY_MASK)
        outputs, rows = [], []
        for t in range(STEPS):
            output, weights, state = step(inputs[:, t], state, memory)
            outputs.append(to_numpy(output))
            rows.append(to_numpy(weights))
        return np.stack(outputs, -2), np.stack(rows, -2)

    def test_predict(self):
        layer, _ = decoder_and_oracle(output_units=SYMBOLS)
        memory = layer.prepare(MEMORY)
        actual, _, _ = stepping(layer)(INPUTS[:, 0], layer.first_state(BATCH), memory)
        output, _ = called(layer, MEMORY, INPUTS)
        near([to_numpy(actual)], [output[:, 0]])

    def test_start_from_a_given_state(self):
        layer, _ = decoder_and_oracle(fed=True)
        initial = normal(BATCH, UNITS)
        state = layer.first_state(BATCH, initial)
        memory = layer.prepare(MEMORY)
        actual, _, _ = stepping(layer)(INPUTS[:, 0], state, memory)
        output, _ = called(
            layer, MEMORY, INPUTS, initial_state=ops.convert_to_tensor(initial)
        )
        near([to_numpy(actual)], [output[:, 0]])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_steps_keep_the_type_of_their_state(policy):
    """A search carries the state through a compiled loop, where a type is fixed."""
    layer, _ = decoder_and_oracle(fed=True, dtype=policy)
    memory = layer.prepare(MEMORY, MEMORY_MASK)
    first = layer.first_state(BATCH)
    output, _, state = stepping(layer)(INPUTS[:, 0], first, memory)
    actual = [keras.backend.standardize_dtype(s.dtype) for s in tree.flatten(state)]
    assert actual == [layer.compute_dtype] * 2
    assert keras.backend.standardize_dtype(output.dtype) == layer.compute_dtype
