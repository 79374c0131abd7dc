"""The answer of a model under given weights, against computing it by hand."""

import keras
import numpy as np
import pytest

import regard
from regard.errors import ArgumentError
from regard.legacy import layers as legacy

pytestmark = pytest.mark.backends

TIME, FEATURES = 5, 6
RANDOM = np.random.default_rng(0)
STATES = RANDOM.normal(size=(4, TIME, FEATURES)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]])


def softmax(shape):
    raised = np.exp(RANDOM.normal(size=shape))
    return (raised / raised.sum(axis=-1, keepdims=True)).astype("float32")


def pooling_model(heads=2, **settings):
    states = keras.Input((None, FEATURES))
    mask = keras.Input((None,), dtype="bool")
    pool = regard.layers.AttentionPooling(num_heads=heads, name="pool", **settings)
    answer = keras.layers.Dense(3, name="head")(pool(states, mask=mask))
    return keras.Model([states, mask], answer)


def inputs(rows=slice(None)):
    return [STATES[rows], MASK[rows].astype(bool)]


def by_hand(model, weights):
    # The layer never looks at what a masked state contains.
    states = STATES * MASK[..., None]
    context = np.einsum("bht,btf->bhf", weights, states).reshape(len(states), -1)
    kernel, bias = model.get_layer("head").get_weights()
    return context @ kernel + bias


