"""Attention made by hand: a softmax that weighs states, in forms that went round."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from observed_models import POOLED, STATES

import regard
from regard.errors import ArgumentError, ObservationError

pytestmark = pytest.mark.backends

TIME, FEATURES = STATES.shape[1:]


def to_numpy(tensor):
    return ops.convert_to_numpy(tensor)


def softmax(scores, axis):
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def over_time(normalise):
    """A score of each step, a softmax over the steps, a weighted sum."""
    states = keras.Input((None, FEATURES))
    weights = normalise(layers.Dense(1, name="score")(states))
    pooled = ops.sum(layers.Multiply()([states, weights]), axis=1)
    return keras.Model(states, layers.Dense(2, activation="softmax")(pooled))


def repeated():
    """The gist "Attention is for classification"."""
    states = keras.Input((TIME, FEATURES))
    scores = layers.Flatten()(layers.Dense(1, name="score")(states))
    weights = layers.Activation("softmax", name="attention")(scores)
    weights = layers.Permute((2, 1))(layers.RepeatVector(FEATURES)(weights))
    pooled = ops.sum(layers.Multiply()([states, weights]), axis=1)
    return keras.Model(states, layers.Dense(2, activation="softmax")(pooled))


def attention_vector(single=False):
    """A distribution over time for each feature, or one for all of them."""
    states = keras.Input((TIME, FEATURES))
    turned = layers.Permute((2, 1))(states)
    weights = layers.Dense(TIME, activation="softmax", name="dense")(turned)
    if single:
        mean = layers.Lambda(lambda each: ops.mean(each, axis=1), (TIME,))
        weights = layers.RepeatVector(FEATURES)(mean(weights))
    weights = layers.Permute((2, 1), name="attention_vec")(weights)
    weighed = layers.Multiply()([states, weights])
    return keras.Model(states, layers.Dense(2)(layers.Flatten()(weighed)))


def translating():
    """Luong's attention of each target over the source, of two products."""
    source, target = keras.Input((None, FEATURES)), keras.Input((None, FEATURES))
    scores = layers.Dot(axes=2)([target, source])
    weights = layers.Activation("softmax", name="attention")(scores)
    return keras.Model([source, target], layers.Dot(axes=(2, 1))([weights, source]))


def dense_scores(model):
    return to_numpy(model.get_layer("score")(STATES))[..., 0]


SOFTMAXES = {
    "layer": layers.Softmax(axis=1, name="attention"),
    "dense": layers.Dense(
        1,
        activation=layers.Softmax(axis=1),
        kernel_initializer="ones",
        name="attention",
    ),
    "operation": lambda scores: ops.softmax(scores, axis=1),
}


@pytest.mark.parametrize("name", SOFTMAXES)
def test_a_softmax_over_time(name):
    model = over_time(SOFTMAXES[name])
    # The prediction of classes is a softmax too, and is none that weighs.
    observed = regard.observe(model, softmax="*")
    assert len(observed.paths) == 1
    assert observed.paths == ("attention",) or name == "operation"
    result = observed.predict(STATES, verbose=0)
    (attention,) = result.attention.values()
    assert attention.axes == POOLED
    expected = softmax(dense_scores(model), 1)
    np.testing.assert_allclose(attention.weights[:, 0], expected, atol=1e-6)
    predicted = model.predict(STATES, verbose=0)
    np.testing.assert_allclose(result.outputs, predicted, rtol=0, atol=1e-6)


