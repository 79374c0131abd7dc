"""Gradients: what a linear model adds, sums that come out, nothing from nowhere."""

import keras
import numpy as np
import pytest
from explained_models import (
    WORDS,
    array,
    averaged,
    ids,
    logits,
    logits_of,
    pooled,
    randomised,
)
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import regard
from regard import explain

pytestmark = pytest.mark.backends


@pytest.fixture(scope="module")
def model():
    return pooled()


def test_a_linear_model_gets_weight_times_input():
    model = randomised(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    for target in (0, 1):
        expected = x * array(model.layers[0].kernel)[:, target]
        for method in (explain.gradient_x_input, explain.integrated_gradients):
            told = method(model, x, target)
            np.testing.assert_allclose(told.scores, expected, atol=1e-6)
            assert told.of == "output"
            np.testing.assert_allclose(
                told.values, array(model(x))[:, target], atol=1e-6
            )


def test_a_bag_of_words_gets_what_each_word_adds():
    model, x = averaged(), ids()
    table, kernel = model.get_weights()[:2]
    for target in range(3):
        expected = (table @ kernel)[x, target] / x.shape[1]
        told = explain.gradient_x_input(model, x, target)
        np.testing.assert_allclose(told.scores, expected, atol=1e-5)
        assert told.of == "logit"
        assert told.mask.all()


def test_integrated_gradients_add_up_to_what_they_should():
    model, x = pooled(recurrent=True), ids()
    told = explain.integrated_gradients(model, x)
    predicted = array(model(x)).argmax(axis=1)
    np.testing.assert_array_equal(told.target, predicted)
    np.testing.assert_allclose(told.values, logits(model, x, predicted), atol=1e-5)
    nothing = np.zeros((*x.shape, 6), np.float32)
    start = logits_of(model, nothing, x != 0, predicted)
    gap = told.scores.sum(axis=1) - (told.values - start)
    np.testing.assert_allclose(np.abs(gap), told.error, atol=1e-5)
    assert told.error.max() < 1e-4
    few = explain.integrated_gradients(model, x, steps=1)
    assert few.error.max() > 10 * told.error.max()


def test_a_baseline_of_ids_is_where_the_way_begins():
    model, x = averaged(), ids()
    table, kernel = model.get_weights()[:2]
    added = (table @ kernel)[:, 1] / x.shape[1]
    for baseline, other in ((5, added[5]), (x[::-1], added[x[::-1]])):
        told = explain.integrated_gradients(model, x, 1, baseline=baseline)
        np.testing.assert_allclose(told.scores, added[x] - other, atol=1e-5)
        assert told.error.max() < 1e-5


def test_a_gradient_is_the_slope(model):
    x = ids()
    told = explain.gradient_x_input(model, x, 2)
    vectors = array(model.get_layer("words")(x))
    step = 1e-2
    for position in range(3):
        ends = []
        for sign in (1, -1):
            moved = vectors.copy()
            moved[:, position] *= 1 + sign * step
            ends.append(logits_of(model, moved, x != 0, 2))
        slope = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(told.scores[:, position], slope, atol=2e-3)


@given(st.data())
def test_what_does_not_enter_the_answer_gets_nothing(model, data):
    generator = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    x = generator.integers(1, WORDS, (4, 7))
    ends = generator.integers(0, 8, 4)
    x[np.arange(7) >= ends[:, None]] = 0
    for told in (
        explain.gradient_x_input(model, x),
        explain.integrated_gradients(model, x),
    ):
        np.testing.assert_array_equal(told.mask, x != 0)
        assert (told.scores[x == 0] == 0).all()
        assert np.isfinite(told.scores).all()
        assert [len(told[row]) for row in range(4)] == ends.tolist()


@given(st.data())
def test_scores_do_not_depend_on_the_batch_or_on_padding(model, data):
    x = ids(rows=11, seed=data.draw(st.integers(0, 10**6)))
    chosen = data.draw(st.permutations(range(11)))
    whole = explain.integrated_gradients(model, x)
    part = explain.integrated_gradients(model, x[list(chosen[:5])], batch_size=3)
    np.testing.assert_allclose(part.scores, whole.scores[list(chosen[:5])], atol=1e-5)
    longer = np.pad(x, ((0, 0), (0, 2)))
    padded = explain.integrated_gradients(model, longer)
    np.testing.assert_allclose(padded.scores[:, :-2], whole.scores, atol=1e-5)
    assert not padded.scores[:, -2:].any()


def test_left_padding_moves_the_scores_along(model):
    x = ids()[:2, :4]
    left = np.pad(x, ((0, 0), (3, 0)))
    told = explain.gradient_x_input(model, left)
    np.testing.assert_allclose(
        told.scores[:, 3:], explain.gradient_x_input(model, x).scores, atol=1e-5
    )
    assert not told.mask[:, :3].any()


def test_series_are_masked_where_it_is_said():
    series = keras.Input((None, 3))
    context = regard.layers.AttentionPooling(name="pool")(series)
    model = randomised(keras.Model(series, keras.layers.Dense(2)(context)))
    x = np.random.default_rng(0).normal(size=(3, 6, 3)).astype(np.float32)
    mask = np.arange(6) < np.array([[6], [3], [1]])
    for method in (
        explain.gradient_x_input,
        explain.integrated_gradients,
        explain.leave_one_out,
    ):
        told = method(model, x, 0, mask=mask)
        other = np.where(mask[..., None], x, 1e3).astype(np.float32)
        again = method(model, other, 0, mask=mask)
        np.testing.assert_allclose(told.scores, again.scores, atol=1e-5)
        assert (told.scores[~mask] == 0).all()
        np.testing.assert_array_equal(told.mask, mask)
        short = method(model, x[1:2, :3], 0)
        if method is not explain.leave_one_out:
            np.testing.assert_allclose(told.scores[1, :3], short.scores[0], atol=1e-5)


def test_dropout_is_off_and_no_variable_changes(model):
    x = ids()
    before = [array(each) for each in model.variables]
    first = explain.gradient_x_input(model, x)
    second = explain.gradient_x_input(model, x)
    np.testing.assert_array_equal(first.scores, second.scores)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(array(variable), value)


class Counting(keras.layers.Layer):
    """Counts its calls in a variable."""

    def build(self, _):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs):
        self.calls.assign_add(1.0)
        return inputs


