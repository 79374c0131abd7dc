"""The model itself: it is made the same each time, and padding does not reach it."""

import keras
import numpy as np
import pytest

from light_compilation import light_compilation
from regard.decoding import Search, Searcher
from regard.errors import ArgumentError
from regard.ops import products
from regard.runtime import compile_function
from regard.translation.loss import SequenceLoss
from regard.translation.seq2seq import Seq2Seq

SOURCE = np.array([[4, 5, 6], [7, 8, 0]], "int32")
TOLD = np.array([[2, 4, 5, 6], [2, 7, 0, 0]], "int32")
# A target of symbols that the model has, and what is told of it.
WRITTEN = np.array([[4, 5, 6, 3], [6, 3, 0, 0]], "int32")
BEFORE = np.array([[2, 4, 5, 6], [2, 6, 0, 0]], "int32")


def model(**settings) -> Seq2Seq:
    return Seq2Seq(9, 7, **({"units": 4, "embedding_units": 3, "seed": 1} | settings))


def logits_of(network: Seq2Seq):
    """A function of source and target, compiled once for each shape of them."""
    return compile_function(network, lambda source, told: network([source, told]))


def equal_weights(one: Seq2Seq, other: Seq2Seq) -> bool:
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(left, right) for left, right in pairs)


def test_the_seed_decides_the_first_weights():
    assert equal_weights(model(), model())
    assert not equal_weights(model(), model(seed=2))
    assert not equal_weights(model(seed=None), model(seed=None))


@pytest.mark.parametrize("seed", [0, 123_456, 2**40])
def test_seeds_of_any_size(seed):
    assert equal_weights(model(seed=seed), model(seed=seed))


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "lstm", "encoder_layers": 2, "tie_embeddings": False},
        {"bidirectional": False, "order": "bahdanau", "input_feeding": False},
    ],
    ids=["deep", "simple"],
)
def test_what_is_padding_or_comes_after_makes_no_difference(settings):
    logits = logits_of(model(**settings))
    scores = logits(SOURCE, TOLD)
    assert scores.shape == (2, 4, 7)
    later = TOLD.copy()
    later[:, 2:] = 1
    np.testing.assert_allclose(logits(SOURCE, later)[:, :2], scores[:, :2], atol=1e-6)
    alone = logits(SOURCE[1:, :2], TOLD[1:, :2])
    np.testing.assert_allclose(alone, scores[1:, :2], atol=1e-6)


def test_it_is_made_anew_from_its_configuration():
    network = model(cell="lstm", num_heads=2, score="general")
    again = Seq2Seq.from_config(network.get_config())
    assert again.symbols == (9, 7)
    assert equal_weights(network, again)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"cell": "rnn"}, "'cell'.*'gru', 'lstm'.*'rnn'"),
        ({"units": 0}, "units"),
        ({"encoder_layers": 0}, "encoder_layers"),
        ({"dropout": 1.0}, "dropout"),
        ({"score": "odd"}, "'odd'"),
    ],
)
def test_settings_that_make_no_sense(settings, match):
    with pytest.raises(ArgumentError, match=match):
        model(**settings)


on_jax = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="other backends multiply as they are"
)


@on_jax
@pytest.mark.parametrize(
    "settings",
    [{}, {"cell": "lstm", "tie_embeddings": False, "order": "bahdanau"}],
    ids=["gru", "lstm"],
)
def test_gradients_of_products_in_bfloat16(monkeypatch, settings):
    """They are those of float32 as far as rounded operands can tell, in each weight."""
    import jax

    monkeypatch.setattr(products, "SMALL", 1)
    sizes = {"units": 32, "embedding_units": 24, "dropout": 0.0}
    network = model(**(sizes | settings))
    others = [variable.value for variable in network.non_trainable_variables]

    weights = [variable.value for variable in network.trainable_variables]
    found = {}
    for asked in ("float32", "bfloat16"):
        network.products = asked

        def loss(weights):
            logits, _ = network.stateless_call(
                weights, others, [SOURCE, BEFORE], training=True
            )
            return SequenceLoss(0.1)(WRITTEN, logits)

        with light_compilation():
            value, gradients = jax.jit(jax.value_and_grad(loss))(weights)
        found[asked] = [np.asarray(each) for each in (value, *gradients)]
    for whole, rounded in zip(*found.values(), strict=True):
        assert rounded.dtype == np.float32
        off = np.linalg.norm(rounded - whole)
        assert off <= 0.02 * np.linalg.norm(whole)
    assert not np.array_equal(found["float32"][0], found["bfloat16"][0])


@on_jax
def test_products_of_training_and_searches_alone_are_in_bfloat16(monkeypatch):
    monkeypatch.setattr(products, "SMALL", 1)
    made = {"units": 32, "embedding_units": 24}
    with light_compilation():
        whole, rounded = model(**made), model(products="bfloat16", **made)
        assert Seq2Seq.from_config(rounded.get_config()).products == "bfloat16"
        told = [logits_of(each)(SOURCE, TOLD) for each in (whole, rounded)]
        np.testing.assert_array_equal(*told)
        best = [
            Searcher(each, Search(max_length=3)).run([SOURCE[0]])[0][0]
            for each in (whole, rounded)
        ]
    np.testing.assert_array_equal(best[0].symbols, best[1].symbols)
    assert best[0].log_probability != best[1].log_probability
    assert best[0].log_probability == pytest.approx(best[1].log_probability, abs=0.02)
    np.testing.assert_allclose(best[0].weights, best[1].weights, atol=5e-3)
