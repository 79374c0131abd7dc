"""``GRU`` and ``LSTM`` are those of Keras: the same weights, numbers and gradients."""

import importlib
from itertools import product

import keras
import numpy as np
import pytest
from keras import ops
from subjects import fill, gradient_of, to_numpy

from light_compilation import is_on_gpu, light_jit
from regard.layers import GRU, LSTM, recurrent

pytestmark = pytest.mark.backends
ON_JAX = keras.backend.backend() == "jax"
ON_TORCH = keras.backend.backend() == "torch"
IS_FAST = ON_JAX or (ON_TORCH and not is_on_gpu())
where_fast = pytest.mark.skipif(
    not IS_FAST, reason="elsewhere they run as Keras runs them"
)

BATCH, STEPS, UNITS, FEATURES = 4, 5, 4, 3
RNG = np.random.default_rng(6)
INPUTS = RNG.normal(size=(BATCH, STEPS, FEATURES)).astype("float32")
STATES = RNG.normal(size=(2, BATCH, UNITS)).astype("float32")
# Right padding, left padding, nothing but padding, a gap.
MASK = np.array(
    [[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1]], bool
)
KINDS = {"gru": (GRU, keras.layers.GRU, 1), "lstm": (LSTM, keras.layers.LSTM, 2)}
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def runs(monkeypatch):
    """How often the fast loop ran."""
    calls, module, name = [], recurrent, "unroll"
    if ON_TORCH:
        module = importlib.import_module("regard.ops.scan.torch_recurrence")
        name = "recurrence"
    original = getattr(module, name)

    def counting(*arguments, **keywords):
        result = original(*arguments, **keywords)
        if result is not None:
            calls.append(arguments)
        return result

    monkeypatch.setattr(module, name, counting)
    return calls


def pair(kind, **arguments):
    """Our layer and that of Keras, with the same weights, none of them 0."""
    ours, theirs, states = KINDS[kind]
    layers = [make(UNITS, **arguments) for make in (ours, theirs)]
    for layer in layers:
        layer.build(INPUTS.shape)
        fill(layer)
    return layers, states


def model_of(layer, states):
    """Everything a layer gives, with inputs, states and mask as inputs."""
    inputs = keras.Input((STEPS, FEATURES))
    state = [keras.Input((UNITS,)) for _ in range(states)]
    mask = keras.Input((STEPS,), dtype="bool")
    outputs = layer(inputs, initial_state=state, mask=mask)
    return keras.Model([inputs, *state, mask], outputs)


def called(layer, *tensors, **masks):
    """The output of a layer or a model, compiled where a loop is compiled anyway."""
    return light_jit(lambda tensors, masks: layer(*tensors, **masks))(tensors, masks)


def differentiated(model):
    """Outputs, and the gradient of the sum of their squares, from one program."""
    if not ON_JAX:
        pull = gradient_of(model)
        return lambda tensors, mask: (model([*tensors, mask]), pull(tensors, [mask]))
    import jax

    trainable = [variable.value for variable in model.trainable_variables]
    fixed = [variable.value for variable in model.non_trainable_variables]

    def total(trainable, tensors, mask):
        outputs, _ = model.stateless_call(trainable, fixed, [*tensors, mask])
        return sum(ops.sum(ops.square(output)) for output in outputs), outputs

    run = light_jit(jax.grad(total, (0, 1), has_aux=True))

    def leaves(tensors, mask):
        gradients, outputs = run(trainable, tensors, mask)
        return outputs, jax.tree.leaves(gradients)

    return leaves


def close(actual, expected, atol=1e-5):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(to_numpy(one), to_numpy(other), rtol=0, atol=atol)


# Half of all ways hold every pair of choices. Where the two are one code, a run of each
# is enough.
WAYS = [way for way in product((False, True), repeat=3) if sum(way) % 2]


@every_kind
@pytest.mark.parametrize(("backwards", "zeros", "bias"), WAYS if IS_FAST else WAYS[-1:])
def test_outputs_states_and_gradients_are_those_of_keras(
    kind, backwards, zeros, bias, runs
):
    layers, states = pair(
        kind,
        go_backwards=backwards,
        zero_output_for_mask=zeros,
        use_bias=bias,
        return_sequences=True,
        return_state=True,
    )
    tensors = [ops.convert_to_tensor(each) for each in (INPUTS, *STATES[:states])]
    actual, gradients = [], []
    for layer in layers:
        run = differentiated(model_of(layer, states))
        for mask in map(ops.convert_to_tensor, (MASK, np.ones_like(MASK))):
            outputs, pulled = run(tensors, mask)
            actual.append(outputs)
            gradients.append(pulled)
    for with_mask in (0, 1):
        ours, theirs = actual[with_mask::2]
        assert len(ours) == 1 + states
        close(ours, theirs)
        ours, theirs = gradients[with_mask::2]
        assert len(ours) == 2 + bias + 1 + states
        close(ours, theirs, atol=1e-4)
    assert bool(runs) == IS_FAST


@every_kind
@pytest.mark.parametrize("sequences", [False, True])
def test_alone(kind, sequences):
    """Without a mask and a state, and only the output."""
    (ours, theirs), _ = pair(kind, return_sequences=sequences)
    actual, expected = called(ours, INPUTS), called(theirs, INPUTS)
    assert actual.shape == expected.shape
    close([actual], [expected])


