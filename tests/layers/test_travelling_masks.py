"""Masks on their way through a model, into a layer and out of it."""

import keras
import numpy as np
import pytest
from cases import MASK, STATES
from subjects import to_numpy

from regard.layers import (
    AttentionPooling,
    CrossAttention,
    SelfAttention,
)

pytestmark = pytest.mark.backends


def embedded(layer):
    """Token ids through an embedding that masks 0, into a layer."""
    tokens = keras.Input((None,), dtype="int32")
    states = keras.layers.Embedding(9, 4, mask_zero=True)(tokens)
    return keras.Model(tokens, layer(states, return_attention_scores=True))


TOKENS = np.array([[1, 0, 2, 3, 0], [4, 5, 0, 0, 0], [0, 0, 0, 0, 0]])


@pytest.mark.parametrize("layer", [AttentionPooling, SelfAttention])
def test_a_mask_travels_from_an_embedding(layer):
    context, weights = embedded(layer())(TOKENS)
    attention = to_numpy(weights)
    valid = (TOKENS != 0).reshape(3, *(1,) * (attention.ndim - 2), 5)
    assert not attention[~np.broadcast_to(valid, attention.shape)].any()
    assert (attention.sum(-1) > 0.99).any()
    assert not to_numpy(context)[2].any()


def test_self_attention_keeps_the_travelling_mask_beside_an_attention_mask():
    """Keras fills in ``mask`` only where no other argument is a tensor."""
    states = keras.layers.Embedding(9, 4, mask_zero=True)(TOKENS)
    everything = np.ones((5, 5), bool)
    _, weights = SelfAttention("dot")(
        states, attention_mask=everything, return_attention_scores=True
    )
    _, expected = SelfAttention("dot")(states, return_attention_scores=True)
    np.testing.assert_array_equal(to_numpy(weights), to_numpy(expected))
    assert not to_numpy(weights)[0, 0, 0, 1]


def mask_that_leaves(layer, *inputs, **arguments):
    """The mask a layer downstream is given."""
    masks = []

    class Probe(keras.layers.Layer):
        def call(self, inputs, mask=None):
            masks.append(mask)
            return inputs

    Probe()(layer(*inputs, **arguments))
    return None if masks[0] is None else to_numpy(masks[0])


def test_masks_that_leave():
    tokens = keras.layers.Embedding(9, 4, mask_zero=True)(TOKENS)
    assert mask_that_leaves(AttentionPooling(), tokens) is None
    left = mask_that_leaves(SelfAttention(), tokens)
    np.testing.assert_array_equal(left, TOKENS != 0)
    left = mask_that_leaves(CrossAttention(), tokens, STATES)
    np.testing.assert_array_equal(left, TOKENS != 0)
    left = mask_that_leaves(CrossAttention(), STATES, STATES, query_mask=MASK)
    np.testing.assert_array_equal(left, MASK)
    assert mask_that_leaves(CrossAttention(), STATES, tokens) is None


def test_a_passed_mask_is_a_travelling_mask():
    """``keras.layers.MultiHeadAttention`` drops a ``query_mask`` that is passed."""
    embed = keras.layers.Embedding(9, 4, mask_zero=True)
    layer = CrossAttention()
    travelling = layer(embed(TOKENS), embed(TOKENS), return_attention_scores=True)
    bare = keras.ops.convert_to_tensor(to_numpy(embed(TOKENS)))
    mask = TOKENS != 0
    passed = layer(
        bare, bare, query_mask=mask, value_mask=mask, return_attention_scores=True
    )
    for expected, actual in zip(travelling, passed, strict=True):
        np.testing.assert_array_equal(to_numpy(actual), to_numpy(expected))


def test_masks_of_lists_and_numbers():
    layer = AttentionPooling()
    expected = to_numpy(layer(STATES, mask=MASK))
    for mask in (MASK.tolist(), MASK.astype(int), MASK.astype(np.float32)):
        np.testing.assert_array_equal(to_numpy(layer(STATES, mask=mask)), expected)


def test_pooling_inside_time_distributed_takes_the_mask_of_each_step():
    documents = np.stack([TOKENS, TOKENS[::-1]])
    tokens = keras.Input((3, 5), dtype="int32")
    states = keras.layers.Embedding(9, 4, mask_zero=True)(tokens)
    pooling = AttentionPooling("context")
    sentences = keras.layers.TimeDistributed(pooling)(states)
    model = keras.Model(tokens, [states, sentences])
    embedding, pooled = map(to_numpy, model(documents))
    for row in range(3):
        mask = documents[:, row] != 0
        alone = to_numpy(pooling(embedding[:, row], mask=mask))
        np.testing.assert_allclose(pooled[:, row], alone, atol=1e-6)
