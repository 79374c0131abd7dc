"""Keras's own attention layers: fused kernels, masks and dropout stay as they are."""

import keras
import numpy as np
import pytest
from observed_models import STATES

import regard

pytestmark = pytest.mark.backends

PADDING = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]] * 2, "bool")
CAUSAL = np.tril(np.ones((6, 6), "bool"))


def to_numpy(x):
    return keras.ops.convert_to_numpy(x)


class Attending(keras.Model):
    """One attention layer over a sequence, with masks by the layer's own arguments."""

    def __init__(self, attention, causal=False, padded=False):
        super().__init__()
        self.attention = attention
        self.causal = causal
        self.padded = padded

    def call(self, inputs, training=None):
        mask = keras.ops.convert_to_tensor(PADDING) if self.padded else None
        return self._attend(inputs, mask, training)

    def _attend(self, x, mask, training):
        return self.attention(
            x,
            x,
            value_mask=mask,
            use_causal_mask=self.causal,
            training=training,
        )


class Scoring(Attending):
    """The same for the layers that take a list."""

    def _attend(self, x, mask, training):
        return self.attention(
            [x, x],
            mask=None if mask is None else [mask, mask],
            use_causal_mask=self.causal,
            training=training,
        )


def multi_head(**kwargs):
    return keras.layers.MultiHeadAttention(2, 4, name="seen", **kwargs)


def grouped(**kwargs):
    return keras.layers.GroupQueryAttention(4, 4, 2, name="seen", **kwargs)


def dot(**kwargs):
    return keras.layers.Attention(name="seen", **kwargs)


def additive(**kwargs):
    return keras.layers.AdditiveAttention(name="seen", **kwargs)


