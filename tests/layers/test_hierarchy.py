"""Sequences of sequences: the mask of words is none of sentences, and makes one."""

import keras
import numpy as np
import pytest
from keras import ops
from subjects import fill, to_numpy

import regard
from regard.errors import ArgumentError
from regard.layers import (
    GRU,
    AttentionDecoder,
    AttentionPooling,
    CrossAttention,
    FeatureAttention,
    SelfAttention,
)
from regard.legacy.layers import AttentionWithContext

pytestmark = pytest.mark.backends

SENTENCES, WORDS, FEATURES = 3, 4, 5
# Padded sentences and words, a sentence of padding between two, and nothing at all.
TEXTS = np.array(
    [
        [[1, 2, 3, 4], [5, 6, 0, 0], [0, 0, 0, 0]],
        [[7, 0, 0, 0], [0, 0, 0, 0], [8, 9, 1, 0]],
        [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    ]
)
VALID = TEXTS.any(axis=2)


def network(upper, words=None, steps=SENTENCES):
    """Ids, through an embedding that masks 0 and a pooling of words, into a layer."""
    ids = keras.Input((steps, None), dtype="int32")
    states = keras.layers.Embedding(10, FEATURES, mask_zero=True)(ids)
    words = words or AttentionPooling("context", name="words")
    sentences = keras.layers.TimeDistributed(words, name="each")(states)
    return keras.Model(ids, [sentences, upper(sentences)])


def test_a_hierarchical_attention_network(tmp_path):
    inner = network(AttentionPooling("context", name="sentences"))
    # The loss of an output would be masked by the mask of words.
    model = keras.Model(inner.inputs, inner.outputs[1])
    upper = model.get_layer("sentences")
    fill(model.get_layer("each").layer)
    fill(upper)
    observation = regard.observe(model).predict(TEXTS, verbose=0)
    text = observation.outputs
    predicted = model.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(text, predicted, rtol=0, atol=1e-6)
    # The words of each sentence, and the sentences of each text.
    words = observation.attention["each/words"]
    assert words.axes == ("batch", "step", "heads", "keys")
    assert not words.weights[:, :, 0][TEXTS == 0].any()
    np.testing.assert_allclose(words.weights[:, :, 0].sum(-1), VALID, atol=1e-5)
    sentences = to_numpy(inner(TEXTS)[0])
    context, expected = map(
        to_numpy, upper(sentences, mask=VALID, return_attention_scores=True)
    )
    weights = observation.attention["sentences"].weights
    np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-6)
    assert not weights[:, 0][~VALID].any()
    assert (weights[:, 0][VALID] > 0.05).all()
    np.testing.assert_allclose(text, context, rtol=0, atol=1e-6)
    assert not text[2].any()
    # It is trained, saved and loaded like any other.
    model.save(tmp_path / "han.keras")
    loaded = keras.models.load_model(tmp_path / "han.keras")
    np.testing.assert_allclose(to_numpy(loaded(TEXTS)), text, rtol=0, atol=1e-6)
    loaded.compile("sgd", "mse")
    losses = loaded.fit(TEXTS, text + 1, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]


def test_sentences_of_unknown_number():
    model = network(AttentionPooling(name="sentences"), steps=None)
    observation = regard.observe(model).predict(TEXTS, verbose=0)
    predicted = model.predict(TEXTS, verbose=0)[1]
    np.testing.assert_allclose(observation.outputs[1], predicted, rtol=0, atol=1e-6)
    assert not observation.attention["sentences"].weights[:, 0][~VALID].any()
    assert observation.attention["each/words"].shape == (3, SENTENCES, 1, WORDS)


class Probe(keras.layers.Layer):
    """Gives on the mask it is given."""

    def __init__(self):
        super().__init__()
        self.supports_masking = True

    def call(self, inputs, mask=None):  # noqa: ARG002 - Keras looks for the name
        return ops.cast(mask, "float32")


@pytest.mark.parametrize(
    "layer",
    [
        SelfAttention("dot"),
        lambda states, mask=None: CrossAttention("dot")(
            states, states, query_mask=mask, value_mask=mask
        ),
        GRU(WORDS, return_sequences=True),
        keras.layers.Bidirectional(GRU(WORDS, return_sequences=True)),
    ],
    ids=["self", "cross", "gru", "bidirectional"],
)
def test_layers_between_take_and_give_on_the_mask_of_sentences(layer):
    def upper(states):
        between = layer(states)
        return [between, AttentionPooling("linear")(between), Probe()(between)]

    sentences, (between, text, left) = network(upper)(TEXTS)
    left = to_numpy(left).reshape(*VALID.shape, -1)
    np.testing.assert_array_equal(left.any(axis=-1), VALID)
    bare = ops.convert_to_tensor(to_numpy(sentences))
    mask = ops.convert_to_tensor(VALID)
    expected = to_numpy(layer(bare, mask=mask))
    np.testing.assert_allclose(to_numpy(between), expected, rtol=0, atol=1e-6)
    assert not to_numpy(text)[2].any()


