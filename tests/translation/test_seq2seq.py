"""The model itself: it is made the same each time, and padding does not reach it."""

import numpy as np
import pytest

from regard.errors import ArgumentError
from regard.runtime import compile_function
from regard.translation.seq2seq import Seq2Seq

SOURCE = np.array([[4, 5, 6], [7, 8, 0]], "int32")
TOLD = np.array([[2, 4, 5, 6], [2, 7, 0, 0]], "int32")


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
