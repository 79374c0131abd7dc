"""Sequences without a step: weights over nothing, and contexts of 0."""

import keras
import numpy as np
import pytest
from cases import CASES, batch_for
from clauses import Batch
from subjects import Compiled, Eager, functional, tensors_of, to_numpy

from regard import legacy
from regard.layers import GRU, LSTM, AttentionDecoder, AttentionPooling, SelfAttention

pytestmark = pytest.mark.backends

BACKEND = keras.backend.backend()
STATES = np.ones((3, 0, 4), "float32")
# Without keys, without queries, without both; pooling has only the first.
SIZES = {"keys": (0, 4), "queries": (5, 0), "both": (0, 0)}


def empty_batch(case, which):
    """A batch with nothing on an axis, under masks of it."""
    keys, queries = SIZES[which]
    if case.kind in {"pool", "self"}:
        mask = np.ones((3, 0), bool)
        return Batch(STATES, mask, query_mask=mask if case.kind == "self" else None)
    random = np.random.default_rng(3)
    source = random.normal(size=(3, keys, 6)).astype("float32")
    query = random.normal(size=(3, queries, 6)).astype("float32")
    masks = np.ones((3, keys), bool), np.ones((3, queries), bool)
    return Batch(source, masks[0], query, masks[1])


def check(subject, which):
    """Empty weights, contexts of 0, finite gradients."""
    case, batch = subject.case, empty_batch(subject.case, which)
    context, weights = subject(batch)
    assert 0 in weights.shape
    assert weights.shape[-1] == batch.source.shape[1]
    assert context.shape[1:-1] == (weights.shape[2:-1] or ())
    assert np.isfinite(context).all()
    assert not (case.context_alone and context.any())
    assert all(np.isfinite(each).all() for each in subject.gradients(batch))


# JAX compiles each operation of an eager call; the others are compiled at once.
EAGER = (
    ["pooling-linear", "pooling-last-general", "cross-general-window"]
    if BACKEND == "jax"
    else [name for name, case in CASES.items() if case.kind != "feature"]
)


@pytest.mark.parametrize("name", EAGER)
def test_eager(name):
    case = CASES[name]
    subject = Eager(case)
    subject.build(batch_for(case, "none"))
    for which in SIZES if case.kind in {"cross", "decoder"} else ["keys"]:
        check(subject, which)


@pytest.mark.parametrize(
    ("name", "which"),
    [
        *(("pooling-context", "keys"), ("pooling-last-additive", "keys")),
        *(("self-additive", "keys"), ("cross-additive", "keys")),
        *(("cross-additive", "queries"), ("decoder-additive", "queries")),
        ("decoder-general", "keys"),
    ],
)
def test_compiled(name, which):
    case = CASES[name]
    subject = Compiled(case)
    subject.build(batch_for(case, "none"))
    check(subject, which)


@pytest.mark.skipif(
    BACKEND != "tensorflow", reason="only TensorFlow has graphs of unknown sizes"
)
@pytest.mark.parametrize(
    "name",
    [
        *("pooling-context", "pooling-last-additive", "self-additive"),
        *("cross-additive", "cross-dot", "decoder-general"),
    ],
)
def test_in_a_graph_that_was_made_for_any_length(name):
    import tensorflow as tf

    case = CASES[name]
    subject = Eager(case)
    full = batch_for(case, "right")
    subject.build(full)
    model = functional(subject.layer, case, full, observed=True)
    signature = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in model.inputs]
    run = tf.function(lambda *inputs: model(list(inputs)), input_signature=signature)
    for expected, actual in zip(
        subject(full), run(*tensors_of(case, full)), strict=True
    ):
        np.testing.assert_allclose(to_numpy(actual), expected, rtol=0, atol=1e-5)
    context, weights = run(*tensors_of(case, empty_batch(case, "keys")))
    assert weights.shape[-1] == 0
    assert not (case.context_alone and to_numpy(context).any())


@pytest.mark.parametrize("layer", [GRU, LSTM])
def test_recurrent_layers_keep_their_state(layer):
    """Nothing was read: no outputs, and the state as it came."""
    count = 2 if layer is LSTM else 1
    state = [np.full((3, 5), index + 1.0, "float32") for index in range(count)]
    recurrent = layer(5, return_sequences=True, return_state=True)
    recurrent.build((3, None, 4))
    outputs, *after = recurrent(STATES, initial_state=state)
    assert outputs.shape == (3, 0, 5)
    for actual, expected in zip(after, state, strict=True):
        np.testing.assert_array_equal(to_numpy(actual), expected)
    recurrent.return_sequences = False
    np.testing.assert_array_equal(to_numpy(recurrent(STATES)[0]), 0)


def test_a_decoder_without_targets_writes_nothing():
    memory = np.ones((3, 2, 4), "float32")
    decoder = AttentionDecoder(4, output_units=6, feedback="scheduled")
    targets = np.zeros((3, 0), "int32")
    output, weights = decoder(
        memory, targets=targets, training=True, return_attention_scores=True
    )
    assert output.shape == (3, 0, 6)
    assert weights.shape == (3, 1, 0, 2)


def test_from_an_embedding_and_through_a_model():
    ids = keras.Input((None,), dtype="int32")
    states = keras.layers.Embedding(9, 4, mask_zero=True)(ids)
    pooled = AttentionPooling()(SelfAttention("dot")(states))
    model = keras.Model(ids, keras.layers.Dense(2, use_bias=False)(pooled))
    nothing = np.zeros((3, 0), "int32")
    np.testing.assert_array_equal(model.predict_on_batch(nothing), 0)


@pytest.mark.parametrize(
    ("layer", "weights"),
    [
        (legacy.layers.AttentionWithContext(), (3, 1, 0)),
        (legacy.layers.SeqSelfAttention(), (3, 1, 0, 0)),
        (legacy.layers.SeqWeightedAttention(), (3, 1, 0)),
        (legacy.layers.ProbAttention(), (3, 1, 0)),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, keras.Layer) else "",
)
def test_layers_of_old_models(layer, weights):
    layer.build((3, None, 4))
    for mask in (None, np.ones((3, 0), bool)):
        context, attention = layer(STATES, mask=mask, return_attention_scores=True)
        context = context[0] if isinstance(context, list) else context
        assert attention.shape == weights
        assert not to_numpy(context).any()
