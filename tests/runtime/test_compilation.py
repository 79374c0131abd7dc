"""Functions of a model's variables run compiled, once for each signature."""

import gc
import re
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

import regard
from regard.errors import ObservationError
from regard.runtime import Programs, backend, compile_function

pytestmark = pytest.mark.backends

BACKEND = keras.backend.backend()
only_jax = pytest.mark.skipif(BACKEND != "jax", reason="only JAX gives arrays away")
X = np.arange(12, dtype="float32").reshape(3, 4)


@pytest.fixture
def model() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, use_bias=False)])


@pytest.fixture
def kernel(model) -> keras.Variable:
    return model.layers[0].kernel


def expected(x: np.ndarray, kernel: keras.Variable) -> np.ndarray:
    return x @ ops.convert_to_numpy(kernel.value)


def test_it_gives_a_nest_of_arrays(model, kernel):
    run = compile_function(model, lambda x, y: {"sum": x + y, "parts": (model(x), y)})
    result = run(X, 2 * X)
    assert isinstance(result["sum"], np.ndarray)
    np.testing.assert_array_equal(result["sum"], 3 * X)
    np.testing.assert_allclose(result["parts"][0], expected(X, kernel), rtol=1e-5)


def test_it_is_traced_once_for_each_signature(model):
    traces = []

    def function(x):
        traces.append(x.dtype)
        return model(x)

    run = compile_function(model, function)
    for x in (X, X[:2], X + 1, X.astype("int32"), X[:2]):
        run(x)
    assert len(traces) == (5 if BACKEND == "torch" else 3)


def test_variables_are_read_anew_each_time(model, kernel):
    run = compile_function(model, model)
    first = run(X)
    kernel.assign(2 * kernel)
    np.testing.assert_allclose(run(X), 2 * first, rtol=1e-5)


def test_state_that_is_updated_is_carried_from_call_to_call(model):
    calls, seed = keras.Variable(0.0, trainable=False), keras.random.SeedGenerator(3)

    def function(x):
        calls.assign(calls + 1)
        return x + calls, keras.random.normal((2,), seed=seed)

    run = compile_function(model, function)
    counts, noise = zip(*(run(X[: 1 + number % 2]) for number in range(4)), strict=True)
    assert [count[0, 0] for count in counts] == [1, 2, 3, 4]
    assert len(np.unique(noise, axis=0)) == 4
    assert ops.convert_to_numpy(calls.value) == 4


def test_threads_get_their_own_answers(model, kernel):
    run = compile_function(model, lambda x: ops.sum(model(x), axis=-1))
    start = threading.Barrier(8)

    def work(number):
        start.wait()
        return [run(X[: 1 + number % 3] + number) for _ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        for number, answers in enumerate(pool.map(work, range(8))):
            wanted = expected(X[: 1 + number % 3] + number, kernel).sum(axis=-1)
            for answer in answers:
                np.testing.assert_allclose(answer, wanted, rtol=1e-4, atol=1e-5)


def test_two_threads_make_one_program():
    shapes = []
    start = threading.Barrier(4)

    def make(x):
        shapes.append(x.shape)
        return lambda x: x.sum()

    programs = Programs(make)

    def work(_):
        start.wait()
        return programs(X)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(work, range(4))) == {X.sum()}
    assert shapes == [X.shape]


def test_a_program_that_cannot_be_made_is_tried_again():
    attempts = []

    def make(_):
        attempts.append(1)
        if len(attempts) == 1:
            raise RuntimeError("not yet")
        return len

    programs = Programs(make)
    with pytest.raises(RuntimeError, match="not yet"):
        programs(X)
    assert programs(X) == 3


@only_jax
def test_an_array_that_was_given_away_has_left_a_copy(model, kernel):
    run = compile_function(model, model)
    before = run(X)
    value = kernel._value
    kept = np.array(value)
    # As ``fit`` and ``predict`` of Keras do while they run.
    kernel._value = None
    np.testing.assert_array_equal(run(X), before)
    value.delete()
    kernel._value = value
    np.testing.assert_array_equal(run(X), before)
    kernel._value = ops.convert_to_tensor(3 * kept)
    np.testing.assert_allclose(run(X), 3 * before, rtol=1e-5)


@only_jax
def test_an_array_that_was_never_there_is_named(model, kernel):
    kernel._value = None
    with pytest.raises(ObservationError, match=r"kernel.*holds no value"):
        compile_function(model, model)(X)


@only_jax
def test_a_copy_of_others_may_be_too_old(model, kernel):
    compile_function(model, model)(X)
    kernel._value = None
    with pytest.raises(ObservationError, match=r"kernel.*holds no value"):
        compile_function(model, model)(X)


@only_jax
def test_the_programs_of_a_model_share_their_copies(model, kernel):
    copied = []
    for function in (model, lambda x: 2 * model(x)):
        run = compile_function(model, function)
        run(X)
        copies = backend()._copies[model]
        copied += copies.current([kernel], or_older=False)
    assert copied[0] is copied[1]
    assert copied[0] is not kernel.value


@only_jax
def test_copies_end_with_their_model():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    compile_function(model, model)(X)
    kept = weakref.ref(backend()._copies[model])
    del model
    keras.backend.clear_session()
    gc.collect()
    assert kept() is None


def test_the_backend_is_asked_in_one_place():
    source = Path(regard.__file__).parent
    asking = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(r"backend\.backend\(\)", path.read_text("utf-8"))
    }
    assert asking == {"_backend.py"}


@only_jax
def test_on_an_accelerator_no_program_starts_beside_another(model, monkeypatch):
    """Two with loops on one GPU wait for each other for ever."""
    from regard.runtime import jax_backend

    running, most = [], []

    class Program:
        def __init__(self, program):
            self.program = program

        def __call__(self, *arguments):
            running.append(0)
            most.append(len(running))
            threading.Event().wait(0.01)
            running.pop()
            return self.program(*arguments)

    alone = jax_backend._one_at_a_time
    monkeypatch.setattr(jax_backend, "_one_at_a_time", lambda x: alone(Program(x)))
    monkeypatch.setattr(jax_backend, "on_accelerator", lambda: True)
    assert backend().is_on_gpu
    assert not backend().gains_from_threads
    programs = [compile_function(model, function) for function in (model, lambda x: x)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: programs[n % 2](X), range(8)))
    assert len(most) == 8
    assert max(most) == 1


@only_jax
def test_programs_are_compiled_side_by_side_and_each_once(model, monkeypatch):
    """A service of three models compiled one after the other."""
    import jax

    compiled, compiling = jax.stages.Lowered.compile, []
    # It is passed by two at once alone.
    both = threading.Barrier(2, timeout=60)

    def compile_together(lowered, *arguments, **named):
        compiling.append(lowered)
        both.wait()
        return compiled(lowered, *arguments, **named)

    monkeypatch.setattr(jax.stages.Lowered, "compile", compile_together)
    programs = [compile_function(model, function) for function in (model, lambda x: x)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: programs[n % 2](X), range(4)))
    assert len(compiling) == 2
