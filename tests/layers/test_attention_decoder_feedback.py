"""The feedback of the decoder, its dropout, and how long it writes."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops
from subjects import to_numpy
from test_attention_decoder import (
    BATCH,
    INPUTS,
    KEYS,
    MASKS,
    MEMORY,
    MEMORY_MASK,
    ON_JAX,
    STEPS,
    SYMBOLS,
    TARGETS,
    called,
    decoder_and_oracle,
    near,
)

from light_compilation import light_jit

pytestmark = pytest.mark.backends

# The symbol before each step: none before the first.
PREVIOUS = np.pad(TARGETS[:, :-1], ((0, 0), (1, 0)), constant_values=-1)


def decoder(feedback, *, oracle=None, shapes=(), **more):
    """A decoder that predicts; the oracle is told what is fed back in this call."""
    layer, plain = decoder_and_oracle(
        output_units=SYMBOLS, feedback=feedback, shapes=shapes, **more
    )
    return layer, replace(plain, feedback=oracle or feedback)


def trained(layer, *tensors, **named):
    """Output and weights of a call of training; its seed goes on from call to call."""
    named |= {"training": True, "return_attention_scores": True}
    if not ON_JAX:
        return [to_numpy(each) for each in layer(*tensors, **named)]
    weights = [variable.value for variable in layer.trainable_variables]
    seeds = layer.non_trainable_variables
    run = light_jit(lambda s: layer.stateless_call(weights, s, *tensors, **named))
    outputs, after = run([variable.value for variable in seeds])
    for variable, value in zip(seeds, after, strict=True):
        variable.assign(value)
    return [to_numpy(each) for each in outputs]


def test_its_own_prediction():
    layer, oracle = decoder("softmax")
    output, weights = called(layer, MEMORY, memory_mask=MEMORY_MASK)
    near((output, weights), oracle(MEMORY, steps=KEYS, memory_mask=MEMORY_MASK))
    np.testing.assert_allclose(output.sum(-1), 1, atol=1e-5)


def test_its_own_prediction_beside_inputs():
    layer, oracle = decoder(
        "softmax", shapes=(INPUTS.shape,), cell="lstm", order="luong", fed=True
    )
    near(called(layer, MEMORY, INPUTS, **MASKS), oracle(MEMORY, INPUTS, **MASKS))


@pytest.mark.parametrize("length", [2, 9])
def test_its_own_symbol_for_as_long_as_is_wished(length):
    layer, oracle = decoder("argmax", cell="lstm", order="luong", output_length=length)
    output, weights = called(layer, MEMORY)
    assert output.shape == (BATCH, length, SYMBOLS)
    near((output, weights), oracle(MEMORY, steps=length))


def test_the_targets():
    layer, oracle = decoder("teacher", shapes=(None, TARGETS.shape))
    oracle = replace(oracle, feedback=None)
    actual = called(layer, MEMORY, None, TARGETS, memory_mask=MEMORY_MASK)
    expected = oracle(MEMORY, steps=STEPS, previous=PREVIOUS, memory_mask=MEMORY_MASK)
    near(actual, expected)


def test_without_targets_the_teacher_is_its_own_symbol():
    layer, oracle = decoder("teacher", oracle="argmax", shapes=(None, TARGETS.shape))
    near(called(layer, MEMORY), oracle(MEMORY, steps=KEYS))


class TestScheduled:
    """The target at times, its own symbol at others."""

    @staticmethod
    def trained(layer):
        return trained(layer, MEMORY, targets=TARGETS)

    @pytest.mark.parametrize("rate", [0.0, 1.0])
    def test_always_and_never(self, rate):
        layer, oracle = decoder("scheduled", sampling_rate=rate)
        previous = None if rate else PREVIOUS
        near(self.trained(layer), oracle(MEMORY, steps=STEPS, previous=previous))

    def test_at_times(self):
        """Each row is that of some choice of the steps that are told."""
        layer, oracle = decoder("scheduled", sampling_rate=0.5)
        actual, _ = self.trained(layer)
        other, _ = self.trained(layer)
        choices = np.array(list(np.ndindex(*[2] * (STEPS - 1))))
        chosen = []
        for row in range(BATCH):
            previous = np.full((len(choices), STEPS), -1)
            previous[:, 1:] = np.where(choices, PREVIOUS[row, 1:], -1)
            memory = np.repeat(MEMORY[row : row + 1], len(choices), axis=0)
            expected, _ = oracle(memory, steps=STEPS, previous=previous)
            apart = np.abs(expected - actual[row]).max((1, 2))
            assert apart.min() < 1e-5
            chosen.append(apart < 1e-5)
        assert not all(row[0] for row in chosen)
        assert not all(row[-1] for row in chosen)
        assert np.any(actual != other)

    def test_a_seed_repeats_the_choice(self):
        first, second = (
            self.trained(decoder("scheduled", sampling_rate=0.5)[0]) for _ in range(2)
        )
        near(first, second, atol=0)

    def test_the_rate_can_be_changed(self):
        layer, oracle = decoder("scheduled", sampling_rate=0.0)
        layer.sampling_rate.assign(1.0)
        near(self.trained(layer), oracle(MEMORY, steps=STEPS))

    def test_no_target_is_told_in_inference(self):
        layer, oracle = decoder("scheduled", sampling_rate=0.0)
        actual = called(layer, MEMORY, None, TARGETS)
        near(actual, oracle(MEMORY, steps=STEPS))


class TestDropout:
    """Of the weights, before they are applied."""

    @staticmethod
    def dropped(**plan):
        layer, oracle = decoder_and_oracle(dropout=0.5, heads=2, **plan)
        return trained(layer, MEMORY, INPUTS), oracle

    @pytest.mark.parametrize("order", ["bahdanau", "luong"])
    def test_in_training(self, order):
        (output, weights), oracle = self.dropped(order=order)
        expected, before = oracle(MEMORY, INPUTS)
        assert np.abs(output - expected).max() > 1e-3
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
        # The first look is the same; with Luong's order so are the others.
        same = slice(None) if order == "luong" else slice(1)
        np.testing.assert_allclose(weights[..., same, :], before[..., same, :], 1e-4)

    def test_not_in_inference(self):
        layer, oracle = decoder_and_oracle(dropout=0.5, heads=2)
        near(called(layer, MEMORY, INPUTS), oracle(MEMORY, INPUTS))

    def test_a_seed_repeats_it(self):
        near(self.dropped(order="luong")[0], self.dropped(order="luong")[0], atol=0)


def test_asking_for_weights_changes_no_bit():
    layer, _ = decoder_and_oracle("lstm", "general", "luong", True, 2)

    def run(observed):
        def call(memory, inputs):
            outputs = layer(memory, inputs, **MASKS, return_attention_scores=observed)
            return outputs[0] if observed else outputs

        return to_numpy(light_jit(call)(MEMORY, INPUTS))

    # A compiler may fuse the two programs differently.
    np.testing.assert_allclose(run(True), run(False), atol=1e-6 if ON_JAX else 0)


def test_the_mask_of_a_memory_that_comes_alone():
    """Keras fills in a mask by name only where there is another tensor."""
    tokens = np.array([[1, 2, 0, 0], [3, 4, 5, 0]])
    memory = keras.layers.Embedding(9, 4, mask_zero=True)(tokens)
    layer, _ = decoder("softmax")
    _, weights = layer(memory, return_attention_scores=True)
    valid = np.broadcast_to((tokens != 0)[:, None, None], weights.shape)
    assert not to_numpy(weights)[~valid].any()
    np.testing.assert_allclose(to_numpy(weights).sum(-1), 1, atol=1e-5)


def test_numbers_of_any_type_as_masks():
    layer, _ = decoder_and_oracle(score="dot")
    actual = layer(MEMORY, INPUTS, memory_mask=MEMORY_MASK.astype(int).tolist())
    expected = layer(MEMORY, INPUTS, memory_mask=ops.convert_to_tensor(MEMORY_MASK))
    np.testing.assert_array_equal(to_numpy(actual), to_numpy(expected))