def test_state_that_a_pass_updates_stays_as_it_was():
    counting = Counting()
    model = keras.Sequential([keras.Input((4,)), counting, keras.layers.Dense(1)])
    explain.integrated_gradients(model, np.ones((2, 4), np.float32))
    assert float(array(counting.calls)) == 0


def test_later_training_is_seen():
    model, x = averaged(), ids()
    first = explain.gradient_x_input(model, x, 0)
    model.set_weights([2 * each for each in model.get_weights()])
    second = explain.gradient_x_input(model, x, 0)
    np.testing.assert_allclose(second.scores, 4 * first.scores, rtol=1e-4, atol=1e-6)


class ByHand(keras.Model):
    """A subclassed model, whose positions are embedded before its words."""

    def __init__(self):
        super().__init__()
        self.places = keras.layers.Embedding(7, 6, name="places")
        self.words = keras.layers.Embedding(WORDS, 6, name="words")
        self.classes = keras.layers.Dense(3, activation="softmax", name="classes")

    def call(self, tokens):
        places = ops.broadcast_to(ops.arange(7), ops.shape(tokens))
        states = self.places(places) + self.words(tokens)
        return self.classes(ops.mean(states, axis=1))


def test_a_subclassed_model_is_explained_at_the_layer_that_reads_it():
    model, x = ByHand(), ids()
    told = explain.gradient_x_input(model, x, 1)
    kernel = array(model.classes.kernel)[:, 1]
    expected = array(model.words.embeddings)[x] @ kernel / 7
    np.testing.assert_allclose(told.scores, expected, atol=1e-6)
    assert told.of == "logit"
    places = explain.gradient_x_input(model, x, 1, layer="places")
    expected = array(model.places.embeddings) @ kernel / 7
    np.testing.assert_allclose(places.scores[0], expected, atol=1e-6)


def test_one_of_several_inputs_is_explained():
    words = keras.Input((None,), dtype="int32", name="words")
    other = keras.Input((2,), name="other")
    states = keras.layers.Embedding(WORDS, 4, mask_zero=True)(words)
    context = regard.layers.AttentionPooling()(states)
    joined = keras.layers.Concatenate()([context, other])
    answer = keras.layers.Dense(1, activation="sigmoid")(joined)
    model = randomised(keras.Model({"words": words, "other": other}, answer))
    x = {"words": ids(), "other": np.ones((4, 2), np.float32)}
    told = explain.gradient_x_input(model, x, input="other")
    expected = np.broadcast_to(array(model.layers[-1].kernel)[-2:, 0], (4, 2))
    np.testing.assert_allclose(told.scores, expected, atol=1e-6)
    assert told.of == "logit"
    of_words = explain.leave_one_out(model, x, input="words")
    assert of_words.scores.shape == (4, 7)
    assert (of_words.scores[x["words"] == 0] == 0).all()


def test_a_saturated_probability_has_no_gradient_but_its_logit_has():
    model, x = averaged(), ids()
    table, kernel, _ = model.get_weights()
    model.set_weights([table, kernel, np.array([60.0, 0, 0])])
    assert np.abs(explain.gradient_x_input(model, x, of="probability").scores).max() < (
        1e-10
    )
    assert np.abs(explain.gradient_x_input(model, x).scores).max() > 0.01


def test_texts_of_a_classifier_are_explained(toy_classifier):
    texts = ["the refund was in my order", "", "parcel", "pad the page"]
    told = explain.integrated_gradients(toy_classifier, texts)
    predicted = toy_classifier.predict_proba(texts).argmax(axis=1)
    np.testing.assert_array_equal(told.target, predicted)
    assert told.tokens[0] == ("the", "refund", "was", "in", "my", "order")
    assert [len(told[row]) for row in range(4)] == [6, 0, 1, 3]
    assert told[0].argmax() == 1
    assert told.error.max() < 0.01 * np.abs(told.values).max()
    # The word "pad" is a word.
    assert told.mask[3, 0]
    alone = explain.integrated_gradients(toy_classifier, texts[2:3])
    np.testing.assert_allclose(alone[0], told[2], atol=1e-5)
    named = explain.integrated_gradients(toy_classifier, texts, "billing")
    assert set(named.target) == {toy_classifier.labels.index("billing")}


def test_the_tokens_and_scores_are_drawn(toy_classifier):
    told = explain.gradient_x_input(toy_classifier, ["the refund was in my order"])
    drawn = regard.plot.text(told.tokens[0], np.abs(told[0]))
    assert "refund" in drawn.to_html()
