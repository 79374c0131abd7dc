"""The orders that a Keras model is asked for, beside that of its weights."""

import keras
import numpy as np
import pytest

import regard
from light_compilation import light_compilation
from regard.trust import Erase, ModelSubject

pytestmark = pytest.mark.backends

layers = keras.layers
ROWS = np.arange(4)
IDS = np.array(
    [[3, 4, 5, 6, 0], [7, 8, 3, 0, 0], [9, 4, 4, 5, 6], [5, 6, 7, 0, 0]], np.int64
)
GRADIENTS = {"gradient_x_input", "integrated_gradients"}


@pytest.fixture(autouse=True, scope="module")
def _light():
    with light_compilation():
        yield


def word_model(attend, units=1, *, mask_zero=True):
    ids = keras.Input((None,), dtype="int32")
    states = attend(layers.Embedding(12, 4, mask_zero=mask_zero)(ids))
    end = "sigmoid" if units == 1 else "softmax"
    end = layers.Dense(units, activation=end, name="end")
    model = keras.Model(ids, end(states))
    random = np.random.default_rng(1)
    model.set_weights([random.normal(size=each.shape) for each in model.get_weights()])
    return model


def test_contributions_add_up_to_the_logit_of_the_answer():
    model = word_model(regard.layers.AttentionPooling(name="pool"))
    baseline = ModelSubject(model, IDS).baseline(ROWS)
    assert set(baseline.orders) == {*GRADIENTS, "contribution"}
    assert baseline.figures["completeness error"].max() < 0.01
    logits = np.log(baseline.probabilities[:, 1] / baseline.probabilities[:, 0])
    bias = model.get_layer("end").get_weights()[1][0]
    # One unit speaks for the second class, and against the first.
    signs = np.where(baseline.probabilities.argmax(axis=1) == 0, -1, 1)
    assert len(set(signs)) == 2
    added = baseline.orders["contribution"]
    np.testing.assert_allclose(added.sum(axis=1), signs * (logits - bias), atol=1e-5)
    for scores in baseline.orders.values():
        assert scores.shape == baseline.valid.shape
        assert not scores[~baseline.valid].any()


def test_what_adds_up_to_nothing_is_ordered_by_the_norms_of_its_values():
    attention = layers.MultiHeadAttention(2, 3, name="last")

    def stack(states):
        states = regard.layers.SelfAttention(name="first")(states)
        states = attention(states, states)
        return layers.GlobalAveragePooling1D()(layers.Dense(4, "relu")(states))

    model = word_model(stack, 2)
    baseline = ModelSubject(model, IDS, layer="last").baseline(ROWS)
    assert set(baseline.orders) == {*GRADIENTS, "value_norm", "rollout"}
    rolled = regard.explain.rollout(model, IDS.astype(np.int32))
    np.testing.assert_allclose(
        baseline.orders["rollout"][:, :4], rolled.scores[:, :4], atol=1e-5
    )


def test_one_query_of_several_has_contributions_and_weights_rolled_out():
    def last_of_two(states):
        states = regard.layers.SelfAttention(name="first")(states)
        return regard.layers.SelfAttention(name="second")(states)[:, 1]

    model = word_model(last_of_two, 2)
    baseline = ModelSubject(model, IDS, layer="second", query=1).baseline(ROWS)
    assert set(baseline.orders) == {*GRADIENTS, "contribution", "rollout"}
    told = regard.explain.contribution(model, IDS, layer="second", query=1)
    # The last position of the third text is there in it alone.
    np.testing.assert_allclose(
        baseline.orders["contribution"][2], told.scores[2], atol=1e-5
    )
    rolled = regard.explain.rollout(model, IDS, query=1)
    np.testing.assert_allclose(baseline.orders["rollout"][2], rolled[2], atol=1e-5)
    # Counted from the last position of each text.
    ends = ModelSubject(model, IDS, layer="second", query=-1).baseline(ROWS)
    own = regard.explain.contribution(model, IDS, layer="second", query=[3, 2, 4, 2])
    np.testing.assert_allclose(
        ends.orders["contribution"], own.scores[:, :5], atol=1e-5
    )


def test_keys_have_the_gradients_of_what_they_read():
    model = word_model(
        lambda states: regard.layers.AttentionPooling()(
            layers.Conv1D(4, 2, strides=2)(states)
        )
    )
    ids = np.maximum(IDS, 2)[:, :4]
    reads = {"positions": lambda key: (2 * key, 2 * key + 1)}
    subject = ModelSubject(model, ids, erase=Erase(mask=False), **reads)
    orders = subject.baseline(ROWS).orders
    told = regard.explain.gradient_x_input(model, ids).scores
    told = np.abs(told[:, 0::2] + told[:, 1::2])
    np.testing.assert_allclose(np.abs(orders["gradient_x_input"]), told, atol=1e-6)
    assert orders["contribution"].shape == (4, 2)
    # From a word that stands for nothing, another one of it is no way.
    erase = Erase(id=int(ids[0, 0]))
    orders = ModelSubject(model, ids[:1, [0, 0, 1, 2]], erase=erase, **reads)
    told = orders.baseline(ROWS[:1]).orders
    for name in GRADIENTS:
        assert told[name][0, 0] == 0
        assert told[name][0, 1] != 0


def test_orders_that_cannot_be_had_are_left_out():
    def by_hand(states):
        weights = layers.Softmax(axis=1, name="weights")(layers.Dense(1)(states))
        return keras.ops.sum(weights * states, axis=1)

    model = word_model(by_hand, mask_zero=False)
    subject = ModelSubject(model, IDS, softmax="weights", erase=Erase(id=1))
    assert set(subject.baseline(ROWS).orders) == GRADIENTS
