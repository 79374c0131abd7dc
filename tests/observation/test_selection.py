"""Only what is asked for is seen, and a wrong request says what there is."""

import keras
import numpy as np
import pytest
from observed_models import STATES

import regard
from regard import _compat
from regard.errors import ObservationError
from regard.layers import AttentionPooling, SelfAttention

pytestmark = pytest.mark.backends


def stacked(depth=3):
    states = x = keras.Input((6, 8))
    for index in range(depth):
        inner = keras.Input((6, 8))
        look = keras.layers.MultiHeadAttention(2, 4, name="look")
        block = keras.Model(inner, look(inner, inner) + inner, name=f"block_{index}")
        x = block(x)
    return keras.Model(states, AttentionPooling(name="pool")(x), name="stacked")


@pytest.mark.parametrize(
    ("layers", "paths"),
    [
        ("*", ["block_0/look", "block_1/look", "block_2/look", "pool"]),
        ("pool", ["pool"]),
        ("block_1/*", ["block_1/look"]),
        ("*look", ["block_0/look", "block_1/look", "block_2/look"]),
        (["block_2/look", "p*"], ["block_2/look", "pool"]),
        ("block_[02]/look", ["block_0/look", "block_2/look"]),
    ],
)
def test_patterns(layers, paths):
    assert list(regard.observe(stacked(), layers=layers).paths) == paths


def test_only_the_chosen_layer_leaves_its_kernel(monkeypatch):
    left = []
    without_fusion = _compat.without_fusion

    def counted(layer):
        left.append(layer)
        return without_fusion(layer)

    monkeypatch.setattr(_compat, "without_fusion", counted)
    model = stacked()
    result = regard.observe(model, layers="block_1/look")(STATES)
    assert list(result.attention) == ["block_1/look"]
    assert left == [model.get_layer("block_1").get_layer("look")]


def test_a_chosen_layer_gives_the_same_weights():
    model = stacked()
    every = regard.observe(model)(STATES)
    single = regard.observe(model, layers="block_2/look")(STATES)
    np.testing.assert_array_equal(single.outputs, every.outputs)
    np.testing.assert_array_equal(
        single.attention["block_2/look"].weights,
        every.attention["block_2/look"].weights,
    )


def test_a_pattern_that_matches_nothing_lists_what_there_is():
    with pytest.raises(ObservationError, match="'encoder'") as caught:
        regard.observe(stacked(), layers=["pool", "encoder"])
    for path in ("'block_0/look' (MultiHeadAttention)", "'pool' (AttentionPooling)"):
        assert path in str(caught.value)


def test_a_model_without_attention_lists_what_there_is():
    model = keras.Sequential([keras.Input((6, 8)), keras.layers.GRU(4)])
    with pytest.raises(ObservationError, match="no attention layer") as caught:
        regard.observe(model)
    assert "GRU" in str(caught.value)


class Blocks(keras.Model):
    """Layers of the same names beside each other, which Keras allows here."""

    def __init__(self, names):
        super().__init__()
        self.blocks = [SelfAttention("dot", name=name) for name in names]

    def build(self, shape):
        for block in self.blocks:
            block.build(shape)

    def call(self, inputs):
        for scale, block in enumerate(self.blocks, start=1):
            inputs = block(inputs * scale)
        return inputs


def test_layers_of_the_same_name_are_chosen_apart():
    model = Blocks(["look", "look", "look@2", "look"])
    every = regard.observe(model)(STATES)
    paths = ["look", "look@3", "look@2", "look@4"]
    assert list(every.attention) == paths
    states = STATES
    for scale, (block, path) in enumerate(zip(model.blocks, paths, strict=True), 1):
        states, expected = block(states * scale, return_attention_scores=True)
        result = regard.observe(model, layers=path)(STATES)
        assert list(result.attention) == [path]
        for weights in (result.attention[path], every.attention[path]):
            assert weights.layer == path
            np.testing.assert_array_equal(
                weights.weights, keras.ops.convert_to_numpy(expected)
            )


def test_a_path_is_a_pattern_of_itself():
    model = Blocks(["look[0]", "look[1]"])
    assert regard.observe(model, layers="look[1]").paths == ("look[1]",)


def test_a_name_like_the_number_of_a_call():
    model = Blocks(["look", "look#2"])
    model.blocks.append(model.blocks[0])
    attention = regard.observe(model)(STATES).attention
    assert list(attention) == ["look", "look#2", "look#3"]
    assert [each.layer for each in attention.values()] == ["look", "look#2", "look"]


def test_an_unbuilt_model_is_searched_in_its_first_pass():
    class Late(keras.Model):
        def build(self, _):
            self.pool = AttentionPooling(name="pool")

        def call(self, inputs):
            return self.pool(inputs)

    observed = regard.observe(Late(), layers="pool")
    assert list(observed.predict_on_batch(STATES).attention) == ["pool"]
    assert observed.paths == ("pool",)
