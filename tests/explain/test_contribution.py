"""Contributions add up to the logit; norms and products are those made by hand."""

import keras
import numpy as np
import pytest
from explained_models import WORDS, array, ids, logits, pooled, randomised

import regard
from regard import explain
from regard.errors import ArgumentError, ObservationError

pytestmark = pytest.mark.backends


def by_hand(model, x, target):
    """Weight times value times the column of the class, of a model of ``pooled``."""
    states = array(model.get_layer("words")(x))
    _, weights = model.get_layer("pool")(
        states, mask=x != 0, return_attention_scores=True
    )
    weights = array(weights)
    kernel = array(model.get_layer("classes").kernel)[:, target]
    values = states @ kernel.reshape(weights.shape[1], -1).T
    return (weights * np.swapaxes(values, 1, 2)).sum(axis=1)


def test_contributions_are_what_each_position_adds_to_the_logit():
    model, x = pooled(), ids()
    for target in (0, 2):
        told = explain.contribution(model, x, target)
        assert told.exact
        assert told.signed
        expected = by_hand(model, x, target)
        np.testing.assert_allclose(told.scores, expected, atol=1e-5)
        total = told.scores.sum(axis=1) + told.rest
        np.testing.assert_allclose(total, logits(model, x, target), atol=1e-5)
        np.testing.assert_allclose(total, told.values, atol=1e-5)
        bias = array(model.get_layer("classes").bias)[target]
        np.testing.assert_allclose(told.rest, bias, atol=1e-6)
        assert (told.scores[x == 0] == 0).all()


def attended(end):
    """Self-attention over words; ``end`` makes one state of those of all queries."""
    tokens = keras.Input((7,), dtype="int32")
    states = keras.layers.Embedding(WORDS, 6, mask_zero=True)(tokens)
    states = regard.layers.SelfAttention(num_heads=2, name="self")(states)
    return randomised(keras.Model(tokens, keras.layers.Dense(3)(end(states))))


def test_contributions_of_queries_add_up_to_those_of_all():
    x = ids()
    model = attended(keras.layers.Flatten())
    whole = explain.contribution(model, x, 1)
    assert whole.exact
    parts = [explain.contribution(model, x, 1, query=query) for query in range(7)]
    assert all(each.exact for each in parts)
    total = np.sum([each.scores for each in parts], axis=0)
    np.testing.assert_allclose(total, whole.scores, atol=1e-5)
    for each in parts:
        np.testing.assert_allclose(
            each.scores.sum(1) + each.rest, each.values, atol=1e-5
        )
    # Each input has a query of its own.
    own = explain.contribution(model, x, 1, query=[6, 0, 2, 3])
    for row, query in enumerate([6, 0, 2, 3]):
        np.testing.assert_allclose(own[row], parts[query][row], atol=1e-6)
    norms = [explain.value_norm(model, x, query=query).scores for query in range(7)]
    of_row = np.stack(norms)[:, 0]
    mean = explain.value_norm(model, x)[0]
    np.testing.assert_allclose(of_row.mean(axis=0), mean, atol=1e-5)


def test_of_one_query_that_is_read_the_others_add_nothing():
    x = np.maximum(ids(), 1)
    model = attended(lambda states: states[:, 2])
    whole = explain.contribution(model, x, 0)
    one = explain.contribution(model, x, 0, query=2)
    np.testing.assert_allclose(one.scores, whole.scores, atol=1e-6)
    assert np.abs(explain.contribution(model, x, 0, query=3).scores).max() < 1e-6


@pytest.mark.parametrize(
    ("query", "said"),
    [(-1, "'query'"), (7, "number below 7"), ("last", "'query'"), ([1, 2], "4 inputs")],
)
def test_queries_that_are_none_are_refused(query, said):
    with pytest.raises(ArgumentError, match=said):
        explain.contribution(attended(keras.layers.Flatten()), ids(), query=query)
    with pytest.raises(ArgumentError, match="it pools"):
        explain.contribution(pooled(), ids(), query=0)


def test_contributions_of_texts_add_up_to_the_logits(toy_classifier):
    texts = ["the refund was in my order", "", "parcel"]
    told = explain.contribution(toy_classifier, texts)
    assert told.exact
    np.testing.assert_allclose(
        told.scores.sum(axis=1) + told.rest, told.values, atol=1e-5
    )
    others = [
        explain.contribution(toy_classifier, texts, target).values
        for target in range(3)
    ]
    probabilities = toy_classifier.predict_proba(texts)
    logarithms = np.log(probabilities) - np.log(probabilities).mean(1, keepdims=True)
    whole = np.stack(others, axis=1)
    np.testing.assert_allclose(
        whole - whole.mean(axis=1, keepdims=True), logarithms, atol=1e-4
    )


def bent():
    """Something that is not linear after the pooling layer."""
    series = keras.Input((None, 3))
    context = regard.layers.AttentionPooling(num_heads=2, name="pool")(series)
    hidden = keras.layers.Dense(4, activation="relu")(context)
    return randomised(keras.Model(series, keras.layers.Dense(2)(hidden)))


def test_where_parts_do_not_add_up_it_says_so_and_gives_norms():
    model = bent()
    x = np.random.default_rng(1).normal(size=(3, 5, 3)).astype(np.float32)
    told = explain.contribution(model, x, 0)
    assert not told.exact
    assert not told.signed
    assert told.rest is None
    _, weights = model.get_layer("pool")(x, return_attention_scores=True)
    lengths = np.linalg.norm(x, axis=-1)
    # The heads of a pooling layer are side by side.
    expected = np.sqrt((array(weights) ** 2).sum(axis=1)) * lengths
    np.testing.assert_allclose(told.scores, expected, atol=1e-5)
    norms = explain.value_norm(model, x)
    np.testing.assert_allclose(norms.scores, expected, atol=1e-5)
    assert norms.target is None


