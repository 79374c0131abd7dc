"""Saving, shapes, meaning and wrong use of each layer, besides the contract."""

from functools import partial

import keras
import numpy as np
import pytest
from cases import CASES, FEATURES, KEYS, MASK, STATES, batch_for
from jaxtyping import TypeCheckError
from subjects import Eager, arguments_of, fill, functional, tensors_of, to_numpy

from regard.errors import ArgumentError
from regard.layers import (
    AttentionDecoder,
    AttentionPooling,
    CrossAttention,
    FeatureAttention,
    SelfAttention,
)
from shapes import unchecked

pytestmark = pytest.mark.backends

every_case = pytest.mark.parametrize("name", CASES)
RNG = np.random.default_rng(2)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


# Saving and shapes, for every row of the table.


@every_case
def test_a_saved_model_gives_the_same_numbers(name, tmp_path):
    """Without ``custom_objects``, and the shapes are those that were announced."""
    case = CASES[name]
    batch = batch_for(case, "empty")
    layer = Eager(case).layer
    model = functional(layer, case, batch, observed=True)
    fill(layer)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    tensors = tensors_of(case, batch)
    for before, after, symbolic in zip(
        model(tensors), loaded(tensors), model.outputs, strict=True
    ):
        np.testing.assert_array_equal(to_numpy(before), to_numpy(after))
        fits(symbolic, before)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@every_case
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_the_symbolic_shape_is_the_eager_shape(name, dtype):
    case = CASES[name]
    batch = batch_for(case, "none")
    layer = Eager(case, dtype).layer
    positional, _ = arguments_of(case, batch)
    for batch_size in (None, len(batch.source)):
        inputs = [keras.KerasTensor((batch_size, *s.shape[1:])) for s in positional]
        for observed in (False, True):
            symbolic = layer(*inputs, return_attention_scores=observed)
            eager = layer(*positional, return_attention_scores=observed)
            pairs = (
                zip(symbolic, eager, strict=True) if observed else [(symbolic, eager)]
            )
            for expected, actual in pairs:
                fits(expected, actual)
    shapes = [state.shape for state in positional]
    context, weights = layer.compute_output_shape(*shapes, return_attention_scores=True)
    assert layer.compute_output_shape(*shapes) == context
    assert [context, weights] == [tuple(actual.shape) for actual in eager]
    assert len(layer.weights_axes) == len(weights)


def fits(symbolic, eager):
    assert len(symbolic.shape) == len(eager.shape)
    for announced, actual in zip(symbolic.shape, eager.shape, strict=True):
        assert announced in {None, actual}
    announced, actual = map(
        keras.backend.standardize_dtype, (symbolic.dtype, eager.dtype)
    )
    assert announced == actual


# Meaning.


def test_heads_of_pooling_stand_side_by_side():
    layer = AttentionPooling("linear", num_heads=2)
    context, weights = layer(STATES, return_attention_scores=True)
    halves = np.split(to_numpy(context), 2, axis=1)
    for head, half in enumerate(halves):
        expected = np.einsum("bt,btf->bf", to_numpy(weights)[:, head], STATES)
        np.testing.assert_allclose(half, expected, atol=1e-5)


def test_a_key_of_its_own():
    """Scores come from the key, contexts from the value."""
    key, value = normal(3, 5, 4), normal(3, 5, 2)
    layer = CrossAttention("dot")
    context, weights = layer(STATES, value, key, return_attention_scores=True)
    _, of_keys = layer(STATES, key, return_attention_scores=True)
    np.testing.assert_array_equal(to_numpy(weights), to_numpy(of_keys))
    expected = np.einsum("bhqk,bkf->bqf", to_numpy(weights), value)
    np.testing.assert_allclose(to_numpy(context), expected, atol=1e-5)


def test_value_mask_and_key_mask_both_hide():
    first, last = np.array([[0, 1, 1, 1, 1]] * 3), np.array([[1, 1, 1, 1, 0]] * 3)
    source = normal(3, 5, 4)
    _, weights = CrossAttention("dot")(
        STATES,
        source,
        source,
        value_mask=first,
        key_mask=last,
        return_attention_scores=True,
    )
    assert not to_numpy(weights)[..., [0, 4]].any()
    assert to_numpy(weights)[..., 1:4].all()


def test_causal_and_padding_hide_together():
    layer = SelfAttention("dot")
    _, weights = layer(
        STATES, mask=MASK, use_causal_mask=True, return_attention_scores=True
    )
    allowed = np.tril(np.ones((KEYS, KEYS), bool)) & MASK[:, None] & MASK[:, :, None]
    np.testing.assert_array_equal(to_numpy(weights)[:, 0] > 0, allowed)


@pytest.mark.parametrize("name", [n for n in CASES if CASES[n].kind != "feature"])
def test_a_layer_is_not_tied_to_the_length_it_was_built_with(name):
    case = CASES[name]
    if case.kind == "cross":
        case_inputs = [normal(2, 9, 6), normal(2, 8, 6)]
    elif case.kind == "decoder":
        case_inputs = [normal(2, 8, 6), normal(2, 9, 6)]
    else:
        case_inputs = [normal(2, 9, FEATURES)]
    subject = Eager(case)
    subject.build(batch_for(case, "none"))
    _, weights = subject.layer(*case_inputs, return_attention_scores=True)
    keys = case_inputs[0 if case.kind == "decoder" else -1].shape[1]
    assert weights.shape[-1] == keys
    np.testing.assert_allclose(to_numpy(weights).sum(-1), 1, atol=1e-5)


