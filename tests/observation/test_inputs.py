"""``observed.predict`` takes what ``model.predict`` takes, and makes the same of it."""

import keras
import numpy as np
import pytest
from keras import ops

import regard
from regard.errors import ArgumentError, ObservationError

pytestmark = pytest.mark.backends

BACKEND = keras.backend.backend()
on_tensorflow = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="a tensor of TensorFlow's own"
)
WORDS = {"the": 1, "quick": 2, "fox": 3}
TEXTS = ["the quick fox", "the fox", "quick", "fox fox fox", "the"]
PIXELS = np.arange(5 * 4 * 2, dtype="float32").reshape(5, 4, 2) * 6


def same(actual, expected):
    np.testing.assert_allclose(actual.outputs, expected, rtol=0, atol=1e-6)
    (attention,) = actual.attention.values()
    assert len(attention.weights) == len(expected)
    np.testing.assert_allclose(attention.weights.sum(axis=-1), 1, atol=1e-5)


class Prepared(keras.Model):
    """A model with a ``preprocessor``, as a ``Task`` of KerasHub has it."""

    def __init__(self, preprocessor, *layers):
        super().__init__()
        self.preprocessor = preprocessor
        self.pool = regard.layers.AttentionPooling(name="pool")
        self.before = list(layers)

    def call(self, x):
        for layer in self.before:
            x = layer(x)
        return self.pool(x)

    def preprocess(self, x):
        return x if self.preprocessor is None else self.preprocessor(x)

    def predict(self, x=None, batch_size=None, **kwargs):
        starts = range(0, len(x), batch_size or 32)
        rows = [x[start : start + (batch_size or 32)] for start in starts]
        batches = ((self.preprocess(each),) for each in rows)
        return super().predict(x=batches, batch_size=None, **kwargs)

    def predict_on_batch(self, x, **kwargs):
        return super().predict_on_batch(x=self.preprocess(x), **kwargs)


def ids(texts):
    rows = [[WORDS[word] for word in text.split()] for text in texts]
    return np.array([[*row, 0, 0][:3] for row in rows])


def scaled(pixels):
    return pixels / 255


@pytest.mark.parametrize("kind", ["texts", "images"])
def test_a_model_prepares_its_inputs(kind):
    if kind == "texts":
        x, model = TEXTS, Prepared(ids, keras.layers.Embedding(4, 3))
    else:
        x, model = PIXELS, Prepared(scaled)
    observed, ready = regard.observe(model), model.preprocessor(x)
    # A call takes what the model's call takes; so does a model that prepares nothing.
    expected = observed(ready).outputs
    same(observed.predict(x, batch_size=2, verbose=0), expected)
    same(observed.predict_on_batch(x), expected)
    model.preprocessor = None
    same(observed.predict(ready, batch_size=2, verbose=0), expected)


class InOrder(Prepared):
    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        x = self.preprocessor(x)
        above = super(Prepared, self)
        return above.predict(x, batch_size, verbose, steps, callbacks)


class Trained(Prepared):
    def call(self, x, training):  # noqa: ARG002 - without a default
        return super().call(x)


def test_a_preparation_may_hand_arguments_on_in_their_order():
    observed = regard.observe(InOrder(scaled))
    expected = observed(scaled(PIXELS)).outputs
    same(observed.predict(PIXELS, batch_size=2, verbose=0), expected)


def test_a_call_may_need_the_training_mode():
    model = Trained(None)
    expected = keras.ops.convert_to_numpy(model(PIXELS, training=False))
    observed = regard.observe(model)
    same(observed(PIXELS), expected)
    same(observed.predict(PIXELS, verbose=0), expected)


class Labelled(Prepared):
    def predict(self, x=None, **kwargs):
        return np.argmax(super().predict(x, **kwargs), axis=-1)


class Twice(Prepared):
    def predict(self, x=None, **kwargs):
        super().predict(x[::-1], **kwargs)
        return super().predict(x, **kwargs)


class Failing(Prepared):
    def predict(self, x=None, **kwargs):
        raise KeyError(f"no such preset: {len(x)}, {kwargs}")


@pytest.mark.parametrize("changed", [Labelled, Twice])
def test_answers_that_predict_changes_are_refused(changed):
    observed = regard.observe(changed(None))
    with pytest.raises(
        ObservationError, match=r"predict\(\) of the class .*observed\(x\)"
    ):
        observed.predict(PIXELS, verbose=0)
    assert len(observed(PIXELS).outputs) == len(PIXELS)


def test_a_preparation_that_fails_says_why_itself():
    with pytest.raises(KeyError, match="no such preset"):
        regard.observe(Failing(None)).predict(PIXELS, verbose=0)


class Stepped(Prepared):
    """Has a step of its own, in the signature of each backend."""

    def predict_step(self, *arguments):
        *state, data = arguments
        x = keras.utils.unpack_x_y_sample_weight(data)[0]
        parts = super().predict_step(*state, (x / 255,))
        if BACKEND == "jax":
            return {"doubled": 2 * parts[0]}, parts[1]
        return {"doubled": 2 * parts}


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_step_of_the_models_own_is_taken(run_eagerly):
    model = Stepped(None)
    model(PIXELS)
    model.compile(run_eagerly=run_eagerly)
    expected = 2 * ops.convert_to_numpy(model(scaled(PIXELS)))
    observed = regard.observe(model)
    for result in (
        observed.predict(PIXELS, batch_size=2, verbose=0),
        observed.predict_on_batch(PIXELS),
    ):
        np.testing.assert_allclose(result.outputs["doubled"], expected, atol=1e-6)