WAYS = {
    "called": lambda observed, x, **forced: observed(x, **forced),
    "a batch": lambda observed, x, **forced: observed.predict_on_batch(x, **forced),
    "batches": lambda observed, x, **forced: observed.predict(
        x, batch_size=3, verbose=0, **forced
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_answer_under_given_weights_is_that_by_hand(way):
    model = pooling_model(dropout=0.5)
    weights = softmax((4, 2, TIME)) * MASK[:, None]
    seen = way(regard.observe(model), inputs(), attention={"pool": weights})
    np.testing.assert_allclose(seen.outputs, by_hand(model, weights), atol=1e-6)
    np.testing.assert_array_equal(seen.attention["pool"].weights, weights)
    # Nothing of it stays.
    own = way(regard.observe(model), inputs())
    np.testing.assert_allclose(
        own.outputs, model.predict(inputs(), verbose=0), atol=1e-6
    )


def self_attention(layer):
    states = keras.Input((TIME, FEATURES))
    return keras.Model(states, layer(states, states) + 0 * states)


def alone(layer):
    states = keras.Input((TIME, FEATURES))
    return keras.Model(states, layer(states))


def features(layer):
    states = keras.Input((TIME, FEATURES))
    return keras.Model(states, layer(states[:, 0]))


def first_of_pair(layer):
    states = keras.Input((TIME, FEATURES))
    return keras.Model(states, layer([states, states])[0])


def paired(layer):
    states = keras.Input((TIME, FEATURES))
    return keras.Model(states, layer([states, states]))


MODELS = {
    "AttentionPooling": lambda: alone(regard.layers.AttentionPooling("context")),
    "last": lambda: alone(regard.layers.AttentionPooling("last", num_heads=2)),
    "SelfAttention": lambda: alone(regard.layers.SelfAttention(num_heads=2)),
    "window": lambda: alone(regard.layers.SelfAttention("dot", window=3)),
    "CrossAttention": lambda: self_attention(
        regard.layers.CrossAttention("scaled_dot", num_heads=3)
    ),
    "MultiHeadAttention": lambda: self_attention(
        keras.layers.MultiHeadAttention(2, 4, dropout=0.3)
    ),
    "GroupQueryAttention": lambda: self_attention(
        keras.layers.GroupQueryAttention(4, 6, 2)
    ),
    "Attention": lambda: paired(keras.layers.Attention(dropout=0.3)),
    "AdditiveAttention": lambda: paired(keras.layers.AdditiveAttention()),
    "legacy.KaggleAttention": lambda: alone(
        legacy.KaggleAttention(TIME, return_attention=False)
    ),
    "legacy.AttentionWithContext": lambda: alone(legacy.AttentionWithContext()),
    "legacy.SeqWeightedAttention": lambda: alone(legacy.SeqWeightedAttention()),
    "legacy.ManyToOneAttention": lambda: alone(legacy.ManyToOneAttention(4)),
    "legacy.ProbAttention": lambda: alone(legacy.ProbAttention()),
    "legacy.AttentionLayer": lambda: first_of_pair(legacy.AttentionLayer()),
    "FeatureAttention": lambda: features(regard.layers.FeatureAttention()),
    "legacy.Att": lambda: features(legacy.Att(FEATURES)),
    "legacy.SeqSelfAttention": lambda: alone(legacy.SeqSelfAttention()),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_the_own_weights_of_a_layer_give_its_own_answer(make):
    model = make()
    observed = regard.observe(model)
    own = observed(STATES)
    ((key, attention),) = own.attention.items()
    again = observed(STATES, attention={key: attention})
    np.testing.assert_allclose(again.outputs, own.outputs, atol=1e-6)
    np.testing.assert_allclose(again.attention[key].weights, attention.weights)
    other = softmax(attention.shape)
    forced = observed(STATES, attention={key: other})
    np.testing.assert_allclose(forced.attention[key].weights, other, atol=1e-7)
    assert np.abs(forced.outputs - own.outputs).max() > 1e-3
    np.testing.assert_allclose(observed(STATES).outputs, own.outputs, atol=1e-6)


def test_one_key_alone_gives_its_value():
    layer = keras.layers.MultiHeadAttention(2, 4)
    model = self_attention(layer)
    weights = np.zeros((4, 2, TIME, TIME), "float32")
    weights[..., 3] = 1
    observed = regard.observe(model, "*attention*")
    answer = observed.predict(
        STATES, verbose=0, attention={observed.paths[0]: weights}
    ).outputs
    _, _, _, _, value, value_bias, out, out_bias = layer.get_weights()
    values = np.einsum("bf,fhd->bhd", STATES[:, 3], value) + value_bias
    expected = np.einsum("bhd,hdf->bf", values, out) + out_bias
    np.testing.assert_allclose(answer, np.stack([expected] * TIME, 1), atol=1e-5)


def test_weights_are_those_of_all_samples_whatever_the_batches():
    model = pooling_model(heads=1)
    short, long = inputs(slice(0, 2)), inputs(slice(2, 4))
    short = [each[:, :3] for each in short]
    weights = np.zeros((4, 1, TIME), "float32")
    weights[:2, :, :3], weights[2:] = softmax((2, 1, 3)), softmax((2, 1, TIME))

    def batches():
        yield (tuple(short),)
        yield (tuple(long),)

    seen = regard.observe(model).predict(
        batches(), verbose=0, attention={"pool": weights}
    )
    np.testing.assert_allclose(seen.outputs, by_hand(model, weights), atol=1e-6)
    weights[0, 0, 4] = 0.5
    with pytest.raises(ArgumentError, match=r"'pool' reach beyond its keys"):
        regard.observe(model).predict(batches(), verbose=0, attention={"pool": weights})


def test_each_use_of_a_layer_has_its_own_weights():
    states = keras.Input((TIME, FEATURES))
    layer = regard.layers.SelfAttention(name="look")
    model = keras.Model(states, layer(layer(states)))
    first, second = softmax((4, 1, TIME, TIME)), softmax((4, 1, TIME, TIME))
    observed = regard.observe(model)
    seen = observed(STATES, attention={"look": first, "look#2": second})
    expected = np.einsum("bqk,bkf->bqf", second[:, 0] @ first[:, 0], STATES)
    np.testing.assert_allclose(seen.outputs, expected, atol=1e-5)
    # Only the second: the first is the layer's own.
    own = observed(STATES)
    one = observed(STATES, attention={"look#2": second})
    expected = second[:, 0] @ own.attention["look"].weights[:, 0] @ STATES
    np.testing.assert_allclose(one.outputs, expected, atol=1e-5)


def test_each_step_of_time_distributed_has_its_own_weights():
    documents = keras.Input((3, TIME, FEATURES))
    pool = regard.layers.AttentionPooling(name="words")
    model = keras.Model(documents, keras.layers.TimeDistributed(pool)(documents))
    x = RANDOM.normal(size=(2, 3, TIME, FEATURES)).astype("float32")
    weights = softmax((2, 3, 1, TIME))
    observed = regard.observe(model)
    (key,) = observed.paths
    seen = observed.predict(x, verbose=0, attention={key: weights})
    expected = np.einsum("bst,bstf->bsf", weights[:, :, 0], x)
    np.testing.assert_allclose(seen.outputs, expected, atol=1e-6)
    np.testing.assert_allclose(seen.attention[key].weights, weights, atol=1e-7)


@pytest.mark.parametrize(
    ("attention", "said"),
    [
        ({"pol": np.ones((4, 2, TIME))}, r"no attention 'pol'.*'pool'"),
        ({"pool": np.ones((4, 2, 3))}, r"another shape.*, 2, 5\).*, 2, 3\)"),
        ({"pool": np.ones((3, 2, TIME))}, "another shape"),
        ({"pool": np.ones((4, TIME))}, "another shape"),
        ({"pool": np.full((4, 2, TIME), np.nan)}, "no finite numbers"),
        ({"pool": "much"}, "no finite numbers"),
        ({"pool": np.full((4, 2, TIME), 0.2j)}, "no finite numbers"),
        ({"pool": np.zeros((4, 3, TIME))}, "another shape"),
        (np.ones((4, 2, TIME)), "by the keys"),
    ],
)
def test_weights_that_do_not_fit_are_refused(attention, said):
    with pytest.raises(ArgumentError, match=said) as refused:
        regard.observe(pooling_model())(inputs(), attention=attention)
    assert "Arguments received" not in str(refused.value)


@pytest.mark.parametrize("rows", [3, 5])
def test_weights_of_other_samples_are_refused_whatever_the_batches(rows):
    observed = regard.observe(pooling_model())
    weights = np.ones((rows, 2, TIME))
    with pytest.raises(ArgumentError, match=r"another shape|those of the samples"):
        observed.predict(inputs(), 2, verbose=0, attention={"pool": weights})
    with pytest.raises(ArgumentError, match="another shape"):
        observed.predict(inputs(), 2, verbose=0, attention={"pool": 1.0})
    # And the next pass is as if nothing had been asked.
    assert observed.predict(inputs(), 2, verbose=0).outputs.shape == (4, 3)


@pytest.mark.parametrize("axis", [1, 2])
def test_a_softmax_made_by_hand_is_forced(axis):
    states = keras.Input((TIME, FEATURES))
    scores = keras.layers.Dense(TIME if axis == 2 else 1)(states)
    weighing = keras.layers.Softmax(axis=axis, name="weighing")(scores)
    mixed = (
        keras.layers.Multiply()([states, weighing])
        if axis == 1
        else keras.layers.Dot((2, 1))([weighing, states])
    )
    observed = regard.observe(keras.Model(states, mixed), softmax="weighing")
    own = observed(STATES)
    given = softmax(own.attention["weighing"].shape)
    forced = observed(STATES, attention={"weighing": given}).outputs
    expected = STATES * given[:, 0, :, None] if axis == 1 else given @ STATES
    np.testing.assert_allclose(forced, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("order", "fed"), [("luong", False), ("luong", True), ("bahdanau", True)]
)
def test_a_decoder_is_forced_in_each_step(order, fed):
    memory = keras.Input((TIME, FEATURES))
    targets = keras.Input((2, 3))
    decoder = regard.layers.AttentionDecoder(
        4, order=order, num_heads=2, input_feeding=fed, name="decoder"
    )
    observed = regard.observe(
        keras.Model([targets, memory], decoder(memory, targets)), jit_compile=False
    )
    inputs = [STATES[:, :2, :3], STATES]
    own = observed(inputs)
    again = observed(inputs, attention={"decoder": own.attention["decoder"]})
    np.testing.assert_allclose(again.outputs, own.outputs, atol=1e-6)
    given = softmax((4, 2, 2, TIME))
    forced = observed.predict(inputs, verbose=0, attention={"decoder": given})
    np.testing.assert_array_equal(forced.attention["decoder"].weights, given)
    state, prepared = decoder.first_state(4), decoder.prepare(STATES)
    for step in range(2):
        output, _, state = decoder.step(
            inputs[0][:, step], state, prepared, given[:, :, step]
        )
        expected = keras.ops.convert_to_numpy(output)
        np.testing.assert_allclose(forced.outputs[:, step], expected, atol=1e-6)
        assert np.abs(expected - own.outputs[:, step]).max() > 1e-3
