"""Keras models under examination whose attention is known to deserve a verdict.

A sample has a few words of evidence among words without any; weights are set by hand.
"""

import keras
import numpy as np
import pytest

import regard
from regard.trust import Erase, ModelSubject, Verdict
from regard.trust.erasure import Eraser as ErasureOf
from regard.trust.erasure import erasure_curves, ranks

pytestmark = pytest.mark.backends

WORDS, WIDTH, UNKNOWN = 40, 12, 1
# Ids 2 to 7 speak for the first class, 8 to 13 for the second.
VALUES = np.zeros(WORDS)
VALUES[2:8], VALUES[8:14] = -1, 1
ON_EVIDENCE = np.where(VALUES == 0, np.random.default_rng(0).normal(0, 0.3, WORDS), 4)
AT_RANDOM = np.random.default_rng(3).normal(0, 1.5, WORDS)


def texts(count, seed=0):
    """Ids ``(count, 12)``: 5 to 12 words, one or two of them evidence; then zeros."""
    random = np.random.default_rng(seed)
    ids = np.zeros((count, WIDTH), np.int64)
    for row in ids:
        length = random.integers(5, WIDTH + 1)
        row[:length] = random.integers(14, WORDS, length)
        evidence = random.integers(1, 3)
        places = random.permutation(length)[:evidence]
        row[places] = 2 + 6 * random.integers(2) + random.integers(0, 6, evidence)
    return ids


def called(layer, inputs, *weights):
    """What a layer makes of its inputs, its weights set."""
    outputs = layer(inputs)
    shapes = [each.shape for each in layer.get_weights()]
    layer.set_weights([np.reshape(*each) for each in zip(weights, shapes, strict=True)])
    return outputs


def embedded(scores, *, mask_zero=True, width=None):
    """An input, and of each of its words the value and the score."""
    ids = keras.Input((width,), dtype="int32", name="ids")
    table = keras.layers.Embedding(WORDS, 2, mask_zero=mask_zero)
    return ids, called(table, ids, np.stack([VALUES, scores], axis=1))


def classes(context, size):
    """Two classes, by the first feature."""
    layer = keras.layers.Dense(2, activation="softmax")
    return called(layer, context, [[-size, size], [0, 0]], [0, 0])


def pooled(states):
    """States weighed by their second feature."""
    pool = regard.layers.AttentionPooling("linear", name="pool")
    return called(pool, states, [0.0, 1.0])


def pooling_model(scores=ON_EVIDENCE, **settings):
    """Values that are the words' own, weighed by their scores."""
    ids, states = embedded(scores, **settings)
    return keras.Model(ids, classes(pooled(states), 3))


@keras.saving.register_keras_serializable(package="tests")
class Smear(keras.layers.Layer):
    """Every state becomes the mean of all states of its text."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, states, mask=None):
        there = keras.ops.cast(mask, states.dtype)[..., None]
        total = keras.ops.sum(states * there, axis=1, keepdims=True)
        count = keras.ops.sum(there, axis=1, keepdims=True)
        return 0 * states + total / keras.ops.maximum(count, 1)


def smearing_model(scores):
    """Attention whose weights are the words' own, over states that are all the same."""
    ids, states = embedded(scores)
    query = keras.layers.GlobalAveragePooling1D(keepdims=True)(states)
    query = called(keras.layers.Dense(2), query, np.zeros(4), [0, 1])
    context = keras.layers.Attention()([query, Smear()(states), states])
    return keras.Model(ids, classes(keras.layers.Flatten()(context), 20))


def examined(model, count=60, **options):
    return regard.trust.examine(model, texts(count), n=count, **options)


def test_local_values_explain_by_each_eraser():
    erase = Erase(id=UNKNOWN, mask=True)
    labels = (VALUES[texts(60)].sum(axis=1) > 0).astype(int)
    report = examined(pooling_model(), layer="pool", erase=erase, labels=labels)
    assert report.verdict is Verdict.EXPLAINS
    accuracies = [
        value for name, value in report.figures.items() if name.startswith("accuracy")
    ]
    assert accuracies[0] == 1
    assert accuracies == sorted(accuracies, reverse=True)
    assert 0.6 < accuracies[-1] < 1
    assert list(report.erasures) == ["hole", "id", "swap"]
    assert report.gates["replay"].interval.value < 1e-5


