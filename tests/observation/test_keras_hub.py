"""KerasHub's models with random weights: the answers stay, the attention is seen."""

import sys

import keras
import numpy as np
import pytest

import regard
from light_compilation import light_compilation

pytestmark = pytest.mark.backends

keras_hub = pytest.importorskip(
    "keras_hub", reason="KerasHub is not installed", exc_type=ImportError
)

SIZES = {
    "vocabulary_size": 20,
    "num_layers": 2,
    "hidden_dim": 16,
    "intermediate_dim": 16,
}
HEADS = {"num_heads": 4}
GROUPED = {"num_query_heads": 4, "num_key_value_heads": 2}
EXPERTS = {"num_experts": 4}
BACKBONES = {
    "BertBackbone": HEADS,
    "GPT2Backbone": HEADS,
    "BloomBackbone": HEADS,
    "DebertaV3Backbone": HEADS,
    "GPTNeoXBackbone": {**HEADS, "rotary_percentage": 0.5},
    "FalconBackbone": {"num_attention_heads": 4},
    "LlamaBackbone": GROUPED,
    "MistralBackbone": GROUPED,
    "MixtralBackbone": {**GROUPED, **EXPERTS},
    "Phi3Backbone": GROUPED,
    "QwenBackbone": GROUPED,
    "QwenMoeBackbone": {
        **GROUPED,
        **EXPERTS,
        "moe_intermediate_dim": 8,
        "shared_expert_intermediate_dim": 8,
    },
    "Qwen3Backbone": {**GROUPED, "head_dim": 4},
    "GemmaBackbone": {**GROUPED, "head_dim": 4},
    "Gemma3Backbone": {**GROUPED, "head_dim": 4, "image_size": None},
}
BOTH_WAYS = {"BertBackbone", "DebertaV3Backbone"}
TOKENS = np.array([[3, 5, 7, 9, 2, 0, 0], [4, 6, 8, 1, 3, 5, 2]])


@pytest.fixture(autouse=True, scope="module")
def _quick():
    with light_compilation():
        yield


def inputs_of(model):
    inputs = {"token_ids": TOKENS, "padding_mask": (TOKENS != 0).astype("int32")}
    if "segment_ids" in {x.name for x in model.inputs}:
        inputs["segment_ids"] = np.zeros_like(TOKENS)
    return inputs


@pytest.mark.parametrize("name", BACKBONES)
def test_backbone(name):
    model = getattr(keras_hub.models, name)(**SIZES, **BACKBONES[name])
    inputs = inputs_of(model)
    expected = keras.tree.flatten(model(inputs, training=False))
    result = regard.observe(model)(inputs)
    for actual, wanted in zip(
        keras.tree.flatten(result.outputs), expected, strict=True
    ):
        np.testing.assert_array_equal(actual, keras.ops.convert_to_numpy(wanted))
    assert len(result.attention) == 2
    for actual in result.attention.values():
        assert actual.axes == ("batch", "heads", "queries", "keys")
        assert actual.shape == (2, 4, 7, 7)
        valid = np.broadcast_to((TOKENS != 0)[:, None, None], actual.shape)
        if name not in BOTH_WAYS:
            valid = valid & np.tril(np.ones((7, 7), "bool"))
        # The rows of padded tokens are whatever the layer makes of them.
        rows = np.broadcast_to((TOKENS != 0)[:, None, :], actual.shape[:3])
        assert np.all(actual.weights[rows][~valid[rows]] == 0)
        np.testing.assert_allclose(actual.weights[rows].sum(axis=-1), 1, atol=1e-5)


def test_beside_a_kernel_that_cannot_be_turned_off(monkeypatch):
    """The weights are those of the layer's own path without the kernel."""
    model = keras_hub.models.LlamaBackbone(**SIZES, **GROUPED)
    beside = regard.observe(model)(inputs_of(model))
    layer = model.get_layer("transformer_layer_0")._self_attention_layer
    module = sys.modules[type(layer).__module__]
    monkeypatch.setattr(module, "fused_attention_op_available", lambda: False)
    explicit = regard.observe(model)(inputs_of(model))
    for key, actual in explicit.attention.items():
        rows = np.broadcast_to((TOKENS != 0)[:, None, :], actual.shape[:3])
        np.testing.assert_allclose(
            beside.attention[key].weights[rows], actual.weights[rows], atol=1e-6
        )


def test_a_task_prepares_its_inputs():
    backbone = keras_hub.models.ViTBackbone(
        image_shape=(8, 8, 3),
        patch_size=4,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        mlp_dim=8,
    )
    converter = keras_hub.layers.ImageConverter(image_size=(8, 8), scale=1 / 255)
    task = keras_hub.models.ViTImageClassifier(
        backbone=backbone,
        num_classes=2,
        preprocessor=keras_hub.models.ViTImageClassifierPreprocessor(converter),
    )
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype("float32")
    expected = keras.ops.convert_to_numpy(task(images / 255))
    observed = regard.observe(task)
    # Batches of one size: each other one would be compiled anew.
    for result in (
        observed.predict(images, batch_size=2, verbose=0),
        observed.predict_on_batch(images[:2]),
        observed(images / 255),
    ):
        wanted = expected[: len(result.outputs)]
        np.testing.assert_allclose(result.outputs, wanted, rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match="does not apply preprocessing"):
        observed(["a text"])
