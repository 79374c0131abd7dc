import keras
import numpy as np
import pytest

from regard.classification.network import FeatureEmbedding
from regard.errors import ArgumentError

pytestmark = pytest.mark.backends

TABLE = np.array([[9.0], [1.0], [10.0], [100.0], [1000.0]], "float32")


def embedding(**arguments) -> FeatureEmbedding:
    layer = FeatureEmbedding(5, 1, ngrams=2, **arguments)
    layer.build((None, None, 6))
    layer.set_weights([TABLE])
    return layer


def test_ngrams_are_added_and_pieces_divided_by_the_root_of_their_number():
    token = np.array([[[1, 2, 3, 3, 3, 3]]])
    assert float(embedding()(token)[0, 0, 0]) == 1 + 10 + 4 * 100 / 2


def test_row_zero_adds_nothing():
    token = np.array([[[1, 0, 0, 0, 4, 0]]])
    assert float(embedding()(token)[0, 0, 0]) == 1 + 1000


def test_training_without_dropout_and_prediction_give_the_same():
    random = np.random.default_rng(0)
    layer = FeatureEmbedding(50, 8, ngrams=3)
    layer.build((None, None, 9))
    layer.set_weights([random.normal(size=(50, 8)).astype("float32")])
    tokens = random.integers(0, 50, (4, 7, 9)) * random.integers(0, 2, (4, 7, 9))
    ids = keras.ops.convert_to_tensor(tokens.astype("int32"))
    one, other = (
        keras.ops.convert_to_numpy(layer(ids, training=training))
        for training in (True, False)
    )
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_the_mask_is_true_where_there_is_a_word():
    tokens = np.array([[[1, 0, 0, 0, 0, 0], [0, 2, 3, 0, 0, 0]]])
    mask = embedding().compute_mask(keras.ops.convert_to_tensor(tokens))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(mask), [[True, False]])


def test_dropout_leaves_whole_features_out_and_keeps_the_mean():
    layer = embedding(dropout=0.5, seed=0)
    tokens = np.tile(np.array([[[1, 2, 0, 0, 0, 0]]]), (200, 20, 1))
    dropped = keras.ops.convert_to_numpy(layer(tokens, training=True))
    assert set(np.unique(dropped)) == {0, 2, 20, 22}
    assert dropped.mean() == pytest.approx(11, rel=0.05)
    still = keras.ops.convert_to_numpy(layer(tokens, training=False))
    assert set(np.unique(still)) == {11}


def test_it_is_made_anew_from_its_configuration():
    layer = embedding(dropout=0.5, seed=3)
    again = FeatureEmbedding.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_too_few_columns_are_refused():
    with pytest.raises(ArgumentError, match="2 or more"):
        FeatureEmbedding(5, 1, ngrams=2).build((None, None, 1))