def test_states_that_know_everything_only_point():
    report = examined(smearing_model(ON_EVIDENCE))
    assert report.verdict is Verdict.POINTS_ONLY
    assert report.gates["moved"].interval.high < 1e-4


def test_weights_at_random_never_get_a_good_verdict():
    report = examined(smearing_model(AT_RANDOM))
    assert report.verdict in {Verdict.MISLEADS, Verdict.DOES_NOT_EXPLAIN}


ROWS = np.arange(20)


def plain(model, *inputs):
    """What the model itself says of arrays."""
    return keras.ops.convert_to_numpy(model(*inputs, training=False))


@pytest.fixture(scope="module")
def subject():
    return ModelSubject(pooling_model(), texts(20), erase=Erase(mask=True, id=UNKNOWN))


def without(subject, place):
    """All keys kept, but one of each text."""
    keep = subject.baseline(ROWS).valid
    keep[:, place] = False
    return keep


@pytest.mark.parametrize(("eraser", "put"), [("hole", 0), ("id", UNKNOWN)])
def test_a_position_is_erased_where_it_stands(subject, eraser, put):
    keep = without(subject, 2)
    answers = subject.erased(ROWS, keep, eraser, np.zeros(keep.shape))
    ids = texts(20)
    ids[:, 2] = put
    np.testing.assert_allclose(answers, plain(pooling_model(), ids), atol=1e-5)


def test_a_swapped_position_is_one_of_the_data(subject):
    keep = without(subject, 2)
    answers = subject.erased(ROWS, keep, "swap", np.full(keep.shape, 0.5))
    ids = texts(20)
    pool = ids[ids > 0]
    ids[:, 2] = pool[len(pool) // 2]
    np.testing.assert_allclose(answers, plain(pooling_model(), ids), atol=1e-5)


def test_padding_before_a_text_is_as_good_as_after_it(subject):
    turned = [np.roll(row, -np.count_nonzero(row)) for row in texts(20)]
    before = ModelSubject(pooling_model(), np.array(turned)).baseline(ROWS)
    after = subject.baseline(ROWS)
    np.testing.assert_allclose(before.weights, after.weights, atol=1e-6)
    np.testing.assert_allclose(before.probabilities, after.probabilities, atol=1e-6)


def test_sequences_of_their_own_length_are_texts_too(subject):
    rows = [row[row > 0].tolist() for row in texts(20)]
    ragged = ModelSubject(pooling_model(), rows).baseline(ROWS)
    padded = subject.baseline(ROWS)
    assert ragged.lengths.tolist() == [len(row) for row in rows]
    np.testing.assert_allclose(ragged.weights, padded.weights, atol=1e-6)
    np.testing.assert_allclose(ragged.probabilities, padded.probabilities, atol=1e-6)


def test_own_weights_give_the_own_answer_and_others_another(subject):
    baseline = subject.baseline(ROWS)
    np.testing.assert_allclose(baseline.replayed, baseline.probabilities, atol=1e-6)
    shifted = np.roll(baseline.weights, 1, axis=-1) * baseline.valid[:, None]
    assert np.abs(subject.forced(ROWS, shifted) - baseline.probabilities).max() > 0.01


def test_the_order_of_the_evidence_beats_its_reverse(subject):
    baseline = subject.baseline(ROWS)
    noise = np.random.default_rng(0).random(baseline.valid.shape)
    ids = texts(20)
    gold = (VALUES[ids] != 0)[:, : noise.shape[1]].astype(float)
    scores = np.stack([gold, -gold])
    noise = np.broadcast_to(noise, scores.shape)
    for name in subject.erasers:
        eraser = ErasureOf(name, subject, ROWS, baseline, noise[0])
        places = ranks(scores, baseline.valid, noise)
        ahead, behind = erasure_curves(eraser, places).gain.mean(axis=1)
        assert ahead > 0.1
        assert behind < -0.1
