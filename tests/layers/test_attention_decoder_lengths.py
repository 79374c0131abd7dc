"""On TensorFlow a batch says how many steps it has only when it is there."""

import keras
import numpy as np
import pytest
from subjects import fill, to_numpy

from regard.layers import AttentionDecoder

pytestmark = [
    pytest.mark.backends,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow",
        reason="the others know the shape of each batch",
    ),
]

UNITS, SYMBOLS = 4, 9
# Keys and steps: one grows while the other shrinks.
LENGTHS = ((4, 2), (2, 3))
# Each value of each choice, and each pair of cell and order.
CASES = [
    # cell, order, input_feeding, feedback, told, read from
    ("gru", "bahdanau", False, "teacher", "inputs", "dataset"),
    ("lstm", "luong", True, "teacher", "targets", "generator"),
    ("lstm", "bahdanau", True, "softmax", "inputs", "pydataset"),
    ("gru", "luong", False, "argmax", "nothing", "dataset"),
    ("gru", "luong", True, "scheduled", "targets", "pydataset"),
    ("lstm", "bahdanau", False, "scheduled", "targets", "generator"),
]
every_case = pytest.mark.parametrize(
    "case", CASES, ids=lambda case: "-".join(map(str, case))
)


def batches(told):
    """Sources with padding in them and, where one is told, what was written."""
    draw = np.random.default_rng(0).integers
    for keys, steps in LENGTHS:
        source, written = (draw(1, SYMBOLS, (3, size)) for size in (keys, steps))
        source[0, keys // 2 :] = 0
        written[1, steps // 2 + 1 :] = 0
        if told == "nothing":
            yield (source.astype("int32"),), source
        else:
            yield (source.astype("int32"), written.astype("int32")), written


def model_of(cell, order, input_feeding, feedback, told, **compiled):
    source, written = (keras.Input((None,), dtype="int32") for _ in range(2))
    memory = keras.layers.Embedding(SYMBOLS, UNITS, mask_zero=True)(source)
    decoder = AttentionDecoder(
        UNITS,
        cell,
        order=order,
        input_feeding=input_feeding,
        output_units=SYMBOLS,
        feedback=feedback,
    )
    if told == "inputs":
        embedding = keras.layers.Embedding(SYMBOLS, 3, mask_zero=True)
        output = decoder(memory, embedding(written))
    else:
        output = decoder(memory, targets=written if told == "targets" else None)
    inputs = [source] if told == "nothing" else [source, written]
    model = keras.Model(inputs, output)
    fill(model)
    decoder.sampling_rate.assign(0.0)
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer, "sparse_categorical_crossentropy", **compiled)
    return model


def read(source, told):
    """The batches as ``fit`` takes them, of any length."""
    import tensorflow as tf

    if source == "generator":
        return batches(told)
    if source == "dataset":
        any_ids = tf.TensorSpec((None, None), tf.int32)
        count = 1 if told == "nothing" else 2
        signature = (any_ids,) * count, tf.TensorSpec((None, None), tf.int64)
        return tf.data.Dataset.from_generator(
            lambda: batches(told), output_signature=signature
        )
    kept = list(batches(told))

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return len(kept)

        def __getitem__(self, index):
            return kept[index]

    return Batches()


@every_case
def test_it_is_trained_as_where_each_shape_is_known(case):
    *plan, told, source = case
    trained = model_of(*plan, told, jit_compile=False)
    count = {"steps_per_epoch": len(LENGTHS)} if source != "pydataset" else {}
    trained.fit(read(source, told), shuffle=False, verbose=0, **count)
    known = model_of(*plan, told, run_eagerly=True)
    for batch, expected in batches(told):
        known.train_on_batch(list(batch), expected)
    for one, other in zip(trained.weights, known.weights, strict=True):
        np.testing.assert_allclose(
            to_numpy(one), to_numpy(other), atol=1e-5, err_msg=one.path
        )


def test_it_is_trained_compiled():
    *plan, told, _ = CASES[1]
    compiled = model_of(*plan, told, jit_compile=True)
    compiled.fit(read("dataset", told).take(1), shuffle=False, verbose=0)
    known = model_of(*plan, told, run_eagerly=True)
    batch, expected = next(batches(told))
    known.train_on_batch(list(batch), expected)
    for one, other in zip(compiled.weights, known.weights, strict=True):
        np.testing.assert_allclose(to_numpy(one), to_numpy(other), atol=1e-5)


@every_case
def test_it_is_exported_for_every_length(case, tmp_path):
    import tensorflow as tf

    *plan, told, _ = case
    model = model_of(*plan, told)
    model.export(tmp_path, verbose=False)
    loaded = tf.saved_model.load(tmp_path)
    for batch, _ in batches(told):
        given = list(map(tf.constant, batch))
        np.testing.assert_allclose(loaded.serve(given), model(given), atol=1e-5)
