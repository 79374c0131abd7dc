"""Each old layer gives the numbers that the original gave."""

import golden
import keras
import numpy as np
import pytest

from regard import legacy
from regard.errors import ArgumentError

pytestmark = pytest.mark.backends


def filled(case, **settings):
    layer = golden.make(case, **settings)
    layer.build(keras.tree.map_structure(np.shape, case.inputs))
    layer.set_weights(golden.renamed(case, layer))
    return layer


def call(layer, case, dtype=None):
    inputs = keras.tree.map_structure(
        lambda each: keras.ops.convert_to_tensor(each, dtype), case.inputs
    )
    mask = case.mask_for(layer)
    mask = None if mask is None else keras.ops.convert_to_tensor(mask)
    outputs, weights = layer(inputs, mask=mask, return_attention_scores=True)
    first = outputs[0] if isinstance(outputs, list | tuple) else outputs
    return keras.ops.convert_to_numpy(first), keras.ops.convert_to_numpy(weights)


# The others are compared as whole models.
WITHOUT_MODEL = [
    name
    for name in golden.LAYER_CASES
    if not golden.Golden(name).file("_model.h5").exists()
]


@pytest.mark.parametrize("name", WITHOUT_MODEL)
def test_of_golden_files(name):
    case = golden.Golden(name)
    context, weights = call(filled(case), case)
    golden.assert_close(context, case.context(), case.tolerance)
    golden.assert_close(weights, case.attention(), case.tolerance)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="the operations of Keras compute in float64 on TensorFlow only",
)
@pytest.mark.parametrize("name", golden.LAYER_CASES)
def test_in_double_precision(name):
    case = golden.Golden(name)
    context, weights = call(filled(case, dtype="float64"), case, "float64")
    if case.context("ref64") is not None:
        golden.assert_close(context, case.context("ref64"), 1e-9)
    if case.attention("ref64") is not None:
        golden.assert_close(weights, case.attention("ref64"), 1e-9)


HALF = [
    "kaggle_attention/plain",
    "seq_weighted_attention/nobias",
    "attention_decoder/plain",
    "attention_with_context/plain",
    "philipperemy_attention/luong",
    "prob_attention/plain",
    "seq_self_attention/additive_local3",
    "thushv89_attention/basic",
]
if keras.backend.backend() == "jax":
    HALF = HALF[:3]  # It compiles each step, and what is tested is neutral.


@pytest.mark.parametrize("name", HALF)
def test_in_half_precision(name):
    case = golden.Golden(name)
    context, weights = call(filled(case, dtype="float16"), case, "float16")
    assert context.dtype == weights.dtype == np.float16
    golden.assert_close(context, case.context(), 2e-2)
    golden.assert_close(weights, case.attention(), 5e-3)


def test_what_a_padded_step_holds_changes_nothing():
    case = golden.Golden("kaggle_attention/embedding_mask")
    layer = filled(case)
    case.arrays["in.x"] = np.where(case.mask[..., None], case.inputs, np.nan)
    context, weights = call(layer, case)
    golden.assert_close(context, case.context(), 1e-5)
    golden.assert_close(weights, case.attention(), 1e-5)
    assert (weights[:, 0][~case.mask] == 0).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ArgumentError, match=r"'variant' has a wrong value.*'kdot'"):
        legacy.AttentionWithContext(variant="transposed")
    with pytest.raises(ArgumentError, match="tied to sequences of one length"):
        legacy.KaggleAttention(5).build((None, 6, 3))
    with pytest.raises(ArgumentError, match="a weight for each feature"):
        legacy.Att(5).build((None, 6))
