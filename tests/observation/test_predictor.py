"""The predictor answers the same whatever runs together with what."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import regard
from regard.errors import ArgumentError
from regard.observation import predictor as module
from regard.observation.predictor import Predictor
from regard.types import AttentionMap, Observation

UNUSED = SimpleNamespace(input_shape=(None, None))
LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=40)


class Recorded:
    """Stands for an observed model: the answer is the sum of the ids."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, int]] = []

    def predict_on_batch(self, x):
        self.shapes.append(x.shape)
        x = x.reshape(*x.shape[:2], -1)[:, :, 0]
        weights = AttentionMap(x[:, None, :] * 1.0, ("batch", "heads", "keys"), "look")
        pairs = AttentionMap(
            x[:, None, :, None] * x[:, None, None, :] * 1.0,
            ("batch", "heads", "queries", "keys"),
            "pairs",
        )
        return Observation(x.sum(axis=1), {"look": weights, "pairs": pairs})


@pytest.fixture
def recorded(monkeypatch) -> Recorded:
    stand_in = Recorded()
    monkeypatch.setattr(module, "observe", lambda *_: stand_in)
    return stand_in


def sequences(lengths: list[int]) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(1, 50, length).astype("int32") for length in lengths]


def run(lengths: list[int], **arguments) -> tuple[Recorded, list, object]:
    """Without a fixture, since hypothesis calls a test many times."""
    with pytest.MonkeyPatch.context() as patch:
        stand_in = Recorded()
        patch.setattr(module, "observe", lambda *_: stand_in)
        predictor = Predictor(UNUSED, max_length=40, **arguments)
    given_ids = sequences(lengths)
    return stand_in, given_ids, predictor.observe(given_ids)


@given(lengths=LENGTHS)
def test_answers_come_in_the_order_of_the_questions(lengths):
    _, ids, predictions = run(lengths, batch_sizes=(1, 4))
    assert predictions.outputs.tolist() == [sequence.sum() for sequence in ids]


@given(lengths=LENGTHS)
def test_attention_is_cut_to_the_true_length(lengths):
    _, ids, predictions = run(lengths, batch_sizes=(2, 8))
    for sequence, attention in zip(ids, predictions.attention, strict=True):
        assert attention["look"].axes == ("heads", "keys")
        assert attention["look"].weights.tolist() == [sequence.tolist()]
        np.testing.assert_array_equal(
            attention["pairs"].weights, np.multiply.outer(sequence, sequence)[None]
        )


@given(lengths=LENGTHS)
def test_only_shapes_of_the_fixed_set_are_run(lengths):
    stand_in, _, _ = run(lengths, batch_sizes=(1, 4, 16))
    assert {rows for rows, _ in stand_in.shapes} <= {1, 4, 16}
    assert {length for _, length in stand_in.shapes} <= {16, 32, 40}
    shortest = {next(b for b in (16, 32, 40) if b >= length) for length in lengths}
    assert {length for _, length in stand_in.shapes} == shortest


@pytest.mark.parametrize(
    ("count", "rows"),
    [
        (1, [1]),
        (2, [1, 1]),
        (4, [8]),
        (8, [8]),
        (9, [8, 1]),
        (15, [8, 8]),
        (16, [32]),
        (32, [32]),
        (70, [32, 32, 8]),
        (128, [256]),
        (300, [256, 32, 8, 8]),
    ],
)
def test_batches_are_at_least_half_full(recorded, count, rows):
    Predictor(UNUSED, max_length=16).predict(sequences([3] * count))
    assert [shape[0] for shape in recorded.shapes] == rows


def test_warming_up_runs_every_shape_once(recorded):
    predictor = Predictor(UNUSED, max_length=20, batch_sizes=(1, 4))
    predictor.warm_up()
    assert sorted(recorded.shapes) == [(1, 16), (1, 20), (4, 16), (4, 20)]


def test_warming_up_knows_what_a_token_is_made_of(recorded):
    model = SimpleNamespace(input_shape=(None, None, 3))
    Predictor(model, max_length=8, batch_sizes=[2]).warm_up()
    assert recorded.shapes == [(2, 8, 3)]


def test_warming_up_can_be_for_some_shapes(recorded):
    Predictor(UNUSED, max_length=64).warm_up(batch_sizes=[1], lengths=[32])
    assert recorded.shapes == [(1, 32)]


def test_a_sequence_that_is_too_long_is_named(recorded):
    predictor = Predictor(UNUSED, max_length=20)
    with pytest.raises(ArgumentError, match=r"Sequence 1 is too long.*at most 20.*21"):
        predictor.predict(sequences([20, 21]))


def test_no_sequence_is_refused(recorded):
    with pytest.raises(ArgumentError, match="no sequence"):
        Predictor(UNUSED, max_length=20).predict([])


@pytest.fixture(scope="module")
def model() -> keras.Model:
    ids = keras.Input((None,), dtype="int32")
    states = keras.layers.Embedding(50, 8, mask_zero=True)(ids)
    states = keras.layers.Bidirectional(keras.layers.GRU(4, return_sequences=True))(
        states
    )
    context = regard.layers.AttentionPooling(score="context", name="look")(states)
    return keras.Model(ids, keras.layers.Dense(3, activation="softmax")(context))


@pytest.fixture(scope="module")
def predictor(model) -> Predictor:
    return Predictor(model, max_length=32, batch_sizes=(1, 8))


def test_the_answers_are_those_of_the_model(model, predictor):
    for sequence in sequences([5, 32]):
        np.testing.assert_allclose(
            predictor.predict([sequence]),
            model.predict(sequence[None], verbose=0),
            atol=1e-6,
        )


def test_the_answer_does_not_depend_on_the_company(predictor):
    ids = sequences([3, 0, 16, 9, 30, 2, 1, 12, 4, 5, 17])
    together = predictor.observe(ids)
    for index, sequence in enumerate(ids):
        alone = predictor.observe([sequence])
        np.testing.assert_allclose(alone.outputs[0], together.outputs[index], atol=1e-6)
        np.testing.assert_allclose(
            alone.attention[0]["look"].weights,
            together.attention[index]["look"].weights,
            atol=1e-6,
        )


def test_weights_sum_to_one_and_nothing_has_no_weights(predictor):
    predictions = predictor.observe(sequences([5, 0, 20]))
    sums = [float(sequence["look"].weights.sum()) for sequence in predictions.attention]
    assert sums == pytest.approx([1, 0, 1], abs=1e-5)
    assert [sequence["look"].shape for sequence in predictions.attention] == [
        (1, 5),
        (1, 0),
        (1, 20),
    ]
    assert np.all(np.isfinite(predictions.outputs))


def test_threads_get_their_own_answers(predictor):
    ids = sequences(list(range(1, 33)))
    expected = predictor.predict(ids)
    together = threading.Barrier(4)

    def work(worker: int) -> float:
        together.wait()
        order = np.random.default_rng(worker).permutation(len(ids))
        answers = predictor.predict([ids[index] for index in order])
        return float(np.abs(answers - expected[order]).max())

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(work, [1, 2, 3, 4])) < 1e-6


def test_the_sizes_of_small_batches_are_known(recorded):
    predictor = Predictor(UNUSED, max_length=8, batch_sizes=(1, 8, 32, 256))
    assert predictor.batch_sizes_up_to(1) == (1,)
    assert predictor.batch_sizes_up_to(8) == (1, 8)
    assert predictor.batch_sizes_up_to(64) == (1, 8, 32)