@every_kind
def test_in_both_directions_over_an_embedding(kind, tmp_path, runs):
    """The mask travels; saved and loaded it is the same, and ours again."""
    ours, theirs, _ = KINDS[kind]
    tokens = np.array([[1, 2, 3, 0, 0], [4, 0, 5, 0, 6], [0, 0, 0, 0, 0]])
    models = []
    for make in (ours, theirs):
        ids = keras.Input((None,), dtype="int32")
        states = keras.layers.Embedding(9, 3, mask_zero=True)(ids)
        both = keras.layers.Bidirectional(make(UNITS, return_sequences=True))
        models.append(keras.Model(ids, both(states)))
        fill(models[-1])
    actual, expected = (called(model, tokens) for model in models)
    close([actual], [expected])
    models[0].save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1].forward_layer) is ours
    assert type(loaded.layers[-1].backward_layer) is ours
    np.testing.assert_array_equal(to_numpy(called(loaded, tokens)), to_numpy(actual))
    assert len(runs) == 4 * IS_FAST


@every_kind
def test_weights_of_keras_fit(kind):
    ours, theirs, _ = KINDS[kind]
    mine = ours(UNITS)
    mine.build(INPUTS.shape)
    other = theirs(UNITS)
    other.build(INPUTS.shape)
    mine.set_weights(other.get_weights())
    close([called(mine, INPUTS)], [called(other, INPUTS)])


HALVES = {"float16": 5e-3, "bfloat16": 4e-2}


@every_kind
@pytest.mark.parametrize("half", HALVES if ON_TORCH else ["float16"])
def test_half_precision(kind, half, runs):
    (ours, theirs), _ = pair(kind, dtype=f"mixed_{half}", return_sequences=True)
    mask = ops.convert_to_tensor(MASK)
    actual, expected = (called(layer, INPUTS, mask=mask) for layer in (ours, theirs))
    assert keras.backend.standardize_dtype(actual.dtype) == half
    actual, expected = (ops.cast(each, "float32") for each in (actual, expected))
    close([actual], [expected], atol=HALVES[half])
    assert bool(runs) == IS_FAST


@every_kind
@pytest.mark.skipif(not ON_TORCH, reason="the others have no float64 as they are set")
def test_double_precision(kind):
    (ours, theirs), _ = pair(kind, dtype="float64", return_sequences=True)
    mask = ops.convert_to_tensor(MASK)
    actual, expected = (called(layer, INPUTS, mask=mask) for layer in (ours, theirs))
    # The loop of Keras begins with a state in float32.
    close([actual], [expected], atol=1e-6)


@every_kind
def test_a_state_that_stays(kind):
    layers, _ = pair(kind, stateful=True)
    for _ in range(2):
        ours, theirs = (layer(INPUTS) for layer in layers)
        close([ours], [theirs])
    for one, other in zip(layers[0].states, layers[1].states, strict=True):
        close([one], [other])


OTHERS = {
    "recurrent_dropout": {"recurrent_dropout": 0.5, "seed": 1},
    "dropout": {"dropout": 0.5, "seed": 1},
    "activation": {"activation": "relu"},
    "recurrent_activation": {"recurrent_activation": "hard_sigmoid"},
    "unroll": {"unroll": True},
}


@where_fast
@pytest.mark.parametrize(
    ("kind", "other"),
    [
        *product(("lstm",), OTHERS.values()),
        ("gru", OTHERS["recurrent_dropout"]),
        ("gru", {"reset_after": False}),
    ],
)
def test_what_it_does_not_compute_is_left_to_keras(kind, other, runs):
    (ours, theirs), _ = pair(kind, **other)
    actual, expected = ours(INPUTS, training=True), theirs(INPUTS, training=True)
    assert not runs
    # Both drop the same, because both have the seed.
    close([actual], [expected])


@where_fast
@pytest.mark.parametrize("other", ["recurrent_dropout", "dropout"])
def test_dropout_leaves_inference_fast(other, runs):
    (ours, theirs), _ = pair("gru", **OTHERS[other])
    close([ours(INPUTS, training=False)], [theirs(INPUTS, training=False)])
    assert len(runs) == 1


@pytest.mark.skipif(not ON_TORCH, reason="the operations of PyTorch are exported")
def test_an_exported_program_has_the_steps_of_keras(runs):
    """In it there are no numbers yet that would say how long the sequences are."""
    import torch

    (ours, _), _ = pair("gru", return_sequences=True)
    given = (ops.convert_to_tensor(INPUTS), None, ops.convert_to_tensor(MASK))
    expected = ours(*given[:1], mask=given[2])

    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = ours

        def forward(self, inputs, mask):
            return self.layer(inputs, mask=mask)

    exported = torch.export.export(Module(), (given[0], given[2]), strict=False)
    del runs[:]
    close([exported.module()(given[0], given[2])], [expected])
    assert not runs


@every_kind
def test_a_length_of_any_size_trains(kind):
    make, _, _ = KINDS[kind]
    inputs = keras.Input((None, FEATURES))
    layer = make(UNITS)
    model = keras.Model(inputs, layer(inputs))
    model.compile("sgd", "mse")
    before = [to_numpy(weight) for weight in layer.weights]
    model.fit(INPUTS, STATES[0], batch_size=BATCH, epochs=1, verbose=0)
    after = [to_numpy(weight) for weight in layer.weights]
    assert all(np.any(one != other) for one, other in zip(before, after, strict=True))