class Averaged(keras.layers.Layer):
    """The mean over the steps there are, beside what is attended to."""

    def call(self, x):
        import tensorflow as tf

        return tf.cast(tf.reduce_mean(x, axis=1), tf.float32)


class OfRagged(keras.Model):
    def __init__(self):
        super().__init__()
        self.average = Averaged()
        self.pool = regard.layers.AttentionPooling(name="pool")

    def call(self, x):
        mean = self.average(x)[:, None]
        return mean + 0 * self.pool(mean[..., None])


def ragged_sources():
    import tensorflow as tf

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return (ragged,)

    ragged = tf.ragged.constant([[3.0, 4, 5], [6, 7]])
    yield ragged
    yield tf.data.Dataset.from_tensors(ragged)
    yield (batch for batch in [(ragged,)])
    yield Batches()


@on_tensorflow
def test_ragged_tensors_stay_ragged():
    model = OfRagged()
    observed = regard.observe(model)
    for source in ragged_sources():
        result = observed.predict(source, verbose=0)
        np.testing.assert_allclose(result.outputs, [[4], [6.5]], atol=1e-6)
    (ragged, *_) = ragged_sources()
    for result in (observed(ragged), observed.predict_on_batch(ragged)):
        np.testing.assert_allclose(result.outputs, [[4], [6.5]], atol=1e-6)
    # A dense batch of the same shape runs in a program of its own.
    dense = observed.predict_on_batch(np.array([[3.0, 4, 5], [6, 7, 0]], "float32"))
    np.testing.assert_allclose(dense.outputs, [[4], [13 / 3]], atol=1e-6)


@on_tensorflow
def test_ragged_answers_are_refused():
    import tensorflow as tf

    class Answering(OfRagged):
        def call(self, x):
            return {"mean": super().call(x), "again": x}

    ragged = tf.ragged.constant([[3.0, 4, 5], [6, 7]])
    with pytest.raises(ObservationError, match=r"ragged tensor.*to_tensor\(\)"):
        regard.observe(Answering()).predict(ragged, verbose=0)


@on_tensorflow
def test_texts_of_a_model_that_reads_them():
    import tensorflow as tf

    lookup = keras.layers.StringLookup(vocabulary=list(WORDS), output_mode="int")
    texts = keras.Input((2,), dtype="string")
    x = keras.layers.Embedding(5, 3)(lookup(texts))
    model = keras.Model(texts, regard.layers.AttentionPooling(name="pool")(x))
    words = tf.constant([["the", "fox"], ["quick", "fox"], ["the", "?"]])
    observed = regard.observe(model)
    expected = model.predict(words, verbose=0)
    same(observed.predict(words, batch_size=2, verbose=0), expected)
    same(observed.predict_on_batch(words.numpy()), expected)


def sparse(dense):
    """A sparse tensor of the backend."""
    if BACKEND == "jax":
        from jax.experimental.sparse import BCOO

        return BCOO.fromdense(dense)
    import tensorflow as tf

    return tf.sparse.from_dense(dense)


@pytest.mark.skipif(BACKEND == "torch", reason="Keras has no sparse inputs on PyTorch")
def test_sparse_tensors_stay_sparse():
    dense = np.array([[0, 2, 0], [1, 0, 0], [0, 0, 3], [4, 5, 6]], "float32")
    kind, seen = type(sparse(dense)), []

    class Seen(keras.layers.Dense):
        def call(self, x):
            seen.append(type(x) is kind)
            return super().call(x)

    features = keras.Input((3,), sparse=True)
    x = keras.layers.Reshape((2, 2))(Seen(4, name="seen")(features))
    model = keras.Model(features, regard.layers.AttentionPooling(name="pool")(x))
    observed = regard.observe(model)
    # A dense batch of the same shape runs in a program of its own.
    expected = observed.predict_on_batch(dense).outputs
    same(observed.predict_on_batch(sparse(dense)), expected)
    assert seen.pop()
    same(observed.predict(sparse(dense), batch_size=2, verbose=0), expected)
    assert seen.pop()
    same(observed.predict((part for part in [(sparse(dense),)]), verbose=0), expected)


def test_what_is_no_array_is_named():
    model = keras.Sequential([regard.layers.AttentionPooling(name="pool")])
    observed = regard.observe(model)
    with pytest.raises(ArgumentError, match=r"no array.*class object.*to_tensor\(\)"):
        observed.predict_on_batch(object())


@pytest.mark.skipif(BACKEND != "torch", reason="loading PyTorch takes seconds")
def test_a_loader_of_torch_is_read():
    import torch

    data = torch.utils.data.TensorDataset(torch.tensor(PIXELS), torch.zeros(5))
    model = keras.Sequential([regard.layers.AttentionPooling(name="pool")])
    expected = model.predict(PIXELS, verbose=0)
    loader = torch.utils.data.DataLoader(data, batch_size=2)
    same(regard.observe(model).predict(loader, verbose=0), expected)
