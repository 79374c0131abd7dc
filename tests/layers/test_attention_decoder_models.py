"""The decoder in models: trained, observed, saved, refused; and its gradient."""

import importlib
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops
from subjects import fill, gradient_of, to_numpy
from test_attention_decoder import (
    BATCH,
    INPUTS,
    INPUTS_MASK,
    MASKS,
    MEMORY,
    MEMORY_MASK,
    SYMBOLS,
    TARGETS,
    UNITS,
    decoder_and_oracle,
    named,
    normal,
    on_jax,
)

import regard
from light_compilation import is_on_gpu, light_jit
from regard._compat import mask_of
from regard.errors import ArgumentError
from regard.layers import AttentionDecoder
from shapes import unchecked

pytestmark = pytest.mark.backends

_HIDDEN = {"hidden": normal(BATCH, UNITS)}
STATES = {"gru": _HIDDEN, "lstm": {**_HIDDEN, "cell": normal(BATCH, UNITS)}}


class TestGradient:
    """Of a sum over outputs and weights, to each weight and each input."""

    PLANS = (
        ("gru", "additive", "bahdanau", False, 2),
        ("lstm", "additive", "luong", False, 1),
        ("lstm", "general", "luong", True, 1),
    )
    FED = ("gru", "scaled_dot", "bahdanau", True, 1)

    @staticmethod
    def of(layer):
        """By the name of the weight; memory, inputs and initial state by theirs."""
        arrays = {"memory": MEMORY, "inputs": INPUTS, **STATES[layer.cell]}
        tensors = [keras.Input(array.shape[1:]) for array in arrays.values()]
        masks = [keras.Input(mask.shape[1:], dtype="bool") for mask in MASKS.values()]
        outputs = layer(
            *tensors[:2],
            initial_state=tensors[2:],
            **dict(zip(MASKS, masks, strict=True)),
            return_attention_scores=True,
        )
        pull = gradient_of(keras.Model(tensors + masks, outputs))
        valid = [ops.convert_to_tensor(each) for each in MASKS.values()]
        moving = [ops.convert_to_tensor(each) for each in arrays.values()]
        names = [weight.name for weight in layer.trainable_weights]
        return dict(zip([*names, *arrays], pull(moving, valid), strict=True))

    @pytest.mark.parametrize("plan", PLANS, ids=named)
    def test_is_that_of_small_differences(self, plan):
        self.compare(*decoder_and_oracle(*plan))

    def test_through_a_prediction_that_is_fed_back(self):
        layer, oracle = decoder_and_oracle(
            *self.FED, output_units=SYMBOLS, feedback="softmax"
        )
        self.compare(layer, replace(oracle, feedback="softmax"))

    def compare(self, layer, oracle):
        """With the float64 oracle, in a direction of its own for each."""
        actual = self.of(layer)
        places = {**oracle.weights, "memory": MEMORY, "inputs": INPUTS}
        places |= STATES[oracle.cell]
        assert set(actual) == set(places)
        rng = np.random.default_rng(0)
        for name, gradient in actual.items():
            way = rng.normal(size=places[name].shape)
            ahead, behind = (
                self.loss(oracle, places | {name: places[name] + step * way})
                for step in (1e-5, -1e-5)
            )
            expected = (ahead - behind) / 2e-5
            along = (to_numpy(gradient).astype(float) * way).sum()
            assert along == pytest.approx(expected, rel=1e-3, abs=2e-4), name

    @staticmethod
    def loss(oracle, places):
        moved = replace(oracle, weights=places)
        state = [places[name] for name in STATES[oracle.cell]]
        outputs = moved(
            places["memory"], places["inputs"], initial_state=state, **MASKS
        )
        return sum((each**2).sum() for each in outputs)

    @on_jax
    def test_is_that_of_the_plain_loop(self, monkeypatch):
        from regard.ops.scan import jax_unroll

        layer, _ = decoder_and_oracle(
            *self.PLANS[0], output_units=SYMBOLS, feedback="softmax"
        )
        actual = self.of(layer)
        general = importlib.import_module("regard.ops.scan.unroll")
        monkeypatch.setattr(jax_unroll, "unroll", general._plain)
        for name, expected in self.of(layer).items():
            np.testing.assert_allclose(actual[name], expected, atol=5e-5, err_msg=name)

    @on_jax
    @pytest.mark.parametrize("order", ["bahdanau", "luong"])
    @pytest.mark.skipif(is_on_gpu(), reason="its products have a workspace beside")
    def test_keeps_nothing_of_steps_times_keys_times_units(self, order):
        import jax

        batch, steps, keys, units = 2, 64, 128, 64
        layer = AttentionDecoder(units, order=order)
        memory = np.ones((batch, keys, units), "float32")
        inputs = np.ones((batch, steps, units), "float32")
        layer.build(memory.shape, inputs.shape)
        trainable = [v.value for v in layer.trainable_variables]
        fixed = [v.value for v in layer.non_trainable_variables]

        def loss(trainable, memory, inputs):
            output, _ = layer.stateless_call(trainable, fixed, memory, inputs)
            return ops.sum(ops.square(output))

        gradient = light_jit(jax.grad(loss, (0, 1, 2)))
        program = gradient.lower(trainable, memory, inputs)
        kept = program.compile().memory_analysis().temp_size_in_bytes
        assert kept < 4 * batch * steps * keys * units