@pytest.mark.parametrize(
    "between",
    [
        keras.layers.GRU(WORDS, return_sequences=True),
        keras.layers.Bidirectional(keras.layers.LSTM(WORDS, return_sequences=True)),
        lambda states: keras.layers.MultiHeadAttention(1, 4)(states, states),
    ],
    ids=["gru", "bidirectional", "multi-head"],
)
def test_layers_of_keras_that_misread_the_mask_are_refused(between):
    """With as many units as words Keras's recurrent layers run, on a mask of words."""

    def upper(states):
        return AttentionPooling()(keras.layers.Dropout(0.1)(between(states)))

    with pytest.raises(ArgumentError, match=r"keras.layers.Masking\(\)"):
        network(upper)


def test_masking_makes_the_mask_of_sentences_for_layers_of_keras():
    between = keras.layers.GRU(WORDS, return_sequences=True)

    def upper(states):
        states = between(keras.layers.Masking()(states))
        return [states, *AttentionPooling()(states, return_attention_scores=True)]

    sentences, (states, _, weights) = network(upper)(TEXTS)
    bare = ops.convert_to_tensor(to_numpy(sentences))
    expected = between(bare, mask=ops.convert_to_tensor(VALID))
    np.testing.assert_allclose(to_numpy(states), to_numpy(expected), atol=1e-6)
    np.testing.assert_array_equal(to_numpy(weights)[:, 0] > 0, VALID)


def test_a_mask_that_is_passed_is_not_reduced():
    """Who passes a mask of pairs as one of places is told so."""
    states = np.ones((2, 3, FEATURES), "float32")
    pairs = np.tril(np.ones((2, 3, 3), bool))
    for layer in (SelfAttention("dot"), AttentionPooling()):
        with pytest.raises(ArgumentError, match=r"\(2, 3, 3\)"):
            layer(states, mask=pairs)


TOKENS = np.array([[1, 2, 0], [3, 0, 0]])


def embedded(layer, ids=TOKENS):
    """What ``TimeDistributed`` makes of a layer over masked ids, and their states."""
    tokens = keras.Input(ids.shape[1:], dtype="int32")
    states = keras.layers.Embedding(10, FEATURES, mask_zero=True)(tokens)
    outputs = keras.layers.TimeDistributed(layer)(states)
    return map(to_numpy, keras.Model(tokens, [states, outputs])(ids))


def test_features_of_masked_steps():
    """The mask of a sequence says of each step whether all of its features count."""
    gate = FeatureAttention()
    states, gated = embedded(gate)
    assert not gated[TOKENS == 0].any()
    valid = TOKENS != 0
    np.testing.assert_allclose(gated[valid], to_numpy(gate(states[valid])), atol=1e-6)
    _, weights = gate(states[:, 2], mask=valid[:, 2], return_attention_scores=True)
    assert not to_numpy(weights).any()


def test_a_decoder_in_each_step_takes_its_mask():
    decoder = AttentionDecoder(4, output_units=3, output_length=2)
    states, written = embedded(decoder, TEXTS)
    for step in range(SENTENCES):
        expected = decoder(states[:, step], memory_mask=TEXTS[:, step] != 0)
        np.testing.assert_allclose(written[:, step], to_numpy(expected), atol=1e-6)


def test_a_model_in_each_step_takes_its_mask():
    words = keras.Input((WORDS, FEATURES))
    looked = SelfAttention("scaled_dot")(words)
    pooling = keras.Model(words, AttentionPooling()(looked))
    states, sentences = embedded(pooling, TEXTS)
    attend, pool = pooling.layers[1:]
    for step in range(SENTENCES):
        mask = TEXTS[:, step] != 0
        expected = pool(attend(states[:, step], mask=mask), mask=mask)
        np.testing.assert_allclose(sentences[:, step], to_numpy(expected), atol=1e-6)
    assert not sentences[~VALID].any()


def test_layers_of_old_hierarchies():
    """Keras 2 reduced the mask itself, so old files have two of these."""
    upper = AttentionWithContext()
    sentences, text = network(upper, AttentionWithContext())(TEXTS)
    bare = ops.convert_to_tensor(to_numpy(sentences))
    expected = upper(bare, mask=ops.convert_to_tensor(VALID))
    np.testing.assert_allclose(to_numpy(text), to_numpy(expected), rtol=0, atol=1e-6)
    assert not to_numpy(text)[2].any()