def test_the_toy_model_of_two_gates_has_369_parameters():
    toy = keras.Sequential(
        [
            keras.Input((4,)),
            FeatureAttention(use_bias=False),
            keras.layers.Dense(16),
            FeatureAttention(use_bias=False),
            keras.layers.Dense(1),
        ]
    )
    assert toy.count_params() == 369


def test_weights_of_one_layer_are_drawn_apart():
    """One initializer object would give both gates the same values."""
    layer = AttentionPooling("gated")
    layer.build((None, None, 4))
    tanh_kernel, sigmoid_kernel, _ = layer.get_weights()
    assert np.abs(tanh_kernel - sigmoid_kernel).max() > 0.01


def test_regularizers_and_constraints_reach_the_weights():
    layer = AttentionPooling(
        "context",
        units=3,
        kernel_regularizer=keras.regularizers.L2(1.0),
        bias_regularizer=keras.regularizers.L1(1.0),
        bias_initializer="ones",
        kernel_constraint="non_neg",
        bias_constraint="unit_norm",
    )
    layer(STATES)
    kernel, bias, vector = layer.get_weights()
    expected = [(kernel**2).sum(), np.abs(bias).sum(), (vector**2).sum()]
    losses = [float(loss) for loss in layer.losses]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    kinds = [type(weight.constraint).__name__ for weight in layer.trainable_weights]
    assert kinds == ["NonNeg", "UnitNorm", "NonNeg"]


def test_a_seed_repeats_the_dropout():
    first, second = (
        to_numpy(
            AttentionPooling(dropout=0.5, seed=4, kernel_initializer="ones")(
                STATES, training=True
            )
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("layer", [AttentionPooling, SelfAttention])
def test_without_a_bias(layer):
    built = layer(use_bias=False)
    built(STATES)
    assert "bias" not in [weight.name for weight in built.trainable_weights]


def test_a_model_trains():
    """The weights find the marked step; the other steps say the label at random."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    rows, places = np.arange(128), rng.integers(0, 5, 128)
    states = rng.choice([-1.0, 1.0], size=(128, 5, 2)).astype(np.float32)
    states[..., 1] = 0
    states[rows, places, 1] = 1
    labels = states[rows, places, 0]
    model = keras.Sequential([AttentionPooling("linear"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.fit(states, labels, batch_size=128, epochs=200, verbose=0)
    _, weights = model.layers[0](states, return_attention_scores=True)
    # An even share is 0.2; the best linear model of the mean keeps an error of 0.8.
    assert to_numpy(weights)[rows, 0, places].mean() > 0.4
    assert model.evaluate(states, labels, verbose=0) < 0.1


# Wrong use: the error says what would be right.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AttentionPooling("softmax"), "'linear', 'feed_forward'"),
        (lambda: AttentionPooling("last", alignment="dot"), "'general', 'additive'"),
        (lambda: CrossAttention("linear"), "'additive', 'concat'"),
        (lambda: AttentionPooling(num_heads=0), "'num_heads'"),
        (lambda: AttentionPooling("context", units=1.5), "'units'"),
        (lambda: SelfAttention("dot", units=4), "no hidden layer"),
        (lambda: SelfAttention(window=0), "'window'"),
        (lambda: FeatureAttention(dropout=1.0), "up to but not including 1"),
        (lambda: SelfAttention(num_heads=3)(STATES), "a multiple of num_heads=3"),
        (lambda: CrossAttention("dot")(STATES, normal(3, 5, 2)), "4 and 2"),
        (lambda: CrossAttention()(STATES, normal(3, 5)), "'key' does not have"),
        (
            lambda: CrossAttention()(STATES, normal(3, 5, 4), normal(3, 6, 4)),
            "as many keys as values: 5",
        ),
        (lambda: AttentionPooling()(STATES, mask=MASK[:, :3]), "(3, 6)"),
        (lambda: AttentionPooling()(STATES, mask=MASK[..., None]), "(3, 6, 1)"),
        (
            lambda: SelfAttention()(STATES, attention_mask=MASK[0]),
            "'attention_mask' says",
        ),
        (lambda: AttentionPooling().build((None, 3, None)), "features known"),
        (lambda: FeatureAttention().build((None, None)), "features known"),
    ],
)
def test_wrong_arguments_say_what_is_right(make, message):
    with unchecked(), pytest.raises(ArgumentError) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize("is_built", [False, True])
@pytest.mark.parametrize(
    ("make", "axes", "message"),
    [
        (AttentionPooling, 2, "return_sequences=True"),
        (AttentionPooling, 4, "TimeDistributed"),
        (SelfAttention, 2, "return_sequences=True"),
        (CrossAttention, 2, "return_sequences=True"),
        (FeatureAttention, 3, "AttentionPooling"),
        (
            partial(AttentionDecoder, 4, output_units=3, output_length=2),
            2,
            "return_sequences=True",
        ),
    ],
)
def test_an_input_of_the_wrong_rank_is_refused(make, axes, message, is_built):
    layer = make()
    inputs = 1 + isinstance(layer, CrossAttention)
    if is_built:
        layer(
            *[normal(3, 4) if isinstance(layer, FeatureAttention) else STATES] * inputs
        )
    with unchecked(), pytest.raises(ArgumentError, match=message):
        layer(*[normal(*range(3, 3 + axes))] * inputs)


def test_the_error_of_a_model_without_sequences_names_the_argument():
    vectors = keras.layers.LSTM(4)(keras.Input((5, 3)))
    with pytest.raises(ArgumentError, match="return_sequences=True"):
        AttentionPooling()(vectors)


def test_shapes_in_signatures_are_checked_while_the_tests_run():
    with pytest.raises(TypeCheckError, match="'mask'"):
        AttentionPooling()(STATES, mask=MASK[:, :3])