def translator(**arguments):
    """Token ids of both sides, any length, to predictions; masks travel."""
    source = keras.Input((None,), dtype="int32")
    before = keras.Input((None,), dtype="int32")
    memory = keras.layers.Embedding(9, UNITS, mask_zero=True)(source)
    inputs = keras.layers.Embedding(9, 3, mask_zero=True)(before)
    decoder = AttentionDecoder(
        UNITS, num_heads=2, output_units=9, name="decoder", **arguments
    )
    return keras.Model([source, before], decoder(memory, inputs))


SOURCE = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [6, 7, 8, 1, 2]])
BEFORE = np.array([[1, 2, 3, 4], [1, 5, 0, 0], [1, 2, 0, 0]])
AFTER = np.array([[2, 3, 4, 5], [5, 6, 0, 0], [2, 3, 0, 0]])


def test_a_model_trains_and_is_observed_and_saved(tmp_path):
    model = translator(dropout=0.1, dtype="mixed_bfloat16")
    fill(model)
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = [to_numpy(weight) for weight in model.trainable_weights]
    model.fit([SOURCE, BEFORE], AFTER, batch_size=3, epochs=1, verbose=0)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        # Nothing is fed back where the teacher tells.
        moved = np.any(to_numpy(weight) != old)
        assert moved == (weight.name != "feedback_kernel"), weight.name
    observed = regard.observe(model)([SOURCE, BEFORE])
    assert observed.outputs.shape == (3, 4, 9)
    ((key, attention),) = observed.attention.items()
    assert key == "decoder"
    assert attention.axes == ("batch", "heads", "queries", "keys")
    valid = (BEFORE != 0)[:, None, :, None] & (SOURCE != 0)[:, None, None]
    np.testing.assert_array_equal(
        attention.weights > 0, np.broadcast_to(valid, (3, 2, 4, 5))
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = regard.observe(loaded)([SOURCE, BEFORE])
    np.testing.assert_array_equal(again.outputs, observed.outputs)
    np.testing.assert_array_equal(again.attention["decoder"].weights, attention.weights)


@pytest.mark.parametrize("fed", [{}, {"feedback": "softmax"}, {"dropout": 0.1}])
def test_lengths_that_differ_from_batch_to_batch(fed):
    model = translator(**fed)
    fill(model)
    model.compile("sgd", "sparse_categorical_crossentropy")
    for steps in (4, 3, 2):
        batch = [SOURCE[:, :steps], BEFORE[:, :steps]]
        answered = model.predict(batch, verbose=0)
        np.testing.assert_allclose(answered, to_numpy(model(batch)), atol=1e-5)
    batches = ([(SOURCE[:, :n], BEFORE[:, :n]), AFTER[:, :n]] for n in (4, 3, 2))
    history = model.fit((tuple(batch) for batch in batches), epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])


def test_the_mask_of_the_inputs_goes_on():
    """A loss downstream leaves masked steps out; the mask of the memory ends."""
    layer, _ = decoder_and_oracle(score="dot")
    output = layer(MEMORY, INPUTS, **MASKS)
    np.testing.assert_array_equal(to_numpy(mask_of(output)), INPUTS_MASK)
    output = layer(MEMORY, INPUTS, memory_mask=MEMORY_MASK)
    assert mask_of(output) is None