def stack():
    """Two layers of self-attention and a mean."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    states = keras.layers.Embedding(WORDS, 6, mask_zero=True, name="words")(tokens)
    for name in ("first", "second"):
        layer = regard.layers.SelfAttention("scaled_dot", num_heads=2, name=name)
        # The layer hands the mask on, which ``+`` would lose.
        both = keras.layers.Add()([states, layer(states)])
        states = keras.layers.LayerNormalization()(both)
    mean = keras.layers.GlobalAveragePooling1D()(states)
    answer = keras.layers.Dense(3, activation="softmax")(mean)
    return randomised(keras.Model(tokens, answer))


@pytest.fixture(scope="module")
def stacked():
    return stack()


def test_norms_of_self_attention_are_those_of_projected_values():
    x = ids()
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    states = keras.layers.Embedding(WORDS, 6, mask_zero=True, name="words")(tokens)
    layer = keras.layers.MultiHeadAttention(2, 3, name="self")
    mean = keras.layers.GlobalAveragePooling1D()(layer(states, states))
    model = randomised(keras.Model(tokens, keras.layers.Dense(3)(mean)))
    told = explain.value_norm(model, x)
    weights = array(regard.observe(model)(x).attention["self"].weights)
    states = array(model.get_layer("words")(x))
    value, bias = (array(each) for each in layer._value_dense.variables)
    projection = array(layer._output_dense.kernel)
    values = np.einsum("bkd,dhv->bkhv", states, value) + bias
    moved = np.einsum("bkhv,hvd->bhkd", values, projection)
    taken = np.einsum("bhqk,bhkd->bqkd", weights, moved)
    norms = np.linalg.norm(taken, axis=-1)
    valid = x != 0
    expected = (norms * valid[..., None]).sum(axis=1) / valid.sum(axis=1)[:, None]
    np.testing.assert_allclose(told.scores, expected, atol=1e-4)


def test_of_several_layers_one_has_to_be_named(stacked):
    with pytest.raises(ObservationError, match=r"several.*'first', 'second'"):
        explain.contribution(stacked, ids())
    with pytest.raises(ObservationError, match="matches 'third'"):
        explain.value_norm(stacked, ids(), layer="third")


def test_a_model_without_attention_is_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    x = np.ones((1, 4), np.float32)
    for method in (explain.contribution, explain.value_norm, explain.rollout):
        with pytest.raises(ObservationError, match="no attention layer"):
            method(model, x)


def test_rollout_is_a_product_of_matrices_whose_rows_sum_to_1(stacked):
    x = ids()
    told = explain.rollout(stacked, x, query="all")
    assert told.axes == ("batch", "queries", "positions")
    attention = regard.observe(stacked)(x).attention
    valid = x != 0
    for row in range(len(x)):
        length = valid[row].sum()
        product = np.eye(length)
        for name in ("first", "second"):
            mean = attention[name].weights[row].mean(axis=0)[:length, :length]
            product = (0.5 * mean + 0.5 * np.eye(length)) @ product
        inside = told.scores[row, :length, :length]
        np.testing.assert_allclose(inside, product, atol=1e-5)
        np.testing.assert_allclose(inside.sum(axis=1), 1, atol=1e-5)
        first = explain.rollout(stacked, x, query=0)
        np.testing.assert_allclose(first[row], product[0], atol=1e-5)
        mean = explain.rollout(stacked, x)
        np.testing.assert_allclose(mean[row], product.mean(axis=0), atol=1e-5)
    assert (told.scores[:, :, :][~told.mask] == 0).all()


def test_a_pooling_layer_ends_a_rollout():
    tokens = keras.Input((None,), dtype="int32")
    states = keras.layers.Embedding(WORDS, 6, mask_zero=True, name="words")(tokens)
    states = regard.layers.SelfAttention("scaled_dot", name="self")(states)
    context = regard.layers.AttentionPooling(name="pool")(states)
    model = randomised(keras.Model(tokens, keras.layers.Dense(2)(context)))
    x = ids()
    told = explain.rollout(model, x)
    attention = regard.observe(model)(x).attention
    pool, inner = (attention[name].weights[:, 0] for name in ("pool", "self"))
    half = 0.5 * inner + 0.5 * np.eye(x.shape[1])
    np.testing.assert_allclose(
        told.scores, np.einsum("bq,bqk->bk", pool, half) * (x != 0), atol=1e-5
    )
    np.testing.assert_allclose(told.scores.sum(axis=1), 1, atol=1e-5)
    # Its weights are the last that are linear: the parts add up through the pool alone.
    added = explain.contribution(model, x, 1)
    assert added.exact
    np.testing.assert_allclose(
        added.scores.sum(axis=1) + added.rest, added.values, atol=1e-5
    )


def test_what_is_no_stack_is_not_rolled_out():
    query, key = keras.Input((4, 3), name="query"), keras.Input((6, 3), name="key")
    context = regard.layers.CrossAttention("dot", name="cross")(query, key)
    mean = keras.layers.GlobalAveragePooling1D()(context)
    model = keras.Model([query, key], keras.layers.Dense(2)(mean))
    x = [np.ones((2, 4, 3), np.float32), np.ones((2, 6, 3), np.float32)]
    with pytest.raises(ObservationError, match=r"'cross' is not self-attention"):
        explain.rollout(model, x, input="key")


@pytest.mark.parametrize("query", [-1, "some", 7])
def test_a_query_that_there_is_not_is_refused(stacked, query):
    with pytest.raises(ArgumentError, match="query"):
        explain.rollout(stacked, ids(), query=query)