def test_a_softmax_that_is_repeated():
    model = repeated()
    observed = regard.observe(model, softmax="att*")
    expected = softmax(dense_scores(model), 1)
    for result in (observed(STATES), observed.predict_on_batch(STATES)):
        attention = result.attention["attention"]
        assert attention.axes == POOLED
        assert attention.kind == "Activation"
        np.testing.assert_allclose(attention.weights[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize("single", [False, True])
def test_an_attention_vector_of_each_feature(single):
    """What is named is no softmax; its weights sum to 1 over the time all the same."""
    model = attention_vector(single)
    kernel, bias = map(to_numpy, model.get_layer("dense").weights)
    each = softmax(STATES.swapaxes(1, 2) @ kernel + bias, 2)
    used = np.repeat(each.mean(1, keepdims=True), FEATURES, 1) if single else each
    for choice in ("attention_vec*", {"attention_vec": 1}):
        observed = regard.observe(model, softmax=choice)
        attention = observed.predict(STATES, batch_size=3, verbose=0).attention
        assert list(attention) == ["attention_vec"]
        assert attention["attention_vec"].axes == POOLED
        np.testing.assert_allclose(
            attention["attention_vec"].weights, used, rtol=0, atol=1e-6
        )
    # The softmax itself; each feature weighs by its own.
    dense = regard.observe(model, softmax="*")(STATES).attention["dense"]
    assert dense.axes == POOLED
    np.testing.assert_allclose(dense.weights, each, rtol=0, atol=1e-6)


def test_a_softmax_of_queries():
    model = translating()
    inputs = [STATES, STATES[:, :3] * 2]
    result = regard.observe(model, softmax="attention").predict(inputs, verbose=0)
    attention = result.attention["attention"]
    assert attention.axes == ("batch", "queries", "keys")
    expected = softmax(inputs[1] @ STATES.swapaxes(1, 2), 2)
    np.testing.assert_allclose(attention.weights, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(
        attention.weights @ STATES, result.outputs, rtol=0, atol=1e-5
    )


def test_names_say_what_the_axes_are():
    model = translating()
    names = ("batch", "targets", "keys")
    observed = regard.observe(model, softmax={"attention": names})
    assert observed([STATES, STATES]).attention["attention"].axes == names
    for axes, message in (
        (("batch", "keys"), "3 names"),
        (0, "from 1 to 2"),
        (3, "from 1 to 2"),
    ):
        with pytest.raises(ArgumentError, match=message):
            regard.observe(model, softmax={"attention": axes})([STATES, STATES])
    for axes in (
        "keys",
        ("batch", "time"),
        ("keys", "batch"),
        ("batch", *2 * ("keys",)),
    ):
        with pytest.raises(ArgumentError, match="not named"):
            regard.observe(model, softmax={"attention": axes})


class Masked(keras.Model):
    """A softmax under a mask, in a model that is no graph."""

    def __init__(self):
        super().__init__()
        self.score = layers.Dense(1, name="score")
        self.attention = layers.Softmax(name="attention")
        self.pool = regard.layers.AttentionPooling(name="pool")

    def call(self, states):
        mask = ops.any(ops.not_equal(states, 0), axis=-1)
        weights = self.attention(self.score(states)[..., 0], mask=mask)
        return ops.sum(states * weights[..., None], axis=1) + self.pool(states)


def test_what_the_model_used_beside_attention_layers():
    """Also where no key is valid, and whatever the layer makes of that."""
    states = STATES.copy()
    states[0, 2:], states[1] = 0, 0
    model = Masked()
    result = regard.observe(model, softmax="attention").predict(states, verbose=0)
    assert set(result.attention) == {"attention", "pool"}
    weights = result.attention["attention"].weights[:, 0]
    assert not weights[0, 2:].any()
    mask = states.any(axis=-1)
    used = model.attention(model.score(states)[..., 0], mask=mask)
    np.testing.assert_allclose(weights, to_numpy(used), rtol=0, atol=1e-6)
    only = regard.observe(model, layers="pool", softmax="attention")
    assert set(only.paths) == {"pool", "attention"}


def test_in_each_step_of_time_distributed():
    pooling = over_time(layers.Softmax(axis=1, name="attention"))
    documents = keras.Input((2, TIME, FEATURES))
    each = layers.TimeDistributed(pooling, name="each")(documents)
    model = keras.Model(documents, each)
    batch = np.stack([STATES, 2 * STATES], axis=1)
    observed = regard.observe(model, softmax="*attention")
    (attention,) = observed.predict(batch, verbose=0).attention.values()
    assert attention.axes == ("batch", "step", "heads", "keys")
    for step, scale in enumerate((1, 2)):
        scores = to_numpy(pooling.get_layer("score")(STATES * scale))[..., 0]
        np.testing.assert_allclose(
            attention.weights[:, step, 0], softmax(scores, 1), rtol=0, atol=1e-6
        )


def test_wrong_choices_say_what_there_is():
    model = repeated()
    with pytest.raises(ObservationError, match=r"softmax=\['attention'\]"):
        regard.observe(model)
    with pytest.raises(ObservationError, match="any of 'attention'"):
        regard.observe(model, softmax="attend*")
    with pytest.raises(ObservationError, match="no attention layer"):
        regard.observe(model, layers="pool", softmax="attention")
    # What is no distribution over any axis, or over two of them.
    with pytest.raises(ObservationError, match="none"):
        regard.observe(model, softmax="score")(STATES)
    square = keras.Model(
        inputs := keras.Input((2, 2)), layers.Identity(name="even")(inputs)
    )
    with pytest.raises(ObservationError, match="several, 1, 2"):
        regard.observe(square, softmax="even")(np.full((1, 2, 2), 0.5, "float32"))
