"""The layers with an additive score learn the same whichever path computes it."""

import keras
import numpy as np
import pytest

from regard.layers import AttentionPooling, CrossAttention, SelfAttention
from regard.ops.additive import dispatch

pytestmark = pytest.mark.backends

RNG = np.random.default_rng(0)
STATES = RNG.normal(size=(6, 9, 4)).astype("float32")
TARGETS = RNG.normal(size=(6, 1)).astype("float32")
MASK = np.arange(9) < RNG.integers(3, 10, size=(6, 1))
# float16 and bfloat16 round the states themselves to three digits.
TOLERANCE = {"float32": 1e-5, "mixed_float16": 2e-3, "mixed_bfloat16": 2e-2}

LAYERS = {
    "cross": lambda **kw: CrossAttention("additive", units=6, num_heads=2, **kw),
    "self": lambda **kw: SelfAttention("additive", units=6, window=5, **kw),
    "last": lambda **kw: AttentionPooling("last", alignment="additive", units=6, **kw),
}


def trained(name, policy):
    """The weights and the answers after three steps of training."""
    keras.utils.set_random_seed(0)
    states = keras.Input((9, 4))
    mask = keras.Input((9,), dtype="bool")
    layer = LAYERS[name](dtype=policy)
    if name == "cross":
        attended = layer(states, states, value_mask=mask, use_causal_mask=True)
    else:
        attended = layer(states, mask=mask)
    features = keras.ops.reshape(attended, (-1, 36 if name != "last" else 4))
    model = keras.Model([states, mask], keras.layers.Dense(1)(features))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit([STATES, MASK], TARGETS, batch_size=6, epochs=3, verbose=0)
    return [*model.get_weights(), model.predict([STATES, MASK], verbose=0)]


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize("name", LAYERS)
def test_training_is_the_same_by_every_path(name, policy, monkeypatch):
    expected = trained(name, policy)
    monkeypatch.setattr(dispatch, "SMALL", dict.fromkeys(dispatch.SMALL, 0))
    actual = trained(name, policy)
    for by_path, plain in zip(actual, expected, strict=True):
        np.testing.assert_allclose(by_path, plain, rtol=0, atol=TOLERANCE[policy])