KINDS = {
    "multi-head": (multi_head, Attending),
    "grouped": (grouped, Attending),
    "dot": (dot, Scoring),
    "additive": (additive, Scoring),
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


def explicit_weights(model):
    """The weights that the layer itself gives when asked, on its unfused path."""
    layer = model.attention
    mask = keras.ops.convert_to_tensor(PADDING) if model.padded else None
    arguments = {"use_causal_mask": model.causal, "return_attention_scores": True}
    if isinstance(model, Scoring):
        masks = None if mask is None else [mask, mask]
        weights = to_numpy(layer([STATES, STATES], mask=masks, **arguments)[1])
        return weights[:, None]
    return to_numpy(layer(STATES, STATES, value_mask=mask, **arguments)[1])


@every_kind
@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize("causal", [False, True], ids=["both ways", "causal"])
def test_masks_stay_as_they_are(kind, causal, padded):
    make, model_class = kind
    model = model_class(make(), causal, padded)
    expected = to_numpy(model(STATES, training=False))
    result = regard.observe(model)(STATES)
    np.testing.assert_array_equal(result.outputs, expected)
    weights = result.attention["seen"].weights
    valid = np.broadcast_to(CAUSAL if causal else True, (6, 6))
    valid = np.broadcast_to(
        valid & (PADDING[:, None, None] | (not padded)), weights.shape
    )
    assert np.all(weights[~valid] == 0)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(weights, explicit_weights(model), atol=1e-6)


@every_kind
def test_causal_and_padding_masks_compiled(kind):
    make, model_class = kind
    model = model_class(make(), causal=True, padded=True)
    result = regard.observe(model).predict_on_batch(STATES)
    expected = model.predict_on_batch(STATES)
    np.testing.assert_allclose(result.outputs, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        result.attention["seen"].weights, explicit_weights(model), atol=1e-6
    )


@every_kind
def test_dropout_in_training_mode(kind):
    make, model_class = kind
    model = model_class(make(dropout=0.5, seed=3))
    model(STATES)
    plain = regard.observe(model)(STATES).attention["seen"].weights
    seeds = [v for v in model.non_trainable_variables if "seed" in v.path]
    assert seeds
    before = [to_numpy(seed) for seed in seeds]
    expected = to_numpy(model(STATES, training=True))
    after = [to_numpy(seed) for seed in seeds]
    for seed, value in zip(seeds, before, strict=True):
        seed.assign(value)
    result = regard.observe(model)(STATES, training=True)
    np.testing.assert_array_equal(result.outputs, expected)
    assert not np.allclose(expected, to_numpy(model(STATES, training=False)))
    # The seed went on by one draw, as without anybody looking.
    for seed, value in zip(seeds, after, strict=True):
        np.testing.assert_array_equal(to_numpy(seed), value)
    # Weights before dropout: those of the inference pass, with rows that sum to 1.
    np.testing.assert_allclose(result.attention["seen"].weights, plain, atol=1e-6)


@pytest.fixture
def flash_anywhere(monkeypatch):
    """Let a layer built for flash attention run where there is no such kernel."""
    from keras.src import ops

    kernel = ops.dot_product_attention
    calls = []

    def unfused(*args, flash_attention=None, **kwargs):
        calls.append(flash_attention)
        return kernel(*args, flash_attention=None, **kwargs)

    monkeypatch.setattr(ops, "dot_product_attention", unfused)
    return calls


@pytest.mark.parametrize("make", [multi_head, grouped])
@pytest.mark.parametrize("causal", [False, True], ids=["both ways", "causal"])
def test_flash_attention_stays_on(make, causal, flash_anywhere):
    model = Attending(make(flash_attention=True), causal)
    model(STATES)
    flash_anywhere.clear()
    expected = to_numpy(model(STATES))
    result = regard.observe(model)(STATES)
    np.testing.assert_array_equal(result.outputs, expected)
    # Both passes went through the kernel, and nobody else did.
    assert flash_anywhere == [True, True]
    assert model.attention._flash_attention is True
    weights = result.attention["seen"].weights
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    assert np.all(weights[..., ~CAUSAL] == 0) == causal


@pytest.mark.skipif(
    keras.backend.backend() != "torch",
    reason="only PyTorch has a flash attention kernel for CPUs",
)
def test_real_flash_attention(monkeypatch):
    from keras.src.backend.torch import nn

    # Keras looks for CUDA's kernel; the one for CPUs stands behind the same switch.
    monkeypatch.setattr(nn, "_can_use_flash_attention", lambda *_, **__: True)
    model = Attending(multi_head(flash_attention=True), causal=True)
    expected = to_numpy(model(STATES))
    result = regard.observe(model)(STATES)
    np.testing.assert_array_equal(result.outputs, expected)
    assert np.all(result.attention["seen"].weights[..., ~CAUSAL] == 0)


def test_sliding_window_is_seen():
    model = Attending(multi_head(sliding_window=2))
    weights = regard.observe(model)(STATES).attention["seen"].weights
    band = np.abs(np.subtract.outer(np.arange(6), np.arange(6))) < 2
    assert np.all(weights[..., ~band] == 0)
    assert np.all(weights[..., band] > 0)


@pytest.mark.parametrize(
    ("attention_axes", "axes", "shape"),
    [
        (2, ("batch", "axis_1", "heads", "queries", "keys"), (2, 3, 2, 5, 5)),
        (
            (1, 2),
            ("batch", "heads", "queries_1", "queries_2", "keys_1", "keys_2"),
            (2, 2, 3, 5, 3, 5),
        ),
    ],
)
def test_attention_over_chosen_axes(attention_axes, axes, shape):
    model = Attending(multi_head(attention_axes=attention_axes))
    grid = np.ones((2, 3, 5, 8), "float32")
    attention = regard.observe(model)(grid).attention["seen"]
    assert attention.axes == axes
    assert attention.shape == shape


def test_a_row_without_valid_key_has_no_weights():
    ids = keras.Input((6,), dtype="int32")
    x = keras.layers.Embedding(9, 8, mask_zero=True)(ids)
    x = keras.layers.MultiHeadAttention(2, 4, name="seen")(x, x)
    model = keras.Model(ids, x)
    inputs = np.array([[1, 2, 3, 4, 0, 0], [0, 0, 0, 0, 0, 0]])
    weights = regard.observe(model)(inputs).attention["seen"].weights
    assert np.all(weights[0, :, 4:] == 0)
    assert np.all(weights[1] == 0)


class OwnScores(keras.layers.MultiHeadAttention):
    """Somebody's subclass which computes attention in its own way."""

    def _compute_attention(self, *args, **kwargs):
        output, scores = super()._compute_attention(*args, **kwargs)
        return output * 2, scores


def test_a_subclass_is_seen_as_its_base():
    model = Attending(OwnScores(2, 4, name="seen"), causal=True)
    expected = to_numpy(model(STATES))
    result = regard.observe(model)(STATES)
    np.testing.assert_array_equal(result.outputs, expected)
    assert result.attention["seen"].kind == "OwnScores"
    assert np.all(result.attention["seen"].weights[..., ~CAUSAL] == 0)


class Silent(keras.layers.MultiHeadAttention):
    """Somebody's subclass that has no weights to show."""

    def _compute_attention(self, *args, **kwargs):
        output, _ = super()._compute_attention(*args, **kwargs)
        return output, None


def test_a_subclass_without_weights_is_named():
    model = Attending(Silent(2, 4, name="seen"))
    expected = to_numpy(model(STATES))
    with pytest.raises(regard.errors.ObservationError, match=r"'seen'.*Silent"):
        regard.observe(model)(STATES)
    np.testing.assert_array_equal(to_numpy(model(STATES)), expected)


def test_half_precision():
    layer = keras.layers.MultiHeadAttention(2, 4, name="seen", dtype="mixed_bfloat16")
    model = Attending(layer)
    expected = to_numpy(model(STATES))
    result = regard.observe(model)(STATES)
    np.testing.assert_array_equal(result.outputs, expected)
    weights = result.attention["seen"].weights.astype("float32")
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=0.03)
