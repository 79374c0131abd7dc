"""Passes from many threads at once give what they give one by one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from observed_models import CASES, IDS, STATES

import regard
from regard.observation import forward_pass

pytestmark = pytest.mark.backends

THREADS = 8
CALLS = 20


def test_compiled_passes_from_threads():
    model = CASES["sequential"].make()
    batches = [np.roll(IDS, shift, axis=0)[: 2 + shift % 2] for shift in range(CALLS)]
    single = regard.observe(model)
    expected = [single.predict_on_batch(batch) for batch in batches]
    observed = regard.observe(model)
    start = threading.Barrier(THREADS)

    def work(_):
        start.wait()
        return [observed.predict_on_batch(batch) for batch in batches]

    with ThreadPoolExecutor(THREADS) as pool:
        for results in pool.map(work, range(THREADS)):
            for result, wanted in zip(results, expected, strict=True):
                np.testing.assert_allclose(
                    result.outputs, wanted.outputs, rtol=0, atol=1e-6
                )
                np.testing.assert_allclose(
                    result.attention["pool"].weights,
                    wanted.attention["pool"].weights,
                    atol=1e-6,
                )


def test_eager_passes_beside_direct_calls(patched):
    states = keras.Input((6, 8))
    attended = keras.layers.MultiHeadAttention(2, 4, name="look")(states, states)
    model = keras.Model(states, attended)
    expected = keras.ops.convert_to_numpy(model(STATES))
    first, second = regard.observe(model), regard.observe(model)
    calls = CALLS // 4

    def work(number):
        if number % 2:
            return [keras.ops.convert_to_numpy(model(STATES)) for _ in range(calls)]
        observations = [(first, second)[number % 4 // 2](STATES) for _ in range(calls)]
        assert all(list(result.attention) == ["look"] for result in observations)
        return [result.outputs for result in observations]

    with ThreadPoolExecutor(THREADS) as pool:
        for outputs in pool.map(work, range(THREADS)):
            for output in outputs:
                np.testing.assert_array_equal(output, expected)
    assert not patched(model)


def test_a_thread_that_does_not_observe_is_not_recorded():
    model = CASES["shared"].make()
    observed = regard.observe(model)
    selection = observed._selected()
    with forward_pass.recording(selection) as recorder:
        other = threading.Thread(target=model, args=(STATES,))
        other.start()
        other.join()
        assert recorder.captured == []
        model(STATES)
        assert len(recorder.captured) == 2