def test_a_configuration_makes_the_layer_again():
    layer = AttentionDecoder(
        4,
        "lstm",
        "general",
        "luong",
        2,
        input_feeding=True,
        output_units=3,
        feedback="scheduled",
        output_length=7,
        sampling_rate=0.25,
        recurrent_initializer="glorot_normal",
        dropout=0.1,
    )
    again = AttentionDecoder.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.get_config()["sampling_rate"] == 0.25
    assert again.compute_output_shape((None, 5, 4)) == (None, 7, 3)
    assert again.compute_output_shape((2, 5, 4), None, (2, 6)) == (2, 6, 3)


SHORT = MEMORY[:, :, :3]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AttentionDecoder(0), "'units'"),
        (lambda: AttentionDecoder(4, "rnn"), "'gru', 'lstm'"),
        (lambda: AttentionDecoder(4, score="linear"), "'additive', 'concat'"),
        (lambda: AttentionDecoder(4, order="last"), "'bahdanau', 'luong'"),
        (lambda: AttentionDecoder(4, feedback="own"), "'teacher', 'softmax'"),
        (lambda: AttentionDecoder(4, num_heads=0), "'num_heads'"),
        (lambda: AttentionDecoder(4, output_length=0), "'output_length'"),
        (lambda: AttentionDecoder(4, feedback="softmax"), "output_units=None"),
        (lambda: AttentionDecoder(4, sampling_rate=2), "0 or more, at most 1"),
        (lambda: AttentionDecoder(4, num_heads=3)(MEMORY, INPUTS), "num_heads=3"),
        (lambda: AttentionDecoder(4, score="dot")(SHORT, INPUTS), "score='general'"),
        (lambda: AttentionDecoder(4)(MEMORY), "Received: neither"),
        (lambda: AttentionDecoder(4)(MEMORY, targets=TARGETS), "would not be used"),
        (
            lambda: AttentionDecoder(4, output_units=4)(MEMORY, INPUTS, TARGETS),
            "inputs and targets",
        ),
        (
            lambda: AttentionDecoder(4, output_units=4, feedback="argmax")(
                MEMORY, targets=TARGETS
            ),
            "feedback='argmax'",
        ),
        (
            lambda: AttentionDecoder(4)(MEMORY, INPUTS, memory_mask=INPUTS_MASK),
            "'memory_mask' does not fit",
        ),
        (
            lambda: AttentionDecoder(4)(MEMORY, INPUTS, inputs_mask=MEMORY_MASK),
            "'inputs_mask' does not fit",
        ),
        (
            lambda: AttentionDecoder(4, "lstm")(
                MEMORY, INPUTS, initial_state=ops.ones((BATCH, UNITS))
            ),
            "2 tensor(s) of (batch, 4)",
        ),
        (
            lambda: AttentionDecoder(4)(
                MEMORY, INPUTS, initial_state=ops.ones((BATCH, 3))
            ),
            "(3, 3)",
        ),
        (lambda: AttentionDecoder(4)(MEMORY[0], INPUTS), "'memory' does not have"),
        (lambda: AttentionDecoder(4)(MEMORY, INPUTS[0]), "'inputs' does not have"),
        (lambda: AttentionDecoder(4)(MEMORY, INPUTS[:2]), "'inputs' does not fit"),
        (
            lambda: AttentionDecoder(4, output_units=4)(MEMORY, targets=TARGETS[0]),
            "(batch, steps), with the batch of the memory, 3",
        ),
        (
            lambda: AttentionDecoder(4)(
                MEMORY, INPUTS, initial_state=ops.ones((2, UNITS))
            ),
            "'initial_state' does not fit",
        ),
        (
            lambda: decoder_and_oracle(output_units=SYMBOLS, shapes=())[0](
                MEMORY, INPUTS
            ),
            "built without inputs",
        ),
    ],
)
def test_wrong_arguments_say_what_is_right(make, message):
    with unchecked(), pytest.raises(ArgumentError) as caught:
        make()
    assert message in str(caught.value)
